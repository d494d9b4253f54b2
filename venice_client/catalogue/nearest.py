"""Names in a list: the same one in another spelling, or else the nearest."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable, Sequence

from ..errors import InvalidRequestError

MIN_PART = 3
"""The fewest characters to match as a part of another name."""


def folded(name: str) -> str:
    """Return `name` in the form for comparing: without case and surrounding spaces."""
    return unicodedata.normalize("NFC", name.strip().casefold())


def as_listed(name: str, known: Iterable[str]) -> str | None:
    """Return `name` as `known` spells it, ignoring case; None if it isn't among them."""
    wanted, found = folded(name), None
    for candidate in known:
        if candidate == name:
            return candidate
        if found is None and folded(candidate) == wanted:
            found = candidate
    return found


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the most similar known name, else the first that contains `name`, ignoring case.

    None if there is none.
    """
    by_folded = {folded(candidate): candidate for candidate in known}
    wanted = folded(name)
    found = difflib.get_close_matches(wanted, by_folded, n=1, cutoff=0.5)
    if not found and len(wanted) >= MIN_PART:
        found = [candidate for candidate in by_folded if wanted in candidate]
    return by_folded[found[0]] if found else None


def check_offered(field: str, value: str, offered: Sequence[str], model: str) -> None:
    """Raise InvalidRequestError, which names the nearest, unless `value` is among `offered`."""
    if value not in offered:
        found = nearest(value, offered)
        hint = f"Did you mean {found}? " if found else ""
        raise InvalidRequestError(
            f"{model} doesn't offer {field} {value}. {hint}Choose {', '.join(offered)}, or auto.",
            field,
        )
