"""The one way out: all requests to the service leave here, and all responses arrive here."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import requests
import urllib3
from requests.auth import AuthBase

from ..errors import (
    FATAL_FOR_KEY,
    ApiError,
    ConnectionFailedError,
    MaybeChargedError,
    RateLimitError,
    RequestCancelledError,
    SettingsError,
    UntrustedCertificateError,
    VeniceError,
)
from ..settings.api_key import ApiKey
from ..settings.settings import is_loopback
from ..text import printable
from ..version import __version__
from . import retry
from .connection_errors import check_headers, check_proxy, connection_error, unsendable
from .connections import Deadline, NoRetryAdapter
from .gate import Gate, Slot, Ticket, draw
from .progress import Progress
from .redaction import masked
from .request_body import PackedBody, RequestBody
from .response import Response
from .response_body import read_body

log = logging.getLogger(__name__)

CONNECT_TIMEOUT = 10.0
FREE_TIMEOUT = 30.0
"""Seconds for the complete response to a free call."""

MAX_ANSWER_BYTES = 256 * 1024 * 1024
MAX_ERROR_BYTES = 64 * 1024
MAX_ID = 80

ACTIVITIES = {
    "/image/generate": "generating",
    "/image/edit": "editing",
    "/image/multi-edit": "editing",
    "/image/upscale": "upscaling",
    "/image/background-remove": "cutting out",
    "/chat/completions": "writing",
}
"""The service's activity while a paid call waits."""


Explain = Callable[[Response], VeniceError]
"""Returns the error for a status outside 2xx."""


@dataclass
class _Call:
    """One call, with all its tries. ticket: its place in the gate's queue; None for a free one."""

    method: str
    path: str
    explain: Explain
    progress: Progress
    params: Mapping[str, str] | None = None
    body: PackedBody | None = None
    ticket: Ticket | None = None
    model: str = ""
    tries: int = 0

    @property
    def is_paid(self) -> bool:
        return self.ticket is not None


