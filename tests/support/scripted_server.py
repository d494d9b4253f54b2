"""A raw server on loopback that sends a test's script, for responses no sandbox sends."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from types import TracebackType

Script = Callable[[socket.socket], None]
Read = Callable[[socket.socket], bytes]


class ScriptedServer:
    """Reads one request on each connection, then hands the connection to `script` and closes it.

    read: reads the request, at once by default. requests: the bytes of each request. connections:
    the number of connections, also those without a request (a refused certificate).
    """

    def __init__(
        self, script: Script, tls: ssl.SSLContext | None = None, read: Read | None = None
    ) -> None:
        self._script = script
        self._tls = tls
        self._read = read or read_request
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._stopping = threading.Event()
        self._open: list[socket.socket] = []
        self.requests: list[bytes] = []
        self.connections = 0

    @property
    def base_url(self) -> str:
        """A base URL for the client."""
        scheme = "https" if self._tls else "http"
        return f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}/api/v1"

    def __enter__(self) -> ScriptedServer:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    @property
    def has_closed(self) -> bool:
        """Whether all connections so far are closed on this side."""
        return all(connection.fileno() == -1 for connection in self._open)

    def pause(self, seconds: float) -> None:
        """Wait, but not beyond the end of the test."""
        self._stopping.wait(seconds)

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            request = self._read(connection)
            if request:
                self.requests.append(request)
                self._script(connection)


def read_request(connection: socket.socket) -> bytes:
    """Read one request with its body, or the part before the client left."""
    came = bytearray()
    while b"\r\n\r\n" not in came:
        chunk = connection.recv(65536)
        if not chunk:
            return bytes(came)
        came += chunk
    head = came.partition(b"\r\n\r\n")[0]
    length = next(
        (
            int(line.partition(b":")[2])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        ),
        0,
    )
    while len(came) < len(head) + 4 + length:
        chunk = connection.recv(65536)
        if not chunk:
            break
        came += chunk
    return bytes(came)


def saying(*parts: bytes) -> Script:
    """Return a script that sends these bytes and closes."""

    def script(connection: socket.socket) -> None:
        for part in parts:
            connection.sendall(part)

    return script
