"""Connections that are never stale, and never open for longer than a response may take."""

from __future__ import annotations

import contextlib
import http.client
import math
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import urllib3
import urllib3.connection
from requests.adapters import HTTPAdapter

from ..process import after_fork

MAX_IDLE = 4.0
"""Seconds before an idle connection is too old. Many servers drop it after 5 s, and a request lost
on it would look like a lost response."""

KEEP_ALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPALIVE": 30, "TCP_KEEPINTVL": 15}
"""Seconds between the system's keepalive probes. A response may take minutes, and routers forget
silent connections."""


class Deadline:
    """Closes this thread's connection when the time for the whole response is up.

    A limit for each read isn't enough: headers that arrive byte by byte pass it for hours.
    """

    _of_thread = threading.local()

    def __init__(self, deadline: float, before_sending: Callable[[], None]) -> None:
        """deadline: the end of the time, in monotonic seconds.

        before_sending: called once connected; its error ends the request.
        """
        self._deadline = deadline
        self._before_sending = before_sending
        self._lock = threading.Lock()
        self._sock: Any = None
        self._is_over = False

    def __enter__(self) -> Deadline:
        self._of_thread.watch = self
        _clock.add(self, self._deadline)
        return self

    def __exit__(self, *_: object) -> None:
        _clock.remove(self)
        self._forget()
        self._of_thread.watch = None

    @classmethod
    def begin(cls, sock: Any) -> None:
        """Give the request that is about to leave by this socket the remaining time.

        Raises ConnectTimeoutError, so nothing was sent, if none is left.
        """
        watch: Deadline | None = getattr(cls._of_thread, "watch", None)
        if watch is None:
            return
        watch._before_sending()
        with watch._lock:
            left = watch._deadline - time.monotonic()
            if watch._is_over or left <= 0:
                raise urllib3.exceptions.ConnectTimeoutError("connecting took all of the time")
            watch._sock = sock
        # Else it would be the time to connect, or what the answer before had left.
        sock.settimeout(left)

    @classmethod
    def end(cls) -> None:
        """Return the connection of this thread's request to the pool at once."""
        watch: Deadline | None = getattr(cls._of_thread, "watch", None)
        if watch is not None:
            watch._forget()

    def _forget(self) -> None:
        with self._lock:
            self._sock = None

    def close(self) -> None:
        """End the request, since its time is up."""
        with self._lock:
            self._is_over = True
            if self._sock is not None:
                with contextlib.suppress(OSError):
                    _shut(self._sock)


class _Clock:
    """Closes each Deadline when its time is up, in one thread for all."""

    def __init__(self) -> None:
        self._change = threading.Condition()
        self._watched: dict[Deadline, float] = {}
        self._is_running = False

    def add(self, watched: Deadline, deadline: float) -> None:
        with self._change:
            if not self._is_running:
                self._start()
            elif deadline < min(self._watched.values(), default=math.inf):
                self._change.notify()
            self._watched[watched] = deadline

    def _start(self) -> None:
        try:
            threading.Thread(target=self._run, name="venice-deadline", daemon=True).start()
        except RuntimeError as error:  # no more threads; nothing was sent
            raise urllib3.exceptions.ConnectTimeoutError(str(error)) from None
        self._is_running = True

    def remove(self, watched: Deadline) -> None:
        with self._change:
            self._watched.pop(watched, None)

    def _run(self) -> None:
        """Close overdue connections until none is left to watch."""
        with self._change:
            while self._watched:
                first = min(self._watched, key=lambda watched: self._watched[watched])
                left = self._watched[first] - time.monotonic()
                if left > 0:
                    self._change.wait(left)
                else:
                    del self._watched[first]
                    first.close()
            self._is_running = False


_clock = _Clock()


@after_fork
def _renew_clock() -> None:
    global _clock
    _clock = _Clock()


def _shut(sock: Any) -> None:
    """End the connection under a socket that another thread may be reading or writing.

    SSLSocket.shutdown would remove the encryption first, and pending writes would leave in clear.
    """
    socket.SocketType.shutdown(_plain(sock), socket.SHUT_RDWR)


