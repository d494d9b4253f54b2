"""The fields that models silently ignore: as published, unless the live list says more."""

from __future__ import annotations

import json
from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

from .model import Model
from .nearest import folded

DATA = Path(__file__).parent / "data" / "ignored_fields.json"


def is_ignored(field: str, model: Model) -> bool:
    """Whether `model` is known to ignore `field` of a request to `/image/generate`."""
    published = _published()
    said = published["fields"].get(field, {})
    ability = model.abilities.get(said.get("ability"))
    if ability is not None:
        return not ability
    if _is_among(model.id, said.get("ignored_by", ())):
        return True
    users = said.get("used_by")
    is_covered = users is not None and _is_among(model.id, published["models"])
    return is_covered and not _is_among(model.id, users)


def _is_among(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(folded(name), folded(pattern)) for pattern in patterns)


@cache
def _published() -> dict[str, Any]:
    data: dict[str, Any] = json.loads(DATA.read_text(encoding="utf-8"))
    return data
