"""The inputs of the nodes for comparing; as in inputs.py, saved workflows depend on them."""

from __future__ import annotations

from typing import Any

from ..venice_client import DEFAULT_MODEL
from .grid import AXES, MAX_CELLS, NOTHING
from .model_lists import generate_models
from .widgets import GRID, Widget, combo, image, lines, seed, text, whole


def style_sweep_inputs() -> dict[str, Any]:
    """The inputs of Venice Style Sweep."""
    return {
        "required": {
            "styles": lines(
                "Anime\nWatercolor\nFilm Noir",
                "One style or pattern a line, in any case: * is every style, *noir* those with "
                "noir in their name, None is no style. A name that is not known is sent as it is.",
            )
        }
    }


def model_sweep_inputs() -> dict[str, Any]:
    """The inputs of Venice Model Sweep."""
    return {
        "required": {
            "models": lines(
                "z-image-turbo\nqwen-image\nchroma",
                "One model or pattern a line, in any case: * is every model that makes pictures "
                "from a prompt (mind the price), qwen* those that begin with qwen, *edit* edit "
                "models. An id that is not known is sent as it is.",
            )
        }
    }


def sheet_inputs() -> dict[str, Any]:
    """The inputs of Venice Contact Sheet."""
    return {
        "required": {"images": image("The pictures, in the order of the sheet.")},
        "optional": {
            "labels": (
                "STRING",
                {
                    "forceInput": True,
                    "tooltip": "A label for each item of images, such as the labels of a sweep. A "
                    "batch has its label on each of its pictures.",
                },
            ),
            "columns": whole(0, 0, 16, "Pictures in a row. 0: about as many as there are rows."),
            "cell": whole(
                512,
                64,
                2048,
                "Pixels of a cell's side; pictures are fitted into it. A sheet may have 200 "
                "million pixels in all.",
                step=8,
            ),
            "grid": (
                GRID,
                {
                    "tooltip": "From Venice Grid: headings above the columns and left of the rows, "
                    "in place of columns and labels. Each item of images is a cell, with all "
                    "pictures of its batch; an empty item leaves its cell empty, and so do items "
                    "that are missing at the end. What is too much stands below, without a heading."
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
                tooltip="The model of every cell, where neither columns nor rows vary it.",
            ),
            "prompt": text("The prompt of every cell, where neither columns nor rows vary it."),
            "seed": seed(
                control=False,
                tooltip="The seed of every cell, where neither columns nor rows vary it.",
            ),
        },
        "optional": {
            "style": (
                "STRING",
                {
                    "default": "",
                    "tooltip": "The style of every cell, where neither columns nor rows vary it. "
                    "Empty: none.",
                },
            )
        },
    }


def _axis(name: str, choices: tuple[str, ...], values: str) -> dict[str, Widget]:
    """What `columns` or `rows` vary, and the values for it."""
    values_name = f"{name.removesuffix('s')}_values"
    unless = " nothing: a single row." if NOTHING in choices else ""
    return {
        name: combo(
            choices,
            default=choices[0],
            tooltip=f"What changes from one of the {name} to the next.{unless} Columns × rows are "
            f"at most {MAX_CELLS} cells, and each is paid for.",
        ),
        values_name: lines(
            values,
            f"The values for {name}, one a line. Styles and models: names or patterns, as in the "
            "sweeps (*noir*, qwen*; * is all). Seeds: numbers, or ranges such as 1-4. Prompts: a "
            "whole prompt a line. Each counts once.",
        ),
    }
