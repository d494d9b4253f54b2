"""The one way out: every byte to the service leaves here, and every answer comes in here."""

from __future__ import annotations

import contextlib
import json
import random
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
import urllib3.connection
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from . import retry
from .answer import Answer
from .credentials import ApiKey, is_loopback
from .errors import AnswerLost, BadAnswer, ConnectionFailed, RateLimited, SettingsError, VeniceError
from .failures import error_for
from .gate import Gate, Place
from .images import image_format, without_metadata
from .progress import Progress
from .version import __version__

CONNECT_TIMEOUT = 10.0
FREE_TIMEOUT = 30.0
"""Seconds for a whole answer of a call that costs nothing."""

MAX_IDLE = 15.0
"""Seconds after which an idle connection is not used again. The server may have dropped it, and
a request lost on it would look like one whose answer was lost."""

MAX_ANSWER_BYTES = 256 * 1024 * 1024
MAX_ERROR_BYTES = 64 * 1024
CHUNK = 64 * 1024

LOST = (
    "It was not sent again, because it may have been charged. To ask again, and perhaps pay "
    "again, queue once more."
)


class Transport:
    """Sends requests to one service with one key. Thread-safe.

    session: a requests.Session of the caller's, else one of its own. Only its connections are
    used: the key goes along as an auth object with each request and stays nowhere in it.
    """

    def __init__(
        self,
        base_url: str,
        key: ApiKey | None,
        gate: Gate,
        timeout: float,
        session: requests.Session | None = None,
    ) -> None:
        self.base_url = base_url
        self._key = key
        self._gate = gate
        self._timeout = timeout
        self._session = session if session is not None else _new_session(gate.max_in_flight)
        parts = urlsplit(base_url)
        self._origin = (parts.scheme, parts.netloc)
        self._is_local = is_loopback(parts.hostname or "")

    def get(self, path: str, params: Mapping[str, str] | None = None) -> Answer:
        """A free call. The key goes along where there is one."""
        return self._retried("GET", path, params=params, progress=Progress(), ticket=None)

    def post(self, path: str, payload: Mapping[str, Any], progress: Progress) -> Answer:
        """A paid call: through the gate, never sent again once it may have been charged."""
        return self._retried(
            "POST", path, payload=payload, progress=progress, ticket=self._gate.ticket()
        )

    def _retried(
        self, method: str, path: str, *, progress: Progress, ticket: int | None, **what: Any
    ) -> Answer:
        retries = 0
        while True:
            try:
                status, answer = self._once(method, path, progress, ticket, **what)
            except ConnectionFailed:
                if retries >= retry.MAX_RETRIES:
                    raise
                status, answer = 0, None
            if answer is not None and 200 <= status < 300:
                return answer
            if status == 429 and ticket is not None:
                continue  # the gate holds it until the reset, and gives up when it must
            if answer is not None and (
                status not in retry.RETRYABLE or retries >= retry.MAX_RETRIES
            ):
                raise self._error(status, answer)
            headers = answer.headers if answer is not None else {}
            seconds = retry.backoff(retries, headers, random.random())
            retries += 1
            progress.wait(seconds, f"waiting to try again ({retries} of {retry.MAX_RETRIES}),")

    def _once(
        self,
        method: str,
        path: str,
        progress: Progress,
        ticket: int | None,
        **what: Any,
    ) -> tuple[int, Answer]:
        progress.check()
        if ticket is None:
            return self._exchange(method, path, FREE_TIMEOUT, **what)
        place = self._gate.enter(ticket, progress)
        progress.on_drop(place.release)
        try:
            progress.check()
            progress.sent = True
            progress.enter("generating")
            status, answer = self._exchange(method, path, self._timeout, **what)
            progress.sent = 200 <= status < 300
            self._tell_gate(place, status, answer)
            return status, answer
        except ConnectionFailed:
            progress.sent = False
            raise
        finally:
            progress.on_drop(None)
            place.release()

    def _tell_gate(self, place: Place, status: int, answer: Answer) -> None:
        if status != 429:
            place.answered(failed=status >= 400)
            return
        try:
            place.rate_limited(retry.rate_limit_wait(answer.headers))
        except RateLimited as given_up:
            words = str(self._error(status, answer)).partition("\n")[2]
            raise RateLimited(f"{given_up}\n{words}", status=429, code=given_up.code) from None

    def _exchange(
        self,
        method: str,
        path: str,
        timeout: float,
        params: Mapping[str, str] | None = None,
        payload: Mapping[str, Any] | None = None,
    ) -> tuple[int, Answer]:
        """One HTTP call. Raises ConnectionFailed before, AnswerLost after the request was sent."""
        begin = time.monotonic()
        deadline = begin + timeout
        prepared = self._prepare(method, path, params, payload)
        try:
            with (
                _Watch(timeout),
                self._session.send(
                    prepared,
                    stream=True,
                    allow_redirects=False,
                    timeout=(min(CONNECT_TIMEOUT, timeout), timeout),
                    **self._route(prepared.url or ""),
                ) as response,
            ):
                status = response.status_code
                limit = MAX_ANSWER_BYTES if 200 <= status < 300 else MAX_ERROR_BYTES
                body = _read_body(response, deadline, limit, strict=200 <= status < 300)
                headers = {k.lower(): self._redact(v) for k, v in response.headers.items()}
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise self._connection_error(error, time.monotonic() - begin, timeout) from None
        return status, Answer(headers, self._without_key(body), time.monotonic() - begin)

    def _prepare(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        payload: Mapping[str, Any] | None,
    ) -> requests.PreparedRequest:
        headers = {
            "User-Agent": f"comfyui-venice/{__version__}",
            "Accept-Encoding": "identity",
        }
        body = None
        if payload is not None:
            body = json.dumps(payload, allow_nan=False).encode()
            headers["Content-Type"] = "application/json"
        prepared = self._session.prepare_request(
            requests.Request(
                method,
                self.base_url + path,
                headers=headers,
                params=params,
                data=body,
                auth=_BearerAuth(self._key),
            )
        )
        parts = urlsplit(prepared.url or "")
        if (parts.scheme, parts.netloc) != self._origin:
            raise SettingsError(
                f"A request to {parts.netloc} was stopped: only {self._origin[1]} gets the key."
            )
        return prepared

    def _route(self, url: str) -> dict[str, Any]:
        """Proxies and CA bundle from the environment for https; none of it for this machine."""
        if self._is_local:
            return {"proxies": {}, "verify": True, "cert": None}
        settings = self._session.merge_environment_settings(url, {}, True, None, None)
        return {name: settings[name] for name in ("proxies", "verify", "cert")}

    def _connection_error(self, error: Exception, seconds: float, timeout: float) -> VeniceError:
        host = self._origin[1]
        what = self._redact(_reason(error))
        if _was_not_sent(error):
            return ConnectionFailed(
                f"No connection to {host}: check the network, a proxy, or VENICE_API_BASE. "
                f"Nothing was sent.\n{what}"
            )
        timeouts = requests.Timeout | urllib3.exceptions.TimeoutError | TimeoutError
        if seconds >= timeout or isinstance(error, timeouts):
            return AnswerLost(f"{host} did not answer within {seconds:.0f} s. {LOST}\n{what}")
        return AnswerLost(f"The connection to {host} was lost before the answer. {LOST}\n{what}")

    def _error(self, status: int, answer: Answer) -> VeniceError:
        body = self._redact(answer.body.decode("utf-8", "replace")).encode()
        return error_for(status, answer.headers, body)

    def _without_key(self, body: bytes) -> bytes:
        """The body with the key masked, should the service echo it; a picture is kept whole."""
        if self._key is None or not self._key.is_in(body):
            return body
        return without_metadata(body) if image_format(body) else self._key.mask(body)

    def _redact(self, text: str) -> str:
        return self._key.redact(text) if self._key else text


