"""The key, which does not show itself, and how it is kept out of a text."""

from __future__ import annotations

from ..errors import SettingsError

SANDBOX_KEY = "sandbox"
"""The word in place of a key that means the built-in sandbox."""

CODECS = ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")


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
        """`text` without the key. The word `sandbox` is no secret and stays."""
        if self.is_sandbox or not self._value:
            return text
        return text.replace(self._value, "[key]")

    def mask(self, data: bytes) -> bytes:
        """`data` with stars for the key, of the same length."""
        for codec in CODECS:
            stars = "*" * len(self._value)
            data = data.replace(self._value.encode(codec), stars.encode(codec))
        return data

    def is_in(self, data: bytes) -> bool:
        """Whether `data` holds the key in clear, in any form of Unicode."""
        if self.is_sandbox or not self._value:
            return False
        return any(self._value.encode(codec) in data for codec in CODECS)
