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

    from_store: whether it comes from the store, and not just now from the service. not_cached: why
    it could not be kept on disk, "" where it is or need not be. not_recorded: why its charge isn't
    in the ledger yet, or "". checksum: the SHA-256 of the body.
    """

    headers: Mapping[str, str]
    body: bytes
    seconds: float
    status: int = 200
    from_store: bool = False
    not_cached: str = ""
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
            # NaN and Infinity, which are no JSON, are read as null.
            return json.loads(self.body, parse_constant=lambda _name: None)
        except (ValueError, RecursionError):
            raise BadResponseError(
                f"Venice's response isn't valid JSON. {CHARGED}\n"
                f"It starts with {beginning(self.body, 40)}."
            ) from None
