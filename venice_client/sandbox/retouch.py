"""Edits, upscales and cutouts of the images in a request."""

from __future__ import annotations

import colorsys
import hashlib
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageOps

from .drawing import clear_surroundings, draw_badge, draw_panel
from .sizes import Size

TINT_STRENGTH = 0.28
# Nearly opaque, since the input may have text there.
PANEL_OPACITY = 232
LAYER_SIZE = (768, 768)
Resampling = Image.Resampling


def edited(
    images: Sequence[Image.Image], prompt: str, model_id: str, size: Size, transparent: bool
) -> Image.Image:
    """Fit the first image to `size`, tint it by the prompt, and show the others small beside it."""
    base = ImageOps.fit(flattened(images[0]), size, Resampling.BICUBIC)
    result = Image.blend(base, Image.new("RGB", size, _tint(prompt)), TINT_STRENGTH)
    _add_layers(result, images[1:])
    many = "1 image" if len(images) == 1 else f"{len(images)} images"
    facts = (f"edited with {model_id}", many, f"{size[0]} x {size[1]}")
    draw_panel(result, prompt, facts, PANEL_OPACITY)
    draw_badge(result, "bottom" if transparent else "middle", "SANDBOX EDIT")
    if transparent:
        clear_surroundings(result, almost_opaque=True)
    return result


def upscaled(image: Image.Image, size: Size) -> Image.Image:
    """Enlarge the image, and mark it."""
    result = flattened(image).resize(size, Resampling.LANCZOS)
    draw_badge(result, "left", "SANDBOX UPSCALE")
    return result


def cut_out(image: Image.Image, size: Size) -> Image.Image:
    """Return RGBA with a centered ellipse of the image, and the rest transparent."""
    result = flattened(image)
    if result.size != size:
        result = result.resize(size, Resampling.BICUBIC)
    draw_badge(result, "bottom")
    clear_surroundings(result)
    return result


def as_layer(image: Image.Image) -> Image.Image:
    """Return a smaller copy, in the size beside the base of an edit."""
    image.thumbnail(LAYER_SIZE)
    return image


def flattened(image: Image.Image) -> Image.Image:
    """Return an RGB copy on white."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    layered = image.convert("RGBA")
    white = Image.new("RGB", image.size, "white")
    white.paste(layered, mask=layered.getchannel("A"))
    return white


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
