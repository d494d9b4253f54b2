"""What came in, and what it would have cost."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from .form import Form, UploadedFile
from .response import Refusal

PAID_PREFIXES = ("/image/", "/images/")
# A sandbox may run for days inside a program that sends large images.
KEPT_BYTES = 128 * 1024 * 1024


class Charge(NamedTuple):
    """One charge: the path, the model (or the service), USD, and the seed that was sent."""

    path: str
    model: str
    usd: float
    seed: int | None


@dataclass(frozen=True)
class RecordedRequest:
    """One request as it came in. `status` is None while it runs, and where it was dropped.

    `json` is the parsed body of a JSON request; `form` has the texts and `UploadedFile`s of a form
    by name, each a list, in place of its body. Of many requests with large bodies, the oldest lose
    headers, `json`, `form` and `body`.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    json: Any
    form: Form | None
    body: bytes
    received_at: float
    status: int | None = None
    charged_usd: float = 0.0

    @property
    def size(self) -> int:
        """About how many bytes are kept of it; a parsed JSON is not counted beside its body."""
        sent = [item for items in (self.form or {}).values() for item in items]
        return sum(map(len, (self.body, *self.headers.values(), *map(_content, sent))))


@dataclass
class Ledger:
    """Requests, charges and the balance; thread-safe."""

    balance_usd: float
    max_concurrent: int = 0
    _requests: list[RecordedRequest] = field(default_factory=list)
    _charges: list[Charge] = field(default_factory=list)
    _under_way: int = 0
    _kept_bytes: int = 0
    _emptied: int = 0
    _generation: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def forget(self) -> None:
        """Drops all requests and charges; what is still running is not counted either."""
        with self._lock:
            self._requests.clear()
            self._charges.clear()
            self._kept_bytes = self._emptied = 0
            self._generation += 1
            self.max_concurrent = self._under_way

    def open(self, request: RecordedRequest) -> Entry:
        """Writes a request down."""
        with self._lock:
            self._requests.append(request)
            self._kept_bytes += request.size
            if is_paid(request):
                self._under_way += 1
                self.max_concurrent = max(self.max_concurrent, self._under_way)
            return Entry(self, len(self._requests) - 1, self._generation, is_paid(request))

    @property
    def requests(self) -> list[RecordedRequest]:
        with self._lock:
            return list(self._requests)

    @property
    def charges(self) -> list[Charge]:
        with self._lock:
            return list(self._charges)

    @property
    def charged_usd(self) -> float:
        """The sum of the charges."""
        return round(sum(charge.usd for charge in self.charges), 6)

    @property
    def left_usd(self) -> float:
        """The balance less the charges."""
        return max(0.0, round(self.balance_usd - self.charged_usd, 6))

    def _change(self, index: int, changes: dict[str, Any]) -> None:
        held = self._requests
        before = held[index].size
        held[index] = replace(held[index], **changes)
        self._kept_bytes += held[index].size - before
        while self._kept_bytes > KEPT_BYTES and self._emptied < len(held) - 1:
            oldest = held[self._emptied]
            self._kept_bytes -= oldest.size
            held[self._emptied] = replace(oldest, headers={}, body=b"", json=None, form=None)
            self._emptied += 1

    def check_balance(self, usd: float) -> None:
        """Raises Refusal (402) unless the balance covers so much."""
        if usd > self.left_usd:
            told = "Insufficient USD or Diem balance to complete request"
            raise Refusal(402, "INSUFFICIENT_BALANCE", told)


@dataclass
class Entry:
    """The place of one request in the ledger; `under_way` while a paid one is not answered."""

    ledger: Ledger
    index: int
    generation: int
    under_way: bool

    def update(self, **changes: Any) -> None:
        """Changes what is written of the request: its body once read, its status, its charge."""
        with self.ledger._lock:
            if self.generation == self.ledger._generation:
                self.ledger._change(self.index, changes)

    def charge(self, charge: Charge) -> None:
        """Writes down what the request costs."""
        with self.ledger._lock:
            if self.generation == self.ledger._generation:
                self.ledger._charges.append(charge)
        self.update(charged_usd=charge.usd)

    def close(self) -> None:
        """Says that the request is no longer under way."""
        with self.ledger._lock:
            self.ledger._under_way -= self.under_way
            self.under_way = False


def _content(sent: str | UploadedFile) -> str | bytes:
    return sent if isinstance(sent, str) else sent.content


def is_paid(request: RecordedRequest) -> bool:
    """Whether the API charges for such requests."""
    return request.method == "POST" and request.path.startswith(PAID_PREFIXES)
