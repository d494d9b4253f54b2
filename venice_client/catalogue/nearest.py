"""Finding a name in a list: the same one in another spelling, or else the nearest."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable, Sequence

from ..errors import InvalidRequestError

MIN_PART = 3
"""Fewest characters of a name that count as a part of another one."""


def folded(name: str) -> str:
    """`name` as names are compared: without regard to case, and to blanks around it."""
    return unicodedata.normalize("NFC", name.strip().casefold())


def as_listed(name: str, known: Iterable[str]) -> str | None:
    """`name` as `known` spells it, in any case of letters; None if it is not among them."""
    wanted, found = folded(name), None
    for candidate in known:
        if candidate == name:
            return candidate
        if found is None and folded(candidate) == wanted:
            found = candidate
    return found


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like `name`, else the first that holds it, in any case of letters.

    None if there is none.
    """
    by_folded = {folded(candidate): candidate for candidate in known}
    wanted = folded(name)
    found = difflib.get_close_matches(wanted, by_folded, n=1, cutoff=0.5)
    if not found and len(wanted) >= MIN_PART:
        found = [candidate for candidate in by_folded if wanted in candidate]
    return by_folded[found[0]] if found else None


def nearest_hint(name: str, known: Iterable[str]) -> str:
    """ "Did you mean …?" with the nearest known name, or ""."""
    found = nearest(name, known)
    return f"Did you mean {found}?" if found else ""


def check_offered(field: str, value: str, offered: Sequence[str], model: str) -> None:
    """Raises InvalidRequestError, which names the nearest, unless `value` is among `offered`."""
    if value not in offered:
        hint = nearest_hint(value, offered)
        raise InvalidRequestError(
            f"{model} does not offer {field} {value}. {hint}{' ' if hint else ''}"
            f"It offers {', '.join(offered)}, or choose auto.",
            field,
        )
