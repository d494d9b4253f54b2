"""Foreign texts made safe to show."""

from __future__ import annotations

import math
import re

MAX_SHOWN = 2000
"""The most characters of a text to show on a page."""

_TERMINAL_CODE = re.compile(r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?")

_LINK = re.compile(
    r"(?P<ours>https://api\.venice\.ai(?=[/)\s]|$))"
    r"|(?P<before>:(?=//)|\b(?:javascript|vbscript|data|blob|mailto|tel):(?=[^\s…])|\bwww(?=\.)"
    r"|\](?=[(\[:])|\[(?=\[)|(?<=[\w.+-])@(?=\w))",
    re.IGNORECASE,
)
"""Texts that pages turn into links: schemes, www, mail addresses, Markdown, and ComfyUI's [[…]].
The address of the API is ours, and stays."""

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
"""JSON writes a small number as 1e-05."""

_BRACKETS = str.maketrans("<>", "‹›")


def harmless(text: object, maximum: int = MAX_SHOWN) -> str:
    """Return `text` with nothing in it that a page could run or turn into a link.

    Tags become ‹…›, and a space breaks links. Control and terminal codes and halves of surrogate
    pairs are removed. Lines stay, up to `maximum` characters. Harmless text doesn't change.
    """
    shown = _LINK.sub(_broken, _without_codes(str(text)[: 2 * maximum]).translate(_BRACKETS))
    if len(shown) > maximum:  # the cut may have broken our own address
        shown = _LINK.sub(_broken, shortened(shown, maximum))
    return shortened(shown, maximum)


def printable(text: object, maximum: int = MAX_SHOWN) -> str:
    """Return `text` as one harmless line of at most `maximum` characters."""
    return harmless(" ".join(str(text)[: 2 * maximum].splitlines()), maximum)


def one_line(text: object, maximum: int = MAX_SHOWN) -> str:
    """`text` as one line for a terminal: without its codes, but with whole addresses."""
    return shortened(_without_codes(" ".join(str(text)[: 2 * maximum].splitlines())), maximum)


def printable_lines(text: str) -> str:
    """Return a text for a terminal: without its codes, in its own lines, and of any length."""
    return _without_codes("\n".join(text.splitlines()))


def _without_codes(text: str) -> str:
    lines = _TERMINAL_CODE.sub("", text).split("\n")
    return "\n".join("".join(c if c.isprintable() else " " for c in line) for line in lines)


def _broken(link: re.Match[str]) -> str:
    return link["ours"] or f"{link['before']} "


def plain_number(text: str) -> float:
    """Return a plain decimal number; NaN for anything else, such as 1_000 or inf."""
    return float(text) if _NUMBER.fullmatch(text.strip()) else math.nan


def beginning(data: bytes, maximum: int) -> str:
    """Return the ASCII at the beginning of `data`, in quotes, from at most `maximum` bytes."""
    start = re.match(rb"[ -~]*", data[:maximum])
    return repr(start[0]) if start and start[0] else "no text"


def shortened(text: str, maximum: int) -> str:
    """Return `text` cut to `maximum` characters; "…" marks a cut."""
    return text if len(text) <= maximum else text[: maximum - 1].rstrip() + "…"


def why_unsendable(text: str) -> str:
    """Describe what in `text` no request can carry; "" if there is nothing."""
    if text.isascii() and "\0" not in text:
        return ""
    if "\0" in text:
        return "a NUL character"
    half = next((c for c in text if "\ud800" <= c <= "\udfff"), "")
    return f"an unpaired surrogate (U+{ord(half):04X})" if half else ""
