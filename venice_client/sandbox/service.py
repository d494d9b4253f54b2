"""What the API does with a request, short of the wire."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .answers import JSON_TYPE, Answer, Refusal
from .delivery import WHOLE
from .endpoints import (
    PAID_ENDPOINTS,
    PaidEndpoint,
    Task,
    balance,
    list_models,
    list_styles,
    rate_limits,
)
from .faults import GENERATE, Delivery, Fault, FaultPlan
from .ledger import Charge, Entry, Ledger
from .limits import NO_LIMIT, Limits
from .received import form_and_payload, json_payload, object_payload

BEARER = "Bearer "
MULTIPART_TYPE = "multipart/form-data"


@dataclass(frozen=True)
class Incoming:
    """A request as read from the wire; header names are in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    too_large: bool = False

    @property
    def key(self) -> str:
        return key_in(self.headers)

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


def key_in(headers: Mapping[str, str]) -> str:
    """The key that a request's headers carry, or ""."""
    sent = headers.get("authorization", "")
    return sent.removeprefix(BEARER) if sent.startswith(BEARER) else ""


@dataclass
class Service:
    """One API with its keys, limits, faults and books."""

    keys: tuple[str, ...]
    ledger: Ledger
    limits: Limits
    faults: FaultPlan = field(default_factory=FaultPlan)
    latency_s: float = 0.0
    stopping: threading.Event = field(default_factory=threading.Event)

    def respond(self, request: Incoming, entry: Entry) -> tuple[Answer, Fault]:
        """The answer to a request and the fault to deliver it with."""
        endpoint = PAID_ENDPOINTS.get(request.path) if request.method == "POST" else None
        try:
            if endpoint is None:
                return self._faulty_free_answer(request)
            self._check_key(request)
            answer, fault = self._paid_answer(request, endpoint, request.key, entry)
        except Refusal as refusal:
            answer, fault = refusal.answer(), WHOLE
            if endpoint is None or request.key not in self.keys:
                return answer, fault
        if answer.status >= 400 and fault.delivery is Delivery.WHOLE:
            self.limits.note_failure(request.key)
        return answer, fault

    def with_rate_headers(self, answer: Answer, headers: Mapping[str, str]) -> Answer:
        """The answer to a request with these headers, and where its key stands."""
        return replace(answer, headers={**self.limits.headers(key_in(headers)), **answer.headers})

    def _check_key(self, request: Incoming) -> None:
        if request.key not in self.keys:
            raise Refusal(401, "AUTHENTICATION_FAILED", "Authentication failed")

    def _free_answer(self, request: Incoming) -> Answer:
        where = (request.method, request.path)
        if where == ("GET", "/models"):
            return list_models(request.query)
        if where == ("GET", "/image/styles"):
            return list_styles()
        if where == ("GET", "/api_keys/rate_limits"):
            self._check_key(request)
            limit = self.limits.rate_limit
            return rate_limits(self.ledger, NO_LIMIT if limit is None else limit)
        if where == ("GET", "/billing/balance"):
            self._check_key(request)
            return balance(self.ledger)
        raise Refusal(404, "NOT_FOUND", f"No such endpoint: {request.method} {request.path}")

    def _faulty_free_answer(self, request: Incoming) -> tuple[Answer, Fault]:
        answer = self._free_answer(request)
        fault = self.faults.take(request.path, None) or WHOLE
        self.stopping.wait(fault.latency_s or 0.0)
        if fault.alter is not None:
            answer = fault.alter(answer, request.headers)
        return answer, fault

    def _paid_answer(
        self, request: Incoming, endpoint: PaidEndpoint, key: str, entry: Entry
    ) -> tuple[Answer, Fault]:
        began = time.monotonic()
        self.limits.admit(key)
        payload = self._payload(request, endpoint, entry)
        task = endpoint.check(payload)
        self.ledger.check_balance(task.usd)
        fault = self.faults.take(request.path, payload) or WHOLE
        answer = self._made(task, fault, request)
        latency = self.latency_s if fault.latency_s is None else fault.latency_s
        self.stopping.wait(max(0.0, began + latency - time.monotonic()))
        if fault.charged:
            entry.charge(Charge(request.path, task.service, task.usd, task.seed))
        return answer, fault

    def _payload(self, request: Incoming, endpoint: PaidEndpoint, entry: Entry) -> dict[str, Any]:
        if request.too_large:
            raise Refusal(413, "PAYLOAD_TOO_LARGE", "The request body is too large")
        if request.media_type == JSON_TYPE:
            value = json_payload(request.body)
            entry.note(json=value)
            return object_payload(value)
        if request.media_type == MULTIPART_TYPE and endpoint.files:
            form, payload = form_and_payload(request.headers["content-type"], request.body)
            entry.note(form=form)
            return payload
        told = f"Invalid content type: {request.media_type or 'none'}"
        raise Refusal(415, "INVALID_CONTENT_TYPE", told)

    def _made(self, task: Task, fault: Fault, request: Incoming) -> Answer:
        answer = task.make(fault)
        if fault.alter is not None:
            answer = fault.alter(answer, request.headers)
        return _compressed(answer, request)


def _compressed(answer: Answer, request: Incoming) -> Answer:
    """JSON of generate is compressed where the client takes it, as the API does."""
    takes_gzip = "gzip" in request.headers.get("accept-encoding", "")
    plain = answer.content_type == JSON_TYPE and "Content-Encoding" not in answer.headers
    if request.path != GENERATE or answer.status != 200 or not (takes_gzip and plain):
        return answer
    headers = {**answer.headers, "Content-Encoding": "gzip"}
    return replace(answer, body=gzip.compress(answer.body, 1), headers=headers)