def _plain(sock: Any) -> Any:
    """Return the plain socket inside TLS in TLS.

    `socket.socket` may be another pack's, such as PySocks'.
    """
    return sock if isinstance(sock, socket.SocketType) else sock.socket


def _keep_alive(sock: socket.socket) -> None:
    """Let the system find out when the other side is gone, as far as it can."""
    options = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    options += [
        (socket.IPPROTO_TCP, getattr(socket, name), seconds)
        for name, seconds in KEEP_ALIVE.items()
        if hasattr(socket, name)
    ]
    for option in options:
        with contextlib.suppress(OSError):
            sock.setsockopt(*option)


class _Response(http.client.HTTPResponse):
    """A response after any number of interim ones, such as 102 or 103; http.client skips only 100.

    The deadline covers them too.
    """

    def _read_status(self) -> tuple[str, int, str]:
        version, status, reason = super()._read_status()  # type: ignore[misc]
        return version, http.client.CONTINUE if 100 < status < 200 else status, reason


class _Connection(urllib3.connection.HTTPConnection):
    """A connection that tells its thread's Deadline after connecting and before sending."""

    response_class = _Response
    debuglevel = 0  # else it prints the key if another pack turns it on for all connections

    def connect(self) -> None:
        super().connect()
        _keep_alive(_plain(self.sock))

    def endheaders(self, *args: Any, **kwargs: Any) -> None:
        if self.sock is None:
            self.connect()
        Deadline.begin(self.sock)
        super().endheaders(*args, **kwargs)


class _SecureConnection(_Connection, urllib3.connection.HTTPSConnection):
    """The same for https."""


class _FreshHTTPPool(urllib3.HTTPConnectionPool):
    """A pool that reuses only connections that were briefly idle, hold no bytes, and aren't those
    of a forked process's parent."""

    ConnectionCls = _Connection

    def _get_conn(self, timeout: float | None = None) -> Any:
        connection: Any = super()._get_conn(
            timeout
        )  # which sees bytes that TLS hasn't unpacked yet
        process, since = getattr(connection, "idle", (os.getpid(), math.inf))
        pending = getattr(connection.sock, "pending", None)
        is_old = time.monotonic() - since > MAX_IDLE
        if is_old or process != os.getpid() or (pending and pending()):
            connection.close()
        return connection

    def _put_conn(self, conn: Any) -> None:
        Deadline.end()
        if conn is not None:
            conn.idle = os.getpid(), time.monotonic()
        super()._put_conn(conn)


class _FreshHTTPSPool(_FreshHTTPPool, urllib3.HTTPSConnectionPool):
    """The same for https."""

    ConnectionCls = _SecureConnection

    def _prepare_proxy(self, conn: Any) -> None:
        """Open the tunnel, with the handshake in it."""
        with _unsent(conn):
            super()._prepare_proxy(conn)

    def _validate_conn(self, conn: Any) -> None:
        with _unsent(conn):
            super()._validate_conn(conn)


@contextlib.contextmanager
def _unsent(conn: Any) -> Iterator[None]:
    """Connect. If a tunnel or handshake fails or hangs, nothing was sent."""
    try:
        yield
    except ssl.SSLCertVerificationError:
        raise
    except (OSError, http.client.HTTPException) as error:
        why = f"{type(error).__name__}: {error}"
        raise urllib3.exceptions.NewConnectionError(conn, f"no connection: {why}") from error


class NoRetryAdapter(HTTPAdapter):
    """Keeps connections fresh and under their Deadline. connections: the most per host.

    It never retries; only the transport does.
    """

    def __init__(self, connections: int = 4) -> None:
        super().__init__(pool_connections=2, pool_maxsize=max(connections, 4))
        # Explicit, since another pack may have changed the defaults of adapters or Retry.
        self.max_retries = urllib3.Retry(total=0, read=False)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self._use_fresh_pools(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        self._use_fresh_pools(manager)
        return manager

    @staticmethod
    def _use_fresh_pools(manager: Any) -> None:
        manager.pool_classes_by_scheme = {"http": _FreshHTTPPool, "https": _FreshHTTPSPool}
