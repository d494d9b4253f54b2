"""The state that one process keeps, made new for a test, with its waits cut short.

Tests meet the client twice: as `venice_client`, and inside the pack as ComfyUI loads it.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

import venice_client.transport.gate
import venice_client.transport.retry

FAST: dict[str, dict[str, Any]] = {
    "transport.retry": {"FIRST_WAIT": 0.01},
    "transport.gate": {"RESET_JITTER": 0.0},
}
"""Waits of the client by module, as short as a test needs them."""


def reset(monkeypatch: pytest.MonkeyPatch, pack: ModuleType | None = None, **more: float) -> None:
    """Short waits, and no gate of another test, in `venice_client` and in `pack`.

    more: constants of the gate, such as FAILURE_WINDOW=0.1.
    """
    for client in (venice_client, *([pack.venice_client] if pack else [])):
        for module, values in FAST.items():
            for name, value in values.items():
                monkeypatch.setattr(_module(client, module), name, value)
        gate = _module(client, "transport.gate")
        monkeypatch.setattr(gate, "_gates", {})
        for name, seconds in more.items():
            monkeypatch.setattr(gate, name, seconds)
    if pack is not None:
        monkeypatch.setattr(_module(pack, "venice_nodes.run.run_requests"), "LOOK_EVERY", 0.01)


def _module(package: Any, path: str) -> Any:
    for name in path.split("."):
        package = getattr(package, name)
    return package
