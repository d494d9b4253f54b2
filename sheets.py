"""A labelled sheet of pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image, ImageDraw

from .labels import SMALLEST_TEXT, drawable, fitted, missing_note
from .tensors import to_array

BACKGROUND = (24, 24, 27)
INK = (235, 235, 235)
LABEL_SHARE = 0.09
"""Height of the label's strip, as a part of the cell."""


def contact_sheet(
    pictures: Sequence[torch.Tensor], labels: Sequence[str], columns: int, cell: int
) -> tuple[torch.Tensor, list[str]]:
    """Pictures [H, W, C] in a grid with labels below, as [1, H, W, 3] in 0..1, and notes.

    columns: 0 for about as many as rows. cell: pixels of the square that a picture is fitted
    into, with nothing cut off; rows are as high as the highest of them. A label is fitted into
    the width. Too few labels leave cells without one.
    """
    texts = [drawable(label) for label in labels]
    contained = [_contained(_flat(picture), cell) for picture in pictures]
    height = max(picture.height for picture in contained)
    columns = min(columns or math.ceil(math.sqrt(len(pictures))), len(pictures))
    rows = math.ceil(len(pictures) / columns)
    gap = max(2, cell // 64)
    strip = max(SMALLEST_TEXT + 4, round(cell * LABEL_SHARE)) if any(texts) else 0
    step_x, step_y = cell + gap, height + strip + gap
    sheet = Image.new("RGB", (columns * step_x + gap, rows * step_y + gap), BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    drawn = []
    for i, picture in enumerate(contained):
        x, y = gap + i % columns * step_x, gap + i // columns * step_y
        sheet.paste(picture, (x + (cell - picture.width) // 2, y + (height - picture.height) // 2))
        if i < len(texts) and texts[i]:
            text, font = fitted(texts[i], cell, strip)
            drawn.append(text)
            middle = (x + cell / 2, y + height + strip / 2)
            draw.text(middle, text, font=font, fill=INK, anchor="mm")
    array = np.array(sheet, dtype=np.float32) / np.float32(255)
    note = missing_note(drawn)
    return torch.from_numpy(array)[None], [note] if note else []


def _contained(picture: Image.Image, cell: int) -> Image.Image:
    """A picture scaled to fit into a square, at least a pixel high and wide."""
    scale = cell / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, Image.Resampling.LANCZOS)


def _flat(picture: torch.Tensor) -> Image.Image:
    """A picture as RGB; what is transparent shows the sheet."""
    array = to_array(picture)
    image = Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array)
    if image.mode != "RGBA":
        return image.convert("RGB")
    ground = Image.new("RGBA", image.size, (*BACKGROUND, 255))
    return Image.alpha_composite(ground, image).convert("RGB")
