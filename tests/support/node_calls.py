"""Calls a node as ComfyUI does: with lists where it takes lists, in an event loop of its own."""

from __future__ import annotations

import asyncio
from typing import Any


def call(node: Any, **inputs: Any) -> tuple[Any, ...]:
    """The outputs of one node for one item."""
    return asyncio.run(call_async(node, **inputs))


async def call_async(node: Any, **inputs: Any) -> tuple[Any, ...]:
    """The same, within an event loop."""
    if not takes_lists(node):
        return outputs_of(await getattr(node, node.FUNCTION)(**inputs))
    lists = {name: [value] for name, value in inputs.items()}
    columns = outputs_of(await getattr(node, node.FUNCTION)(**lists))
    return tuple(column[0] for column in columns)


def call_with_lists(node: Any, **lists: list[Any]) -> tuple[list[Any], ...]:
    """The outputs of one node for a list of items, each output a list."""
    return outputs_of(asyncio.run(getattr(node, node.FUNCTION)(**lists)))


def outputs_of(returned: Any) -> tuple[Any, ...]:
    """The outputs in what a node returned, with or without a status beside them."""
    outputs: tuple[Any, ...] = returned["result"] if isinstance(returned, dict) else returned
    return outputs


def takes_lists(node: Any) -> bool:
    """Whether ComfyUI gives it one list for each input, and gets one list for each output."""
    return bool(getattr(node, "INPUT_IS_LIST", False)) and any(getattr(node, "OUTPUT_IS_LIST", ()))
