"""A sheet of pictures with headings above its columns and left of its rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from ...venice_client import InvalidRequestError
from .contact_sheet import (
    LABEL_SHARE,
    Size,
    check_size,
    contained_size,
    empty_sheet,
    put,
    put_picture,
    tallest,
    written,
)
from .labels import LINE_HEIGHT, SMALLEST_TEXT, TEXT_SHARE, drawable, ems, missing_note, wrapped

MAX_LINES = 4
"""Most lines of a heading above a column; longer ones are set smaller."""

Cells = Sequence[Sequence[torch.Tensor]]


@dataclass(frozen=True)
class Headings:
    """What stands above the columns of a grid and left of its rows; "" for nothing."""

    columns: tuple[str, ...]
    rows: tuple[str, ...]

    @property
    def cells(self) -> int:
        return len(self.columns) * len(self.rows)

    @staticmethod
    def joined(grids: Sequence[Headings]) -> Headings:
        """Grids below one another. Raises InvalidRequestError unless their columns are the same."""
        columns = grids[0].columns
        if any(grid.columns != columns for grid in grids):
            raise InvalidRequestError(
                "Grids with different columns came: connect one Venice Grid to grid.", "grid"
            )
        return Headings(columns, tuple(row for grid in grids for row in grid.rows))


def in_cells(items: Cells, count: int) -> tuple[Cells, list[str]]:
    """The pictures of each cell, and warnings. items: the pictures of each item of a list.

    Where there are as many items as cells, each is a cell, also an empty one. Else pictures that
    make as many for each cell were put into other batches on their way: they are taken in order.
    Else items are cells as far as they go, and what is too much comes after them.
    """
    if len(items) == count:
        return items, []
    pictures = [picture for item in items for picture in item]
    own, too_few = divmod(len(pictures), count)
    came = f"{len(items)} item{'s' if len(items) > 1 else ''} came for {count} cells"
    if own and not too_few:
        cells = [pictures[i : i + own] for i in range(0, len(pictures), own)]
        return cells, [f"{came}: their pictures fill them in order, {own} in each."]
    if len(items) < count:
        return items, [f"{came}: {count - len(items)} at the end stay empty."]
    return items, [f"{came}: {len(items) - count} more stand below without a heading."]


def grid_sheet(cells: Cells, headings: Headings, cell: int) -> tuple[torch.Tensor, list[str]]:
    """Pictures [H, W, C] row by row under their headings, as [1, H, W, 3] in 0..1, and warnings.

    cells: the pictures of each, side by side in it; those beyond the headings get rows of their
    own. cell: as for `contact_sheet`, which this is like in all else.
    """
    columns = [drawable(text) for text in headings.columns]
    rows = [drawable(text) for text in headings.rows]
    layout = _layout(cells, columns, rows, cell)
    check_size(cell, lambda each: replace(layout, cell=each).size)
    sheet = empty_sheet(layout.size)
    array = sheet[0].numpy()
    for i, pictures in enumerate(cells):
        for k, picture in enumerate(pictures):
            put_picture(array, picture, layout.corner(i, k), cell, layout.height)
    width, height = layout.block
    boxes = [
        *((text, layout.above(i), (width, layout.top)) for i, text in enumerate(columns)),
        *((text, layout.beside(i), (layout.left, height)) for i, text in enumerate(rows)),
    ]
    drawn: list[str] = []
    for text, corner, size in boxes:
        if text:
            lines, font = wrapped(text, size, layout.text)
            put(array, written("\n".join(lines), font, size), corner)
            drawn += lines
    note = missing_note(drawn)
    return sheet, [note] if note else []


@dataclass(frozen=True)
class _Layout:
    """Where cells and headings lie on a sheet, in pixels.

    across, down: pictures in a cell. longest: the lengths of the longest heading of columns and of
    rows, in heights of their font. tallest: (width, height) of the tallest picture.
    """

    columns: int
    rows: int
    across: int
    down: int
    cell: int
    tallest: Size
    longest: tuple[float, float]

    @property
    def gap(self) -> int:
        """Between the pictures of a cell."""
        return max(2, self.cell // 64)

    @property
    def space(self) -> int:
        """Between cells."""
        return self.gap if self.across == self.down == 1 else 4 * self.gap

    @property
    def text(self) -> int:
        """The height of the headings' font, where they fit."""
        return max(SMALLEST_TEXT, round(self.cell * LABEL_SHARE * TEXT_SHARE))

    @property
    def height(self) -> int:
        """The height of the pictures in a row."""
        return contained_size(self.tallest, self.cell)[1]

    @property
    def block(self) -> Size:
        """(width, height) of the pictures of a cell."""
        return (
            self.across * (self.cell + self.gap) - self.gap,
            self.down * (self.height + self.gap) - self.gap,
        )

    @property
    def top(self) -> int:
        """The height of the headings above."""
        # Lines break at words, so they are not full.
        lines = min(MAX_LINES, math.ceil(self.longest[0] * self.text * 1.2 / self.block[0]))
        return math.ceil((lines + 0.5) * self.text * LINE_HEIGHT) if lines else 0

    @property
    def left(self) -> int:
        """The width of the headings at the left."""
        return (
            min(self.cell, math.ceil((self.longest[1] + 1) * self.text)) if self.longest[1] else 0
        )

    @property
    def size(self) -> Size:
        """(height, width) of the sheet."""
        width, height = self.corner(self.columns * self.rows - 1)
        return height + self.block[1] + self.space, width + self.block[0] + self.space

    def corner(self, index: int, picture: int = 0) -> Size:
        """(x, y) of a picture in a cell."""
        row, column = divmod(index, self.columns)
        down, across = divmod(picture, self.across)
        return (
            self.above(column)[0] + across * (self.cell + self.gap),
            self.beside(row)[1] + down * (self.height + self.gap),
        )

    def above(self, column: int) -> Size:
        """(x, y) of a heading above."""
        return self._margin(self.left) + column * (self.block[0] + self.space), self.gap

    def beside(self, row: int) -> Size:
        """(x, y) of a heading at the left."""
        return self.gap, self._margin(self.top) + row * (self.block[1] + self.space)

    def _margin(self, headings: int) -> int:
        return self.space + (self.gap + headings if headings else 0)


def _layout(cells: Cells, columns: Sequence[str], rows: Sequence[str], cell: int) -> _Layout:
    most = max(map(len, cells))
    across = math.ceil(math.sqrt(most))
    return _Layout(
        columns=len(columns),
        rows=max(len(rows), math.ceil(len(cells) / len(columns))),
        across=across,
        down=math.ceil(most / across),
        cell=cell,
        tallest=tallest([picture for pictures in cells for picture in pictures]),
        longest=(max(map(ems, columns)), max(map(ems, rows))),
    )
