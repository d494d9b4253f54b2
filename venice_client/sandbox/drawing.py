"""The pictures of the sandbox: what was asked, on a landscape of its own, marked SANDBOX."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass

from PIL import Image, ImageDraw

from .backdrop import backdrop
from .lettering import SMALLEST_TEXT, Font, draw_badge, font, printable, shortened, wrapped

PANEL_COLOUR = (10, 12, 20)
PANEL_OPACITY = 168
MIN_PANEL = (150, 72)
PROMPT_COLOUR = (255, 255, 255)
FACTS_COLOUR = (205, 212, 226)
IMAGE_DESCRIPTION_TAG = 0x010E


@dataclass(frozen=True)
class Scene:
    """What a generated picture shows; `digest` decides its landscape, `notes` are told last."""

    prompt: str
    model: str
    style: str | None
    seed: int
    size: tuple[int, int]
    digest: bytes
    notes: tuple[str, ...] = ()


def draw_scene(scene: Scene) -> Image.Image:
    """The picture of a scene, RGB; equal scenes give equal pixels."""
    picture = backdrop(scene.size, scene.digest, f"{scene.prompt}|{scene.style}")
    width, height = scene.size
    facts = (scene.model, f"{width} x {height}", f"seed {scene.seed}", scene.style or "no style")
    draw_panel(picture, scene.prompt, (*facts, *scene.notes))
    draw_badge(picture)
    return picture


def draw_panel(
    picture: Image.Image, prompt: str, facts: tuple[str, ...], opacity: int = PANEL_OPACITY
) -> None:
    """Prompt and facts, legible on a dark panel at the foot; nothing where they cannot be read."""
    width, height = picture.size
    size = int(min(height * 0.045, width * 0.036) + 2)
    if size < SMALLEST_TEXT and (width < MIN_PANEL[0] or height < MIN_PANEL[1]):
        return
    size = max(size, SMALLEST_TEXT)
    face, small = font(size), font(max(SMALLEST_TEXT, round(size * 0.72)))
    margin, pad = size * 0.8, size * 0.8
    room = min(width - 2 * margin, size * 48) - 2 * pad
    step = size * 1.28
    max_lines = max(1, int((height * 0.5 - 2 * pad - size) / step))
    lines = wrapped(prompt, face, room, min(max_lines, 6))
    rows = _fact_rows(facts, small, room)
    small_step = size * 1.05
    tall = 2 * pad + step * len(lines) + small_step * len(rows)
    top, left = height - margin - tall, margin
    shade = (left, top, left + room + 2 * pad, height - margin)
    _draw_shade(picture, shade, size * 0.6, opacity)
    draw = ImageDraw.Draw(picture)
    y = top + pad
    for line in lines:
        draw.text((left + pad, y), line, font=face, fill=PROMPT_COLOUR)
        y += step
    for row in rows:
        draw.text((left + pad, y + size * 0.18), row, font=small, fill=FACTS_COLOUR)
        y += small_step


def encoded(
    picture: Image.Image, format_name: str, metadata: Mapping[str, object] | None = None
) -> bytes:
    """The picture as png, jpeg or webp bytes; `metadata` goes into EXIF where given."""
    out = io.BytesIO()
    exif = Image.Exif()
    if metadata is not None:
        exif[IMAGE_DESCRIPTION_TAG] = json.dumps(metadata)
    carried = exif.tobytes() if metadata is not None else b""
    if format_name == "png":
        picture.save(out, "PNG", compress_level=1, exif=carried or None)
    elif format_name == "webp":
        picture.save(out, "WEBP", quality=88, method=1, exif=carried)
    else:
        picture.convert("RGB").save(out, "JPEG", quality=92, exif=carried)
    return out.getvalue()


def _fact_rows(facts: tuple[str, ...], face: Font, room: float) -> list[str]:
    rows: list[str] = []
    for fact in (printable(fact) for fact in facts):
        longer = f"{rows[-1]}  ·  {fact}" if rows else fact
        if rows and face.getlength(longer) <= room:
            rows[-1] = longer
        else:
            rows.append(shortened(fact, face, room))
    return rows


def _draw_shade(
    picture: Image.Image, box: tuple[float, float, float, float], radius: float, opacity: int
) -> None:
    area = tuple(round(edge) for edge in box)
    wide, tall = area[2] - area[0], area[3] - area[1]
    mask = Image.new("L", (wide, tall), 0)
    shape = (0, 0, wide - 1, tall - 1)
    ImageDraw.Draw(mask).rounded_rectangle(shape, radius, fill=opacity)
    picture.paste(PANEL_COLOUR, (area[0], area[1]), mask)
