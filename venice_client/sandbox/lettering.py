"""Text on sandbox pictures, in the font that ships with Pillow."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

# What the bundled font has beyond ASCII.
EXTRA_GLYPHS = frozenset("·…“”’•°™")
# Multiplication sign, opening apostrophe, dashes, minus.
STAND_INS = {0xD7: "x", 0x2018: "'", 0x2013: "-", 0x2014: "-", 0x2212: "-"}
SMALLEST_TEXT = 7
BADGE = "SANDBOX"
BADGE_COLOUR = (255, 196, 0)
BADGE_INK = (24, 20, 10)

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@lru_cache(maxsize=64)
def font(size: int) -> Font:
    """The bundled font at a size in pixels."""
    return ImageFont.load_default(size=size)


def printable(text: str) -> str:
    """The text in characters that the font has: accents go, what is unknown becomes `?`."""
    plain = unicodedata.normalize("NFKD", " ".join(text.translate(STAND_INS).split()))
    kept = (character for character in plain if not unicodedata.combining(character))
    return "".join(
        character if " " <= character <= "~" or character in EXTRA_GLYPHS else "?"
        for character in kept
    )


def wrapped(text: str, face: Font, width: float, max_lines: int) -> list[str]:
    """Lines no wider than `width`; what does not fit in them ends in an ellipsis."""
    lines: list[str] = []
    words = printable(text).split()
    while words and len(lines) < max_lines:
        line = words.pop(0)
        fits = _longest_fit(line, face, width)
        if fits < len(line):
            words.insert(0, line[fits:])
            line = line[:fits]
        else:
            while words and face.getlength(f"{line} {words[0]}") <= width:
                line = f"{line} {words.pop(0)}"
        lines.append(line)
    if words and lines:
        lines[-1] = shortened(f"{lines[-1]} {words[0]}…", face, width)
    return lines


def shortened(text: str, face: Font, width: float) -> str:
    """The text, cut with an ellipsis where it is wider than `width`."""
    if _longest_fit(text, face, width) == len(text):
        return text
    stem = text[: _longest_fit(text, face, width - face.getlength("…"))]
    return f"{stem.rstrip(' …')}…"


def draw_badge(picture: Image.Image, place: str = "right", label: str = BADGE) -> None:
    """The SANDBOX mark at the top (`left`, `middle`, `right`), or at the foot (`bottom`)."""
    width, height = picture.size
    size = round(min(width, height) * 0.045 + 4)
    size = min(size, int(width / (0.75 * len(label))), int(height / 1.3))
    if size < SMALLEST_TEXT:
        _draw_stripes(picture)
        return
    face = font(size)
    pad = max(1, size // 3)
    wide, tall = face.getlength(label) + 2 * pad, float(size + pad)
    margin = max(0, min(size // 2, int(width - wide) // 2, int(height - tall) // 2))
    left = {"left": float(margin), "right": width - margin - wide}.get(place, (width - wide) / 2)
    top = height * 0.72 if place == "bottom" else float(margin)
    draw = ImageDraw.Draw(picture)
    draw.rounded_rectangle((left, top, left + wide, top + tall), tall * 0.3, fill=BADGE_COLOUR)
    middle = (left + wide / 2, top + tall / 2)
    draw.text(middle, label, font=face, fill=BADGE_INK, anchor="mm")


def _longest_fit(text: str, face: Font, width: float) -> int:
    """How many characters fit into `width`; at least one."""
    # No character is narrower than a pixel, so no more than this can fit.
    maximum = min(len(text), max(1, int(width)))
    if face.getlength(text[:maximum]) <= width:
        return maximum
    minimum = 1
    while minimum < maximum - 1:
        middle = (minimum + maximum) // 2
        if face.getlength(text[:middle]) <= width:
            minimum = middle
        else:
            maximum = middle
    return minimum


def _draw_stripes(picture: Image.Image) -> None:
    """Where no letter fits: hazard stripes along the top edge."""
    draw = ImageDraw.Draw(picture)
    width, height = picture.size
    tall = max(1, height // 5)
    for x in range(width):
        for y in range(tall):
            lit = (x + y) // 3 % 2 == 0
            draw.point((x, y), fill=BADGE_COLOUR if lit else BADGE_INK)
