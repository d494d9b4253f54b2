"""The widgets that nodes declare, and the check of values against them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..venice_client import InvalidRequestError, StyleReference
from ..venice_client.for_nodes import (
    MAX_SEED,
    check_choice,
    check_is_text,
    check_number,
    check_range,
    check_switch,
    fold_seed,
)
from .imaging.grid_sheet import Headings
from .imaging.input_tensors import image_batch, mask_batch

Widget = tuple[str, dict[str, Any]]


GRID = "VENICE_GRID"
SOCKETS = ("IMAGE", "MASK", "VENICE_STYLE_REFERENCES", GRID)
"""Kinds without a widget. None means that nothing is connected."""

PROMPT, EXTRA_PNGINFO = "run_prompt", "extra_pnginfo"
HIDDEN = {PROMPT: "PROMPT", EXTRA_PNGINFO: "EXTRA_PNGINFO"}
"""The data that ComfyUI saves with the images of a run. Its cache ignores them; with UNIQUE_ID,
equal nodes would run twice."""

MIRRORED = ("model", "preset", "aspect_ratio", "resolution", "quality")
"""Combos that mirror a list of the API, which can be newer than ours: any text is allowed."""


def read_items(
    declared: Mapping[str, Any], given: Mapping[str, Sequence[Any]]
) -> list[dict[str, Any]]:
    """The values of a node with list inputs, by name, for each item.

    Pairs lists as ComfyUI does: the longest sets the number of items, and shorter ones repeat their
    last. Raises as `read_values` does.
    """
    for name in (*declared["required"], *given):
        if not len(given.get(name, ())):
            raise InvalidRequestError(f"{name} is an empty list.", name)
    count = max(map(len, given.values()))
    return [
        read_values(declared, {n: each[min(i, len(each) - 1)] for n, each in given.items()})
        for i in range(count)
    ]


def read_values(declared: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a node by name, checked. declared: what INPUT_TYPES returns.

    ComfyUI doesn't check connected values, and some versions check no combo. A missing value gets
    its declared default, or None. Raises InvalidRequestError for a value that doesn't fit.
    """
    values = {}
    for name, (kind, options) in {**declared["required"], **declared.get("optional", {})}.items():
        is_open = kind in SOCKETS and name not in declared["required"] and given.get(name) is None
        if name in given and not is_open:
            values[name] = read_value(name, kind, options, given[name])
        else:
            values[name] = options.get("default")
    return values


def read_value(name: str, kind: str, options: Mapping[str, Any], value: Any) -> Any:
    """One value in the type of its kind. Raises InvalidRequestError if it doesn't fit."""
    if kind == "IMAGE":
        return image_batch(value, name)
    if kind == "MASK":
        return mask_batch(value, name)
    if kind == "VENICE_STYLE_REFERENCES":
        return _style_references(name, value)
    if kind == GRID:
        return _headings(name, value)
    if kind == "STRING" or name in MIRRORED:
        check_is_text(name, value)
        return value
    value = _plain_number(value)
    if kind == "COMBO":
        check_choice(name, value, options["options"])
    elif kind == "BOOLEAN":
        check_switch(name, value)
    elif kind == "FLOAT":
        check_number(name, value, options["min"], options["max"])
    elif kind == "INT":
        value = int(value) if isinstance(value, float) and value.is_integer() else value
        if name == "seed":
            fold_seed(value)  # of any size
        else:
            check_range(name, value, options["min"], options["max"])
    return value


ANY_TYPES = {"*", "COMFY_MATCHTYPE_V3"}
"""Types that fit every input: the frontend has checked them."""


def check_types(declared: Mapping[str, Any], received: object) -> bool | str:
    """Whether inputs are linked to outputs that fit; if not, which one isn't, in a sentence.

    received: what ComfyUI gives VALIDATE_INPUTS as `input_types`, the type of each linked input,
    in a list for nodes that take lists. It then leaves the check to the node. A text fits a combo
    of MIRRORED, whose values are names.
    """
    types = received[0] if isinstance(received, list) and received else received
    inputs = {**declared["required"], **declared.get("optional", {})}
    for name, kind in types.items() if isinstance(types, Mapping) else ():
        if name in inputs and not _fits(kind, inputs[name][0], name in MIRRORED):
            return f"{name} takes {inputs[name][0]}, not {kind}."
    return True


def _fits(received: Any, kind: str, takes_text: bool) -> bool:
    is_other: bool = received != kind  # as ComfyUI: some packs have a type that is never unequal
    if not is_other:
        return True
    if not isinstance(received, str):
        return kind == "COMBO"  # a list of choices
    kinds = {each.strip() for each in received.split(",")}
    return bool(kinds & {*ANY_TYPES, kind, *(("STRING",) if takes_text else ())})


def _plain_number(value: Any) -> Any:
    """A numpy number as a Python number; anything else unchanged."""
    return value.item() if isinstance(value, np.generic) else value


def _style_references(name: str, value: Any) -> tuple[StyleReference, ...]:
    """Raise InvalidRequestError unless `value` comes from Venice Style References."""
    is_ours = isinstance(value, tuple) and all(isinstance(each, StyleReference) for each in value)
    if not is_ours:
        raise InvalidRequestError(
            f"{name} must come from Venice Style References, not from {type(value).__name__}.", name
        )
    references: tuple[StyleReference, ...] = value
    return references


def _headings(name: str, value: Any) -> Headings:
    """Raise InvalidRequestError unless `value` comes from Venice Grid."""
    if not isinstance(value, Headings):
        raise InvalidRequestError(
            f"{name} must come from Venice Grid, not from {type(value).__name__}.", name
        )
    return value


def combo(choices: Sequence[str], default: str, tooltip: str) -> Widget:
    return ("COMBO", {"options": list(choices), "default": default, "tooltip": tooltip})


def seed(control: bool, tooltip: str) -> Widget:
    """A seed. control: whether the page offers to change it after each run."""
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
    """An integer."""
    limits = {"default": default, "min": minimum, "max": maximum}
    return ("INT", {**limits, **({"step": step} if step > 1 else {}), "tooltip": tooltip})


def text(tooltip: str, default: str = "") -> Widget:
    """A text with several lines."""
    return ("STRING", {"default": default, "multiline": True, "tooltip": tooltip})


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
            "tooltip": f"{name.capitalize()} in pixels. If the model needs another size, the node "
            "shows it.",
        },
    )


def variation() -> Widget:
    return (
        "INT",
        {
            "default": 0,
            "min": 0,
            "max": MAX_SEED,
            "tooltip": "Change the number for a new result (charged). The same number returns the "
            "saved one.",
        },
    )
