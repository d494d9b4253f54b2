"""The widgets that nodes declare, each with its tooltip."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .venice_client.seeds import MAX_SEED

Widget = tuple[str, dict[str, Any]]


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


def whole(default: int, least: int, most: int, tooltip: str, step: int = 1) -> Widget:
    """A whole number."""
    limits = {"default": default, "min": least, "max": most}
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
