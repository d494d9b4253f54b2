"""Models and styles at one moment: the bundled lists, or a saved copy of the live ones."""

from __future__ import annotations

import hashlib
import json
import logging
import math
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from .chat_prices import cheapest_first
from .model import TEXT, Model, parse_model, strings
from .nearest import folded

log = logging.getLogger(__name__)

DATA = Path(__file__).parent / "data"
TYPES = ("image", "inpaint", "upscale")
"""The types of model that take or produce images."""

OTHER_TYPES = ("asr", "code", "decision", "embedding", "music", "text", "tts", "video")
"""The API's other types. A model of a type in neither tuple isn't checked."""

BY_PATTERN = ("image", "inpaint")
"""The kinds that a pattern may mean, in this order."""


@dataclass(frozen=True)
class Lists:
    """The lists at one moment: entries of `GET /models`, and style names."""

    entries: tuple[Any, ...]
    styles: tuple[str, ...]
    saved_at: float = 0.0
    _all: tuple[Model, ...] = field(init=False, repr=False)
    _choices: list[list[tuple[str, str]]] = field(init=False, repr=False, compare=False)
    """The models of each kind that a pattern may mean: folded id, and id."""

    def __post_init__(self) -> None:
        # Not when they are first needed: the lock of a cached property would outlast a fork.
        object.__setattr__(self, "_all", tuple(filter(None, map(parse_model, self.entries))))
        choices = [[(folded(m.id), m.id) for m in self.listed(kind)] for kind in BY_PATTERN]
        object.__setattr__(self, "_choices", choices)

    def models(self) -> dict[str, Model]:
        """Return the image models by id, the first use of each; `listed` has all of them."""
        models: dict[str, Model] = {}
        for model in self.listed():
            models.setdefault(model.id, model)
        return models

    def listed(self, kind: str | None = None) -> tuple[Model, ...]:
        """Return the image models, of one kind or all, or those of kind "text", in list order.

        A model with several uses appears once for each.
        """
        found = (m for m in self._all if m.type not in OTHER_TYPES or m.type == kind == TEXT)
        return tuple(m for m in found if kind is None or m.kind == kind)

    def text_models(self, sees: bool = False) -> list[Model]:
        """Return the text models, the cheapest first. sees: only those that take images."""
        return cheapest_first(m for m in self.listed(TEXT) if m.sees or not sees)

    def ids_like(self, pattern: str) -> list[str]:
        """Return the ids that match a shell pattern such as `*edit*`, ignoring case.

        If no model that generates images matches, the models that edit count.
        """
        wanted = folded(pattern)
        for ids in self._choices:
            if found := [id for name, id in ids if fnmatchcase(name, wanted)]:
                return list(dict.fromkeys(found))
        return []

    def by_name(self) -> dict[str, dict[str, Model]]:
        """Return every model by its id and its folded id, then by its kind."""
        models: dict[str, dict[str, Model]] = {}
        for named in (*((m.id, m) for m in self._all), *((folded(m.id), m) for m in self._all)):
            models.setdefault(named[0], {}).setdefault(named[1].kind, named[1])
        return models

    def by_trait(self) -> dict[str, Model]:
        """Return the text model with each trait."""
        return {trait: m for m in reversed(self.listed(TEXT)) for trait in m.traits}


@cache
def bundled_lists() -> Lists:
    """Return the lists as of November 2026, with the constraints published by then."""
    models, texts, styles = (
        json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("models", "text_models", "styles")
    )
    return Lists((*models, *texts), tuple(styles))


def saved_lists(home: Path, service: str) -> Lists:
    """Return the saved copy for `service`, else the bundled lists. Never uses the network."""
    path = lists_file(home, service)
    try:
        return _read_saved(path, service, path.stat().st_mtime_ns)
    except FileNotFoundError:
        return bundled_lists()
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        log.warning("The saved model list can't be read and isn't used (%s).", type(error).__name__)
        return bundled_lists()


@lru_cache(maxsize=4)
def _read_saved(path: Path, service: str, _changed: int) -> Lists:
    """Read the lists from a file, once for each change of it: the node list needs them often."""
    data = json.loads(path.read_text(encoding="utf-8"))
    lists = Lists(tuple(data["models"]), strings(data["styles"]), float(data["time"]))
    is_sound = lists.models() and lists.styles and math.isfinite(lists.saved_at)
    if data["service"] != service or not is_sound:
        raise ValueError("not a list of this service")
    texts = [each for each in lists.entries if isinstance(each, dict) and each.get("type") == TEXT]
    if any("model_spec" not in text for text in texts):  # version 0.2 saved only their ids
        return bundled_lists()
    return lists


def lists_file(home: Path, service: str) -> Path:
    """Return where the lists of a service are saved."""
    return home / f"catalogue-{hashlib.sha256(service.encode()).hexdigest()[:12]}.json"
