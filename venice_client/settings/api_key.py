"""The key, which does not show itself, and how it is kept out of a text."""

from __future__ import annotations

from ..errors import SettingsError

SANDBOX_KEY = "sandbox"
"""The word in place of a key that means the built-in sandbox."""

MIN_SEARCHED = 8
"""Least letters of a key that is searched for in what the service says: a shorter one may well
stand there by chance, in the name of a model."""


class ApiKey:
    """A key that does not show itself: not in repr, str, pickles or formatted text."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        value = value.strip()
        if not value.isascii() or not value.isprintable() or " " in value:
            raise SettingsError(
                "The Venice key has a space, a line break or a letter that no key has: "
                "copy it again from venice.ai, Settings, API."
            )
        self._value = value

    def __repr__(self) -> str:
        return "ApiKey(hidden)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ApiKey) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("an ApiKey is never pickled")

    @property
    def is_sandbox(self) -> bool:
        """Whether this is the word that stands for the built-in sandbox."""
        return self._value == SANDBOX_KEY

    def reveal(self) -> str:
        """The key itself, for the Authorization header and the settings file only."""
        return self._value

    def redact(self, text: str) -> str:
        """`text` of the service without the key. The word `sandbox` is no secret and stays."""
        return text.replace(self._value, "[key]") if self._is_searched else text

    def mask(self, data: bytes) -> bytes:
        """`data` with stars for the key, of the same length."""
        return data.replace(self._value.encode(), b"*" * len(self._value))

    def is_in(self, data: bytes) -> bool:
        """Whether `data` of the service holds the key in clear."""
        return self._is_searched and self._value.encode() in data

    @property
    def _is_searched(self) -> bool:
        return not self.is_sandbox and len(self._value) >= MIN_SEARCHED
