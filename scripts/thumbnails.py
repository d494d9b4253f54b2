"""`make thumbnails`: draw the picture that ComfyUI shows for each template.

They say what a template is for: what goes in beside what comes out. All is drawn here, from shapes
and filters, the same every time; none of it is, or claims to be, what a model makes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

import thumbnail_scenes as scenes
from thumbnail_scenes import SIDE, on

SAVED = Path(__file__).resolve().parent.parent / "example_workflows"
SHOWN = 512
"""Pixels of a thumbnail: the page shows squares."""

PAPER, INK, BLUE = (250, 249, 246), (38, 34, 44), (11, 140, 233)
Picture = Image.Image
Box = tuple[int, int, int, int]


def main() -> int:
    """Write every thumbnail; return 0."""
    for name, draw in THUMBNAILS.items():
        small = draw().convert("RGB").resize((SHOWN, SHOWN), Image.Resampling.LANCZOS)
        small.save(SAVED / f"{name}.jpg", quality=86, optimize=True)
        print(f"{name}.jpg")
    return 0


def text(picture: Picture, words: str, middle: tuple[float, float], size: int, color: object = INK):  # type: ignore[no-untyped-def]
    """Writes words around a place."""


def captioned(picture: Picture, words: str) -> Picture:
    """The picture with its prompt below, as in a box of text."""
    whole = picture.copy()
    box = rounded(whole, (60, SIDE - 190, SIDE - 60, SIDE - 60), PAPER)
    write(box, words, ((SIDE) / 2, SIDE - 125), 50)
    return box


def rounded(picture: Picture, box: Box, color: tuple[int, ...], radius: int = 34) -> Picture:
    """The picture with a rounded box on it."""
    layer = Image.new("RGBA", picture.size)
    ImageDraw.Draw(layer).rounded_rectangle(box, radius, fill=color)
    return Image.alpha_composite(picture, layer)


def write(picture: Picture, words: str, middle: tuple[float, float], size: int, color: object = INK) -> None:
    """Writes words around a place."""
    font = ImageFont.load_default(size)
    ImageDraw.Draw(picture).text(middle, words, font=font, fill=color, anchor="mm", align="center")


def split(before: Picture, after: Picture) -> Picture:
    """The left of one picture and the right of another, with a handle between them."""
    whole = after.copy()
    whole.paste(before.crop((0, 0, SIDE // 2, SIDE)), (0, 0))
    draw = ImageDraw.Draw(whole)
    middle = SIDE // 2
    draw.line((middle, 0, middle, SIDE), PAPER, 10)
    draw.ellipse((middle - 50, middle - 50, middle + 50, middle + 50), PAPER)
    for side in (-1, 1):
        tip, back = middle + side * 34, middle + side * 12
        draw.polygon([(tip, middle), (back, middle - 20), (back, middle + 20)], INK)
    return whole
