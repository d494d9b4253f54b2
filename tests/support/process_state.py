"""The state of one process, reset for a test, with short waits.

Tests meet the client twice: as `venice_client`, and inside the pack as ComfyUI loads it.
"""

from __future__ import annotations

import threading
from types import ModuleType
from typing import Any

import pytest

import venice_client.batch
import venice_client.catalogue.catalogue
import venice_client.transport.gate
import venice_client.transport.retry
import venice_client.transport.transport

HOME_OF = {
    "FIRST_WAIT": "transport.retry",
    "MAX_WAIT": "transport.retry",
    "DEFAULT_RATE_WAIT": "transport.retry",
    "RESET_JITTER": "transport.gate",
    "FAILURE_WINDOW": "transport.gate",
    "GIVE_UP_AFTER": "transport.gate",
    "MAX_ANSWER_BYTES": "transport.transport",
    "MAX_REFRESH_WAIT": "catalogue.catalogue",
}
"""The client's modules with limits that tests change."""


def reset(monkeypatch: pytest.MonkeyPatch, pack: ModuleType | None = None, **more: float) -> None:
    """Give `venice_client` and `pack` short waits, and a new gate.

    more: other limits to change, as for `change`.
    """
    for client in _clients(pack):
        monkeypatch.setattr(client.transport.gate, "_gates", {})
        monkeypatch.setattr(client.batch, "_is_ending", threading.Event())
    if pack is not None:
        monkeypatch.setattr(pack.venice_nodes.run.run_requests, "LOOK_EVERY", 0.01)
    change(monkeypatch, pack, **{"FIRST_WAIT": 0.01, "RESET_JITTER": 0.0, **more})


def change(monkeypatch: pytest.MonkeyPatch, pack: ModuleType | None = None, **more: float) -> None:
    """Set limits in `venice_client` and in `pack`: `change(monkeypatch, FAILURE_WINDOW=0.1)`."""
    for client in _clients(pack):
        for name, value in more.items():
            module = client
            for part in HOME_OF[name].split("."):
                module = getattr(module, part)
            monkeypatch.setattr(module, name, value)


def _clients(pack: ModuleType | None) -> list[Any]:
    return [venice_client, *([pack.venice_client] if pack else [])]
