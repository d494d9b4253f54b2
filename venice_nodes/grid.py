"""Combine two lists of values: the axes of Venice Grid, and its cells."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from ..venice_client import InvalidRequestError
from ..venice_client.for_nodes import fold_seed, folding_warning
from .imaging.grid_sheet import Headings
from .imaging.labels import visible
from .patterns import check_count, lines_of, models_for, sent_style, styles_for

AXES = ("style", "model", "seed", "prompt")
NOTHING = "nothing"
VARIED = ("model", "prompt", "style", "seed")
"""The things that an axis can vary, in the order of the node's outputs."""

MAX_CELLS = 400
MAX_SEEDS = 10_000
"""Most seeds before removing duplicates."""

SEEDS = re.compile(r"(-?\d{1,20})|(\d{1,20})\s*[-\u2010-\u2015\u2212\uff0d]\s*(\d{1,20})")
"""A seed with at most the digits of 64 bits, or the first and last of a range."""


@dataclass(frozen=True)
class Axis:
    """The values of columns or rows, with a heading for each.

    what: one of AXES, or NOTHING for a single value.
    """

    what: str
    values: tuple[Any, ...] = (None,)
    headings: tuple[str, ...] = ("",)
    warning: str = ""

    @property
    def count(self) -> str:
        """The number of values, as text."""
        return f"{len(self.values):,} {self.what}{'s' if len(self.values) > 1 else ''}"


@dataclass(frozen=True)
class Grid:
    """Columns × rows."""

    columns: Axis
    rows: Axis

    @staticmethod
    def read(values: Mapping[str, Any]) -> Grid:
        """Return the grid for the node's values.

        Raises InvalidRequestError for equal axes, unreadable values, and more than MAX_CELLS cells.
        """
        if values["columns"] == values["rows"]:
            raise InvalidRequestError(
                f"columns and rows both vary the {values['rows']}. Change one of them, or set "
                f"rows to {NOTHING}.",
                "rows",
            )
        grid = Grid(_axis("column", values), _axis("row", values))
        if grid.cells > MAX_CELLS:
            raise InvalidRequestError(
                f"{grid.summary}, but a grid has at most {MAX_CELLS} cells. Remove some lines.",
                "column_values",
            )
        return grid

    @property
    def cells(self) -> int:
        return len(self.columns.values) * len(self.rows.values)

    @property
    def summary(self) -> str:
        """The number of cells and what varies, as text."""
        if self.rows.what == NOTHING:
            return self.columns.count
        return f"{self.columns.count} × {self.rows.count} = {self.cells:,}"

    def outputs(self, values: Mapping[str, Any]) -> tuple[Any, ...]:
        """The node's outputs, row by row. values: for everything that no axis varies."""
        cells = [
            {**values, self.rows.what: row, self.columns.what: column}
            for row, column in product(self.rows.values, self.columns.values)
        ]
        labels = [
            " · ".join(filter(None, pair))
            for pair in product(self.rows.headings, self.columns.headings)
        ]
        varied = [[cell[name] for cell in cells] for name in VARIED]
        return (*varied, labels, Headings(self.columns.headings, self.rows.headings))


def _axis(name: str, values: Mapping[str, Any]) -> Axis:
    what, field = values[f"{name}s"], f"{name}_values"
    if what == NOTHING:
        return Axis(NOTHING)
    text = values[field]
    lines = lines_of(field, text)
    if not lines:
        raise InvalidRequestError(f"{field} is empty. Write one {what} per line.", field)
    if what == "seed":
        return _seeds(field, lines)
    if what == "prompt":
        prompts = tuple(dict.fromkeys(map(str.strip, lines)))
        return Axis(what, prompts, prompts)
    if what == "style":
        styles = styles_for(field, text)
        return Axis(what, tuple(map(sent_style, styles)), tuple(styles))
    models = tuple(models_for(field, text))
    return Axis(what, models, models)


def _seeds(field: str, lines: Sequence[str]) -> Axis:
    """The seeds of numbers and ranges, folded, each once."""
    ranges = [_range(field, visible(line)) for line in lines]
    check_count(field, sum(last - first + 1 for first, last in ranges), MAX_SEEDS, "seeds")
    wanted = [seed for first, last in ranges for seed in range(first, last + 1)]
    folded = tuple(dict.fromkeys(map(fold_seed, wanted)))
    warning = next(filter(None, map(folding_warning, wanted)), "")
    return Axis("seed", folded, tuple(f"seed {seed}" for seed in folded), warning)


def _range(field: str, line: str) -> tuple[int, int]:
    """The first and the last seed of a line. Raises InvalidRequestError."""
    match = SEEDS.fullmatch(line)
    if match is None:
        raise InvalidRequestError(
            f"{field}: “{line:.40}” isn't a seed. Write a whole number or a range such as 1-4 "
            "per line.",
            field,
        )
    one, first, last = match.groups()
    if one is not None:
        return int(one), int(one)
    if int(first) > int(last):
        raise InvalidRequestError(
            f"{field}: the range {line} is empty. Write {last}-{first}.", field
        )
    return int(first), int(last)
