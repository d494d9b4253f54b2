"""The sandbox for tests: it records requests, limits their rate, and commits faults on demand."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from deliveries import deliver
from faults import GENERATE, Delivery, Fault, FaultPlan, When
from form_fields import files_as_base64
from rate_limits import Limits
from recorded_requests import RecordedRequest, Recorder
from venice_client import sandbox
from venice_client.sandbox import Charge, backdrop, server
from venice_client.sandbox.account import Account
from venice_client.sandbox.endpoints import FreeEndpoint
from venice_client.sandbox.response import Response
from venice_client.sandbox.service import Request, Service
from venice_client.sandbox.task import Task

__all__ = ["Charge", "Fault", "RecordedRequest", "Sandbox"]

# Drawing takes most of the time of a request. No test looks at the landscape.
backdrop.WORKING_SIDE = 64


class Sandbox(sandbox.Sandbox):
    """The sandbox with records, limits and faults.

    rate_limit: paid requests that a key may send in window_s seconds (None: no limit). More than
    max_failures failed requests in failure_window_s lock a key for lockout_s. reset_in_ms: the
    reset header is in milliseconds instead of seconds.
    """

    def __init__(
        self,
        port: int = 0,
        keys: tuple[str, ...] = ("sandbox",),
        rate_limit: int | None = None,
        window_s: float = 60.0,
        latency_s: float = 0.0,
        balance_usd: float = 100.0,
        *,
        max_failures: int = 20,
        failure_window_s: float = 30.0,
        lockout_s: float = 30.0,
        reset_in_ms: bool = False,
    ) -> None:
        super().__init__(port, keys, latency_s, balance_usd)
        self._limits = Limits(rate_limit, window_s, max_failures, failure_window_s, lockout_s)
        self._limits.reset_in_ms = reset_in_ms
        self._faults = FaultPlan()
        self._recorder = Recorder()
        account = Account(balance_usd)
        account.requests_per_minute = rate_limit or account.requests_per_minute
        self._service: Service = _Service(self, keys, account, latency_s)

    def start(self) -> Sandbox:
        super().start()
        return self

    def __enter__(self) -> Sandbox:
        return self.start()

    def stop(self) -> None:
        """Stop, and drop every connection, even one that hangs."""
        listening = self._server
        super().stop()
        if isinstance(listening, _Server):
            listening.drop_connections()

    @property
    def requests(self) -> list[RecordedRequest]:
        """All requests so far, in order."""
        return list(self._recorder.requests)

    @property
    def paid_requests(self) -> list[RecordedRequest]:
        """The requests to POST /image/* and to chats."""
        return [request for request in self.requests if request.is_paid]

    @property
    def max_concurrent(self) -> int:
        """The highest number of paid requests that ran at the same time."""
        return self._recorder.max_concurrent

    @property
    def locked_out(self) -> bool:
        """Whether any key was ever locked for too many failures."""
        return self._limits.locked_out

    @property
    def latency_s(self) -> float:
        """How long each paid request takes. You may set it while the sandbox runs."""
        return self._service.latency_s

    @latency_s.setter
    def latency_s(self, seconds: float) -> None:
        self._service.latency_s = seconds

    def forget(self) -> None:
        """Clear requests, charges, rate windows and locks."""
        self._recorder.forget()
        self._service.account.charges.clear()
        self._limits.forget()

    def add_fault(
        self,
        fault: Fault,
        path: str | None = GENERATE,
        times: int | None = 1,
        when: When | None = None,
    ) -> None:
        """Commit a fault on the next `times` valid requests to `path`.

        times: None means always. path: None means any paid endpoint; free ones can be named too.
        Faults wait in line in the order you add them. `when` gets the JSON payload (or the same of
        a form, with its files as base64, or None for a GET) and says whether the fault fits.
        """
        self._faults.add(fault, path, times, when)

    def clear_faults(self) -> None:
        """Commit no more faults."""
        self._faults.clear()

    def _listen(self, address: tuple[str, int]) -> server.Server:
        return _Server(address, _Handler, self._service)


NO_FAULT = Fault("none")


@dataclass(frozen=True)
class _OddDelivery(Response):
    """A response that the handler must not simply send."""

    fault: Fault = NO_FAULT


class _Service(Service):
    def __init__(self, owner: Sandbox, *args: Any) -> None:
        super().__init__(*args)
        self._owner = owner

    def respond(self, request: Request) -> Response:
        limits = self._owner._limits
        with self._owner._recorder.record(request) as record:
            response = super().respond(record)
            fault = response.fault if isinstance(response, _OddDelivery) else NO_FAULT
            is_failure = response.status >= 400 and fault is NO_FAULT
            if is_failure and record.is_paid and record.key in self.keys:
                limits.note_failure(record.key)
            if not fault.delivery.is_silent:
                record.note(status=response.status)
            headers = {**limits.headers(record.key), **response.headers}
            # An empty header replaces one, so that it isn't sent at all.
            return replace(response, headers={name: text for name, text in headers.items() if text})

    def check_key(self, request: Request) -> None:
        super().check_key(request)
        if request.is_paid:
            self._owner._limits.admit(request.key)

    def look_up(self, request: Request, endpoint: FreeEndpoint) -> Response:
        fault = self._owner._faults.take(request.path, None) or NO_FAULT
        began = time.monotonic()
        response = fault.altered(super().look_up(request, endpoint), request.headers)
        self.wait_until(began + (fault.latency_s or 0.0))
        return _delivered(response, fault)

    def fulfil(self, request: Request, payload: Mapping[str, Any], task: Task) -> Response:
        began = time.monotonic()
        if task.images > 1:
            self._owner._limits.admit(request.key, task.images - 1)
        fault = self._owner._faults.take(request.path, files_as_base64(payload)) or NO_FAULT
        images = task.images if fault.image_count is None else fault.image_count
        response = task.make(fault.image_size or task.size, images)
        response = fault.altered(response, request.headers)
        latency = self.latency_s if fault.latency_s is None else fault.latency_s
        self.wait_until(began + latency)
        if fault.charged:
            self.charge(request, task)
        return _delivered(response, fault)

    def charge(self, request: Request, task: Task) -> None:
        assert isinstance(request, RecordedRequest)
        if request.generation == self._owner._recorder.generation:
            super().charge(request, task)
            request.note(charged_usd=task.usd)


def _delivered(response: Response, fault: Fault) -> Response:
    if fault.delivery is Delivery.WHOLE:
        return response
    return _OddDelivery(
        response.status, response.body, response.content_type, response.headers, fault
    )


class _Server(server.Server):
    """Keeps its connections, to drop them; closes them abruptly, so that a reset stays one."""

    def __init__(self, *args: Any) -> None:
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(*args)

    def verify_request(self, request: Any, client_address: Any) -> bool:
        with self._lock:
            self._connections.add(request)
        return not self.service.stopping.is_set()

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._connections.discard(request)
        request.close()

    def drop_connections(self) -> None:
        with self._lock:
            held = list(self._connections)
        for connection in held:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(server.Handler):
    def send(self, response: Response) -> None:
        if isinstance(response, _OddDelivery):
            self.close_connection = True
            deliver(self, response, response.fault, self.server.service.stopping)
        else:
            super().send(response)
