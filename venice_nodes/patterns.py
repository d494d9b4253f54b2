"""Find the styles and models for lines of text, by name or pattern.

The text can come from anywhere, so the work on it is bounded.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from functools import partial

from ..venice_client import InvalidRequestError
from . import model_lists
from .imaging.labels import visible

MAX_TEXT = 4_000_000
MAX_NAME = 200
"""Most characters of a text with lines, and of a line that is a name or a pattern."""

MAX_LINES = 10_000
MAX_NAMES = 1000
"""Most different lines, and most that can be names."""


def styles_for(field: str, text: str) -> list[str]:
    """The styles for the lines of an input, including NO_STYLE, as in `matching`."""
    known = model_lists.lists().styles
    names = [model_lists.NO_STYLE, *known]
    return matching(names_in(field, text), names, partial(_like, names=known))


def models_for(field: str, text: str) -> list[str]:
    """The ids of the models for the lines of an input, as in `matching`."""
    lists = model_lists.lists()
    known, others = model_lists.generate_models(lists), model_lists.other_models(lists)
    return matching(names_in(field, text), known, lists.ids_like, others)


def sent_style(name: str) -> str:
    """The style that a request sends: "" for NO_STYLE."""
    return "" if name == model_lists.NO_STYLE else name


def lines_of(field: str, text: str) -> list[str]:
    """The non-blank lines of an input, each once, as typed.

    Raises InvalidRequestError if the text is too long.
    """
    if len(text) > MAX_TEXT:
        raise InvalidRequestError(
            f"{field} has {len(text):,} characters; the limit is {MAX_TEXT:,}. Remove some lines.",
            field,
        )
    lines = list(dict.fromkeys(text.splitlines()))
    check_count(field, len(lines), MAX_LINES)
    return [line for line in lines if len(line) > MAX_NAME or visible(line)]


def check_count(field: str, count: int, maximum: int, what: str = "different lines") -> None:
    """Raise InvalidRequestError if there are more lines, or other things, than allowed."""
    if count > maximum:
        raise InvalidRequestError(f"{field} has {count:,} {what}; the limit is {maximum:,}.", field)


def names_in(field: str, text: str) -> list[str]:
    """The lines of an input for names. Raises InvalidRequestError."""
    lines = lines_of(field, text)
    check_count(field, len(lines), MAX_NAMES)
    if longest := next((line for line in lines if len(line) > MAX_NAME), ""):
        raise InvalidRequestError(
            f"A line in {field} has {len(longest):,} characters, more than any name. Write one "
            "name or pattern per line.",
            field,
        )
    return list(filter(None, map(visible, lines)))


def matching(
    lines: Sequence[str],
    known: Sequence[str],
    like: Callable[[str], Sequence[str]],
    others: Sequence[str] = (),
) -> list[str]:
    """The names for some lines, in order, each once.

    A line is a known name, else a shell pattern whose names `like` returns, else a name as typed;
    case doesn't count. others: names that can't be used here. Raises InvalidRequestError without
    lines, and for a pattern with `*` or `?` that matches nothing.
    """
    exact = {_folded(name): name for name in known}
    found: dict[str, str] = {}
    for line in lines:
        folded = _folded(line)
        names = [exact[folded]] if folded in exact else like(line)
        if not names and any(sign in line for sign in "*?"):
            raise InvalidRequestError(_nothing_matches(line, others))
        for name in names or [line]:
            found.setdefault(_folded(name), name)
    if not found:
        raise InvalidRequestError("The list is empty. Write one name or pattern per line.")
    return list(found.values())


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name.casefold())


def _like(pattern: str, names: Sequence[str]) -> list[str]:
    return [name for name in names if fnmatchcase(_folded(name), _folded(pattern))]


def _nothing_matches(pattern: str, others: Sequence[str]) -> str:
    if unusable := _like(pattern, others):
        return (
            f"“{pattern}” matches only models that neither Generate nor Edit can use, such as "
            f"{unusable[0]}. Choose others."
        )
    return f"Nothing matches “{pattern}”. Check its spelling."
