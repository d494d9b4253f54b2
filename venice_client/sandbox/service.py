"""What the API does with a request, short of the wire."""

from __future__ import annotations

import gzip
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from .endpoints import FREE_ENDPOINTS, PAID_ENDPOINTS, PaidEndpoint
from .fields import kind
from .form import form_payload, json_value
from .ledger import Charge, Entry, Ledger
from .limits import Limits
from .response import JSON_TYPE, Refusal, Response, invalid_fields
from .sizes import Size

GENERATE = "/image/generate"
MULTIPART_TYPE = "multipart/form-data"
MAX_JSON_BYTES = 35_000_000
MAX_FORM_BYTES = 160_000_000
"""Bytes of a form: six images of 25 MB, the most that most models take, and some text."""

MAX_HELD_BYTES = 320_000_000
"""Bytes of all bodies that are being read or worked on."""

MAX_AT_WORK = 2
"""Requests whose images are decoded and drawn at once: each may take half a gigabyte."""

Read = Callable[[int], bytes]
Send = Callable[[socket.socket, Response], None]


@dataclass(frozen=True)
class Request:
    """A request as read from the wire, without its body; header names are in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]

    @property
    def key(self) -> str:
        """The key that the request carries, or ""."""
        scheme, _, key = self.headers.get("authorization", "").partition(" ")
        return key.strip() if scheme.lower() == "bearer" else ""

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass
class Exchange:
    """A request that the API takes, and how it will be answered.

    This is the hook for tests: `Sandbox(intercept=…)` sees every exchange before its answer is
    made and may change how that is done. `size` and `count` are those of the images, `alter`
    changes the response, and `send` puts it onto the wire in a way of its own (it then notes the
    status in `entry` itself, if it sends any).
    """

    request: Request
    payload: Any
    entry: Entry
    latency_s: float
    charged: bool = True
    size: Size | None = None
    count: int | None = None
    alter: Callable[[Response], Response] | None = None
    send: Send | None = None


class Budget:
    """Bytes that all requests together may hold; who asks for more waits."""

    def __init__(self, total: int) -> None:
        self._left = total
        self._changed = threading.Condition()

    @contextmanager
    def hold(self, count: int) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: self._left >= count)
            self._left -= count
        try:
            yield
        finally:
            with self._changed:
                self._left += count
                self._changed.notify_all()


@dataclass
class Service:
    """One API with its keys, limits and books."""

    keys: tuple[str, ...]
    ledger: Ledger
    limits: Limits
    latency_s: float = 0.0
    intercept: Callable[[Exchange], None] | None = None
    max_body_bytes: int | None = None
    stopping: threading.Event = field(default_factory=threading.Event)
    _budget: Budget = field(default_factory=lambda: Budget(MAX_HELD_BYTES))
    _at_work: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(MAX_AT_WORK))

    def respond(self, request: Request, entry: Entry, read: Read) -> tuple[Response, Send | None]:
        """The response to a request, and its own way onto the wire where it has one.

        `read` reads the body, of at most so many bytes; whatever can be refused without is.
        """
        account = self._balance_headers(request)
        send = None
        try:
            response, send = self._answered(request, entry, read)
        except Refusal as refusal:
            response = refusal.response()
        except (ConnectionError, TimeoutError):
            raise
        except Exception:
            traceback.print_exc(file=sys.stderr)
            told = "An unknown error occurred: this is a fault of the sandbox"
            response = Refusal(500, "UNKNOWN_ERROR", told).response()
        if account and response.status >= 400 and send is None:
            self.limits.note_failure(request.key)
        headers = {**self.limits.headers(request.key), **account, **response.headers}
        # An empty one takes the place of one that is not sent.
        sent = {name: text for name, text in headers.items() if text}
        return replace(response, headers=sent), send

    def _answered(self, request: Request, entry: Entry, read: Read) -> tuple[Response, Send | None]:
        _check_method(request)
        if request.method == "OPTIONS":
            return Response(200, b"", headers={"Allow": _allowed(request.path)}), None
        if request.path in PAID_ENDPOINTS:
            return self._paid(request, entry, read)
        free = FREE_ENDPOINTS[request.path]
        if free.needs_key:
            self._check_key(request)
        exchange = self._exchange(Exchange(request, None, entry, 0.0))
        response = free.answer(request.query, self.ledger, self.limits)
        return self._finished(exchange, response, time.monotonic()), exchange.send

    def _paid(self, request: Request, entry: Entry, read: Read) -> tuple[Response, Send | None]:
        began = time.monotonic()
        endpoint = PAID_ENDPOINTS[request.path]
        if "authorization" not in request.headers:
            raise Refusal(402, None, "Payment required", x402Version=2, accepts=[])
        self._check_key(request)
        self.limits.admit(request.key)
        limit = self._body_limit(request, endpoint)
        with self._budget.hold(min(limit, int(request.headers.get("content-length", limit)))):
            exchange, charge, response = self._made(request, endpoint, entry, read(limit))
        response = self._finished(exchange, response, began)
        if exchange.charged:
            entry.charge(charge)
        return response, exchange.send

    def _made(
        self, request: Request, endpoint: PaidEndpoint, entry: Entry, body: bytes
    ) -> tuple[Exchange, Charge, Response]:
        with self._at_work:
            payload = _payload(request, entry, body)
            task = endpoint.check(payload)
            if task.images > 1:
                self.limits.admit(request.key, task.images - 1)
            self.ledger.check_balance(task.usd)
            exchange = self._exchange(Exchange(request, payload, entry, self.latency_s))
            response = task.make(exchange.size, exchange.count)
        exchange.payload = None  # which may be large
        return exchange, Charge(request.path, task.service, task.usd, task.seed), response

    def _exchange(self, exchange: Exchange) -> Exchange:
        if self.intercept is not None:
            self.intercept(exchange)
        return exchange

    def _finished(self, exchange: Exchange, response: Response, began: float) -> Response:
        if exchange.alter is not None:
            response = exchange.alter(response)
        response = _compressed(response, exchange.request)
        self.stopping.wait(max(0.0, began + exchange.latency_s - time.monotonic()))
        return response

    def _check_key(self, request: Request) -> None:
        if request.key not in self.keys:
            raise Refusal(401, "AUTHENTICATION_FAILED", "Authentication failed")

    def _body_limit(self, request: Request, endpoint: PaidEndpoint) -> int:
        if request.media_type == JSON_TYPE:
            limit = MAX_JSON_BYTES
        elif request.media_type == MULTIPART_TYPE and endpoint.takes_files:
            limit = MAX_FORM_BYTES
        else:
            told = f"Invalid content type: {request.media_type or 'none'}"
            raise Refusal(415, "INVALID_CONTENT_TYPE", told)
        return min(limit, self.max_body_bytes or limit)

    def _balance_headers(self, request: Request) -> dict[str, str]:
        """The balance as it is before the request; {} for a free one or a foreign key."""
        is_paid = request.method == "POST" and request.path in PAID_ENDPOINTS
        if not is_paid or request.key not in self.keys:
            return {}
        return {
            "x-venice-balance-usd": f"{self.ledger.left_usd:.6f}",
            "x-venice-balance-diem": "0",
        }


def _payload(request: Request, entry: Entry, body: bytes) -> dict[str, Any]:
    if request.media_type == MULTIPART_TYPE:
        form, payload = form_payload(request.headers["content-type"], body)
        entry.update(form=form)
        return payload
    entry.update(body=body)
    value = json_value(body)
    entry.update(json=value)
    if not isinstance(value, dict):
        raise invalid_fields({"": [f"Expected object, received {kind(value)}"]})
    return value


def _allowed(path: str) -> str:
    return "POST, OPTIONS" if path in PAID_ENDPOINTS else "GET, HEAD, OPTIONS"


def _check_method(request: Request) -> None:
    if request.path not in PAID_ENDPOINTS and request.path not in FREE_ENDPOINTS:
        raise Refusal(404, "NOT_FOUND", f"No such path: {request.path:.200}")
    allowed = _allowed(request.path)
    if request.method not in allowed.split(", "):
        told = f"{request.path} takes {allowed}"
        raise Refusal(405, "INVALID_REQUEST", told, headers={"Allow": allowed})


def _compressed(response: Response, request: Request) -> Response:
    """JSON of generate is compressed where the client takes it, as the API does."""
    takes_gzip = "gzip" in request.headers.get("accept-encoding", "")
    plain = response.content_type == JSON_TYPE and "Content-Encoding" not in response.headers
    if request.path != GENERATE or response.status != 200 or not (takes_gzip and plain):
        return response
    headers = {**response.headers, "Content-Encoding": "gzip"}
    return replace(response, body=gzip.compress(response.body, 1), headers=headers)
