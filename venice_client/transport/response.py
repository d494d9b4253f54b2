"""A response of the service, new or saved."""

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

    from_store: whether it's a saved one. not_cached: why it couldn't be saved, or "". not_recorded:
    why its charge isn't in the ledger yet, or "". checksum: the SHA-256 of the body.
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
        """Whether its status means success."""
        return 200 <= self.status < 300

    def json(self) -> Any:
        """Parse the body as JSON. Raises BadResponseError, also for endless nesting."""
        try:
            # NaN and Infinity, which aren't JSON, become null.
            return json.loads(self.body, parse_constant=lambda _name: None)
        except (ValueError, RecursionError):
            raise BadResponseError(
                f"Venice's response isn't valid JSON. {CHARGED}\n"
                f"It starts with {beginning(self.body, 40)}."
            ) from None
