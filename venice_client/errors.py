"""One tree of errors.

VeniceError
├── SettingsError                 a setting is missing or wrong (no key, bad base URL, bad number)
├── InvalidRequestError           refused here, before anything was sent or paid
├── SpendingLimitError            would pass a limit of the user, or can't be checked; not sent
├── RequestCancelledError         cancelled before it was sent
├── ConnectionFailedError         the service could not be reached; nothing was sent
│   └── UntrustedCertificateError its certificate is not trusted; no further try can help
├── UnreadableResponseError       the answer to a free call has another form than published
├── StoreError                    a kept answer cannot be read; nothing was sent
├── UnexpectedError               an error of ours that was not foreseen; perhaps charged
├── MaybeChargedError             may have been charged
│   ├── ResponseLostError         the connection broke after the request was sent
│   ├── BadResponseError          the answer cannot be read as a picture
│   └── FlaggedImageError         the picture is blurred
├── ContentViolationError         the picture is blacked out; nothing was charged
├── BatchError                    some pictures of a batch are missing; `errors` says why
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

CHARGED = "It may have been charged. To ask again, and perhaps pay again, run it once more."
LOST = f"It was not sent again. {CHARGED}"


MAX_REASON = 200
"""Most characters of a message that is not ours."""


class VeniceError(Exception):
    """Anything that goes wrong here. The first line says what is wrong and what to do about it.

    may_have_been_charged: whether money may be gone for nothing. can_pass: whether the same request
    may succeed later, perhaps after something at Venice, such as the balance, has changed.
    Here the message, which may quote the API, a header or a workflow, becomes harmless for a page.
    """

    _home = __name__
    __module__ = "venice"  # ComfyUI shows it in front of the name
    may_have_been_charged = False
    can_pass = False

    def __init__(self, message: str = "") -> None:
        super().__init__(harmless(message))

    def __init_subclass__(cls) -> None:
        cls._home, cls.__module__ = cls.__module__, "venice"

    def __reduce__(self) -> tuple[Any, ...]:
        """For pickle and copy: the class by where it lies, and its state without its cause."""
        return _restored, (self._home, type(self).__qualname__, self.args), self.__dict__

    def add_line(self, line: str) -> None:
        """Add a line of our own below the others."""
        self.args = (f"{self}\n{line}", *self.args[1:])

    def name_item(self, item: str) -> None:
        """Adds, once, which item of a list it is about, on a line below the first."""
        first, _, rest = str(self).partition("\n")
        item = printable(item)
        if item and item not in rest:
            self.args = ("\n".join(filter(None, (first, item, rest))), *self.args[1:])


def _restored(module: str, name: str, args: tuple[Any, ...]) -> VeniceError:
    kind: type[VeniceError] = getattr(importlib.import_module(module), name)
    return kind.__new__(kind, *args)


class SettingsError(VeniceError):
    """A setting is missing or cannot be used; nothing was sent."""


class InvalidRequestError(VeniceError):
    """The request is known to be wrong; nothing was sent.

    `field` is the request's field the message speaks of, or None. is_empty: whether that is empty.
    """

    def __init__(self, message: str, field: str | None = None, is_empty: bool = False) -> None:
        super().__init__(message)
        self.field = field
        self.is_empty = is_empty


class SpendingLimitError(VeniceError):
    """The request would pass a limit of the user, or that can't be checked; it was not sent.

    limit: "run" or "day". limit_usd, cost_usd, spent_usd: the limit, the estimate, and what the
    run or the day has spent or reserved before; None where that isn't known.
    """

    def __init__(
        self,
        message: str,
        *,
        limit: str = "",
        limit_usd: float | None = None,
        cost_usd: float | None = None,
        spent_usd: float | None = None,
    ) -> None:
        super().__init__(message)
        self.limit = limit
        self.limit_usd = limit_usd
        self.cost_usd = cost_usd
        self.spent_usd = spent_usd


class RequestCancelledError(VeniceError):
    """The request was cancelled before it was sent; nothing was charged."""

    can_pass = True


class ConnectionFailedError(VeniceError):
    """The service could not be reached; nothing was sent, so nothing was charged."""

    can_pass = True


class UntrustedCertificateError(ConnectionFailedError):
    """The certificate of the service, or of a proxy on the way, is not trusted here."""

    can_pass = False


class UnreadableResponseError(VeniceError):
    """The answer to a free call has another form than published."""

    can_pass = True


class StoreError(VeniceError):
    """An answer is kept, and cannot be read now; nothing was sent, since it is paid for."""

    can_pass = True


class UnexpectedError(VeniceError):
    """A request failed here for a reason that was not foreseen, which is its `__cause__`."""

    can_pass = True

    def __init__(self, cause: Exception, is_sent: bool) -> None:
        reason = printable(str(cause).partition("\n")[0], MAX_REASON)
        super().__init__(
            f"The request failed here, not at Venice ({type(cause).__name__}: {reason}). "
            + (CHARGED if is_sent else "It was not sent, so nothing is charged: queue again.")
        )
        self.may_have_been_charged = is_sent
        self.__cause__ = cause


class MaybeChargedError(VeniceError):
    """The request was sent and may have been charged, but there is no picture to show."""

    may_have_been_charged = True
    can_pass = True


class ResponseLostError(MaybeChargedError):
    """The connection was lost, timed out or was cut short after the request was sent."""


class BadResponseError(MaybeChargedError):
    """The answer cannot be read as a picture, or is larger than the limits.

    `body` holds the answer as it came, where it is at hand, so that it can be set aside.
    """

    body = b""


class FlaggedImageError(MaybeChargedError):
    """The picture is blurred. It was charged, and is kept where the store is on."""

    can_pass = False


class ContentViolationError(VeniceError):
    """The picture of a prompt breaks the terms: it came blacked out, was not charged and is not
    kept, so that asking again asks again."""


class BatchError(VeniceError):
    """Some pictures of a batch could not be made; the others are kept where the store is on.

    `errors` holds the error of each missing picture, in the order of the batch. advice: what was
    saved, and how to get the rest.
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
    API's own words. fields: {field: its complaints}. request_id: the answer's id, or "".
    is_about_model: whether the model is what the API does not take.
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
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.api_message = api_message
        self.fields = {name: tuple(texts) for name, texts in (fields or {}).items()}
        self.request_id = request_id
        self.is_about_model = is_about_model


