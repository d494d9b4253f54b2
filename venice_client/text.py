"""Texts of others, made fit to be shown."""

from __future__ import annotations

import re


def printable(text: object, maximum: int | None = None) -> str:
    """`text` as one line that can be shown and encoded anywhere; its first `most` characters.

    JSON may hold half of a surrogate pair, or the control codes of a terminal.
    """
    return "".join(c if c.isprintable() else " " for c in str(text)[:maximum])


def beginning(data: bytes, maximum: int) -> str:
    """How `data` begins, in quotes: its first `most` bytes, as far as they are letters of ASCII."""
    start = re.match(rb"[ -~]*", data[:maximum])
    return repr(start[0]) if start and start[0] else "no text"


def shortened(text: str, maximum: int) -> str:
    """`text` in at most `most` characters; one that was cut ends with "…"."""
    return text if len(text) <= maximum else text[: maximum - 1].rstrip() + "…"