class _BearerAuth(AuthBase):
    """Sets the key last, on the request alone; with it requests never reads a netrc file."""

    def __init__(self, key: ApiKey | None) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._key is None:
            request.headers.pop("Authorization", None)
        else:
            request.headers["Authorization"] = f"Bearer {self._key.reveal()}"
        return request


class _Watch:
    """Closes this thread's connection when the time for the whole answer is up.

    A time limit for each read does not do: a status line, headers, or the framing of chunks that
    come a byte at a time pass it for hours.
    """

    _of_thread = threading.local()

    def __init__(self, seconds: float) -> None:
        self._sock: Any = None
        self._timer = threading.Timer(seconds, self._close)
        self._timer.daemon = True

    def __enter__(self) -> _Watch:
        self._of_thread.watch = self
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._of_thread.watch = None

    @classmethod
    def see(cls, sock: Any) -> None:
        """This is the socket that the answer to this thread's request comes from."""
        watch: _Watch | None = getattr(cls._of_thread, "watch", None)
        if watch is not None:
            watch._sock = sock

    def _close(self) -> None:
        if self._sock is not None:
            with contextlib.suppress(OSError):
                self._sock.shutdown(socket.SHUT_RDWR)


class _WatchedConnection(urllib3.connection.HTTPConnection):
    """Tells the watch of its thread which socket it reads from."""

    def getresponse(self) -> Any:
        _Watch.see(self.sock)
        return super().getresponse()


class _WatchedSecureConnection(_WatchedConnection, urllib3.connection.HTTPSConnection):
    """The same for https."""


