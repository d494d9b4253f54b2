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
        outputs: tuple[Any, ...] = await getattr(node, node.FUNCTION)(**inputs)
        return outputs
    columns = await getattr(node, node.FUNCTION)(**{name: [v] for name, v in inputs.items()})
    return tuple(column[0] for column in columns)


def call_with_lists(node: Any, **lists: list[Any]) -> tuple[list[Any], ...]:
    """The outputs of one node for a list of items, each output a list."""
    columns: tuple[list[Any], ...] = asyncio.run(getattr(node, node.FUNCTION)(**lists))
    return columns


def takes_lists(node: Any) -> bool:
    """Whether ComfyUI gives it one list for each input, and gets one list for each output."""
    return bool(getattr(node, "INPUT_IS_LIST", False)) and any(getattr(node, "OUTPUT_IS_LIST", ()))
