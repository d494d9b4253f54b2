"""The sandbox as a real HTTP/1.1 server on 127.0.0.1."""

from __future__ import annotations

import contextlib
import io
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Any, BinaryIO, cast
from urllib.parse import urlsplit

from .ledger import Charge, Ledger, RecordedRequest, is_paid
from .limits import Limits
from .response import Refusal, Response
from .service import MAX_FORM_BYTES, Exchange, Request, Service
from .wire import READ_BYTES, body_parts, check_framing, has_body, read_head, with_head

HOST = "127.0.0.1"
LOOPBACK_NAMES = (HOST, "localhost")
PREFIX = "/api/v1"
MAX_CONNECTIONS = 256
STALLED_S = 60.0
"""Seconds for which a client may neither send nor take anything in the middle of a request."""

SENT_ONCE = ("host", "authorization", "content-length", "transfer-encoding", "content-type")


class Sandbox:
    """A local stand-in for the Venice image API.

    `keys` are the accepted API keys, `rate_limit` the paid requests a key may send in `window_s`
    seconds (None: no limit), `latency_s` how long each paid request takes, `balance_usd` what
    there is to spend. More than `max_failures` failed requests in `failure_window_s` block a key
    for `lockout_s`. The reset header is in seconds, or in milliseconds where `reset_in_ms`.
    Connections idle for `idle_close_s` are dropped, and bodies over `max_body_bytes` (None: as many
    as the API takes) refused. Bound to 127.0.0.1 only; port 0 takes a free one. `intercept` is for
    tests: see `Exchange`.
    """

    def __init__(
        self,
        port: int = 0,
        keys: tuple[str, ...] = ("sandbox",),
        rate_limit: int | None = None,
        window_s: float = 60.0,
        latency_s: float = 0.0,
        balance_usd: float = 100.0,
        *,
        idle_close_s: float = STALLED_S,
        max_failures: int = 20,
        failure_window_s: float = 30.0,
        lockout_s: float = 30.0,
        max_body_bytes: int | None = None,
        reset_in_ms: bool = False,
        intercept: Callable[[Exchange], None] | None = None,
    ) -> None:
        self._asked_port = port
        self._idle_close_s = idle_close_s
        self._ledger = Ledger(balance_usd)
        self._limits = Limits(rate_limit, window_s, max_failures, failure_window_s, lockout_s)
        self._limits.reset_in_ms = reset_in_ms
        self._service = Service(
            tuple(keys), self._ledger, self._limits, latency_s, intercept, max_body_bytes
        )
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> Sandbox:
        """Listens; returns itself."""
        if self._server is not None:
            raise RuntimeError("The sandbox is already running")
        self._service.stopping.clear()
        self._server = _Server(self._asked_port, self._service, self._idle_close_s)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), name="venice-sandbox", daemon=True
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stops listening and drops every connection, also those that hang."""
        server, thread = self._server, self._thread
        if server is None or thread is None:
            return
        self._service.stopping.set()
        server.shutdown()
        thread.join()
        server.server_close()
        server.drop_connections()
        self._server = self._thread = None

    def __enter__(self) -> Sandbox:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def port(self) -> int:
        """The port it listens on."""
        if self._server is None:
            raise RuntimeError("The sandbox is not running")
        return int(self._server.server_address[1])

    @property
    def base_url(self) -> str:
        """The base URL for a client, without a slash at its end."""
        return f"http://{HOST}:{self.port}{PREFIX}"

    @property
    def requests(self) -> list[RecordedRequest]:
        """All requests so far, in the order in which they came."""
        return self._ledger.requests

    @property
    def paid_requests(self) -> list[RecordedRequest]:
        """The requests to POST /image/*."""
        return [request for request in self.requests if is_paid(request)]

    @property
    def charges(self) -> list[Charge]:
        """What was charged, as (path, model, usd, seed or None)."""
        return self._ledger.charges

    @property
    def charged_usd(self) -> float:
        """The sum of all charges."""
        return self._ledger.charged_usd

    @property
    def max_concurrent(self) -> int:
        """The highest number of paid requests under way at once."""
        return self._ledger.max_concurrent

    @property
    def locked_out(self) -> bool:
        """Whether any key was ever blocked for too many failures."""
        return self._limits.locked_out

    @property
    def latency_s(self) -> float:
        """How long each paid request takes; may be set while running."""
        return self._service.latency_s

    @latency_s.setter
    def latency_s(self, seconds: float) -> None:
        self._service.latency_s = seconds

    def forget(self) -> None:
        """Clears requests, charges, rate windows and locks."""
        self._ledger.forget()
        self._limits.forget()


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, service: Service, idle_close_s: float) -> None:
        self.service = service
        self.idle_close_s = idle_close_s
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__((HOST, port), _Handler)

    def verify_request(self, request: object, client_address: object) -> bool:
        """Whether a new connection is held: not beyond the most that are held at once."""
        assert isinstance(request, socket.socket)
        with self._lock:
            self._connections.add(request)
            return len(self._connections) <= MAX_CONNECTIONS and not self.service.stopping.is_set()

    def drop_connections(self) -> None:
        """Ends every connection still open."""
        with self._lock:
            held = list(self._connections)
        for connection in held:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """Reports an error, unless it is a client that went away."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]

    def shutdown_request(self, request: object) -> None:
        """Closes without a FIN before it, so that a reset stays a reset."""
        assert isinstance(request, socket.socket)
        with self._lock:
            self._connections.discard(request)
        request.close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wire: BinaryIO

    @property
    def _home(self) -> _Server:
        return cast(_Server, self.server)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):  # whichever the method; which are allowed depends on the path
            return self._serve
        raise AttributeError(name)

    def setup(self) -> None:
        super().setup()
        self.wire = cast(BinaryIO, self.rfile)

    def handle_one_request(self) -> None:
        """Reads a head within bounds, and has it parsed and served."""
        self.close_connection, self.command = True, ""
        self.connection.settimeout(self._home.idle_close_s)
        try:
            head = read_head(self.wire)
            self.connection.settimeout(STALLED_S)
            self.raw_requestline, _, fields = head.partition(b"\n")
            self.rfile = io.BytesIO(fields)
            if head and self.parse_request():
                self._serve()
        except Refusal as refusal:
            self.close_connection = True
            self._send(refusal.response())

    def log_message(self, format: str, *args: object) -> None:
        """Keeps quiet: prompts and keys belong in no log."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Says in JSON what is wrong with a request line or its headers."""
        self.close_connection = True
        self._send(Refusal(code, "INVALID_REQUEST", message or "Bad request").response())

    def handle_expect_100(self) -> bool:
        """Leaves `100 Continue` for when the body is wanted."""
        return True

    def _serve(self) -> None:
        received_at = time.monotonic()
        headers = {name.lower(): text for name, text in self.headers.items()}
        if any(len(self.headers.get_all(name, [])) > 1 for name in SENT_ONCE):
            raise Refusal(400, "INVALID_REQUEST", "A header is sent more than once")
        check_framing(headers)
        body = _Body(self, headers)
        try:
            path, query = self._target(headers)
        except Refusal as refusal:
            self._reply(refusal.response(), body)
            return
        record = RecordedRequest(self.command, path, headers, None, None, b"", received_at)
        request = Request(self.command, path, query, headers)
        entry = self._home.service.ledger.open(record)
        try:
            response, send = self._home.service.respond(request, entry, body.read)
            if send is not None:
                self.close_connection = True
                send(self.connection, response)
                return
            # Written down first: who has the response may look at once.
            entry.update(status=response.status)
            entry.close()
            self._reply(response, body)
        except OSError:
            entry.update(status=None)
            raise
        finally:
            entry.close()

    def _target(self, headers: Mapping[str, str]) -> tuple[str, str]:
        """Path and query. Raises Refusal unless the request is meant for this machine's sandbox.

        A page of another site can have its own name lead to 127.0.0.1; its requests say that name.
        """
        port = self._home.server_address[1]
        hosts = [f"{name}:{port}" for name in LOOPBACK_NAMES]
        try:
            url = urlsplit(self.path)
        except ValueError as error:
            raise Refusal(400, "INVALID_REQUEST", "The request names no path") from error
        if headers.get("host", "").lower() not in hosts or (url.netloc or hosts[0]) not in hosts:
            raise Refusal(421, "INVALID_REQUEST", f"This sandbox answers to {hosts[0]} only")
        if not url.path.startswith(PREFIX + "/"):
            raise Refusal(404, "NOT_FOUND", f"No such path: {url.path:.200}; the base is {PREFIX}")
        return url.path.removeprefix(PREFIX), url.query

    def _reply(self, response: Response, body: _Body) -> None:
        """Sends the response, before what is left of the body where that is much.

        It is then read all the same: a client still sending would see a reset, not the response.
        """
        if not body.is_read and body.is_small:
            body.drop(READ_BYTES)
        if body.is_read:
            self._send(response)
            return
        self.close_connection = True
        self._send(response)
        with contextlib.suppress(OSError, Refusal):
            self.connection.shutdown(socket.SHUT_WR)
            body.drop(MAX_FORM_BYTES)

    def _send(self, response: Response) -> None:
        headers_only = self.command == "HEAD"
        self.connection.sendall(with_head(response, not self.close_connection, headers_only))


class _Body:
    """The body of a request, which is read only where it is wanted."""

    def __init__(self, handler: _Handler, headers: Mapping[str, str]) -> None:
        self._handler = handler
        self.headers = headers
        self._parts = body_parts(handler.wire, headers)
        self.is_read = not has_body(headers)

    @property
    def is_small(self) -> bool:
        """Whether it is on its way and can be read at once."""
        length = int(self.headers.get("content-length", READ_BYTES))
        return length < READ_BYTES and "expect" not in self.headers

    def read(self, limit: int) -> bytes:
        """The whole body. Raises Refusal (413) over the limit, with the rest unread."""
        told = f"The request body is larger than {limit} bytes"
        too_large = Refusal(413, "PAYLOAD_TOO_LARGE", told)
        if int(self.headers.get("content-length", 0)) > limit:
            raise too_large
        if self.headers.get("expect", "").lower() == "100-continue":
            self._handler.connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = io.BytesIO()
        for part in self._parts:
            if body.tell() + len(part) > limit:
                raise too_large
            body.write(part)
        self.is_read = True
        return body.getvalue()

    def drop(self, limit: int) -> None:
        """Reads what is left, up to a limit, and forgets it."""
        for part in self._parts:
            limit -= len(part)
            if limit < 0:
                return
        self.is_read = True
