"""Send responses as a fault wants."""

from __future__ import annotations

import select
import socket
import struct
import threading
import time

from faults import Delivery, Fault
from venice_client.sandbox.response import Response
from venice_client.sandbox.server import Handler

SECOND_PART = 0.05
ENDLESS_CHUNK = b"\0" * 65_536


def deliver(handler: Handler, answer: Response, fault: Fault, stopping: threading.Event) -> None:
    """Send a response as the fault wants. Raises OSError if the client is gone."""
    connection = handler.connection
    how, amount, body = fault.delivery, fault.amount, answer.body

    def head(length: int) -> None:
        handler.send_head(answer, {"content-length": str(length)})

    if how is Delivery.RESET:
        # Without lingering, closing sends RST instead of FIN.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    elif how is Delivery.HANG:
        _wait_with_client(connection, amount, stopping)
    elif how is Delivery.CUT:
        head(len(body))
        connection.sendall(body[: int(len(body) * amount)])
    elif how is Delivery.WRONG_LENGTH:
        head(max(0, len(body) + int(amount)))
        connection.sendall(body)
    elif how is Delivery.SLOW:
        head(len(body))
        _drip(connection, body, amount, stopping)
    elif how is Delivery.ENDLESS:
        handler.send_head(answer, {"transfer-encoding": "chunked"})
        _pour(connection, body, stopping)


def _wait_with_client(connection: socket.socket, seconds: float, stopping: threading.Event) -> None:
    """Wait; end early when the sandbox stops or the client leaves."""
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
    # There is more to read, so select would return at once from here on.
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
