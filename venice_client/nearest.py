"""The known name nearest to one that is not known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like `name`, whatever its case, or None if none is like it."""
    by_folded = {candidate.casefold(): candidate for candidate in known}
    found = difflib.get_close_matches(name.strip().casefold(), by_folded, n=1, cutoff=0.5)
    return by_folded[found[0]] if found else None


def nearest_hint(name: str, known: Iterable[str]) -> str:
    """ "Did you mean …?" with the nearest known name, or ""."""
    found = nearest(name, known)
    return f"Did you mean {found}?" if found else ""