class Transport:
    """Sends requests to one service with one key. Thread-safe.

    session: a requests.Session for headers, proxies and certificates. The transport calls none of
    its methods, since another pack may have replaced them, and uses its adapter only if it is a
    NoRetryAdapter: another one may send a paid request twice, and knows no deadlines.
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
        self._session = session
        adapter = session.get_adapter(base_url) if session is not None else None
        if not isinstance(adapter, NoRetryAdapter):
            adapter = NoRetryAdapter(gate.max_in_flight)
        self._adapter = adapter
        parts = urlsplit(base_url)
        self._origin = (parts.scheme, parts.netloc)
        self._is_local = is_loopback(parts.hostname or "")

    def close(self) -> None:
        """Close the connections that no call is using."""
        self._adapter.close()

    def get(self, path: str, explain: Explain, params: Mapping[str, str] | None = None) -> Response:
        """Make a free call, with the key if there is one. Raises the error from `explain`."""
        try:
            return self._logged(_Call("GET", path, explain, Progress(), params=params))
        except MaybeChargedError as error:
            raise ConnectionFailedError(
                f"{self._origin[1]} didn't send a complete response. Try again; this call is "
                f"free.\n({type(error).__name__})"
            ) from None

    def post(
        self, path: str, body: RequestBody, explain: Explain, progress: Progress, model: str = ""
    ) -> Response:
        """Make a paid call through the gate; never resend it once it may have been charged.

        explain: returns the error to raise for a status outside 2xx. model: its requests wait if
        the API says that it's busy.
        """
        progress.enter("preparing")
        packed = PackedBody(body.content_type, body.packed())
        model = model or path.rpartition("/")[2]
        ticket = self._gate.ticket(progress.batch)
        return self._logged(
            _Call("POST", path, explain, progress, body=packed, ticket=ticket, model=model)
        )

    def address(self, path: str) -> str:
        """Return host and path of a call, to show them."""
        return self._redact((self.base_url + path).partition("://")[2])

    def _logged(self, call: _Call) -> Response:
        """Return the good response to a call, and log one line in any case."""
        begin = time.monotonic()
        end: object = "no answer"
        request_id = ""
        try:
            response = self._until_answered(call)
            end, request_id = response.status, response.headers.get("x-request-id", "")
            return response
        except VeniceError as error:
            end = error.status if isinstance(error, ApiError) else type(error).__name__
            request_id = error.request_id if isinstance(error, ApiError) else ""
            raise
        finally:
            seconds, name = time.monotonic() - begin, printable(request_id, MAX_ID) or "none"
            line = "%s %s: %s in %.1f s, tries: %d, request id: %s"
            log.debug(line, call.method, call.path, end, seconds, call.tries, name)

    def _until_answered(self, call: _Call) -> Response:
        """Return the good response to a call; retry if nothing can have been charged."""
        retries = 0
        while True:
            headers: Mapping[str, str] = {}
            try:
                response = self._once(call, is_last=retries == retry.MAX_RETRIES)
                if response.is_ok:
                    return response
                if response.status == 429 and call.is_paid:
                    continue  # the gate holds it until the reset, or gives up
                headers = response.headers
            except ConnectionFailedError as error:
                if retries == retry.MAX_RETRIES or isinstance(error, UntrustedCertificateError):
                    raise
            seconds = retry.backoff(retries, headers, draw())
            retries += 1
            call.progress.wait(seconds, f"waiting to try again ({retries} of {retry.MAX_RETRIES})")

    def _once(self, call: _Call, is_last: bool) -> Response:
        """Return one response: good, or one to retry. Raises the error for any other.

        is_last: whether this is the last try.
        """
        call.progress.check()
        call.tries += 1
        if call.ticket is None:
            return self._checked(call, self._exchange(call, FREE_TIMEOUT), is_last)
        slot = self._gate.enter(call.ticket, call.progress, call.model)
        call.progress.on_cancel(slot.detach)
        try:
            call.progress.check()
            call.progress.sent = True
            call.progress.enter(ACTIVITIES.get(call.path, "waiting for Venice"))
            response = self._exchange(call, self._timeout)
            if response.status == 429 or response.status in retry.RETRYABLE:
                call.progress.sent = False  # anything else may have been charged
            if response.status == 429:
                self._hold(call, slot, response)
                return response
            try:
                return self._checked(call, response, is_last)
            finally:
                slot.answered(failed=not response.is_ok)
        except (ConnectionFailedError, SettingsError, RequestCancelledError):
            call.progress.sent = False
            raise
        finally:
            call.progress.on_cancel(None)
            slot.release()

    @staticmethod
    def _checked(call: _Call, response: Response, is_last: bool) -> Response:
        """Return the response if it's good or one to retry. Raises its error otherwise."""
        if response.is_ok or (response.status in retry.RETRYABLE and not is_last):
            return response
        error = call.explain(response)
        if isinstance(error, FATAL_FOR_KEY):
            call.progress.report_fatal(error)  # before the slot is another one's
        raise error

    @staticmethod
    def _hold(call: _Call, slot: Slot, response: Response) -> None:
        wait = retry.rate_limit_wait(response.headers)
        try:
            slot.hold(wait, for_model=retry.is_about_model(response.headers))
        except RateLimitError as given_up:
            words = str(call.explain(response)).partition("\n")[2]
            raise RateLimitError(f"{given_up}\n{words}", status=429, code=given_up.code) from None

    def _exchange(self, call: _Call, timeout: float) -> Response:
        """Make one HTTP call.

        Raises ConnectionFailedError before, ResponseLostError after it sent the request.
        """
        begin = time.monotonic()
        # A cancellation after connecting ends the call unsent.
        before_sending = call.progress.check
        try:
            return self._send(self._prepared(call), timeout, before_sending)
        except VeniceError as error:
            failure = error
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            seconds = time.monotonic() - begin
            failure = connection_error(error, self._origin[1], seconds, timeout, self._redact)
        raise _alone(failure)

    def _prepared(self, call: _Call) -> requests.PreparedRequest:
        """Return the request of a call. Raises SettingsError if it can't be sent."""
        try:
            prepared = self._prepare(call)
            check_headers(prepared)
            return prepared
        except (requests.RequestException, ValueError, TypeError) as error:
            raise unsendable(error) from None

    def _send(
        self,
        prepared: requests.PreparedRequest,
        timeout: float,
        before_sending: Callable[[], None],
    ) -> Response:
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
            is_ok = 200 <= status < 300
            limit = MAX_ANSWER_BYTES if is_ok else MAX_ERROR_BYTES
            body = read_body(response, deadline, limit, strict=is_ok)
            headers = {
                self._redact(name).lower(): self._redact(value)
                for name, value in response.headers.items()
            }
        body = masked(body, self._key) if is_ok else self._error_text(body)
        return Response(headers, body, time.monotonic() - begin, status)

    def _error_text(self, body: bytes) -> bytes:
        """Return an error's body without the key."""
        return self._redact(masked(body, self._key).decode("utf-8", "replace")).encode()

    def _prepare(self, call: _Call) -> requests.PreparedRequest:
        headers = {
            **({"Accept": "*/*"} if self._session is None else self._session.headers),
            "User-Agent": f"venice-nodes/{__version__}",
            "Accept-Encoding": "identity",
        }
        if call.body is not None:
            headers["Content-Type"] = call.body.content_type
        # None in a session's headers drops one
        headers = {name: value for name, value in headers.items() if value is not None}
        prepared = requests.Request(
            call.method,
            self.base_url + call.path,
            headers=headers,
            params=call.params,
            data=call.body,
            auth=_BearerAuth(self._key),
        ).prepare()
        parts = urlsplit(prepared.url or "")
        if (parts.scheme, parts.netloc) != self._origin:
            raise SettingsError(
                f"Stopped a request to {parts.netloc}. Only {self._origin[1]} gets your key."
            )
        return prepared

    def _route(self, url: str) -> dict[str, Any]:
        """Return proxies and CA bundle from the environment, only for https to other computers."""
        if self._is_local:
            return {"proxies": {}, "verify": True, "cert": None}
        session = self._session
        proxies = dict(session.proxies) if session is not None else {}
        verify = session.verify if session is not None else True
        if session is None or session.trust_env:
            proxies.update(requests.utils.get_environ_proxies(url))
            bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
            verify = bundle if bundle and verify is True else verify
        check_proxy(requests.utils.select_proxy(url, proxies))
        cert = session.cert if session is not None else None
        return {"proxies": proxies, "verify": verify, "cert": cert}

    def _redact(self, text: str) -> str:
        if self._key is None:
            return text
        text = self._key.redact(text)
        plain = unquote(text) if "%" in text else text
        redacted = self._key.redact(plain)
        return text if redacted == plain else redacted


class _BearerAuth(AuthBase):
    """Sets the key last and only on the request, and keeps requests from reading a netrc file."""

    def __init__(self, key: ApiKey | None) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._key is None:
            request.headers.pop("Authorization", None)
        else:
            request.headers["Authorization"] = f"Bearer {self._key.reveal()}"
        return request


def _alone(error: VeniceError) -> VeniceError:
    """Remove cause and traceback from `error`.

    Both hold the request, with the key in its header.
    """
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)
