"""Call a node as ComfyUI does: with lists if it takes lists, in its own event loop."""

from __future__ import annotations

import asyncio
from typing import Any


def call(node: Any, **inputs: Any) -> tuple[Any, ...]:
    """Return the outputs of one node for one item; lists of texts are whole."""
    return asyncio.run(call_async(node, **inputs))


async def call_async(node: Any, **inputs: Any) -> tuple[Any, ...]:
    """The same, within an event loop."""
    if not takes_lists(node):
        return outputs_of(await getattr(node, node.FUNCTION)(**inputs))
    lists = {name: [value] for name, value in inputs.items()}
    columns = outputs_of(await getattr(node, node.FUNCTION)(**lists))
    lists_of = getattr(node, "LISTS", ())
    return tuple(
        column if name in lists_of else column[0]
        for name, column in zip(node.RETURN_NAMES, columns, strict=True)
    )


def call_with_lists(node: Any, **lists: list[Any]) -> tuple[list[Any], ...]:
    """Return the outputs of one node for a list of items, each a list."""
    return outputs_of(asyncio.run(getattr(node, node.FUNCTION)(**lists)))


def outputs_of(returned: Any) -> tuple[Any, ...]:
    """Extract the outputs from a node's answer, with or without a status."""
    outputs: tuple[Any, ...] = returned["result"] if isinstance(returned, dict) else returned
    return outputs


def takes_lists(node: Any) -> bool:
    """Whether the node takes a list for each input, and returns one for each output."""
    return bool(getattr(node, "INPUT_IS_LIST", False)) and any(getattr(node, "OUTPUT_IS_LIST", ()))
