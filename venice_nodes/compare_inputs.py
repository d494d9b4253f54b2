"""The inputs of the nodes for comparing. Saved workflows depend on them, as in inputs.py."""

from __future__ import annotations

from typing import Any

from ..venice_client.for_nodes import DEFAULT_MODEL
from .grid import AXES, NOTHING
from .model_lists import generate_models
from .widgets import GRID, Widget, combo, image, seed, text, whole


def style_sweep_inputs() -> dict[str, Any]:
    """The inputs of Venice Style Sweep."""
    return {
        "required": {
            "styles": text(
                "One style or pattern per line. *: every style. *noir*: names containing noir. "
                "None: no style.",
                default="Anime\nWatercolor\nFilm Noir",
            )
        }
    }


def model_sweep_inputs() -> dict[str, Any]:
    """The inputs of Venice Model Sweep."""
    return {
        "required": {
            "models": text(
                "One model or pattern per line. *: every text-to-image model (check the price). "
                "qwen*: names starting with qwen. *edit*: edit models.",
                default="z-image-turbo\nqwen-image\nchroma",
            )
        }
    }


def sheet_inputs() -> dict[str, Any]:
    """The inputs of Venice Contact Sheet."""
    return {
        "required": {"images": image("Images to arrange, in order.")},
        "optional": {
            "labels": (
                "STRING",
                {
                    "forceInput": True,
                    "tooltip": "Labels for the images, such as those of a sweep. All images of a "
                    "batch share one.",
                },
            ),
            "columns": whole(0, 0, 16, "Images per row. 0: automatic."),
            "cell": whole(
                512,
                64,
                2048,
                "Cell size in pixels.",
                step=8,
            ),
            "grid": (
                GRID,
                {
                    "tooltip": "Column and row headings from Venice Grid. Replaces columns and "
                    "labels."
                },
            ),
        },
    }


def grid_inputs() -> dict[str, Any]:
    """The inputs of Venice Grid."""
    return {
        "required": {
            **_axis("columns", AXES, "Anime\nWatercolor\nFilm Noir"),
            **_axis("rows", (NOTHING, *AXES), ""),
            "model": combo(
                generate_models(),
                default=DEFAULT_MODEL,
                tooltip="Model of every cell, unless columns or rows vary it.",
            ),
            "prompt": text("Prompt of every cell, unless columns or rows vary it."),
            "seed": seed(
                control=False,
                tooltip="Seed of every cell, unless columns or rows vary it.",
            ),
        },
        "optional": {
            "style": (
                "STRING",
                {
                    "default": "",
                    "tooltip": "Style of every cell, unless columns or rows vary it. Empty: none.",
                },
            )
        },
    }


def _axis(name: str, choices: tuple[str, ...], values: str) -> dict[str, Widget]:
    """The inputs for one axis: what varies along it, and the values."""
    one = name.removesuffix("s")
    unless = " nothing: a single row." if NOTHING in choices else ""
    return {
        name: combo(
            choices,
            default=choices[0],
            tooltip=f"What changes from {one} to {one}.{unless}",
        ),
        f"{one}_values": text(
            f"Values for {name}, one per line. Styles and models can be patterns (*noir*, qwen*), "
            "seeds can be ranges (1-4).",
            default=values,
        ),
    }
