"""The sandbox's images: prompt and facts on a landscape, marked SANDBOX."""

from __future__ import annotations

import io
import json
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageDraw

from ..imaging.lettering import SMALLEST_TEXT, fitted
from .backdrop import backdrop
from .sizes import Size

PANEL_COLOUR = (10, 12, 20)
PROMPT_COLOUR = (255, 255, 255)
FACTS_COLOUR = (205, 212, 226)
BADGE = "SANDBOX"
BADGE_COLOUR = (255, 196, 0)
BADGE_INK = (24, 20, 10)
MAX_PROMPT_LINES = 5
IMAGE_DESCRIPTION_TAG = 0x010E
# The alpha of opaque parts in some models.
ALMOST_OPAQUE = bytes((252, 253, 254))


@dataclass(frozen=True)
class Scene:
    """The content of a generated image; `digest` sets its landscape, `extra` is the last fact."""

    prompt: str
    model: str
    style: str | None
    seed: int
    size: Size
    digest: bytes
    extra: tuple[str, ...] = ()


def draw_scene(scene: Scene) -> Image.Image:
    """Draw a scene, RGB; equal scenes give equal pixels."""
    image = backdrop(scene.size, scene.digest, f"{scene.prompt}|{scene.style}")
    width, height = scene.size
    facts = (scene.model, f"{width} x {height}", f"seed {scene.seed}", scene.style or "no style")
    draw_panel(image, scene.prompt, (*facts, *scene.extra))
    draw_badge(image)
    return image


def draw_panel(image: Image.Image, prompt: str, facts: tuple[str, ...], opacity: int = 168) -> None:
    """Draw prompt and facts on a dark panel at the bottom, if there's room to read them."""
    width, height = image.size
    line = int(min(height * 0.06, width * 0.05) + 2)
    if line * 0.7 < SMALLEST_TEXT:
        return
    pad = line // 2
    room = width - 4 * pad
    wrapped = textwrap.wrap(
        prompt, room * 5 // (line * 2), placeholder="…", max_lines=MAX_PROMPT_LINES
    )
    rows = [*((text, PROMPT_COLOUR) for text in wrapped), ("  ·  ".join(facts), FACTS_COLOUR)]
    top = height - 2 * pad - line * len(rows)
    shade = Image.new("L", (width - 2 * pad, line * len(rows) + pad), opacity)
    image.paste(PANEL_COLOUR, (pad, top), shade)
    draw = ImageDraw.Draw(image)
    for index, (text, color) in enumerate(rows):
        shown, face = fitted(text, room, line)
        draw.text((2 * pad, top + pad // 2 + line * index), shown, font=face, fill=color)


def draw_badge(image: Image.Image, place: str = "right", label: str = BADGE) -> None:
    """Draw the SANDBOX mark at the top (`left`, `middle`, `right`) or at the `bottom`.

    If no letter fits, draw a plain bar.
    """
    width, height = image.size
    tall = max(1, min(round(min(width, height) * 0.06 + 6), height // 2))
    wide = min(width, round(tall * 0.5 * len(label) + tall))
    margin = min(tall // 2, width - wide)
    left = {"left": margin, "right": width - margin - wide}.get(place, (width - wide) // 2)
    top = round(height * 0.72) if place == "bottom" else min(margin, height - tall)
    draw = ImageDraw.Draw(image)
    draw.rectangle((left, top, left + wide - 1, top + tall - 1), fill=BADGE_COLOUR)
    if wide >= 6 * len(label) and tall > SMALLEST_TEXT:
        text, face = fitted(label, wide, tall)
        middle = (left + wide / 2, top + tall / 2)
        draw.text(middle, text, font=face, fill=BADGE_INK, anchor="mm")


def clear_surroundings(image: Image.Image, almost_opaque: bool = False) -> None:
    """Make all but a centered ellipse transparent, which GPT models leave `almost_opaque`."""
    # Small, then enlarged: a soft edge, and fast at any size.
    width, height = (max(8, min(512, side)) for side in image.size)
    mask = Image.new("L", (width, height), 0)
    inset_x, inset_y = width * 0.12, height * 0.08
    shape = (inset_x, inset_y, width - inset_x, height - inset_y)
    ImageDraw.Draw(mask).ellipse(shape, fill=255)
    mask = mask.resize(image.size, Image.Resampling.BILINEAR)
    if almost_opaque:
        limits = Image.frombytes("L", (3, 1), ALMOST_OPAQUE).resize(image.size)
        mask = ImageChops.darker(mask, limits)
    image.putalpha(mask)


def encoded(
    image: Image.Image, format_name: str, metadata: Mapping[str, object] | None = None
) -> bytes:
    """Encode the image as png, jpeg or webp; put `metadata`, if any, into EXIF."""
    out = io.BytesIO()
    exif = Image.Exif()
    if metadata is not None:
        exif[IMAGE_DESCRIPTION_TAG] = json.dumps(metadata)
    carried = exif.tobytes() if metadata is not None else b""
    if format_name == "png":
        image.save(out, "PNG", compress_level=1, exif=carried or None)
    elif format_name == "webp":
        image.save(out, "WEBP", quality=88, method=1, exif=carried)
    else:
        image.convert("RGB").save(out, "JPEG", quality=92, exif=carried)
    return out.getvalue()
