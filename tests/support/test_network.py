"""No test leaves this machine, and none can hide that it tried."""

from __future__ import annotations

import socket

import pytest

from network import ForeignAddress, LoopbackOnly, is_loopback


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "::1", "localhost", ""])
def test_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.1", "192.0.2.1", "api.venice.ai", "::"])
def test_another_machine(host: str) -> None:
    assert not is_loopback(host)


def test_refuses_another_machine_and_remembers(loopback_only: LoopbackOnly) -> None:
    with pytest.raises(ForeignAddress):
        socket.create_connection(("192.0.2.1", 80), timeout=1)
    with pytest.raises(ForeignAddress):
        socket.getaddrinfo("api.venice.ai", 443)
    assert loopback_only.refused == ["192.0.2.1", "api.venice.ai"]
    loopback_only.refused.clear()


def test_a_name_that_nobody_has_is_unknown() -> None:
    with pytest.raises(socket.gaierror):
        socket.create_connection(("venice.invalid", 443), timeout=1)


def test_reaches_loopback() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=60).close()