class _FreshHTTPPool(urllib3.HTTPConnectionPool):
    """A pool that does not use a connection again that was idle for too long."""

    ConnectionCls = _WatchedConnection

    def _get_conn(self, timeout: float | None = None) -> Any:
        connection = super()._get_conn(timeout)
        if time.monotonic() - getattr(connection, "idle_since", time.monotonic()) > MAX_IDLE:
            connection.close()
        return connection

    def _put_conn(self, conn: Any) -> None:
        if conn is not None:
            conn.idle_since = time.monotonic()
        super()._put_conn(conn)


class _FreshHTTPSPool(_FreshHTTPPool, urllib3.HTTPSConnectionPool):
    """The same for https."""

    ConnectionCls = _WatchedSecureConnection


class _FreshAdapter(HTTPAdapter):
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


def _new_session(connections: int) -> requests.Session:
    session = requests.Session()
    adapter = _FreshAdapter(pool_connections=2, pool_maxsize=max(connections, 4), max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _read_body(response: requests.Response, deadline: float, limit: int, strict: bool) -> bytes:
    """The body, checked between chunks against deadline, limit and promised length.

    strict: too long or too short is an error; else the body (of an error page) is just cut.
    """
    raw = response.raw
    expander = _Expander(response.headers.get("content-encoding", "identity"))
    promised = response.headers.get("content-length", "")
    read = getattr(raw, "read1", raw.read)  # urllib3 1.x has no read1
    parts: list[bytes] = []
    came = size = 0
    while max(came, size) <= limit:
        _limit_silence(raw, _left(deadline))
        chunk = read(CHUNK, decode_content=False)
        _left(deadline)  # an end that the deadline made is no end
        if not chunk:
            break
        came += len(chunk)
        for part in expander.expand(chunk, limit + 1 - size):
            parts.append(part)
            size += len(part)
    if not strict:
        return b"".join(parts)[:limit]
    if max(came, size) > limit:
        raise BadAnswer(
            f"Venice's answer is larger than {limit // 2**20} MiB, which no image is; it was not "
            "read to its end, and may have been charged."
        )
    if came < _length(promised) or not expander.is_whole:
        raise urllib3.exceptions.ProtocolError(f"{came} of {promised[:20]} bytes came")
    return b"".join(parts)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("the deadline for the whole answer passed")
    return left


def _length(promised: str) -> int:
    """Content-Length as a number, 0 for what is none. A size_t has at most 20 digits."""
    is_number = promised.isascii() and promised.isdigit() and len(promised) <= 20
    return int(promised) if is_number else 0


class _Expander:
    """Turns encoded chunks into plain ones, never more than asked for at once.

    Plain answers are asked for; this is for a gateway that compresses all the same. A gzip body
    may be several members, one after the other.
    """

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding.strip().lower()
        if self._encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise BadAnswer(
                "Venice's answer is compressed in a way that was not asked for "
                f"({self._encoding[:20]!r}); it may have been charged."
            )
        self._is_plain = self._encoding in ("", "identity")
        self._member = None if self._is_plain else self._new_member()

    @property
    def is_whole(self) -> bool:
        """Whether the compressed data came to its end."""
        return self._member is None or self._member.eof

    def expand(self, chunk: bytes, limit: int) -> Iterator[bytes]:
        """The plain bytes of `chunk`, of which those beyond `limit` are left out."""
        if self._member is None:
            yield chunk
            return
        while chunk and limit > 0:
            if self._member.eof:
                self._member = self._new_member()
            try:
                part = self._member.decompress(chunk, limit)
            except zlib.error:
                raise BadAnswer(
                    "Venice's compressed answer is damaged; it may have been charged."
                ) from None
            chunk = self._member.unused_data
            limit -= len(part)
            yield part

    def _new_member(self) -> Any:
        return zlib.decompressobj(wbits=15 if self._encoding == "deflate" else 47)


def _limit_silence(raw: Any, seconds: float) -> None:
    sock = getattr(getattr(raw, "connection", None), "sock", None)
    if sock is not None:
        sock.settimeout(seconds)


def _was_not_sent(error: BaseException) -> bool:
    """Whether the request cannot have left: no connection, no proxy, a bad certificate.

    Anything else counts as sent. A TLS error may also come from reading the answer, so of those
    only a refused certificate is certain.
    """
    if isinstance(error, requests.ConnectTimeout | urllib3.exceptions.NewConnectionError):
        return True
    if isinstance(error, urllib3.exceptions.ConnectTimeoutError | ssl.SSLCertVerificationError):
        return True
    if isinstance(error, OSError) and str(error).startswith("Tunnel connection failed"):
        return True
    inner = [getattr(error, "reason", None), getattr(error, "original_error", None), *error.args]
    return any(isinstance(e, BaseException) and _was_not_sent(e) for e in inner)


def _reason(error: Exception) -> str:
    cause = error.args[0] if error.args and isinstance(error.args[0], Exception) else error
    reason = getattr(cause, "reason", None) or cause
    return f"({type(reason).__name__}: {str(reason)[:300]})"
