"""The API's work on a request, apart from HTTP."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .account import Account, Charge
from .endpoints import FREE_ENDPOINTS, PAID_ENDPOINTS, FreeEndpoint, PaidEndpoint
from .fields import kind
from .form import form_payload, json_value, read_form
from .response import JSON_TYPE, Refusal, Response, invalid_fields
from .task import Task

MULTIPART_TYPE = "multipart/form-data"


@dataclass(frozen=True)
class Request:
    """A request with its body, the path without the prefix, and header names in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def key(self) -> str:
        """The API key, or ""."""
        scheme, _, key = self.headers.get("authorization", "").partition(" ")
        return key.strip() if scheme.lower() == "bearer" else ""

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "")

    @property
    def media_type(self) -> str:
        return self.content_type.partition(";")[0].strip().lower()

    @property
    def is_paid(self) -> bool:
        """Whether the API charges for requests like this."""
        return self.method == "POST" and self.path in PAID_ENDPOINTS


@dataclass
class Service:
    """The API for some keys and one account. latency_s: seconds that each paid request takes."""

    keys: tuple[str, ...]
    account: Account
    latency_s: float = 0.0
    stopping: threading.Event = field(default_factory=threading.Event)

    def respond(self, request: Request) -> Response:
        """Answer a request."""
        balance = self._balance_headers(request)
        try:
            response = self._answer(request)
        except Refusal as refusal:
            response = refusal.response()
        except Exception:
            traceback.print_exc(file=sys.stderr)
            message = "An unknown error occurred. This is a bug in the sandbox"
            response = Refusal(500, "UNKNOWN_ERROR", message).response()
        return replace(response, headers={**balance, **response.headers})

    def check_key(self, request: Request) -> None:
        """Raise Refusal (401) unless the request has one of the keys."""
        if request.key not in self.keys:
            raise Refusal(401, "AUTHENTICATION_FAILED", "Authentication failed")

    def look_up(self, request: Request, endpoint: FreeEndpoint) -> Response:
        """Answer a free request."""
        return endpoint.answer(request.query, self.account)

    def fulfil(self, request: Request, payload: Mapping[str, Any], task: Task) -> Response:
        """Draw the images of a valid request, and charge for them."""
        began = time.monotonic()
        response = task.make(task.size, task.images)
        self.wait_until(began + self.latency_s)
        self.charge(request, task)
        return response

    def wait_until(self, moment: float) -> None:
        """Wait until a moment of the monotonic clock, or until the sandbox stops."""
        self.stopping.wait(max(0.0, moment - time.monotonic()))

    def charge(self, request: Request, task: Task) -> None:
        """Charge for a request."""
        self.account.charges.append(Charge(request.path, task.service, task.usd, task.seed))

    def _answer(self, request: Request) -> Response:
        if (paid := PAID_ENDPOINTS.get(request.path)) is not None:
            _check_method(request, "POST")
            return self._answer_paid(request, paid)
        if (free := FREE_ENDPOINTS.get(request.path)) is None:
            raise Refusal(404, "NOT_FOUND", f"No such path: {request.path:.200}")
        _check_method(request, "GET")
        if free.needs_key:
            self.check_key(request)
        return self.look_up(request, free)

    def _answer_paid(self, request: Request, endpoint: PaidEndpoint) -> Response:
        if "authorization" not in request.headers:
            raise Refusal(402, None, "Payment required", x402Version=2, accepts=[])
        self.check_key(request)
        payload = _payload(request, endpoint)
        task = endpoint.check(payload)
        self.account.check_balance(task.usd)
        return self.fulfil(request, payload, task)

    def _balance_headers(self, request: Request) -> dict[str, str]:
        """The balance before a paid request; {} for any other."""
        if not request.is_paid or request.key not in self.keys:
            return {}
        balance = f"{self.account.left_usd:.6f}"
        return {"x-venice-balance-usd": balance, "x-venice-balance-diem": "0"}


def _check_method(request: Request, allowed: str) -> None:
    if request.method != allowed:
        message = f"{request.path} takes {allowed}"
        raise Refusal(405, "INVALID_REQUEST", message, headers={"Allow": allowed})


def _payload(request: Request, endpoint: PaidEndpoint) -> dict[str, Any]:
    if request.media_type == MULTIPART_TYPE and endpoint.takes_files:
        return form_payload(read_form(request.content_type, request.body))
    if request.media_type != JSON_TYPE:
        message = f"Invalid content type: {request.media_type or 'none'}"
        raise Refusal(415, "INVALID_CONTENT_TYPE", message)
    value = json_value(request.body)
    if not isinstance(value, dict):
        raise invalid_fields({"": [f"Expected object, received {kind(value)}"]})
    return value
