"""Make texts drawable in the font that ships with Pillow, and name the letters it lacks."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache

from PIL import ImageFont

from ...venice_client.for_nodes import SMALLEST_TEXT as SMALLEST_TEXT
from ...venice_client.for_nodes import fitted as fitted
from ...venice_client.for_nodes import font

MAX_LABEL = 500
"""Most characters of a label that count; fewer fit into any cell."""

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
"""Height of a line, in heights of its font."""

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
"""Letters with a plain spelling that Unicode's decomposition lacks."""


def visible(text: str) -> str:
    """`text` in NFC, without invisible characters such as a byte order mark."""
    seen = [c for c in text if c.isspace() or unicodedata.category(c) not in UNSEEN]
    return unicodedata.normalize("NFC", "".join(seen)).strip()


def drawable(text: str) -> str:
    """`text` in one line, in letters that the font has if they can spell it."""
    whole = HALVES.sub("\N{REPLACEMENT CHARACTER}", text[:MAX_LABEL])
    return " ".join("".join(map(_plain, visible(whole))).split())


def ems(text: str) -> float:
    """The length of `text` in one line, in heights of its font."""
    return font(GLYPH_SIZE).getlength(text) / GLYPH_SIZE


def wrapped(
    text: str, size: tuple[int, int], largest: int
) -> tuple[list[str], ImageFont.FreeTypeFont]:
    """`text` in lines, and the font of at most `largest` pixels, that fit into (width, height).

    If even the smallest font doesn't fit, the text ends in "…".
    """
    width, height = size
    sizes = range(SMALLEST_TEXT, max(SMALLEST_TEXT, largest) + 1)
    too_large = bisect_left(
        sizes, True, key=lambda each: len(_lines(text, each, width)) > _room(each, height)
    )
    chosen = sizes[max(0, too_large - 1)]
    lines, room = _lines(text, chosen, width), _room(chosen, height)
    if len(lines) <= room:
        return lines, font(chosen)
    last, face = fitted(" ".join(lines[room - 1 : room + 1]), width, chosen)
    return [*lines[: room - 1], last], face


def _room(size: int, height: int) -> int:
    """Return the number of lines of a font size that fit into a height."""
    return max(1, int(height / (size * LINE_HEIGHT)))


def _lines(text: str, size: int, width: int) -> list[str]:
    """`text` broken at spaces, and within words longer than a line."""
    lines, start, space, length = list[str](), 0, 0, 0.0
    for i, character in enumerate(text):
        length += _advance(character, size)
        space = i if character == " " else space
        while length > width and i > start:
            end, rest = (space, space + 1) if space > start else (i, i)
            lines.append(text[start:end])
            start = rest
            length = sum(_advance(each, size) for each in text[start : i + 1])
    return [*lines, text[start:]]


@lru_cache(maxsize=65536)
def _advance(character: str, size: int) -> float:
    return font(size).getlength(character)


def missing_note(texts: Sequence[str]) -> str:
    """A warning that names the letters of `texts` that the font lacks, or ""."""
    missing = list(dict.fromkeys(c for text in texts for c in text if not _has(c)))
    if not missing:
        return ""
    more = len(missing) - MAX_NAMED
    names = f"«{''.join(missing[:MAX_NAMED])}»" + (f" and {more} more" if more > 0 else "")
    return f"The labels' font has no {names} and draws boxes instead."


def _plain(character: str) -> str:
    """Letters in the font that spell this one, ligatures split; else this one unchanged."""
    if _has(character) and not character.isalpha():
        return character
    parts = unicodedata.normalize("NFKD", character)
    letters = "".join(part for part in parts if unicodedata.category(part) not in MARKS)
    spelling = letters.translate(PLAIN)
    return spelling if all(map(_has, spelling)) else character


@lru_cache(maxsize=4096)
def _has(character: str) -> bool:
    """Whether the font has this character: it draws it unlike one that it can't have."""
    return _glyph(character) != _glyph(NOWHERE)


def _glyph(character: str) -> tuple[tuple[int, int], bytes]:
    mask = font(GLYPH_SIZE).getmask(character)
    return mask.size, bytes(mask)
