"""A proxy that opens no tunnel: nothing reached Venice, so nothing was charged."""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from scripted_server import Script, ScriptedServer, read_request, saying
from venice_client import GenerateRequest, VeniceClient
from venice_client.catalogue.catalogue import Catalogue
from venice_client.errors import ConnectionFailedError, UntrustedCertificateError
from venice_client.transport.retry import MAX_RETRIES

MakeClient = Callable[..., VeniceClient]
TUNNEL = b"HTTP/1.1 200 OK\r\n\r\n"


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def after_hello(then: Script) -> Script:
    """Opens the tunnel, reads the first bytes of TLS, and goes on with `then`."""

    def script(connection: socket.socket) -> None:
        connection.sendall(TUNNEL)
        connection.recv(65536)
        then(connection)

    return script


BROKEN = {
    "drops CONNECT": saying(),
    "resets CONNECT": reset,
    "answers CONNECT with garbage": saying(b"hello\r\n\r\n"),
    "refuses CONNECT": saying(b"HTTP/1.1 407 Who are you\r\n\r\n"),
    "closes the handshake": after_hello(saying()),
    "resets the handshake": after_hello(reset),
    "answers the handshake with garbage": after_hello(saying(b"HTTP/1.1 403 No\r\n\r\n")),
}


def generate_by(proxy: ScriptedServer, client: VeniceClient, patch: pytest.MonkeyPatch) -> None:
    """Generate an image through a proxy, without a look at the lists."""
    patch.setattr(Catalogue, "refresh_when_old", lambda _self: None)
    patch.setenv("HTTPS_PROXY", proxy.base_url)
    client.generate_images(GenerateRequest("z-image-turbo", "a fox", seed=1))


@pytest.mark.parametrize("how", BROKEN)
def test_a_tunnel_that_never_opened_is_no_connection(
    how: str, make_client: MakeClient, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ScriptedServer(BROKEN[how]) as proxy:
        client = make_client("https://venice.invalid/api/v1")
        with pytest.raises(ConnectionFailedError, match="Nothing was sent"):
            generate_by(proxy, client, monkeypatch)
        assert proxy.connections == 1 + MAX_RETRIES
    assert not (home / "ledger.jsonl").exists()


def test_a_certificate_that_nobody_vouches_for_behind_a_proxy(
    make_client: MakeClient,
    self_signed: ssl.SSLContext,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def shake_hands(connection: socket.socket) -> None:
        connection.sendall(TUNNEL)
        self_signed.wrap_socket(connection, server_side=True)

    with ScriptedServer(shake_hands, read=read_request) as proxy:
        client = make_client("https://venice.invalid/api/v1")
        with pytest.raises(UntrustedCertificateError, match="Nothing was sent"):
            generate_by(proxy, client, monkeypatch)
        assert proxy.connections == 1
    assert not (home / "ledger.jsonl").exists()
