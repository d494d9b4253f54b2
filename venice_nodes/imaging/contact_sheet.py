"""A labelled sheet of pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageDraw, ImageFont

from ...venice_client import InvalidRequestError
from .labels import SMALLEST_TEXT, drawable, fitted, missing_note
from .tensors import to_array

Size = tuple[int, int]

BACKGROUND = (24, 24, 27)
INK = (235, 235, 235)
LABEL_SHARE = 0.09
"""Height of the label's strip, as a part of the cell."""

MAX_SHEET_PIXELS = 200_000_000
"""Of a sheet; as floats they take 2.4 GB."""

SMALLEST_CELL = 64
CELL_STEP = 8


def contact_sheet(
    pictures: Sequence[torch.Tensor], labels: Sequence[str], columns: int, cell: int
) -> tuple[torch.Tensor, list[str]]:
    """Pictures [H, W, C] in a grid with labels below, as [1, H, W, 3] in 0..1, and notes.

    columns: 0 for about as many as rows. cell: pixels of the square that a picture is fitted
    into, with nothing cut off; rows are as high as the highest of them. A label is fitted into
    the width. Too few labels leave cells without one. Raises InvalidRequestError for a sheet of
    more than MAX_SHEET_PIXELS. Beside the sheet it needs the memory of a few cells.
    """
    texts = [drawable(label) for label in labels]
    grid = _grid(pictures, columns, cell, has_labels=any(texts))
    _check(grid)
    sheet = torch.empty((1, *grid.size, 3), dtype=torch.float32)
    array = sheet[0].numpy()
    array[:] = np.array(BACKGROUND, np.float32) / np.float32(255)
    drawn = []
    for i, picture in enumerate(pictures):
        x, y = grid.corner(i)
        image = _contained(_flat(picture), cell)
        _put(array, image, x + (cell - image.width) // 2, y + (grid.height - image.height) // 2)
        if i < len(texts) and texts[i]:
            text, font = fitted(texts[i], cell, grid.strip)
            _put(array, _label(text, font, (cell, grid.strip)), x, y + grid.height)
            drawn.append(text)
    note = missing_note(drawn)
    return sheet, [note] if note else []


@dataclass(frozen=True)
class _Grid:
    """Where cells lie on a sheet, in pixels. tallest: (width, height) of the tallest picture."""

    count: int
    columns: int
    cell: int
    tallest: Size
    has_labels: bool

    @property
    def gap(self) -> int:
        return max(2, self.cell // 64)

    @property
    def height(self) -> int:
        """Of the pictures in a row."""
        return _contained_size(self.tallest, self.cell)[1]

    @property
    def strip(self) -> int:
        """The height of a label."""
        return max(SMALLEST_TEXT + 4, round(self.cell * LABEL_SHARE)) if self.has_labels else 0

    @property
    def size(self) -> Size:
        """(height, width) of the sheet."""
        rows = math.ceil(self.count / self.columns)
        width = self.columns * (self.cell + self.gap) + self.gap
        return self.corner(rows * self.columns)[1], width

    def corner(self, index: int) -> Size:
        """(x, y) of a cell."""
        row, column = divmod(index, self.columns)
        step = self.height + self.strip + self.gap
        return self.gap + column * (self.cell + self.gap), self.gap + row * step


def _grid(pictures: Sequence[torch.Tensor], columns: int, cell: int, has_labels: bool) -> _Grid:
    count = len(pictures)
    sizes = [(picture.shape[1], picture.shape[0]) for picture in pictures]
    return _Grid(
        count=count,
        columns=min(columns or math.ceil(math.sqrt(count)), count),
        cell=cell,
        tallest=max(sizes, key=lambda size: size[1] / max(size)),
        has_labels=has_labels,
    )


def _check(grid: _Grid) -> None:
    """Refuses a sheet that is too large, and names the largest cell that is not."""
    height, width = grid.size
    if height * width <= MAX_SHEET_PIXELS:
        return
    smaller = range(grid.cell - CELL_STEP, SMALLEST_CELL - 1, -CELL_STEP)
    fit = (cell for cell in smaller if math.prod(replace(grid, cell=cell).size) <= MAX_SHEET_PIXELS)
    maximum = next(fit, None)
    remedy = f"choose a smaller cell, at most {maximum}" if maximum else "arrange fewer pictures"
    raise InvalidRequestError(
        f"The sheet would have {width}×{height} = {width * height:,} pixels, more than "
        f"{MAX_SHEET_PIXELS:,}: {remedy}.",
        "cell",
    )


def _put(sheet: npt.NDArray[np.float32], image: Image.Image, x: int, y: int) -> None:
    place = sheet[y : y + image.height, x : x + image.width]
    np.divide(np.asarray(image), np.float32(255), out=place)


def _label(text: str, font: ImageFont.FreeTypeFont, size: Size) -> Image.Image:
    strip = Image.new("RGB", size, BACKGROUND)
    middle = (size[0] / 2, size[1] / 2)
    ImageDraw.Draw(strip).text(middle, text, font=font, fill=INK, anchor="mm")
    return strip


def _contained(picture: Image.Image, cell: int) -> Image.Image:
    return picture.resize(_contained_size(picture.size, cell), Image.Resampling.LANCZOS)


def _contained_size(size: Size, cell: int) -> Size:
    """A size scaled to fit into a square, at least a pixel high and wide."""
    scale = cell / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _flat(picture: torch.Tensor) -> Image.Image:
    """A picture as RGB; what is transparent shows the sheet."""
    array = to_array(picture)
    image = Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array)
    if image.mode != "RGBA":
        return image.convert("RGB")
    ground = Image.new("RGBA", image.size, (*BACKGROUND, 255))
    return Image.alpha_composite(ground, image).convert("RGB")
