"""A sandbox that commits faults on request, so that a client can show how it takes them."""

from __future__ import annotations

import select
import socket
import struct
import threading
import time
from typing import Any

from faults import GENERATE, Delivery, Fault, FaultPlan, When
from form_fields import files_as_base64
from venice_client import sandbox
from venice_client.sandbox import Charge, RecordedRequest
from venice_client.sandbox.response import Response
from venice_client.sandbox.service import Exchange
from venice_client.sandbox.wire import head_of

__all__ = ["Charge", "Fault", "RecordedRequest", "Sandbox"]

SECOND_PART = 0.05
ENDLESS_CHUNK = b"\0" * 65_536


class Sandbox(sandbox.Sandbox):
    """The sandbox, with faults: its one hook looks for the fault that a request is to meet."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        self._faults = FaultPlan()
        self._stopping = threading.Event()
        super().__init__(*args, **settings, intercept=self._intercept)

    def start(self) -> Sandbox:
        """Listens; returns itself."""
        self._stopping.clear()
        super().start()
        return self

    def stop(self) -> None:
        """Stops, also what hangs."""
        self._stopping.set()
        super().stop()

    def __enter__(self) -> Sandbox:
        return self.start()

    def add_fault(
        self,
        fault: Fault,
        path: str | None = GENERATE,
        times: int | None = 1,
        when: When | None = None,
    ) -> None:
        """Commits a fault on the next `times` requests to `path` that the API would have taken.

        `times` None means always, `path` None any paid endpoint; free ones can be named too. Faults
        wait in line in the order added. `when` sees the JSON payload (or the same of a form,
        with its files as base64, or None for a GET) and says whether the fault is for this request.
        """
        self._faults.add(fault, path, times, when)

    def clear_faults(self) -> None:
        """Commits no more faults."""
        self._faults.clear()

    def _intercept(self, exchange: Exchange) -> None:
        fault = self._faults.take(exchange.request.path, files_as_base64(exchange.payload))
        if fault is None:
            return
        exchange.charged = fault.charged
        exchange.size, exchange.count = fault.image_size, fault.image_count
        if fault.latency_s is not None:
            exchange.latency_s = fault.latency_s
        if (alter := fault.alter) is not None:
            exchange.alter = lambda answer: alter(answer, exchange.request.headers)
        if fault.delivery is not Delivery.WHOLE:

            def send(connection: socket.socket, answer: Response) -> None:
                if fault.delivery.has_status:
                    exchange.entry.update(status=answer.status)
                deliver(connection, answer, fault, self._stopping)

            exchange.send = send


def deliver(
    connection: socket.socket, answer: Response, fault: Fault, stopping: threading.Event
) -> None:
    """Sends an answer as the fault has it. Raises OSError where the client has gone."""
    how, amount, body = fault.delivery, fault.amount, answer.body
    if how is Delivery.RESET:
        # No lingering: closing sends RST instead of FIN.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    elif how is Delivery.HANG:
        _wait_with_client(connection, amount, stopping)
    elif how is Delivery.CUT:
        connection.sendall(_head(answer, len(body)) + body[: int(len(body) * amount)])
    elif how is Delivery.WRONG_LENGTH:
        connection.sendall(_head(answer, max(0, len(body) + int(amount))) + body)
    elif how is Delivery.SLOW:
        connection.sendall(_head(answer, len(body)))
        _drip(connection, body, amount, stopping)
    elif how is Delivery.ENDLESS:
        connection.sendall(head_of(answer, {"Transfer-Encoding": "chunked"}, False))
        _pour(connection, body, stopping)


def _head(answer: Response, length: int) -> bytes:
    return head_of(answer, {"Content-Length": str(length)}, False)


def _wait_with_client(connection: socket.socket, seconds: float, stopping: threading.Event) -> None:
    """Waits; ends early when the sandbox stops or the client goes."""
    ends = time.monotonic() + seconds
    while not stopping.is_set():
        left = ends - time.monotonic()
        if left <= 0 or _client_left(connection, min(left, SECOND_PART)):
            return


def _client_left(connection: socket.socket, seconds: float) -> bool:
    readable, _, _ = select.select([connection], [], [], seconds)
    if not readable:
        return False
    if connection.recv(1, socket.MSG_PEEK) == b"":
        return True
    # Something else is waiting to be read; select would answer at once from here on.
    time.sleep(seconds)
    return False


def _drip(
    connection: socket.socket, body: bytes, bytes_per_second: float, stopping: threading.Event
) -> None:
    step = max(1, int(bytes_per_second * SECOND_PART))
    pause = step / bytes_per_second
    for start in range(0, len(body), step):
        connection.sendall(body[start : start + step])
        _wait_with_client(connection, pause, stopping)
        if stopping.is_set():
            return


def _pour(connection: socket.socket, beginning: bytes, stopping: threading.Event) -> None:
    chunk = beginning
    while not stopping.is_set():
        connection.sendall(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        chunk = ENDLESS_CHUNK
