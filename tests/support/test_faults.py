"""The faults that a client can't tell apart by their outcome do what they say on the wire."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from faulty_sandbox import Fault, Sandbox

KEY = "canary-key-5d41"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(keys=(KEY,)) as running:
        yield running


def raw_answer(sandbox: Sandbox) -> bytes:
    """Everything that arrives for one small request, until the connection ends."""
    body = b'{"model":"chroma","prompt":"a fox","width":64,"height":64,"return_binary":true}'
    head = (
        f"POST /api/v1/image/generate HTTP/1.1\r\nHost: localhost:{sandbox.port}\r\n"
        f"Authorization: Bearer {KEY}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", sandbox.port), timeout=60) as connection:
        connection.sendall(head.encode() + body)
        received = b""
        while len(received) < 1_000_000 and (chunk := connection.recv(65_536)):
            received += chunk
    return received


def lengths(received: bytes) -> tuple[int, int]:
    """How long the body should be, and how long it is."""
    head, _, body = received.partition(b"\r\n\r\n")
    promised = head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]
    return int(promised), len(body)


def test_reset_resets_and_close_closes(sandbox: Sandbox) -> None:
    sandbox.add_fault(Fault.close())
    assert raw_answer(sandbox) == b""

    sandbox.add_fault(Fault.reset(charge=True))
    with pytest.raises(ConnectionResetError):
        raw_answer(sandbox)

    assert [request.status for request in sandbox.paid_requests] == [None, None]
    assert sandbox.charged_usd == 0.01


def test_cut_and_wrong_length_promise_more_or_less_than_they_send(sandbox: Sandbox) -> None:
    sandbox.add_fault(Fault.cut(after=0.5))
    promised, sent = lengths(raw_answer(sandbox))
    assert sent == promised // 2

    for delta in (10, -10):
        sandbox.add_fault(Fault.wrong_length(delta))
        promised, sent = lengths(raw_answer(sandbox))
        assert promised == sent + delta
    assert sandbox.charged_usd == pytest.approx(0.03)


def test_endless_sends_chunks_without_end(sandbox: Sandbox) -> None:
    sandbox.add_fault(Fault.endless())

    assert len(raw_answer(sandbox)) >= 1_000_000
