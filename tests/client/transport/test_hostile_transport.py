"""What an answer must not be able to do: hold us, fool us, or hide its status."""

from __future__ import annotations

import contextlib
import re
import socket
import time
from collections.abc import Callable

import pytest

import posting
from scripted_server import ScriptedServer, saying
from venice_client import Progress, VeniceClient
from venice_client.errors import (
    ConnectionFailedError,
    PaymentRequiredError,
    RedirectError,
    RequestCancelledError,
    SettingsError,
    VeniceError,
)

MakeClient = Callable[..., VeniceClient]
OK = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n"


def post(client: VeniceClient) -> object:
    return posting.post(client)


def test_the_body_of_a_redirect_is_not_read_without_end(make_client: MakeClient) -> None:
    sent = 0

    def pour(connection: socket.socket) -> None:
        nonlocal sent
        head = b"HTTP/1.1 307 x\r\nLocation: https://x.example/\r\n"
        connection.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n")
        ends = time.monotonic() + 90
        while time.monotonic() < ends:
            connection.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")
            sent += 65536

    with ScriptedServer(pour) as server:
        began = time.monotonic()
        with contextlib.suppress(VeniceError):
            post(make_client(server.base_url, timeout=1.0))
        assert time.monotonic() - began < 30
        assert sent < 20 * 2**20


@pytest.mark.parametrize("location", [b"https://[::1", b"http://[zz]/"])
def test_a_redirect_to_no_address_is_an_error_of_ours(
    make_client: MakeClient, location: bytes
) -> None:
    head = b"HTTP/1.1 302 x\r\nContent-Length: 0\r\nLocation: " + location + b"\r\n\r\n"
    with ScriptedServer(saying(head)) as server, pytest.raises(RedirectError):
        post(make_client(server.base_url))


def test_a_handshake_that_does_not_end_is_no_connection(make_client: MakeClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = make_client(f"https://127.0.0.1:{listener.getsockname()[1]}")
        client._transport._timeout = 0.2
        with pytest.raises(ConnectionFailedError):
            post(client)


def test_a_handshake_that_fails_is_no_connection(make_client: MakeClient) -> None:
    def hello(connection: socket.socket) -> bytes:
        return connection.recv(65536)

    with ScriptedServer(saying(OK + b"\r\n"), read=hello) as server:
        client = make_client(server.base_url.replace("http:", "https:"))
        with pytest.raises(ConnectionFailedError):
            post(client)


@pytest.mark.long
def test_an_error_status_counts_though_its_page_does_not_end(make_client: MakeClient) -> None:
    def refuse(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 402 x\r\nContent-Length: 100\r\n\r\n{")
        server.pause(90)

    with ScriptedServer(refuse) as server, pytest.raises(PaymentRequiredError):
        post(make_client(server.base_url, timeout=3.0))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTPS_PROXY", "socks5://127.0.0.1:1"),
        ("HTTPS_PROXY", "http://:8080"),
        ("HTTPS_PROXY", "http://[bad"),
        ("HTTPS_PROXY", "http://user:x@"),
        ("HTTPS_PROXY", "http://user:x@:8080"),
        ("HTTPS_PROXY", "//user:x@"),
        ("HTTPS_PROXY", "user:x@"),
        ("HTTPS_PROXY", "http://user:CANARY@host:99999"),
        ("HTTPS_PROXY", "http://user:CANARY@host:port"),
        ("HTTPS_PROXY", "http://user:CAN/ARY@host:8080"),
        ("HTTPS_PROXY", "user:CANARY#@host:8080"),
        ("HTTPS_PROXY", "http://user:99#CANARY@host:8080"),
        ("ALL_PROXY", "http://user:x@"),
        ("REQUESTS_CA_BUNDLE", "/nonexistent.pem"),
    ],
)
def test_a_proxy_or_ca_that_cannot_be_used_is_a_wrong_setting(
    make_client: MakeClient, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """Such a request never left this machine, so it was not charged."""
    monkeypatch.setenv(name, value)
    client = make_client("https://venice.invalid/api")
    for call in (lambda: post(client), client.account):
        with pytest.raises(SettingsError, match=name) as raised:
            call()
        assert not re.search("CAN|ARY|99", str(raised.value)), "a part of the password"


@pytest.mark.parametrize("host", ["*.venice.invalid", "venice..invalid", "v" * 70 + ".invalid"])
def test_an_address_that_no_host_can_have_is_a_wrong_setting(
    make_client: MakeClient, host: str
) -> None:
    with pytest.raises(SettingsError, match="VENICE_API_BASE"):
        post(make_client(f"https://{host}/api"))


def test_what_is_dropped_while_it_connects_is_not_sent(make_client: MakeClient) -> None:
    heard = bytearray()

    def listen(connection: socket.socket) -> None:
        connection.settimeout(60)
        with contextlib.suppress(OSError):
            heard.extend(connection.recv(1))

    progress = Progress()
    with ScriptedServer(listen) as server:
        client = make_client(server.base_url)
        adapter = client._transport._adapter
        real = adapter.send

        def drop_and_send(*args: object, **kwargs: object) -> object:
            progress.cancel()
            return real(*args, **kwargs)

        adapter.send = drop_and_send
        with pytest.raises(RequestCancelledError):
            posting.post(client, progress=progress)
    assert not heard
    assert not progress.sent
