"""An answer of the service, or one that was kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import CHARGED, BadResponseError
from ..text import beginning


@dataclass(frozen=True)
class Response:
    """Headers with lower-case names, the whole body, the seconds it took, and the HTTP status.

    from_store: whether it comes from the store, and not just now from the service. not_kept: why
    it could not be kept on disk, "" where it is or need not be. not_recorded: why its charge isn't
    in the ledger yet, or "". checksum: the SHA-256 of the body.
    """

    headers: Mapping[str, str]
    body: bytes
    seconds: float
    status: int = 200
    from_store: bool = False
    not_kept: str = ""
    not_recorded: str = ""
    checksum: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "checksum", hashlib.sha256(self.body).hexdigest())

    @property
    def is_ok(self) -> bool:
        """Whether its status is one of success."""
        return 200 <= self.status < 300

    def json(self) -> Any:
        """The body as JSON. Raises BadResponseError unless it is (endless nesting included)."""
        try:
            return read_json(self.body)
        except (ValueError, RecursionError):
            raise BadResponseError(
                f"Venice's answer cannot be read as JSON. {CHARGED}\n"
                f"It begins with {beginning(self.body, 40)}."
            ) from None


def read_json(body: bytes) -> Any:
    """A body in UTF-8 as JSON. Raises ValueError, and RecursionError for endless nesting.

    A picture may be in it, so it is read as far as it can be: with line breaks in texts, wrong
    letters, something behind its end, and NaN, which is no JSON and is read as null.
    """
    if body[:1024].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"{", b"[", b'"'):
        raise ValueError("no JSON that tells anything")  # nor worth a copy, which may be large
    text = body.decode("utf-8-sig", "replace")
    return _LENIENT.raw_decode(text.lstrip())[0]


_LENIENT = json.JSONDecoder(strict=False, parse_constant=lambda _name: None)
