"""Turn a failed connection into an error that people can act on: pure functions."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import requests
import urllib3

from ..errors import (
    LOST,
    ConnectionFailedError,
    ResponseLostError,
    SettingsError,
    UntrustedCertificateError,
    VeniceError,
)

MAX_REASON = 300
"""The most characters of a library's reason."""


def connection_error(
    error: Exception, host: str, seconds: float, timeout: float, redact: Callable[[str], str]
) -> VeniceError:
    """Return the error for one of requests, urllib3 or the system, `seconds` after the start.

    redact: takes the key out of a text.
    """
    what = _reason(error, redact)
    if _is_about_settings(error):
        return SettingsError(
            "The address, proxy or CA bundle in your settings can't be used. Nothing was sent.\n"
            f"{what}",
            "Check VENICE_API_BASE, HTTPS_PROXY, ALL_PROXY and REQUESTS_CA_BUNDLE.",
        )
    if any(isinstance(e, ssl.SSLCertVerificationError) for e in _with_inner(error)):
        return UntrustedCertificateError(
            f"This computer doesn't trust the certificate of {host}. Add the certificate of your "
            f"proxy or company. Nothing was sent.\n{what}",
            "Set REQUESTS_CA_BUNDLE to a file that contains it (SSL_CERT_FILE isn't read).",
        )
    if any(map(_was_not_sent, _with_inner(error))):
        return ConnectionFailedError(
            f"Can't connect to {host}. Check your network or proxy. Nothing was sent.\n{what}",
            "VENICE_API_BASE sets the address, HTTPS_PROXY the proxy.",
        )
    timeouts = requests.Timeout | urllib3.exceptions.TimeoutError | TimeoutError
    if seconds >= timeout or isinstance(error, timeouts):
        return ResponseLostError(f"{host} didn't answer within {seconds:.0f} s. {LOST}\n{what}")
    return ResponseLostError(
        f"The connection to {host} was lost before the response arrived. {LOST}\n{what}"
    )


def check_headers(prepared: requests.PreparedRequest) -> None:
    """Raise ValueError or TypeError unless http.client can send the headers of a request."""
    unconnected = http.client.HTTPConnection("localhost")
    unconnected.putrequest("POST", "/")
    for name, value in prepared.headers.items():
        unconnected.putheader(name, value)


def unsendable(error: Exception) -> SettingsError:
    """Return the error for a request that can't be built, without the header that it quotes."""
    return SettingsError(
        "The address or a header of your session can't be used. Nothing was sent.\n"
        f"({type(error).__name__})",
        "Check VENICE_API_BASE. A header must be text in Latin-1.",
    )


def check_proxy(proxy: str | None) -> None:
    """Raise SettingsError unless `proxy` is None or an address with a host.

    Otherwise requests would fail with a message that may contain the proxy's password.
    """
    if not proxy:
        return
    try:
        parts = urlsplit(proxy if "//" in proxy else f"//{proxy}")
        is_valid = bool(parts.hostname) and parts.port != 0  # the port may raise
    except ValueError:
        is_valid = False
    if not is_valid or ("@" in proxy and "@" not in parts.netloc):
        raise SettingsError(
            "The proxy in your settings can't be read. Nothing was sent.",
            "Check HTTPS_PROXY and ALL_PROXY. They look like user:password@host:port; in the "
            "password, write / as %2F, # as %23, ? as %3F and @ as %40.",
        )


def _is_about_settings(error: BaseException) -> bool:
    """Whether settings in the environment prevented the connection.

    For a missing CA bundle, requests raises a plain OSError without an errno.
    """
    wrong = requests.exceptions.InvalidSchema | requests.exceptions.InvalidURL
    if isinstance(error, wrong | urllib3.exceptions.LocationValueError):
        return True
    return type(error) is OSError and error.errno is None and "invalid path" in str(error)


def _was_not_sent(error: BaseException) -> bool:
    """Whether the request certainly didn't leave: no connection, no proxy, a bad certificate.

    Anything else counts as sent. Reading the response may raise a TLS error too, so only a refused
    certificate is certain.
    """
    if isinstance(error, requests.ConnectTimeout | urllib3.exceptions.NewConnectionError):
        return True
    return isinstance(error, urllib3.exceptions.ConnectTimeoutError)


def _with_inner(error: BaseException) -> Iterator[BaseException]:
    """Iterate over the error and those that it wraps."""
    yield error
    inner = [getattr(error, "reason", None), getattr(error, "original_error", None), *error.args]
    for each in inner:
        if isinstance(each, BaseException):
            yield from _with_inner(each)


def _reason(error: Exception, redact: Callable[[str], str]) -> str:
    """Return the cause in brief, without the key, which must go before the text is shortened."""
    cause = error.args[0] if error.args and isinstance(error.args[0], Exception) else error
    reason = getattr(cause, "reason", None) or cause
    return f"({type(reason).__name__}: {redact(str(reason))[:MAX_REASON]})"
