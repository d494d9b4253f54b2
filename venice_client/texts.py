"""Texts of others, made fit to be shown."""

from __future__ import annotations

import re


def printable(text: object, most: int | None = None) -> str:
    """`text` as one line that can be shown and encoded anywhere; its first `most` characters.

    JSON may hold half of a surrogate pair, or the control codes of a terminal.
    """
    return "".join(c if c.isprintable() else " " for c in str(text)[:most])


def beginning(data: bytes, most: int) -> str:
    """How `data` begins, in quotes: its first `most` bytes, as far as they are letters of ASCII."""
    start = re.match(rb"[ -~]*", data[:most])
    return repr(start[0]) if start and start[0] else "no text"


def shortened(text: str, most: int) -> str:
    """`text` in at most `most` characters; one that was cut ends with "…"."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
