"""Lines of text to the styles and models that they ask for, by name or by pattern."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from functools import partial

from ..venice_client import InvalidRequestError
from . import model_lists
from .imaging.labels import visible


def styles_for(patterns: str) -> list[str]:
    """The styles that the lines of `patterns` ask for, NO_STYLE among them, as `matching`."""
    known = model_lists.styles()
    return matching(patterns, [model_lists.NO_STYLE, *known], partial(_like, names=known))


def models_for(patterns: str) -> list[str]:
    """The ids of the models that the lines of `patterns` ask for, as `matching`."""
    known, others = model_lists.generate_models(), model_lists.other_models()
    return matching(patterns, known, model_lists.models_like, others)


def sent_style(name: str) -> str:
    """What a request says for a style: "" for NO_STYLE."""
    return "" if name == model_lists.NO_STYLE else name


def matching(
    patterns: str,
    known: Sequence[str],
    like: Callable[[str], Sequence[str]],
    others: Sequence[str] = (),
) -> list[str]:
    """The names that the lines of `patterns` ask for, in their order, each once.

    A line is a name that is known, else a shell pattern, of which `like` gives the names, else a
    name as typed; case and invisible characters do not count. others: names that cannot be used
    here. Raises InvalidRequestError if there is no line, and for a pattern with
    `*` or `?` that matches nothing.
    """
    exact = {_folded(name): name for name in known}
    found: dict[str, str] = {}
    for line in filter(None, map(visible, patterns.splitlines())):
        folded = _folded(line)
        names = [exact[folded]] if folded in exact else like(line)
        if not names and any(sign in line for sign in "*?"):
            raise InvalidRequestError(_nothing_matches(line, others))
        for name in names or [line]:
            found.setdefault(_folded(name), name)
    if not found:
        raise InvalidRequestError("The list is empty: write one name or pattern a line.")
    return list(found.values())


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name.casefold())


def _like(pattern: str, names: Sequence[str]) -> list[str]:
    return [name for name in names if fnmatchcase(_folded(name), _folded(pattern))]


def _nothing_matches(pattern: str, others: Sequence[str]) -> str:
    if unusable := _like(pattern, others):
        return (
            f"“{pattern}” matches only models that neither Generate nor Edit can use, such as "
            f"{unusable[0]}: choose others."
        )
    return f"Nothing matches “{pattern}”: check its spelling."
