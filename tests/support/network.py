"""Keep tests on this computer: no connection leaves the loopback interface."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

import pytest

# Reserved by RFC 2606: nobody can own these, so a test can use them as unknown hosts.
NAMES_NOBODY_HAS = (".invalid", ".test", ".example")


class ForeignAddress(AssertionError):
    """A test tried to reach another computer."""


class LoopbackOnly:
    """A guard of connections and name look-ups that remembers refusals."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.refused: list[str] = []
        for name in ("connect", "connect_ex"):
            monkeypatch.setattr(socket.socket, name, self._guarded(getattr(socket.socket, name)))
        self._look_up = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self._guarded_look_up)

    def _guarded(self, connect: Any) -> Any:
        def guarded(sock: socket.socket, address: Any) -> Any:
            if sock.family in (socket.AF_INET, socket.AF_INET6):
                self._allow(str(address[0]))
            return connect(sock, address)

        return guarded

    def _guarded_look_up(self, host: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if isinstance(name, str) and name.lower().rstrip(".").endswith(NAMES_NOBODY_HAS):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        if name is not None:
            self._allow(name)
        return self._look_up(host, *args, **kwargs)

    def _allow(self, host: str) -> None:
        if not is_loopback(host):
            self.refused.append(host)
            raise ForeignAddress(f"tests reach only this machine, not {host}")


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine's loopback interface, by name or by address."""
    if host.lower() == "localhost" or host == "":
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False
