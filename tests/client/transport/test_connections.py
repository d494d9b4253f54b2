"""Uploads that take long, connections that are used again, and whose time is whose."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

import posting
from scripted_server import Read, ScriptedServer, read_request, saying
from venice_client import VeniceClient
from venice_client.errors import ConnectionFailedError, ResponseLostError
from venice_client.transport import connections, transport

MakeClient = Callable[..., VeniceClient]
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 7\r\n\r\n[1,2,3]"
LARGE = {"prompt": "x" * 16_000_000}
"""More than the buffers of a connection take, so that it leaves only as fast as it is read."""


def post(client: VeniceClient, payload: dict[str, str] | None = None) -> bytes:
    """A paid call without the lists."""
    return posting.post(client, payload).body


def late(seconds: float) -> Read:
    """Does not begin to read before so long."""

    def read(connection: socket.socket) -> bytes:
        time.sleep(seconds)
        return read_request(connection)

    return read


class TrustingAdapter(connections.NoRetryAdapter):
    """Takes the certificate that the scripted server shows."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        context = ssl.create_default_context(cafile=Path(__file__).parent / "data/self-signed.pem")
        context.check_hostname = False
        super().init_poolmanager(*args, ssl_context=context, assert_hostname=False, **kwargs)


@pytest.fixture(params=["http", "https"])
def tls(request: pytest.FixtureRequest) -> ssl.SSLContext | None:
    """Each test over a plain connection, and over TLS."""
    if request.param == "http":
        return None
    context: ssl.SSLContext = request.getfixturevalue("self_signed")
    return context


@pytest.fixture
def session() -> requests.Session:
    """One that trusts the scripted server."""
    made = requests.Session()
    made.mount("https://", TrustingAdapter())
    return made


@pytest.fixture
def quick_connect(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection must stand within 2 s."""
    assert transport.CONNECT_TIMEOUT == 10.0
    monkeypatch.setattr(transport, "CONNECT_TIMEOUT", 2.0)


@pytest.mark.long
def test_an_upload_may_take_longer_than_connecting_may(
    make_client: MakeClient,
    tls: ssl.SSLContext | None,
    session: requests.Session,
    quick_connect: None,
) -> None:
    with ScriptedServer(saying(ANSWER), tls, read=late(3.0)) as server:
        client = make_client(server.base_url, session=session)
        assert post(client, LARGE) == b"[1,2,3]"
        assert len(server.requests[0]) > len(LARGE["prompt"])


@pytest.mark.long
def test_an_upload_that_nobody_reads_ends_at_the_deadline(
    make_client: MakeClient,
    tls: ssl.SSLContext | None,
    session: requests.Session,
    quick_connect: None,
) -> None:
    def never(_connection: socket.socket) -> bytes:
        server.pause(90)
        return b""

    with ScriptedServer(saying(ANSWER), tls, read=never) as server:
        client = make_client(server.base_url, session=session, timeout=3.0)
        began = time.monotonic()
        with pytest.raises(ResponseLostError, match=r"within \d+ s"):
            post(client, LARGE)
        assert 2.9 < time.monotonic() - began < 30


@pytest.mark.long
def test_a_connection_used_again_has_its_own_time(make_client: MakeClient) -> None:
    """Each of the two takes more than half of it."""
    long_body = b"[" + b" " * 299_998 + b"]"
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n"

    def answer_slowly(connection: socket.socket) -> None:
        connection.sendall(head + long_body[:100])
        time.sleep(3.5)
        connection.sendall(long_body[100:])
        time.sleep(3.5)
        if read_request(connection):
            connection.sendall(ANSWER)

    with ScriptedServer(answer_slowly) as server:
        client = make_client(server.base_url, timeout=6.0)
        assert post(client) == long_body
        assert post(client, LARGE) == b"[1,2,3]"
        assert server.connections == 1


@pytest.mark.long
def test_no_time_left_once_the_connection_stands_is_no_connection(
    make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing was sent by then, so nothing was charged."""
    real = connections._Connection.connect

    def slowly(self: Any) -> None:
        real(self)
        time.sleep(0.3)

    monkeypatch.setattr(connections._Connection, "connect", slowly)
    with ScriptedServer(saying(ANSWER)) as server:
        client = make_client(server.base_url)
        client._transport._timeout = 0.2
        with pytest.raises(ConnectionFailedError, match="Nothing was sent"):
            post(client)
        assert server.requests == []


def test_the_time_of_one_request_ends_no_other(
    make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first one's time is up just when its connection has gone to the second one."""
    second_came, go_on = threading.Event(), threading.Event()
    answers: list[bytes] = []

    def answer_twice(connection: socket.socket) -> None:
        connection.sendall(ANSWER)
        assert read_request(connection)
        second_came.set()
        go_on.wait(60)
        connection.sendall(ANSWER)

    with ScriptedServer(answer_twice) as server:
        client = make_client(server.base_url)
        second = threading.Thread(target=lambda: answers.append(post(client)))
        real = transport.read_body

        def read_and_be_late(*args: Any, **kwargs: Any) -> bytes:
            body = real(*args, **kwargs)
            monkeypatch.setattr(transport, "read_body", real)
            second.start()
            assert second_came.wait(60)
            connections.Deadline._of_thread.watch.close()
            go_on.set()
            return body

        monkeypatch.setattr(transport, "read_body", read_and_be_late)
        answers.append(post(client))
        second.join(60)
        assert answers == [b"[1,2,3]", b"[1,2,3]"]
        assert server.connections == 1
