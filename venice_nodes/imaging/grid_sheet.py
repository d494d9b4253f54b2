"""A sheet of images with headings for its columns and rows."""

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
    put_image,
    tallest,
    written,
)
from .labels import LINE_HEIGHT, SMALLEST_TEXT, TEXT_SHARE, drawable, ems, missing_note, wrapped

MAX_LINES = 4
"""Most lines of a column heading; longer ones get a smaller font."""

Cells = Sequence[Sequence[torch.Tensor]]


@dataclass(frozen=True)
class Headings:
    """The headings of a grid's columns and rows; "" for none."""

    columns: tuple[str, ...]
    rows: tuple[str, ...]

    @property
    def cells(self) -> int:
        return len(self.columns) * len(self.rows)

    @staticmethod
    def joined(grids: Sequence[Headings]) -> Headings:
        """Stack grids. Raises InvalidRequestError if their columns differ."""
        columns = grids[0].columns
        if any(grid.columns != columns for grid in grids):
            raise InvalidRequestError(
                "The connected grids have different columns. Connect one Venice Grid to grid.",
                "grid",
            )
        return Headings(columns, tuple(row for grid in grids for row in grid.rows))


def in_cells(items: Cells, count: int) -> tuple[Cells, list[str]]:
    """The images of each cell, and warnings. items: the images of each item of a list.

    If there are as many items as cells, each is a cell, even an empty one. Otherwise, if the images
    divide evenly, other nodes regrouped them: they fill the cells in order. Otherwise each item is
    a cell, and extra items follow.
    """
    if len(items) == count:
        return items, []
    images = [image for item in items for image in item]
    own, too_few = divmod(len(images), count)
    found = f"{len(items)} item{'s' if len(items) > 1 else ''} for {count} cells"
    if own and not too_few:
        cells = [images[i : i + own] for i in range(0, len(images), own)]
        return cells, [f"{found}: the images fill them in order, {own} per cell."]
    if len(items) < count:
        return items, [f"{found}: {count - len(items)} left empty at the end."]
    return items, [f"{found}: {len(items) - count} more are below, without a heading."]


def grid_sheet(cells: Cells, headings: Headings, cell: int) -> tuple[torch.Tensor, list[str]]:
    """Arrange images [H, W, C] row by row under headings; [1, H, W, 3] in 0..1, and warnings.

    cells: the images of each cell; cells beyond the headings get extra rows. cell: as for
    `contact_sheet`, which works alike.
    """
    columns = [drawable(text) for text in headings.columns]
    rows = [drawable(text) for text in headings.rows]
    layout = _layout(cells, columns, rows, cell)
    check_size(cell, lambda each: replace(layout, cell=each).size)
    sheet = empty_sheet(layout.size)
    array = sheet[0].numpy()
    for i, images in enumerate(cells):
        for k, image in enumerate(images):
            put_image(array, image, layout.corner(i, k), cell, layout.height)
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
    """The layout of cells and headings on a sheet, in pixels.

    across, down: images in a cell. longest: the lengths of the longest column and row headings, in
    heights of their font. tallest: (width, height) of the tallest image.
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
        """Between the images of a cell."""
        return max(2, self.cell // 64)

    @property
    def space(self) -> int:
        """Between cells."""
        return self.gap if self.across == self.down == 1 else 4 * self.gap

    @property
    def text(self) -> int:
        """The height of the headings' font, if they fit."""
        return max(SMALLEST_TEXT, round(self.cell * LABEL_SHARE * TEXT_SHARE))

    @property
    def height(self) -> int:
        """The height of the images in a row."""
        return contained_size(self.tallest, self.cell)[1]

    @property
    def block(self) -> Size:
        """(width, height) of the images of a cell."""
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

    def corner(self, index: int, image: int = 0) -> Size:
        """(x, y) of an image in a cell."""
        row, column = divmod(index, self.columns)
        down, across = divmod(image, self.across)
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
        tallest=tallest([image for images in cells for image in images]),
        longest=(max(map(ems, columns)), max(map(ems, rows))),
    )
