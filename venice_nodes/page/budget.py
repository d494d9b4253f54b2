"""How much work and memory a preview may take, whatever is in the graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any

MAX_REMEMBERED = 8 * 2**20
"""Most characters of all that is remembered, as Python writes it; memory takes some times that."""

LARGE = MAX_REMEMBERED // 64
LONG_TEXT = 200
KEY_BYTES = 20


class Budget:
    """The work that is left for one graph: so many forms of items, for so many seconds."""

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
        """Leaves at most so many forms."""
        self._forms = min(self._forms, forms)

    def key(self, kind: str, given: Mapping[str, Any]) -> bytes:
        """Tells the values of an item from any others, and holds none of them: 1 is not True."""
        told = [(name, self._told(value)) for name, value in given.items()]
        return _digest(repr((kind, told)))

    def _told(self, value: Any) -> Any:
        """A long text is hashed once for a graph, however many items have it."""
        if not isinstance(value, str) or len(value) <= LONG_TEXT:
            return value
        if id(value) not in self._texts:
            self._texts[id(value)] = value, _digest(value)  # holds the text, and so its id
        return self._texts[id(value)][1]


class Memory:
    """What was worked out before, by its key, within MAX_REMEMBERED."""

    def __init__(self) -> None:
        self._known: dict[bytes, Any] = {}
        self._size = 0

    def get(self, key: bytes) -> Any:
        """What is remembered under a key, or None."""
        return self._known.get(key)

    def keep(self, key: bytes, value: Any) -> None:
        """Remembers a value, unless it is large. Forgets everything where there is no room."""
        size = len(repr(value))
        if size > LARGE:
            return
        if self._size + size > MAX_REMEMBERED:
            self._known, self._size = {}, 0
        self._known[key] = value
        self._size += size


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=KEY_BYTES).digest()
