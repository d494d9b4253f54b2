"""The known name nearest to one that is not known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from ..errors import InvalidRequestError


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like `name`, whatever its case, or None if none is like it."""
    by_folded = {candidate.casefold(): candidate for candidate in known}
    found = difflib.get_close_matches(name.strip().casefold(), by_folded, n=1, cutoff=0.5)
    return by_folded[found[0]] if found else None


def nearest_hint(name: str, known: Iterable[str]) -> str:
    """ "Did you mean …?" with the nearest known name, or ""."""
    found = nearest(name, known)
    return f"Did you mean {found}?" if found else ""


def check_offered(field: str, value: str, offered: Sequence[str], model: str) -> None:
    """Refuses a value that is not among those offered, and names the nearest."""
    if value not in offered:
        hint = nearest_hint(value, offered)
        raise InvalidRequestError(
            f"{model} does not offer {field} {value}. {hint}{' ' if hint else ''}"
            f"It offers {', '.join(offered)}, or choose auto.",
            field,
        )
