"""One tree of errors.

VeniceError
├── SettingsError                 a setting is missing or wrong (no key, bad base URL, bad number)
├── InvalidRequestError           known to be wrong; not sent
├── SpendingLimitError            would exceed one of your limits, or it can't be checked
├── RequestCancelledError         canceled before it was sent
├── ConnectionFailedError         the service can't be reached; nothing was sent
│   └── UntrustedCertificateError its certificate isn't trusted; retrying won't help
├── UnreadableResponseError       the response to a free call has an unexpected format
├── StoreError                    a saved response can't be read; nothing was sent
├── UnexpectedError               an unexpected error in this client; perhaps charged
├── MaybeChargedError             may have been charged
│   ├── ResponseLostError         the connection broke after the request was sent
│   ├── BadResponseError          the response isn't a readable image
│   │   └── NoTextError           the response has no text to use
│   └── FlaggedImageError         Venice blurred the image; charged, and saved if saving is on
├── ContentViolationError         the image is blocked; nothing was charged
├── BatchError                    some images of a batch are missing; `errors` says why
└── ApiError                      the API answered with an error status
    ├── RedirectError             3xx
    ├── BadRequestError           400
    ├── AuthenticationError       401
    ├── PaymentRequiredError      402
    ├── PermissionDeniedError     403
    ├── NotFoundError             404, 410
    ├── PayloadTooLargeError      413
    ├── UnsupportedContentError   415
    ├── UnprocessableError        422
    │   └── RefusedEditError      422 to an edit: may have been charged
    ├── RateLimitError            429
    └── ServerError               5xx
        └── GatewayError          502, 504, 520, 524 to a paid request: may have been charged
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

from .text import harmless, printable

CHARGED = "You may have been charged. Running again may charge you again."
LOST = f"It was not sent again. {CHARGED}"

MAX_REASON = 200
"""The most characters to quote of another program's message."""


IS_IN_COMFYUI = __package__ != "venice_client"
"""Whether ComfyUI's page shows the messages, instead of a terminal."""

_SHOWN = "venice" if IS_IN_COMFYUI else ""
"""In ComfyUI, the module that its page shows in front of an error's name, in place of a path. A
library keeps the real one, by which other processes find the classes."""


class VeniceError(Exception):
    """The base of all errors. The first line says what happened and what to do about it.

    may_have_been_charged: whether you may have paid without getting a result. can_pass: whether
    the same request may succeed later, perhaps after something at Venice, such as the balance, has
    changed. hint: which settings of the server or terminal to check: a line below the first, which
    names none. The message may quote the API, a header or a workflow, so it is made harmless for a
    page.
    """

    _home = __name__
    __module__ = _SHOWN or __name__
    may_have_been_charged = False
    can_pass = False
    hint = ""

    def __init__(self, message: str = "", hint: str = "") -> None:
        super().__init__(harmless(message))
        if hint:
            self.hint = hint
            self._add_second(hint)

    def __init_subclass__(cls) -> None:
        cls._home = cls.__module__
        cls.__module__ = _SHOWN or cls.__module__

    def __reduce__(self) -> tuple[Any, ...]:
        """For pickle and copy: the class by its real module, and the state without the cause."""
        return _restored, (self._home, type(self).__qualname__, self.args), self.__dict__

    def add_line(self, line: str) -> None:
        """Add a line below the others."""
        self.args = (f"{self}\n{line}", *self.args[1:])

    def name_item(self, item: str) -> None:
        """Add, once and below the first line, which item of a list the error is about."""
        self._add_second(printable(item))

    def _add_second(self, line: str) -> None:
        first, _, rest = str(self).partition("\n")
        if line and line not in rest:
            self.args = ("\n".join(filter(None, (first, line, rest))), *self.args[1:])


def _restored(module: str, name: str, args: tuple[Any, ...]) -> VeniceError:
    kind: type[VeniceError] = getattr(importlib.import_module(module), name)
    return kind.__new__(kind, *args)


class SettingsError(VeniceError):
    """A setting is missing or can't be used; nothing was sent."""


class InvalidRequestError(VeniceError):
    """The request is known to be wrong; nothing was sent.

    field: the request's field that the message is about, or None. is_empty: whether it is empty.
    """

    def __init__(self, message: str, field: str | None = None, is_empty: bool = False) -> None:
        super().__init__(message)
        self.field = field
        self.is_empty = is_empty


