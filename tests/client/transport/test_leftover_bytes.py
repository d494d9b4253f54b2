"""Bytes that an answer leaves on its connection never become the answer to the next request."""

from __future__ import annotations

import contextlib
import io
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image

import posting
from fault_table import in_json
from scripted_server import ScriptedServer, read_request
from venice_client import VeniceClient
from venice_client.errors import BadRequestError, VeniceError
from venice_client.transport import connections

MakeClient = Callable[..., VeniceClient]


def noise(side: int) -> bytes:
    """A PNG that does not fit into a buffer with the head of its answer."""
    out = io.BytesIO()
    Image.effect_noise((side, side), 100).save(out, "PNG")
    return out.getvalue()


WRONG, RIGHT = noise(160), noise(200)
LARGE = {"prompt": "x" * 4_000_000}
"""More than the buffers of a connection take."""


def answer(status: str, body: bytes, *headers: str, length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {size}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


LATE = answer("200 OK", WRONG)
"""What looks like an answer, and comes when the first one has been read."""

FIRST = {
    "204": b"HTTP/1.1 204 No Content\r\n\r\n",
    "204 with a length": answer("204 No Content", b"", length=len(LATE)),
    "304": b"HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n",
    "304 with a length": answer("304 Not Modified", b"", length=len(LATE)),
    "200 without a body": answer("200 OK", b""),
    "205": answer("205 Reset Content", b""),
    "307": answer("307 Temporary Redirect", b"", "Location: https://x.example/"),
    "400": answer("400 Bad Request", b"{}"),
    "400 in chunks": b"HTTP/1.1 400 Bad\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "401": answer("401 Unauthorized", b"{}"),
    "422": answer("422 Unprocessable", b'{"error": "x"}'),
    "429": answer("429 Busy", b"{}", "Retry-After: 0.01"),
    "500": answer("500 Failed", b"{}"),
    "503": answer("503 Busy", b"{}"),
    "504": answer("504 Late", b"<html>"),
    "half a picture": answer("200 OK", RIGHT[:-20]),
    "half of JSON": answer("200 OK", in_json(RIGHT)[:-20]),
    "a web page": answer("200 OK", b"<html>"),
}


class Trusting(connections.NoRetryAdapter):
    """Takes the certificate that the scripted server shows."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        context = ssl.create_default_context(cafile=Path(__file__).parent / "data/self-signed.pem")
        context.check_hostname = False
        super().init_poolmanager(*args, ssl_context=context, assert_hostname=False, **kwargs)


def shown(client: VeniceClient) -> bytes:
    """What a paid call shows; nothing where it is an error."""
    with contextlib.suppress(VeniceError):
        return posting.post(client).body
    return b""


@pytest.mark.parametrize("name", FIRST)
def test_what_comes_behind_an_answer_is_not_the_next_one(
    name: str, make_client: MakeClient
) -> None:
    """It comes when the connection could be in use again."""
    asked_again = threading.Event()
    count = 0

    def script(connection: socket.socket) -> None:
        nonlocal count
        count += 1
        if count > 1:
            asked_again.set()
            connection.sendall(answer("200 OK", RIGHT))
            return
        connection.sendall(FIRST[name])
        if read_request(connection):  # the next one, on the connection of the first
            connection.sendall(LATE)

    with ScriptedServer(script) as server:
        client = make_client(server.base_url)
        first = shown(client)
        assert WRONG not in (first, shown(client))
        assert asked_again.is_set()


def test_what_lies_on_a_connection_already_is_not_the_next_answer(
    make_client: MakeClient, self_signed: ssl.SSLContext
) -> None:
    """Over TLS the system does not see it: it is unpacked already."""

    def script(connection: socket.socket) -> None:
        connection.sendall(answer("200 OK", RIGHT) + LATE)
        read_request(connection)

    session = requests.Session()
    session.mount("https://", Trusting())
    for tls in (None, self_signed):
        with ScriptedServer(script, tls) as server:
            client = make_client(server.base_url, session=session)
            assert [shown(client) for _ in range(3)] == [RIGHT] * 3


class AnswersAtOnce:
    """A connection whose first bytes are answered before the rest is read."""

    def __init__(self, connection: socket.socket, words: bytes) -> None:
        self._connection, self._words = connection, words

    def recv(self, size: int) -> bytes:
        came = self._connection.recv(size)
        self._connection.sendall(self._words)
        self._words = b""
        return came


def test_an_error_that_comes_while_the_request_still_leaves_ends_the_connection(
    make_client: MakeClient,
) -> None:
    """Behind it comes what else the server has to say to all of the request."""

    def refuse(connection: Any) -> bytes:
        if server.connections > 1:
            return read_request(connection)
        return read_request(AnswersAtOnce(connection, FIRST["400"]))

    def script(connection: socket.socket) -> None:
        if server.connections > 1:
            connection.sendall(answer("200 OK", RIGHT))
        elif read_request(connection):
            connection.sendall(LATE)

    with ScriptedServer(script, read=refuse) as server:
        client = make_client(server.base_url)
        with pytest.raises(BadRequestError):
            posting.post(client, LARGE)
        assert shown(client) == RIGHT
        assert server.connections == 2
