"""Edits, upscales and cutouts: pictures made from the pictures that came in."""

from __future__ import annotations

import colorsys
import hashlib
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageOps

from .drawing import draw_panel
from .lettering import draw_badge

TINT_STRENGTH = 0.28
# Nearly opaque: the input may have text of its own there.
PANEL_OPACITY = 232
Resampling = Image.Resampling


def edited(
    pictures: Sequence[Image.Image], prompt: str, model_id: str, size: tuple[int, int]
) -> Image.Image:
    """The first picture fitted to `size` and tinted by the prompt, the others small beside it."""
    base = ImageOps.fit(flattened(pictures[0]), size, Resampling.BICUBIC)
    result = Image.blend(base, Image.new("RGB", size, _tint(prompt)), TINT_STRENGTH)
    _add_layers(result, pictures[1:])
    many = "1 image" if len(pictures) == 1 else f"{len(pictures)} images"
    facts = (f"edited with {model_id}", many, f"{size[0]} x {size[1]}")
    draw_panel(result, prompt, facts, PANEL_OPACITY)
    draw_badge(result, "middle", "SANDBOX EDIT")
    return result


def upscaled(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The picture enlarged, with the mark."""
    result = flattened(picture).resize(size, Resampling.LANCZOS)
    draw_badge(result, "left", "SANDBOX UPSCALE")
    return result


def cut_out(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """RGBA: a centred ellipse of the picture is opaque, everything else transparent."""
    result = flattened(picture)
    if result.size != size:
        result = result.resize(size, Resampling.BICUBIC)
    draw_badge(result, "bottom")
    result.putalpha(_ellipse(size))
    return result


def flattened(picture: Image.Image) -> Image.Image:
    """An RGB copy, what is transparent on white."""
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    layered = picture.convert("RGBA")
    white = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(white, layered).convert("RGB")


def _tint(prompt: str) -> tuple[int, int, int]:
    hue = hashlib.sha256(prompt.encode()).digest()[0] / 256
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.75, 0.9)
    return round(red * 255), round(green * 255), round(blue * 255)


def _add_layers(result: Image.Image, layers: Sequence[Image.Image]) -> None:
    side = min(result.size) // 6
    step = min(side + side // 6, (result.height // 2) // max(1, len(layers)))
    draw = ImageDraw.Draw(result)
    for index, layer in enumerate(layers):
        corner = (side // 4, side // 4 + index * step)
        result.paste(ImageOps.fit(flattened(layer), (side, side)), corner)
        frame = (*corner, corner[0] + side, corner[1] + side)
        draw.rectangle(frame, outline="white", width=max(1, side // 40))


def _ellipse(size: tuple[int, int]) -> Image.Image:
    # Drawn small and enlarged: a soft edge, and quick at any size.
    width, height = (max(8, min(512, side)) for side in size)
    mask = Image.new("L", (width, height), 0)
    inset_x, inset_y = width * 0.12, height * 0.08
    shape = (inset_x, inset_y, width - inset_x, height - inset_y)
    ImageDraw.Draw(mask).ellipse(shape, fill=255)
    return mask.resize(size, Resampling.BILINEAR)
