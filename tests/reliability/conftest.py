"""What the reliability tests share: the nodes on a bench, and waits cut short."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from bench import KEY, Bench
from venice_client.sandbox import Sandbox


@pytest.fixture(scope="session")
def is_long() -> bool:
    """Whether this is `make soak`: the long forms run instead of the short ones."""
    return os.environ.get("VENICE_SOAK") == "full"


@pytest.fixture
def short_waits(pack: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits between tries are hundredths of seconds; no gate of another test is met again."""
    client = pack.venice_client
    monkeypatch.setattr(client.retry, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(client.gate, "RESET_JITTER", 0.0)
    monkeypatch.setattr(client.gate, "FAILURE_WINDOW", 0.5)
    monkeypatch.setattr(client.service, "_gates", {})


@pytest.fixture
def free_sandbox() -> Iterator[Sandbox]:
    """A sandbox that takes the key `test-key`, and locks nobody out."""
    with Sandbox(keys=(KEY,), max_failures=10**6, balance_usd=10**6) as running:
        yield running


@pytest.fixture
def bench(
    pack: ModuleType,
    free_sandbox: Sandbox,
    home: Path,
    short_waits: None,
    monkeypatch: pytest.MonkeyPatch,
) -> Bench:
    """The nodes with the settings of a user whose service is the sandbox."""
    monkeypatch.setenv("VENICE_API_KEY", KEY)
    monkeypatch.setenv("VENICE_API_BASE", free_sandbox.base_url)
    made = Bench(pack, free_sandbox, home)
    monkeypatch.setattr(pack.host, "status_listener", made.texts.append)
    return made
