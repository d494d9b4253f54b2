"""The widgets that nodes declare, each with its tooltip, and whether a value is as declared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..venice_client import (
    MAX_SEED,
    InvalidRequestError,
    check_choice,
    check_is_text,
    check_number,
    check_range,
    check_switch,
    fold_seed,
)

Widget = tuple[str, dict[str, Any]]


MIRRORED = ("model", "preset", "aspect_ratio", "resolution", "quality")
"""Combos that mirror a list of the API, which may change before ours does: any text may come."""


def read_items(
    declared: Mapping[str, Any], given: Mapping[str, Sequence[Any]]
) -> list[dict[str, Any]]:
    """The values of a node that takes lists, by name, for each item.

    Lists are paired as ComfyUI pairs them: the longest says how many items there are, a shorter
    one repeats its last. What is not given has its declared default, or None. Raises
    InvalidRequestError for a value that is not as declared.
    """
    every = {**declared["required"], **declared.get("optional", {})}
    lists = {name: values for name, values in given.items() if name in every and len(values)}
    for name in declared["required"]:
        if name not in lists:
            raise InvalidRequestError(f"{name} is an empty list: nothing to do.", name)
    defaults = {name: options.get("default") for name, (_, options) in every.items()}
    count = max(map(len, lists.values()))
    items = []
    for i in range(count):
        values = {name: each[min(i, len(each) - 1)] for name, each in lists.items()}
        check(declared, values)
        items.append({**defaults, **values})
    return items


def check(declared: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Raises InvalidRequestError for a value of a node that is not as the node declares it.

    ComfyUI does not check what comes by wire, and in some versions no combo. A seed of any size
    is folded. declared: what INPUT_TYPES returns. given: values by name; others may be among them.
    """
    for name, (kind, options) in {**declared["required"], **declared.get("optional", {})}.items():
        if name in given:
            _check_value(name, kind, options, given[name])


def _check_value(name: str, kind: str, options: Mapping[str, Any], value: Any) -> None:
    if kind == "STRING" or name in MIRRORED:
        check_is_text(name, value)
    elif kind == "COMBO":
        check_choice(name, value, options["options"])
    elif kind == "BOOLEAN":
        check_switch(name, value)
    elif kind == "FLOAT":
        check_number(name, value, options["min"], options["max"])
    elif kind == "INT" and name == "seed":
        fold_seed(value)
    elif kind == "INT":
        check_range(name, value, options["min"], options["max"])


def combo(choices: Sequence[str], default: str, tooltip: str) -> Widget:
    return ("COMBO", {"options": list(choices), "default": default, "tooltip": tooltip})


def seed(control: bool, tooltip: str) -> Widget:
    """control: whether the frontend offers to change the seed after each run."""
    return (
        "INT",
        {
            "default": 1,
            "min": 1,
            "max": MAX_SEED,
            "control_after_generate": control,
            "tooltip": tooltip,
        },
    )


def whole(default: int, minimum: int, maximum: int, tooltip: str, step: int = 1) -> Widget:
    """A whole number."""
    limits = {"default": default, "min": minimum, "max": maximum}
    return ("INT", {**limits, **({"step": step} if step > 1 else {}), "tooltip": tooltip})


def lines(default: str, tooltip: str) -> Widget:
    """A text of several lines."""
    return ("STRING", {"default": default, "multiline": True, "tooltip": tooltip})


def text(tooltip: str) -> Widget:
    return ("STRING", {"default": "", "multiline": True, "tooltip": tooltip})


def switch(default: bool, tooltip: str) -> Widget:
    return ("BOOLEAN", {"default": default, "tooltip": tooltip})


def image(tooltip: str) -> Widget:
    return ("IMAGE", {"tooltip": tooltip})


def side(name: str) -> Widget:
    return (
        "INT",
        {
            "default": 1024,
            "min": 64,
            "max": 4096,
            "step": 8,
            "tooltip": f"The {name} you want to see, in pixels. What the model takes instead, if "
            "it must, is said on the node and in `info`.",
        },
    )


def variation() -> Widget:
    return (
        "INT",
        {
            "default": 0,
            "min": 0,
            "max": MAX_SEED,
            "tooltip": "Not sent. Venice has no seed here: another number asks (and pays) again "
            "for the same thing, the same number shows what was made before, free.",
        },
    )
