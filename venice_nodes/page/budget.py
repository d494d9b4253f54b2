"""Bounds for the work and memory of a preview, whatever the graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any

MAX_REMEMBERED = 8 * 2**20
"""The most characters to remember, as Python prints them; they take several times as many bytes."""

LARGE = MAX_REMEMBERED // 64
LONG_TEXT = 200
KEY_BYTES = 20


class Budget:
    """The work left for one graph: a number of item forms, for a number of seconds."""

    def __init__(self, forms: int, seconds: float, clock: Callable[[], float]) -> None:
        self._forms, self._clock = forms, clock
        self._until = clock() + seconds
        self._texts: dict[int, tuple[str, bytes]] = {}

    @property
    def is_spent(self) -> bool:
        return self._forms <= 0 or self._clock() > self._until

    def take(self, forms: int) -> None:
        self._forms -= forms

    def lower(self, forms: int) -> None:
        """Leave at most `forms` forms."""
        self._forms = min(self._forms, forms)

    def key(self, kind: str, given: Mapping[str, Any]) -> bytes:
        """Return a digest of an item's values, which tells 1 from True."""
        told = [(name, self._told(value)) for name, value in given.items()]
        return _digest(repr((kind, told)))

    def _told(self, value: Any) -> Any:
        """Return a value for the digest; hash a long text only once per graph."""
        if not isinstance(value, str) or len(value) <= LONG_TEXT:
            return value
        if id(value) not in self._texts:
            self._texts[id(value)] = value, _digest(value)  # keeps the text alive, and so its id
        return self._texts[id(value)][1]


class Memory:
    """Past results by key, within MAX_REMEMBERED."""

    def __init__(self) -> None:
        self._known: dict[bytes, Any] = {}
        self._size = 0

    def get(self, key: bytes) -> Any:
        """Return the value of a key, or None."""
        return self._known.get(key)

    def keep(self, key: bytes, value: Any) -> None:
        """Remember a value unless it's large. Forget everything if there's no room."""
        size = len(repr(value))
        if size > LARGE:
            return
        if self._size + size > MAX_REMEMBERED:
            self._known, self._size = {}, 0
        self._known[key] = value
        self._size += size


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=KEY_BYTES).digest()
