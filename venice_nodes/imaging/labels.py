"""Makes texts drawable in the font that ships with Pillow, and names the letters it lacks."""

from __future__ import annotations

import math
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache

from PIL import ImageFont

from ...venice_client import SMALLEST_TEXT as SMALLEST_TEXT
from ...venice_client import fitted as fitted
from ...venice_client import font

MAX_LABEL = 500
"""Most characters of a label that are looked at; fewer fit into any cell."""

MAX_NAMED = 10
"""Most missing letters that a warning names."""

UNSEEN = ("Cc", "Cf", "Cs")
"""Unicode's categories of control and format characters, and of halves of a character."""

MARKS = ("Mn", "Me")
"""Unicode's categories of accents, which stand on the letter before."""

HALVES = re.compile("[\ud800-\udfff]")
NOWHERE = "\uffff"
"""A code point that no font has: Unicode promises never to use it."""

GLYPH_SIZE = 32
TEXT_SHARE = 0.7
LINE_HEIGHT = 1.25
"""How high a line is, in heights of its font."""

PLAIN = str.maketrans(
    {
        **{"ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "þ": "th", "Þ": "Th"},
        **dict(zip("øØłŁđĐðÐħĦŧŦŋŊƒıȷ", "oOlLdDdDhHtTnNfij", strict=True)),
        # Hyphen, figure dash, dashes, bar, minus, hyphen bullet.
        **dict.fromkeys("\u2010\u2012–—\u2015\u2212\u2043", "-"),
        # Low and reversed quotation marks.
        **{"\u201e": "“", "\u201f": "“", "\u201a": "\u2018", "\u201b": "\u2018"},
        # Prime, modifier apostrophe and turned comma.
        **dict.fromkeys("\u2032\u02bc\u02bb", "'"),
        **dict.fromkeys("•‣∙●", "·"),
        **{"×": "x", "\u2215": "/", "®": "(R)"},
    }
)
"""Letters with a plain spelling that Unicode's own decomposition does not know."""


def visible(text: str) -> str:
    """`text` in NFC, without what a copied text brings along unseen, such as a byte order mark."""
    seen = [c for c in text if c.isspace() or unicodedata.category(c) not in UNSEEN]
    return unicodedata.normalize("NFC", "".join(seen)).strip()


def drawable(text: str) -> str:
    """`text` in a line, in letters that the font has wherever those can spell it."""
    whole = HALVES.sub("\N{REPLACEMENT CHARACTER}", text[:MAX_LABEL])
    return " ".join("".join(map(_plain, visible(whole))).split())


def ems(text: str) -> float:
    """How long a line of `text` is, in heights of its font."""
    return font(GLYPH_SIZE).getlength(text) / GLYPH_SIZE


def wrapped(
    text: str, size: tuple[int, int], largest: int
) -> tuple[list[str], ImageFont.FreeTypeFont]:
    """`text` in lines, and the font of at most `largest` pixels, that fit into (width, height).

    Cut with … where even the smallest font does not fit.
    """
    width, height = size
    bound = math.sqrt(width * height / (max(ems(text), 0.1) * LINE_HEIGHT))
    lines = [text]
    for each in range(max(SMALLEST_TEXT, min(largest, math.ceil(bound))), SMALLEST_TEXT - 1, -1):
        lines = _lines(text, font(each), width)
        if len(lines) * each * LINE_HEIGHT <= height:
            return lines, font(each)
    room = max(1, int(height / (SMALLEST_TEXT * LINE_HEIGHT)))
    last, face = fitted(" ".join(lines[room - 1 :]), width, SMALLEST_TEXT)
    return [*lines[: room - 1], last], face


def _lines(text: str, face: ImageFont.FreeTypeFont, width: int) -> list[str]:
    """`text` broken at its spaces, and within words that are too long for a line."""
    lines, line = [], ""
    for word in text.split(" "):
        longer = f"{line} {word}".strip()
        if face.getlength(longer) <= width:
            line = longer
            continue
        lines += [line] if line else []
        rest = word
        while len(rest) > 1 and face.getlength(rest) > width:
            starts = [rest[:length] for length in range(1, len(rest) + 1)]
            fit = max(1, bisect_right(starts, width, key=lambda s: math.ceil(face.getlength(s))))
            lines.append(rest[:fit])
            rest = rest[fit:]
        line = rest
    return [*lines, line]


def missing_note(texts: Sequence[str]) -> str:
    """A warning that names the letters of `texts` that the font lacks, or ""."""
    missing = list(dict.fromkeys(c for text in texts for c in text if not _has(c)))
    if not missing:
        return ""
    more = len(missing) - MAX_NAMED
    names = f"«{''.join(missing[:MAX_NAMED])}»" + (f" and {more} more" if more > 0 else "")
    return f"The labels' font has no {names}: boxes are drawn instead."


def _plain(character: str) -> str:
    """Letters that the font has for this one, ligatures taken apart; else this one as it is."""
    if _has(character) and not character.isalpha():
        return character
    parts = unicodedata.normalize("NFKD", character)
    letters = "".join(part for part in parts if unicodedata.category(part) not in MARKS)
    spelling = letters.translate(PLAIN)
    return spelling if all(map(_has, spelling)) else character


@lru_cache(maxsize=4096)
def _has(character: str) -> bool:
    """Whether the font draws this otherwise than what it surely has not."""
    return _glyph(character) != _glyph(NOWHERE)


def _glyph(character: str) -> tuple[tuple[int, int], bytes]:
    mask = font(GLYPH_SIZE).getmask(character)
    return mask.size, bytes(mask)
