"""The saved results in the gallery's order, and what it searches and filters them by.

It reads each head and each prompt once a process. The names in the folder tell it about new and
deleted results.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ...venice_client import Settings
from ...venice_client.for_nodes import CHAT_PATH, Entry, ResultCache, after_fork, cached_texts

CLOCK_STEP = 2.0
"""Seconds in which two changes of a folder may have the same time (FAT)."""

TRUSTED_FOR = 60.0
"""Seconds for which the time of a folder is believed: not every file system keeps it."""

MAX_TEXT = 100_000
"""The most characters of a text that a page gets."""

MAX_DAYS = 366
"""Most days to choose from, the newest first."""


@dataclass(frozen=True)
class Query:
    """A search: words that a result contains, in any order, and filters; "" for any."""

    words: str = ""
    model: str = ""
    day: str = ""
    unseen: bool = False


@dataclass(frozen=True)
class Row:
    """A result in the index. text: prompt, text, model and seed, in small letters."""

    key: str
    order: tuple[float, int]
    model: str
    day: str
    is_unseen: bool
    text: str


class ResultIndex:
    """All results of a store, the newest batch first and each batch in its own order.

    Thread-safe. store: any that reads the same folder. sizes: of the images, as far as known.
    """

    def __init__(self) -> None:
        self.sizes: dict[str, tuple[int | None, int | None]] = {}
        self._lock = threading.Lock()
        self._by_key: dict[str, Row | None] = {}
        self._rows: list[Row] = []
        self._choices: dict[str, Any] = {}
        self._changed = self._looked = 0.0

    def find(self, store: ResultCache, query: Query) -> list[Row]:
        """Return the matching rows."""
        rows = self._read(store)
        if query.model:
            rows = [row for row in rows if row.model == query.model]
        if query.day:
            rows = [row for row in rows if row.day == query.day]
        if query.unseen:
            rows = [row for row in rows if row.is_unseen]
        for word in sorted(query.words.lower().split(), key=len, reverse=True):
            rows = [row for row in rows if word in row.text]
        return rows

    def choices(self, store: ResultCache) -> dict[str, Any]:
        """Return the values to filter by: models, the most used first, and days."""
        self._read(store)
        return self._choices

    def note(self, store: ResultCache, entries: Sequence[Entry]) -> bool:
        """Update the rows of entries; return whether any has changed."""
        with self._lock:
            news = [entry for entry in entries if self._is_news(entry)]
            for entry in news:
                self._by_key[entry.key] = _row(store, entry)
            if news:
                self._sort()
            return bool(news)

    def _is_news(self, entry: Entry) -> bool:
        old = self._by_key.get(entry.key)
        new = (entry.order, _is_unseen(entry))
        return old is not None and (old.order, old.is_unseen) != new

    def _read(self, store: ResultCache) -> list[Row]:
        with self._lock:
            if self._is_fresh(store):
                return self._rows
            self._looked, self._changed = time.time(), store.changed()
            keys = store.keys()
            gone = self._by_key.keys() - keys
            new = keys - self._by_key.keys()
            for key in gone:
                del self._by_key[key]
                self.sizes.pop(key, None)
            for key in new:
                entry = store.entry(key)
                self._by_key[key] = _row(store, entry) if entry else None
            if gone or new:
                self._sort()
            return self._rows

    def _is_fresh(self, store: ResultCache) -> bool:
        """Whether no result is new or gone since the last look, by the time of the folder."""
        return (
            store.changed() == self._changed
            and self._changed < self._looked - CLOCK_STEP
            and time.time() - self._looked < TRUSTED_FOR
        )

    def _sort(self) -> None:
        rows = [row for row in self._by_key.values() if row]
        self._rows = sorted(rows, key=lambda row: (row.order, row.key))
        models = Counter(row.model for row in rows if row.model)
        days = sorted({row.day for row in rows if row.day}, reverse=True)
        self._choices = {
            "models": [model for model, _ in models.most_common()],
            "days": days[:MAX_DAYS],
        }


def is_text(entry: Entry) -> bool:
    """Whether a text model wrote it."""
    return bool(entry.facts.get("path") == CHAT_PATH)


def text_of(store: ResultCache, entry: Entry) -> str:
    """Return the texts in an entry; "" for an image."""
    response = store.peek(entry.key) if is_text(entry) else None
    return "\n\n".join(cached_texts(response))[:MAX_TEXT] if response else ""


def _row(store: ResultCache, entry: Entry) -> Row:
    model, seed = str(entry.facts.get("model") or ""), entry.facts.get("seed")
    texts = store.prompt(entry.key)[0], text_of(store, entry), model, seed
    text = "\n".join(str(each) for each in texts if each is not None)
    return Row(entry.key, entry.order, model, _day(entry), _is_unseen(entry), text.lower())


def _is_unseen(entry: Entry) -> bool:
    return entry.was_shown is False


def _day(entry: Entry) -> str:
    """Return the local day, such as "2026-11-30"; "" for a time that no calendar has."""
    try:
        return datetime.fromtimestamp(entry.facts["time"]).date().isoformat()
    except (ValueError, OverflowError, OSError):
        return ""


def index_of(settings: Settings) -> ResultIndex:
    """Return the index of a home folder. There is one at a time."""
    global _current
    name = (settings.home, settings.save_prompts, settings.store_mb > 0)
    with _lock:
        if _current is None or _current[0] != name:
            _current = (name, ResultIndex())
        return _current[1]


@after_fork
def _forget() -> None:
    global _lock, _current
    _lock, _current = threading.Lock(), None


_lock = threading.Lock()
_current: tuple[tuple[Path, bool, bool], ResultIndex] | None = None
