"""The one way out: every byte to the service leaves here, and every answer comes in here."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

import requests
import urllib3
from requests.auth import AuthBase

from ..errors import (
    FATAL_FOR_KEY,
    LOST,
    ConnectionFailedError,
    MaybeChargedError,
    RateLimitError,
    RequestCancelledError,
    ResponseLostError,
    SettingsError,
    VeniceError,
)
from ..settings.api_key import ApiKey
from ..settings.settings import is_loopback
from ..version import __version__
from . import retry
from .body import read_body
from .connections import Deadline, FreshAdapter
from .gate import Gate, Slot, draw
from .progress import Progress
from .redaction import masked
from .response import Response
from .status_errors import error_for

CONNECT_TIMEOUT = 10.0
FREE_TIMEOUT = 30.0
"""Seconds for a whole answer of a call that costs nothing."""

MAX_ANSWER_BYTES = 256 * 1024 * 1024
MAX_ERROR_BYTES = 64 * 1024

DOING = {
    "/image/generate": "generating",
    "/image/edit": "editing",
    "/image/multi-edit": "editing",
    "/image/upscale": "upscaling",
    "/image/background-remove": "cutting out",
}
"""What the service does while a paid call waits for its answer."""


class Transport:
    """Sends requests to one service with one key. Thread-safe.

    session: a requests.Session of the caller's, else one of its own. Its headers, proxies and
    certificates are used; the key goes along as an auth object with each request and stays nowhere
    in it. Its adapter is used only if that is a FreshAdapter: another one may send a paid request
    again on its own, and knows nothing of deadlines.
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
        self._session = session if session is not None else requests.Session()
        adapter = self._session.get_adapter(base_url)
        is_ours = isinstance(adapter, FreshAdapter)
        self._adapter = adapter if is_ours else FreshAdapter(gate.max_in_flight)
        parts = urlsplit(base_url)
        self._origin = (parts.scheme, parts.netloc)
        self._is_local = is_loopback(parts.hostname or "")

    def get(self, path: str, params: Mapping[str, str] | None = None) -> Response:
        """A free call. The key goes along where there is one."""
        try:
            return self._retried("GET", path, params=params, progress=Progress(), ticket=None)
        except MaybeChargedError as error:
            raise ConnectionFailedError(
                f"No whole answer from {self._origin[1]}: try again; this call is free.\n"
                f"({type(error).__name__})"
            ) from None

    def post(self, path: str, payload: Mapping[str, Any], progress: Progress) -> Response:
        """A paid call: through the gate, never sent again once it may have been charged."""
        return self._retried(
            "POST", path, payload=payload, progress=progress, ticket=self._gate.ticket()
        )

    def _retried(
        self, method: str, path: str, *, progress: Progress, ticket: int | None, **what: Any
    ) -> Response:
        retries = 0
        while True:
            try:
                status, response = self._once(method, path, progress, ticket, **what)
            except ConnectionFailedError:
                if retries >= retry.MAX_RETRIES:
                    raise
                status, response = 0, None
            if response is not None and 200 <= status < 300:
                return response
            if status == 429 and ticket is not None:
                continue  # the gate holds it until the reset, and gives up when it must
            if response is not None and (
                status not in retry.RETRYABLE or retries >= retry.MAX_RETRIES
            ):
                raise self._error(status, response, path, is_paid=ticket is not None)
            headers = response.headers if response is not None else {}
            seconds = retry.backoff(retries, headers, draw())
            retries += 1
            progress.wait(seconds, f"waiting to try again ({retries} of {retry.MAX_RETRIES})")

    def _once(
        self,
        method: str,
        path: str,
        progress: Progress,
        ticket: int | None,
        **what: Any,
    ) -> tuple[int, Response]:
        progress.check()
        if ticket is None:
            return self._exchange(method, path, FREE_TIMEOUT, **what)
        slot = self._gate.enter(ticket, progress)
        progress.on_cancel(slot.detach)
        try:
            progress.check()
            progress.sent = True
            progress.enter(DOING.get(path, "waiting for the answer"))
            status, response = self._exchange(
                method, path, self._timeout, before_sending=progress.check, **what
            )
            progress.sent = 200 <= status < 300
            self._tell_run(progress, status, response)  # before the slot is another one's
            self._tell_gate(slot, status, response)
            return status, response
        except (ConnectionFailedError, SettingsError, RequestCancelledError):
            progress.sent = False
            raise
        finally:
            progress.on_cancel(None)
            slot.release()

    def _tell_run(self, progress: Progress, status: int, response: Response) -> None:
        error = self._error(status, response) if status >= 400 else None
        if isinstance(error, FATAL_FOR_KEY):
            progress.report_fatal(error)

    def _tell_gate(self, slot: Slot, status: int, response: Response) -> None:
        if status != 429:
            slot.answered(failed=status >= 400)
            return
        try:
            slot.rate_limited(retry.rate_limit_wait(response.headers))
        except RateLimitError as given_up:
            words = str(self._error(status, response)).partition("\n")[2]
            raise RateLimitError(f"{given_up}\n{words}", status=429, code=given_up.code) from None

    def _exchange(
        self,
        method: str,
        path: str,
        timeout: float,
        params: Mapping[str, str] | None = None,
        payload: Mapping[str, Any] | None = None,
        before_sending: Callable[[], None] = lambda: None,
    ) -> tuple[int, Response]:
        """One HTTP call.

        Raises ConnectionFailedError before, ResponseLostError after the request was sent.

        before_sending: called when the connection stands; what it raises ends the call unsent.
        """
        begin = time.monotonic()
        try:
            return self._send(self._prepare(method, path, params, payload), timeout, before_sending)
        except VeniceError as error:
            failure = error
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            failure = self._connection_error(error, time.monotonic() - begin, timeout)
        raise _alone(failure)

    def _send(
        self,
        prepared: requests.PreparedRequest,
        timeout: float,
        before_sending: Callable[[], None],
    ) -> tuple[int, Response]:
        begin = time.monotonic()
        deadline = begin + timeout
        with (
            Deadline(deadline, before_sending),
            # not Session.send, which would read the whole body of a redirect
            self._adapter.send(
                prepared,
                stream=True,
                timeout=(min(CONNECT_TIMEOUT, timeout), timeout),
                **self._route(prepared.url or ""),
            ) as response,
        ):
            status = response.status_code
            limit = MAX_ANSWER_BYTES if 200 <= status < 300 else MAX_ERROR_BYTES
            body = read_body(response, deadline, limit, strict=200 <= status < 300)
            headers = {
                self._redact(name).lower(): self._redact(value)
                for name, value in response.headers.items()
            }
        return status, Response(headers, masked(body, self._key), time.monotonic() - begin)

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
        what = _reason(error, self._redact)
        if _is_about_settings(error):
            return SettingsError(
                "The address, the proxy or the CA bundle that is set cannot be used: check "
                "VENICE_API_BASE, HTTPS_PROXY, ALL_PROXY and REQUESTS_CA_BUNDLE. Nothing was "
                f"sent.\n{what}"
            )
        if _was_not_sent(error):
            return ConnectionFailedError(
                f"No connection to {host}: check the network, a proxy, or VENICE_API_BASE. "
                f"Nothing was sent.\n{what}"
            )
        timeouts = requests.Timeout | urllib3.exceptions.TimeoutError | TimeoutError
        if seconds >= timeout or isinstance(error, timeouts):
            return ResponseLostError(
                f"{host} did not answer within {seconds:.0f} s. {LOST}\n{what}"
            )
        return ResponseLostError(
            f"The connection to {host} was lost before the answer. {LOST}\n{what}"
        )

    def _error(
        self, status: int, response: Response, path: str = "", is_paid: bool = True
    ) -> VeniceError:
        body = self._redact(response.body.decode("utf-8", "replace")).encode()
        address = self._redact((self.base_url + path).partition("://")[2])
        return error_for(status, response.headers, body, address=address, is_paid=is_paid)

    def _redact(self, text: str) -> str:
        if self._key is None:
            return text
        text = self._key.redact(text)
        plain = unquote(text) if "%" in text else text
        redacted = self._key.redact(plain)
        return text if redacted == plain else redacted


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


def _is_about_settings(error: BaseException) -> bool:
    """Whether it was raised on the way to a connection, by what the environment says of it.

    requests raises a plain OSError, without an errno, for a CA bundle that is not there.
    """
    wrong = requests.exceptions.InvalidSchema | requests.exceptions.InvalidURL
    if isinstance(error, wrong | urllib3.exceptions.LocationValueError):
        return True
    return type(error) is OSError and error.errno is None and "invalid path" in str(error)


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


def _alone(error: VeniceError) -> VeniceError:
    """`error` without what it came from, and without the functions that it went through.

    The errors of requests hold the request, and so do those functions: in its header is the key.
    """
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def _reason(error: Exception, redact: Callable[[str], str]) -> str:
    """What it was, in brief; the key must go first, since half of it would not be found."""
    cause = error.args[0] if error.args and isinstance(error.args[0], Exception) else error
    reason = getattr(cause, "reason", None) or cause
    return f"({type(reason).__name__}: {redact(str(reason))[:300]})"
