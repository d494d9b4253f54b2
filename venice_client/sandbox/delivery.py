"""Answers on the wire, whole or as a fault would have them."""

from __future__ import annotations

import select
import socket
import struct
import threading
import time
from collections.abc import Mapping
from email.utils import formatdate
from http import HTTPStatus

from .answers import Answer
from .faults import Delivery, Fault

SECOND_PART = 0.05
ENDLESS_CHUNK = b"\0" * 65_536
WHOLE = Fault("none")


def deliver(
    connection: socket.socket,
    answer: Answer,
    fault: Fault,
    stopping: threading.Event,
    keep_alive: bool,
) -> bool:
    """Send an answer; True where the connection may be used again.

    Raises:
        OSError: the client has gone.
    """
    how, amount, body = fault.delivery, fault.amount, answer.body
    if how is Delivery.WHOLE:
        length = {"Content-Length": str(len(body))}
        connection.sendall(head_of(answer, length, keep_alive) + body)
        return keep_alive
    if how is Delivery.RESET:
        # No lingering: closing sends RST instead of FIN.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    elif how is Delivery.HANG:
        wait_with_client(connection, amount, stopping)
    elif how is Delivery.CUT:
        head = head_of(answer, {"Content-Length": str(len(body))}, False)
        connection.sendall(head + body[: int(len(body) * amount)])
    elif how is Delivery.WRONG_LENGTH:
        promised = max(0, len(body) + int(amount))
        connection.sendall(head_of(answer, {"Content-Length": str(promised)}, False) + body)
    elif how is Delivery.SLOW:
        connection.sendall(head_of(answer, {"Content-Length": str(len(body))}, False))
        _drip(connection, body, amount, stopping)
    elif how is Delivery.ENDLESS:
        connection.sendall(head_of(answer, {"Transfer-Encoding": "chunked"}, False))
        _pour(connection, body, stopping)
    return False


def head_of(answer: Answer, framing: Mapping[str, str], keep_alive: bool) -> bytes:
    """Status line and headers; the answer's own headers win, whatever their case."""
    headers: dict[str, tuple[str, str]] = {}
    own = {
        "Server": "venice-sandbox",
        "Date": formatdate(usegmt=True),
        "Content-Type": answer.content_type,
        "Connection": "keep-alive" if keep_alive else "close",
        **framing,
    }
    for name, value in (*own.items(), *answer.headers.items()):
        headers[name.lower()] = (name, value)
    reason = HTTPStatus(answer.status).phrase if answer.status in set(HTTPStatus) else "Unknown"
    lines = [f"HTTP/1.1 {answer.status} {reason}"]
    lines += [f"{name}: {value}" for name, value in headers.values()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def wait_with_client(connection: socket.socket, seconds: float, stopping: threading.Event) -> None:
    """Wait; end early when the sandbox stops or the client goes."""
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
        wait_with_client(connection, pause, stopping)
        if stopping.is_set():
            return


def _pour(connection: socket.socket, beginning: bytes, stopping: threading.Event) -> None:
    chunk = beginning
    while not stopping.is_set():
        connection.sendall(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        chunk = ENDLESS_CHUNK
