"""What tests of the nodes share: the pack set up for a sandbox, and one way to run a node."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

import process_state
from faulty_sandbox import Sandbox

KEY = "test-key"
RunNode = Callable[..., Any]


@pytest.fixture
def part(pack: ModuleType) -> Callable[[str], ModuleType]:
    """A module of the loaded pack: `part("venice_client.transport.retry")`."""
    return lambda name: sys.modules[f"{pack.__name__}.{name}"]


@pytest.fixture(autouse=True)
def short_waits(pack: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    process_state.reset(monkeypatch, pack)


@pytest.fixture
def service(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """The sandbox, as the service that the environment names."""
    monkeypatch.setenv("VENICE_API_BASE", sandbox.base_url)
    monkeypatch.setenv("VENICE_API_KEY", KEY)
    monkeypatch.setenv("VENICE_TIMEOUT", "60")
    return sandbox


@pytest.fixture
def run(pack: ModuleType) -> RunNode:
    """Runs a node as ComfyUI does, in an event loop of its own: `run("VeniceSeed", seed=7)`."""

    def run_node(node: str, **inputs: Any) -> Any:
        made = pack.NODE_CLASS_MAPPINGS[node]()
        return asyncio.run(getattr(made, made.FUNCTION)(**inputs))

    return run_node


@pytest.fixture
def generate(run: RunNode) -> RunNode:
    """Runs Generate with small pictures: `generate(seed=7, batch_size=4)`."""
    given = {"model": "z-image-turbo", "prompt": "a fox", "width": 64, "height": 64, "seed": 7}
    return lambda **inputs: run("VeniceGenerateImage", **{**given, "batch_size": 1, **inputs})