class SpendingLimitError(VeniceError):
    """The request would exceed one of your limits, or the limit can't be checked. It wasn't sent.

    limit: "run", "day", or "command" for --max-usd. limit_usd, cost_usd, spent_usd: the limit, the
    estimate, and what the run or the day has spent or reserved before; None where that isn't known.
    """

    def __init__(
        self,
        message: str,
        *,
        limit: str = "",
        limit_usd: float | None = None,
        cost_usd: float | None = None,
        spent_usd: float | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(message, hint)
        self.limit = limit
        self.limit_usd = limit_usd
        self.cost_usd = cost_usd
        self.spent_usd = spent_usd


class RequestCancelledError(VeniceError):
    """The request was canceled before it was sent; nothing was charged."""

    can_pass = True


class ConnectionFailedError(VeniceError):
    """The service can't be reached; nothing was sent, so nothing was charged."""

    can_pass = True


class UntrustedCertificateError(ConnectionFailedError):
    """This computer doesn't trust the certificate of the service or of a proxy."""

    can_pass = False


class UnreadableResponseError(VeniceError):
    """The response to a free call has an unexpected format."""

    can_pass = True


class StoreError(VeniceError):
    """A saved response can't be read. Nothing was sent, since you already paid for it."""

    can_pass = True


class UnexpectedError(VeniceError):
    """A request failed in this client for an unexpected reason, its `__cause__`.

    is_saved: whether its result is saved, so that running again is free.
    """

    can_pass = True

    def __init__(self, cause: Exception, is_sent: bool, is_saved: bool = False) -> None:
        told = CHARGED if is_sent else "It was not sent, so nothing was charged. Try again."
        told = "The result is saved. Running again is free." if is_saved else told
        reason = printable(str(cause).partition("\n")[0], MAX_REASON)
        super().__init__(
            f"The request failed on this computer ({type(cause).__name__}: {reason}). {told}"
        )
        self.may_have_been_charged = is_sent
        self.is_saved = is_saved
        self.__cause__ = cause


class MaybeChargedError(VeniceError):
    """The request may have been charged, but there is no result to show."""

    may_have_been_charged = True
    can_pass = True


class ResponseLostError(MaybeChargedError):
    """The connection broke or timed out after the request was sent."""


class BadResponseError(MaybeChargedError):
    """The response isn't a readable image, or exceeds the limits.

    `body` holds the raw response if it is available, so that it can be quarantined.
    """

    body = b""


class NoTextError(BadResponseError):
    """A text model refused, or answered with nothing or with something unreadable.

    cost: what Venice charged for it in USD, as far as it is known; None if it isn't. The message
    says it, too.
    """

    cost: float | None = None


class FlaggedImageError(MaybeChargedError):
    """Venice blurred the image. It was charged, and is saved if saving is on."""

    can_pass = False


class ContentViolationError(VeniceError):
    """Venice blocked the image: it violates the content policy.

    It was neither charged nor saved, so the same request is sent again.
    """


class BatchError(VeniceError):
    """Some images of a batch are missing. The others are saved if saving is on.

    `errors` holds the error of each missing image, in the order of the batch. advice: the number of
    saved images, and how to get the rest.
    """

    def __init__(self, message: str, errors: Sequence[VeniceError], advice: str = "") -> None:
        super().__init__(message)
        self.errors = tuple(errors)
        self.advice = advice
        self.may_have_been_charged = any(error.may_have_been_charged for error in errors)
        self.can_pass = all(error.can_pass for error in errors)


class ApiError(VeniceError):
    """The API answered with an error status.

    status: HTTP status. code: the API's code such as "INVALID_REQUEST", or "". api_message: the
    API's own words. fields: {field: complaints about it}. request_id: the response's id, or "".
    is_about_model: whether the API rejected the model.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str = "",
        api_message: str = "",
        fields: Mapping[str, Sequence[str]] | None = None,
        request_id: str = "",
        is_about_model: bool = False,
        hint: str = "",
    ) -> None:
        super().__init__(message, hint)
        self.status = status
        self.code = code
        self.api_message = api_message
        self.fields = {name: tuple(texts) for name, texts in (fields or {}).items()}
        self.request_id = request_id
        self.is_about_model = is_about_model


class RedirectError(ApiError):
    """3xx. Never followed, since that would send the key to another host."""


class BadRequestError(ApiError):
    """400: a field is wrong."""


class AuthenticationError(ApiError):
    """401: the key is wrong or missing, or the model needs a Pro account."""

    can_pass = True


class PaymentRequiredError(ApiError):
    """402: the balance or the key's own limit is used up, or no key arrived."""

    can_pass = True


class PermissionDeniedError(ApiError):
    """403: the account or key isn't allowed to use the API, or this model."""


class NotFoundError(ApiError):
    """404 or 410: the model doesn't exist or is gone, or nothing is at the address."""


class PayloadTooLargeError(ApiError):
    """413: the request is too large for the API."""


class UnsupportedContentError(ApiError):
    """415: the API doesn't accept this type of content."""


class UnprocessableError(ApiError):
    """422: Venice refused the content, or an image is too large."""


class RefusedEditError(UnprocessableError):
    """422 to an edit. If Venice refused the finished image, it charged for it."""

    may_have_been_charged = True


class RateLimitError(ApiError):
    """429 that waiting did not resolve."""

    can_pass = True


class ServerError(ApiError):
    """5xx: the API or its gateway failed."""

    can_pass = True


class GatewayError(ServerError):
    """502, 504, 520 or 524 to a paid request: a gateway gave up waiting for the API.

    The API may have generated and charged the image all the while.
    """

    may_have_been_charged = True


PRO_ONLY_MODEL = "PRO_ONLY_MODEL"
"""The only code of a 401 that is about the model instead of the key."""

FATAL_FOR_KEY = (AuthenticationError, PaymentRequiredError, PermissionDeniedError)
"""Errors that every other request with the same key, or to the same model, would get as well."""


def is_fatal_for_model(error: ApiError) -> bool:
    """Whether one of FATAL_FOR_KEY may be about the model, so that other models may still work.

    A 403 is about modelPrivacy or the region of a model, unless its code says otherwise.
    """
    is_about_account = error.code == "API_ACCESS_DISABLED"
    is_refusal = isinstance(error, PermissionDeniedError) and not is_about_account
    return is_refusal or error.code == PRO_ONLY_MODEL
