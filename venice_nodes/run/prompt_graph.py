"""A graph in ComfyUI's API format.

{node id: {"class_type": …, "inputs": {name: value or link}}}
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any

Graph = Mapping[str, Any]

DIGEST_BYTES = 20


def sound_nodes(prompt: object) -> dict[str, Any]:
    """Return the well-formed nodes of a graph, with unwrapped inputs."""
    nodes = prompt.items() if isinstance(prompt, dict) else ()
    return {
        name: {**node, "inputs": {n: _unwrapped(v) for n, v in node.get("inputs", {}).items()}}
        for name, node in nodes
        if isinstance(node, dict)
        and isinstance(node.get("class_type"), str)
        and isinstance(node.get("inputs", {}), dict)
    }


def _unwrapped(value: Any) -> Any:
    """Unwrap a list value. ComfyUI then treats one that looks like a link as one."""
    return value["__value__"] if isinstance(value, dict) and "__value__" in value else value


def in_order(graph: Graph, ends: Iterable[str]) -> list[str]:
    """Return `ends` and everything they depend on, each node after those before it.

    Cuts a circle somewhere: ComfyUI refuses such a graph.
    """
    order: list[str] = []
    seen: set[str] = set()
    todo = [(name, False) for name in ends]
    while todo:
        name, is_ready = todo.pop()
        if is_ready:
            order.append(name)
        elif name not in seen and name in graph:
            seen.add(name)
            todo.append((name, True))
            inputs = graph[name].get("inputs", {}).values()
            todo += [(value[0], False) for value in inputs if is_link(value)]
    return order


def is_link(value: Any) -> bool:
    """Whether an input is a link: [node id, number of the output]."""
    return (
        isinstance(value, list)
        and len(value) == 2
        and isinstance(value[0], str)
        and isinstance(value[1], int)
    )


def digest(node: Mapping[str, Any], before: Mapping[str, bytes]) -> bytes:
    """Return a digest of a node and everything before it, independent of ids.

    before: the digests of the nodes before it. Loaded files aren't part of it.
    """
    inputs = {
        name: (before.get(value[0], b""), value[1]) if is_link(value) else _plain(value)
        for name, value in node.get("inputs", {}).items()
    }
    try:
        text = repr((node["class_type"], sorted(inputs.items())))
    except RecursionError:  # too deep to compare: unlike any other
        return secrets.token_bytes(DIGEST_BYTES)
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=DIGEST_BYTES).digest()


def _plain(value: Any) -> Any:
    """Return a form of the value that is the same before and after ComfyUI turns 0 into 0.0."""
    return [int(value) if isinstance(value, float) and value.is_integer() else value]


SEEDS = {"seed", "noise_seed"}
"""Inputs that may get another number after each run."""

NUMBER = "PrimitiveInt"
"""The node whose `value` may be such a number."""


def seeds_of(prompt: object, node: str) -> dict[str, dict[str, int]]:
    """Return the seeds of a run: node id → input → number.

    With them, the numbers that a seed comes from, or `node` depends on.
    """
    graph = sound_nodes(prompt)
    inputs = [item for each in graph.values() for item in each["inputs"].items()]
    sources = [value[0] for name, value in inputs if name in SEEDS and is_link(value)]
    before = in_order(graph, [node, *sources])
    numbers = {name for name in before if graph[name]["class_type"] == NUMBER}
    found = {}
    for name, each in graph.items():
        wanted = SEEDS | {"value"} if name in numbers else SEEDS
        own = {k: v for k, v in each["inputs"].items() if k in wanted and type(v) is int}
        if own:
            found[name] = own
    return found


def is_repeatable(prompt: object, node: str) -> bool:
    """Whether all nodes before `node` return the same in the next run, as far as ComfyUI knows.

    A node that draws at random, or reads the clock, marks itself with a fraction or NaN.
    """
    graph = sound_nodes(prompt)
    marks = [graph[name].get("is_changed") for name in in_order(graph, [node])]
    each_mark = [one for mark in marks for one in (mark if isinstance(mark, list) else [mark])]
    return not any(isinstance(mark, float) for mark in each_mark)
