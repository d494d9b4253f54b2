"""Which service the requests go to: the API, another base URL, or the built-in sandbox."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from .credentials import NO_KEY, ApiKey, Settings
from .errors import SettingsError
from .gate import Gate
from .sandbox import Sandbox

SANDBOX_NAME = "sandbox"


@dataclass(frozen=True)
class Service:
    """A base URL with the key for it. `name` tells one service from another, over restarts."""

    name: str
    base_url: str
    key: ApiKey


def service_name(settings: Settings) -> str:
    """The name that `service_for` will give, without starting anything."""
    is_sandbox = settings.key is not None and settings.key.is_sandbox
    return SANDBOX_NAME if is_sandbox else settings.base_url


def service_for(settings: Settings) -> Service:
    """The service that the settings mean; the key `sandbox` starts the built-in one.

    Raises SettingsError without a key.
    """
    if settings.key is None:
        raise SettingsError(NO_KEY)
    if settings.key.is_sandbox:
        return Service(SANDBOX_NAME, _builtin_sandbox().base_url, settings.key)
    return Service(settings.base_url, settings.base_url, settings.key)


def gate_for(service: Service, max_in_flight: int) -> Gate:
    """The gate of this process for this service and key; limits hold for all its clients."""
    with _lock:
        gate = _gates.setdefault(service, Gate(max_in_flight))
        gate.max_in_flight = max_in_flight
        return gate


_lock = threading.Lock()
_gates: dict[Service, Gate] = {}
_sandbox: Sandbox | None = None


def _builtin_sandbox() -> Sandbox:
    global _sandbox
    with _lock:
        if _sandbox is None:
            _sandbox = Sandbox()
            _sandbox.start()
        return _sandbox