class RedirectError(ApiError):
    """3xx. Never followed, since the key would go along to another host."""


class BadRequestError(ApiError):
    """400: a field is wrong."""


class AuthenticationError(ApiError):
    """401: the key is wrong or missing, or the model needs a Pro account."""

    can_pass = True


class PaymentRequiredError(ApiError):
    """402: the balance, or the key's own limit, is used up; or no key arrived."""

    can_pass = True


class PermissionDeniedError(ApiError):
    """403: the account or key may not use the API, or not this model."""


class NotFoundError(ApiError):
    """404 or 410: no such model (any more), or nothing at the address."""


class PayloadTooLargeError(ApiError):
    """413: the request is larger than the API takes."""


class UnsupportedContentError(ApiError):
    """415: the API does not take this type of content."""


class UnprocessableError(ApiError):
    """422: the content was refused, or an image is too large."""


class RefusedEditError(UnprocessableError):
    """422 to an edit. Where Venice refuses the finished picture it has charged for it."""

    may_have_been_charged = True


class RateLimitError(ApiError):
    """429, and waiting for it was given up."""

    can_pass = True


class ServerError(ApiError):
    """5xx: the API or its gateway failed."""

    can_pass = True


class GatewayError(ServerError):
    """502, 504, 520 or 524 to a paid request: a gateway gave up on the API, and the picture may
    have been made, and charged, behind it."""

    may_have_been_charged = True


PRO_ONLY_MODEL = "PRO_ONLY_MODEL"
"""The one code of a 401 that is about the model, not the key."""

FATAL_FOR_KEY = (AuthenticationError, PaymentRequiredError, PermissionDeniedError)
"""Errors that every other request with the same key, or to the same model, would meet as well."""


def is_fatal_for_model(error: ApiError) -> bool:
    """Whether one of FATAL_FOR_KEY may be about the model: then other models may be asked still.

    A 403 is about modelPrivacy or the region of a model, unless its code says otherwise.
    """
    is_about_account = error.code == "API_ACCESS_DISABLED"
    is_refusal = isinstance(error, PermissionDeniedError) and not is_about_account
    return is_refusal or error.code == PRO_ONLY_MODEL
