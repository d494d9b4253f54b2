"""The sandbox as a real HTTP/1.1 server on 127.0.0.1."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import cast
from urllib.parse import urlsplit

from .answers import Answer, Refusal
from .delivery import WHOLE, deliver
from .faults import GENERATE, Delivery, Fault, FaultPlan, When
from .ledger import Charge, Ledger, RecordedRequest, is_paid
from .limits import Limits
from .service import Incoming, Service

HOST = "127.0.0.1"
PREFIX = "/api/v1"
# The API publishes no figure; this leaves room for several pictures of 25 MB as base64.
MAX_BODY_BYTES = 200 * 1024 * 1024
READ_CHUNK = 1024 * 1024


class Sandbox:
    """A local stand-in for the Venice image API.

    `keys` are the accepted API keys, `rate_limit` the paid requests a key may send in `window_s`
    seconds (None: no limit), `latency_s` how long each paid request takes, `balance_usd` what
    there is to spend. More than `max_failures` failed requests in `failure_window_s` block a key
    for `lockout_s`. Connections idle for `idle_close_s` are dropped. Bound to 127.0.0.1 only;
    port 0 takes a free one.
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
        idle_close_s: float | None = None,
        max_failures: int = 20,
        failure_window_s: float = 30.0,
        lockout_s: float = 30.0,
        max_body_bytes: int = MAX_BODY_BYTES,
    ) -> None:
        self._asked_port = port
        self._idle_close_s = idle_close_s
        self._max_body_bytes = max_body_bytes
        self._ledger = Ledger(balance_usd)
        self._limits = Limits(rate_limit, window_s, max_failures, failure_window_s, lockout_s)
        self._service = Service(tuple(keys), self._ledger, self._limits, FaultPlan(), latency_s)
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> Sandbox:
        """Listen; answers itself."""
        if self._server is not None:
            raise RuntimeError("The sandbox is already running")
        self._service.stopping.clear()
        self._server = _Server(
            self._asked_port, self._service, self._idle_close_s, self._max_body_bytes
        )
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), name="venice-sandbox", daemon=True
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop listening and drop every connection, also those that hang."""
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

    def add_fault(
        self,
        fault: Fault,
        path: str | None = GENERATE,
        times: int | None = 1,
        when: When | None = None,
    ) -> None:
        """Commit a fault on the next `times` requests to `path` that the API would have taken.

        `times` None means always, `path` None any paid endpoint; free ones can be named too. Faults
        wait in line in the order added. `when` sees the JSON payload (or the fields of a form, or
        None for a GET) and says whether the fault is for this request.
        """
        self._service.faults.add(fault, path, times, when)

    def clear_faults(self) -> None:
        """Commit no more faults."""
        self._service.faults.clear()

    def forget(self) -> None:
        """Clear requests, charges, rate windows and locks."""
        self._ledger.forget()
        self._limits.forget()


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self, port: int, service: Service, idle_close_s: float | None, max_body_bytes: int
    ) -> None:
        self.service = service
        self.idle_close_s = idle_close_s
        self.max_body_bytes = max_body_bytes
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__((HOST, port), _Handler)

    def hold(self, connection: socket.socket) -> None:
        """Remember a connection, to drop it at the end."""
        with self._lock:
            self._connections.add(connection)
        if self.service.stopping.is_set():
            connection.shutdown(socket.SHUT_RDWR)

    def release(self, connection: socket.socket) -> None:
        """Forget a connection that has ended."""
        with self._lock:
            self._connections.discard(connection)

    def drop_connections(self) -> None:
        """End every connection still open."""
        with self._lock:
            held = list(self._connections)
        for connection in held:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is nothing to report; anything else is."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]

    def shutdown_request(self, request: object) -> None:
        """Close without lingering words, so that a reset stays a reset."""
        assert isinstance(request, socket.socket)
        self.release(request)
        request.close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    @property
    def _home(self) -> _Server:
        return cast(_Server, self.server)

    def setup(self) -> None:
        super().setup()
        self._home.hold(self.connection)

    def handle_one_request(self) -> None:
        self.connection.settimeout(self._home.idle_close_s)
        super().handle_one_request()

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet: prompts and keys belong in no log."""

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def _serve(self) -> None:
        self.connection.settimeout(None)
        received_at = time.monotonic()
        headers = {name.lower(): value for name, value in self.headers.items()}
        url = urlsplit(self.path)
        path = url.path.removeprefix(PREFIX) if url.path.startswith(PREFIX + "/") else url.path
        record = RecordedRequest(self.command, path, headers, None, None, b"", received_at)
        service = self._home.service
        entry = service.ledger.open(record)
        try:
            body, too_large = self._read_body()
            entry.note(body=body)
            request = Incoming(self.command, path, url.query, headers, body, too_large)
            if "transfer-encoding" in headers:
                self.close_connection = True
                told = "Send the body with a Content-Length"
                answer, fault = Refusal(411, "INVALID_REQUEST", told).answer(), WHOLE
            elif url.path == path:
                answer, fault = _not_here(path), WHOLE
            else:
                answer, fault = service.respond(request, entry)
            answer = service.with_rate_headers(answer, headers)
            keep_alive = not self.close_connection and not too_large
            # Written down first: whoever has the answer may look at once.
            entry.note(status=answer.status if fault.delivery.has_status else None)
            if fault.delivery is Delivery.WHOLE:
                entry.close()
            self.close_connection = not deliver(
                self.connection, answer, fault, service.stopping, keep_alive
            )
        except OSError:
            entry.note(status=None)
            raise
        finally:
            entry.close()

    def _read_body(self) -> tuple[bytes, bool]:
        """The body and whether it is too large; then it is read all the same, and dropped.

        A client still sending when the answer comes may see a reset instead of the answer.
        """
        stated = self.headers.get("content-length", "0")
        left = int(stated) if stated.isascii() and stated.isdigit() else 0
        too_large = left > self._home.max_body_bytes
        chunks = []
        while left > 0:
            chunk = self.rfile.read(min(left, READ_CHUNK))
            if not chunk:
                raise ConnectionError("The client went away in the middle of its request")
            left -= len(chunk)
            if not too_large:
                chunks.append(chunk)
        return b"".join(chunks), too_large


def _not_here(path: str) -> Answer:
    return Refusal(404, "NOT_FOUND", f"No such path: {path}; the base is {PREFIX}").answer()
