"""Lines of text to the styles and models that they ask for, by name or by pattern.

A text may come from anywhere, and be of any length: the work on it is bounded.
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
"""Most different lines that are looked at, and that ask for names."""


def styles_for(field: str, text: str) -> list[str]:
    """The styles that the lines of an input ask for, NO_STYLE among them, as `matching`."""
    known = model_lists.lists().styles
    names = [model_lists.NO_STYLE, *known]
    return matching(names_in(field, text), names, partial(_like, names=known))


def models_for(field: str, text: str) -> list[str]:
    """The ids of the models that the lines of an input ask for, as `matching`."""
    lists = model_lists.lists()
    known, others = model_lists.generate_models(lists), model_lists.other_models(lists)
    return matching(names_in(field, text), known, lists.ids_like, others)


def sent_style(name: str) -> str:
    """What a request says for a style: "" for NO_STYLE."""
    return "" if name == model_lists.NO_STYLE else name


def lines_of(field: str, text: str) -> list[str]:
    """The lines of an input that are not blank, each once, as typed.

    Raises InvalidRequestError for a text that is too long.
    """
    if len(text) > MAX_TEXT:
        raise InvalidRequestError(
            f"{field} has {len(text):,} characters, and takes {MAX_TEXT:,}. Write fewer lines.",
            field,
        )
    lines = list(dict.fromkeys(text.splitlines()))
    check_count(field, len(lines), MAX_LINES)
    return list(filter(visible, lines))


def check_count(field: str, count: int, maximum: int, what: str = "different lines") -> None:
    """Raises InvalidRequestError for more lines, or others, than an input takes."""
    if count > maximum:
        raise InvalidRequestError(
            f"{field} has {count:,} {what}, and takes {maximum:,}. Write fewer.", field
        )


def names_in(field: str, text: str) -> list[str]:
    """The lines of an input that takes names. Raises InvalidRequestError."""
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
    """The names that lines ask for, in their order, each once.

    A line is a name that is known, else a shell pattern, of which `like` gives the names, else a
    name as typed; case doesn't count. others: names that can't be used here. Raises
    InvalidRequestError if there is no line, and for a pattern with `*` or `?` that matches nothing.
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
