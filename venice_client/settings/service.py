"""The service that requests go to: the API, another base URL, or the built-in sandbox."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..process import after_fork
from .api_key import LOCAL_SANDBOX_KEY, ApiKey
from .settings import Settings, is_loopback, no_key

if TYPE_CHECKING:
    from ..sandbox import Sandbox

SANDBOX_NAME = "sandbox"


@dataclass(frozen=True)
class Service:
    """A base URL with its key. name: tells services apart, across restarts."""

    name: str
    base_url: str
    key: ApiKey

    @property
    def is_sandbox(self) -> bool:
        """Whether it charges nothing."""
        return self.name == SANDBOX_NAME


def service_name(settings: Settings) -> str:
    """Return the name from `service_for` without starting anything.

    The command line's sandbox is free like the built-in one. Only its own key, which isn't
    Venice's, tells it from a proxy to Venice.
    """
    if settings.key is None:
        return settings.base_url
    is_here = is_loopback(urlsplit(settings.base_url).hostname or "")
    is_local = is_here and settings.key.reveal() == LOCAL_SANDBOX_KEY
    return SANDBOX_NAME if settings.key.is_sandbox or is_local else settings.base_url


def service_for(settings: Settings) -> Service:
    """Return the service for the settings; the key `sandbox` starts the built-in one.

    Raises SettingsError without a key.
    """
    if settings.key is None or not settings.key.reveal():
        raise no_key()
    if settings.key.is_sandbox:
        return Service(SANDBOX_NAME, _builtin_sandbox().base_url, settings.key)
    return Service(service_name(settings), settings.base_url, settings.key)


_lock = threading.Lock()
_sandbox: Sandbox | None = None


@after_fork
def _renew_lock() -> None:
    """Use the parent's sandbox in a forked process."""
    global _lock
    _lock = threading.Lock()


def _builtin_sandbox() -> Sandbox:
    from ..sandbox import Sandbox  # a user with a real key never needs it

    global _sandbox
    with _lock:
        if _sandbox is None:
            _sandbox = Sandbox()
            _sandbox.start()
        return _sandbox
