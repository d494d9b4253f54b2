"""The key, which never shows itself and disappears from texts."""

from __future__ import annotations

import re
import string

from ..errors import SettingsError

SANDBOX_KEY = "sandbox"
"""The word for the built-in sandbox instead of a key."""

LOCAL_SANDBOX_KEY = "sandbox-local-key"
"""The key of the command line's sandbox: no word that texts contain by chance."""

MIN_SECRET = 8
"""The fewest characters of a key to search for in texts; shorter ones are in many words."""

_AROUND = string.whitespace + "\ufeff\u200b\u00a0\"'`\u201c\u201d\u2018\u2019"
_BEARER = re.compile(r"^(authorization:\s*)?bearer\s+", re.IGNORECASE)


def bare(text: str) -> str:
    """Remove pasted blanks, quotes and byte order marks from a setting."""
    return text.strip(_AROUND)


class ApiKey:
    """A key that never shows itself, in repr, str, pickles or formatted text.

    You can paste it in quotes, with blanks, after "Bearer "; `sandbox` in any case.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        value = bare(_BEARER.sub("", bare(value), count=1))
        value = SANDBOX_KEY if value.lower() == SANDBOX_KEY else value
        if not value.isascii() or not value.isprintable() or " " in value:
            raise SettingsError(
                "Your Venice API key contains a space, a line break or a letter that no key has. "
                "Copy it again from venice.ai → Settings → API."
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
        """Whether this is the word for the built-in sandbox."""
        return self._value == SANDBOX_KEY

    def reveal(self) -> str:
        """Return the key, only for the Authorization header and the settings file."""
        return self._value

    @property
    def _is_secret(self) -> bool:
        return len(self._value) >= MIN_SECRET and not self.is_sandbox

    def redact(self, text: str) -> str:
        """Return `text` without the key, in any case, since header names have none.

        The word `sandbox` is no secret and stays.
        """
        if not self._is_secret:
            return text
        return re.sub(re.escape(self._value), "[key]", text, flags=re.IGNORECASE)

    def mask(self, data: bytes) -> bytes:
        """Return `data` with stars for the key, in the same length."""
        return data.replace(self._value.encode(), b"*" * len(self._value))

    def is_in(self, data: bytes) -> bool:
        """Whether `data` from the service contains the key in clear."""
        return self._is_secret and self._value.encode() in data
