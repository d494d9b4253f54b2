"""A sheet of images with labels."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageDraw, ImageFont

from ...venice_client import InvalidRequestError
from .labels import LINE_HEIGHT, SMALLEST_TEXT, drawable, fitted, missing_note
from .tensors import to_array

Size = tuple[int, int]

BACKGROUND = (24, 24, 27)
INK = (235, 235, 235)
LABEL_SHARE = 0.09
"""Height of a label's strip, as a share of the cell."""

MAX_SHEET_PIXELS = 200_000_000
"""Most pixels of a sheet; as floats they take 2.4 GB."""

SMALLEST_CELL = 64
CELL_STEP = 8


def contact_sheet(
    images: Sequence[torch.Tensor], labels: Sequence[str], columns: int, cell: int
) -> tuple[torch.Tensor, list[str]]:
    """Arrange images [H, W, C] in a grid with labels below; [1, H, W, 3] in 0..1, and warnings.

    columns: 0 for about as many as rows. cell: side of the square, in pixels, that each image is
    scaled into without cropping; a row is as high as its highest image. Labels fit the width, and
    missing ones leave cells without. Raises InvalidRequestError above MAX_SHEET_PIXELS. It needs
    the memory of the sheet and a few cells.
    """
    texts = [drawable(label) for label in labels]
    grid = _grid(images, columns, cell, has_labels=any(texts))
    check_size(cell, lambda each: replace(grid, cell=each).size)
    sheet = empty_sheet(grid.size)
    array = sheet[0].numpy()
    drawn = []
    for i, image in enumerate(images):
        x, y = grid.corner(i)
        put_image(array, image, (x, y), cell, grid.height)
        if i < len(texts) and texts[i]:
            text, font = fitted(texts[i], cell, grid.strip)
            put(array, written(text, font, (cell, grid.strip)), (x, y + grid.height))
            drawn.append(text)
    note = missing_note(drawn)
    return sheet, [note] if note else []


@dataclass(frozen=True)
class _Grid:
    """The layout of a sheet, in pixels. tallest: (width, height) of the tallest image."""

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
        """The height of the images in a row."""
        return contained_size(self.tallest, self.cell)[1]

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


def _grid(images: Sequence[torch.Tensor], columns: int, cell: int, has_labels: bool) -> _Grid:
    count = len(images)
    return _Grid(
        count=count,
        columns=min(columns or math.ceil(math.sqrt(count)), count),
        cell=cell,
        tallest=tallest(images),
        has_labels=has_labels,
    )


def tallest(images: Sequence[torch.Tensor]) -> Size:
    """The (width, height) of the image that is highest in a cell."""
    sizes = [(image.shape[1], image.shape[0]) for image in images]
    return max(sizes, key=lambda size: size[1] / max(size))


def check_size(cell: int, size_at: Callable[[int], Size]) -> None:
    """Raise InvalidRequestError, with the largest cell that fits, if the sheet is too large.

    size_at: the size of the sheet for a cell size.
    """
    height, width = size_at(cell)
    if height * width <= MAX_SHEET_PIXELS:
        return
    smaller = range(cell - CELL_STEP, SMALLEST_CELL - 1, -CELL_STEP)
    maximum = next((c for c in smaller if math.prod(size_at(c)) <= MAX_SHEET_PIXELS), None)
    remedy = f"Set cell to at most {maximum}" if maximum else "Arrange fewer images"
    raise InvalidRequestError(
        f"The sheet would have {width} × {height} = {width * height:,} pixels; the limit is "
        f"{MAX_SHEET_PIXELS:,}. {remedy}.",
        "cell",
    )


def empty_sheet(size: Size) -> torch.Tensor:
    """An empty sheet of a (height, width), [1, H, W, 3]."""
    sheet = torch.empty((1, *size, 3), dtype=torch.float32, device="cpu")
    sheet.numpy()[:] = np.array(BACKGROUND, np.float32) / np.float32(255)
    return sheet


def put_image(
    sheet: npt.NDArray[np.float32], image: torch.Tensor, corner: Size, cell: int, height: int
) -> None:
    """Put an image into the middle of the cell × height pixels at `corner`."""
    small, (x, y) = _contained(_flat(image), cell), corner
    put(sheet, small, (x + (cell - small.width) // 2, y + (height - small.height) // 2))


def put(sheet: npt.NDArray[np.float32], image: Image.Image, corner: Size) -> None:
    """Put an image at `corner`, (x, y)."""
    x, y = corner
    place = sheet[y : y + image.height, x : x + image.width]
    np.divide(np.asarray(image), np.float32(255), out=place)


def written(text: str, font: ImageFont.FreeTypeFont, size: Size) -> Image.Image:
    """A strip with `text` in its middle."""
    strip = Image.new("RGB", size, BACKGROUND)
    middle = (size[0] / 2, size[1] / 2)
    spacing = (LINE_HEIGHT - 1) * font.size
    ImageDraw.Draw(strip).text(
        middle, text, font=font, fill=INK, anchor="mm", align="center", spacing=spacing
    )
    return strip


def _contained(image: Image.Image, cell: int) -> Image.Image:
    return image.resize(contained_size(image.size, cell), Image.Resampling.LANCZOS)


def contained_size(size: Size, cell: int) -> Size:
    """A size scaled to fit into a square, at least a pixel high and wide."""
    scale = cell / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _flat(image: torch.Tensor) -> Image.Image:
    """An image as RGB; transparent parts show the sheet."""
    array = to_array(image)
    flat = Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array)
    if flat.mode != "RGBA":
        return flat.convert("RGB")
    ground = Image.new("RGBA", flat.size, (*BACKGROUND, 255))
    return Image.alpha_composite(ground, flat).convert("RGB")
