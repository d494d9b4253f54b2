"""The sandbox as an HTTP server on 127.0.0.1."""

from __future__ import annotations

import os
import socket
import socketserver
import sys
import threading
from collections.abc import Mapping
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from .account import Account, Charge
from .response import Refusal, Response
from .service import Request, Service

HOST = "127.0.0.1"
LOOPBACK_NAMES = (HOST, "localhost")
PREFIX = "/api/v1"
MAX_BODY_BYTES = 160_000_000
"""Six images of 25 MB, the most that most models take, and some text."""


class Sandbox:
    """A local stand-in for the Venice image API, on 127.0.0.1 only.

    port: 0 takes a free one. keys: the API keys it accepts. latency_s: seconds per paid
    request. balance_usd: the balance.
    """

    def __init__(
        self,
        port: int = 0,
        keys: tuple[str, ...] = ("sandbox",),
        latency_s: float = 0.0,
        balance_usd: float = 100.0,
    ) -> None:
        self._asked_port = port
        self._service = Service(keys, Account(balance_usd), latency_s)
        self._server: Server | None = None

    def start(self) -> Sandbox:
        """Listen; return self. Raises OSError if the port is taken."""
        if self._server is not None:
            raise RuntimeError("The sandbox is already running")
        self._service.stopping.clear()
        self._server = self._listen((HOST, self._asked_port))
        serve = self._server.serve_forever
        threading.Thread(target=serve, args=(0.02,), name="venice-sandbox", daemon=True).start()
        return self

    def stop(self) -> None:
        """Stop listening, and stop waiting for latencies."""
        if self._server is not None:
            self._service.stopping.set()
            self._server.shutdown()
            self._server.server_close()
            self._server = None

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
        """The base URL for a client, without a final slash."""
        return f"http://{HOST}:{self.port}{PREFIX}"

    @property
    def charges(self) -> list[Charge]:
        """Venice's charges, in order."""
        return list(self._service.account.charges)

    @property
    def charged_usd(self) -> float:
        """The sum of all charges."""
        return self._service.account.charged_usd

    def _listen(self, address: tuple[str, int]) -> Server:
        return Server(address, Handler, self._service)


class Server(ThreadingHTTPServer):
    """A server with exclusive use of its port."""

    # On Windows, "reuse" would let a second server share the port.
    allow_reuse_address = os.name != "nt"
    allow_reuse_port = False
    request_queue_size = 128

    def __init__(
        self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler], service: Service
    ) -> None:
        self.service = service
        super().__init__(address, handler)

    def server_bind(self) -> None:
        """Bind without looking up the name of this machine, which can take seconds."""
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        socketserver.TCPServer.server_bind(self)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print an error, unless the client just went away."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """Reads requests from one connection and sends the answers of the service."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60.0
    server: Server

    def do_GET(self) -> None:
        """Answer a request."""
        try:
            response = self.server.service.respond(self._request())
        except Refusal as refusal:
            self.close_connection = True  # its body may be unread
            response = refusal.response()
        self.send(response)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def send(self, response: Response) -> None:
        """Send a response."""
        self.send_head(response, {"content-length": str(len(response.body))})
        self.wfile.write(response.body)

    def send_head(self, response: Response, framing: Mapping[str, str]) -> None:
        """Send the status line and the headers; those of the response come first."""
        own = {name.lower() for name in response.headers}
        usual = {"date": formatdate(usegmt=True), "content-type": response.content_type, **framing}
        if self.close_connection:
            usual["connection"] = "close"
        self.send_response_only(response.status)
        sent = {name: text for name, text in usual.items() if name not in own}
        for name, text in {**sent, **response.headers}.items():
            self.send_header(name, text)
        self.end_headers()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse a malformed request in JSON, as the API does."""
        self.close_connection = True
        self.send(Refusal(code, "INVALID_REQUEST", message or "Bad request").response())

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: prompts and keys don't belong in a log."""

    def _request(self) -> Request:
        headers = {name.lower(): text for name, text in self.headers.items()}
        self._check_host(headers.get("host", ""))
        body = self._body(headers)
        path, _, query = self.path.partition("?")
        if not path.startswith(f"{PREFIX}/"):
            raise Refusal(404, "NOT_FOUND", f"No such path: {path:.200}. The base is {PREFIX}")
        return Request(self.command, path.removeprefix(PREFIX), query, headers, body)

    def _check_host(self, host: str) -> None:
        """Refuse a website that lets its own name lead to 127.0.0.1."""
        port = self.server.server_address[1]
        if host.lower() not in [f"{name}:{port}" for name in LOOPBACK_NAMES]:
            raise Refusal(421, "INVALID_REQUEST", f"This sandbox is {HOST}:{port} only")

    def _body(self, headers: Mapping[str, str]) -> bytes:
        length = headers.get("content-length", "0")
        if "transfer-encoding" in headers or not length.isdecimal():
            raise Refusal(411, "INVALID_REQUEST", "Content-Length is missing or not a number")
        if len(length) > 18 or int(length) > MAX_BODY_BYTES:
            message = f"The request body is larger than {MAX_BODY_BYTES} bytes"
            raise Refusal(413, "PAYLOAD_TOO_LARGE", message)
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise ConnectionError("The client went away in the middle of its request")
        return body
