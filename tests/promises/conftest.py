"""What the tests of promises share: the nodes on a bench, and waits cut short."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import openapi
from bench import KEY, Bench, make_bench
from faulty_sandbox import Sandbox


@pytest.fixture(scope="session")
def is_long() -> bool:
    """Whether this is `make soak`: the long forms run instead of the short ones."""
    return os.environ.get("VENICE_SOAK") == "full"


@pytest.fixture
def free_sandbox() -> Iterator[Sandbox]:
    """A sandbox that takes the key `test-key`, and locks nobody out; judged as `sandbox` is."""
    with Sandbox(keys=(KEY,), max_failures=10**6, balance_usd=10**6) as running:
        yield running
        openapi.judge_accepted(running.paid_requests)


@pytest.fixture
def bench(
    pack: ModuleType, free_sandbox: Sandbox, home: Path, monkeypatch: pytest.MonkeyPatch
) -> Bench:
    """The nodes on that sandbox."""
    return make_bench(pack, free_sandbox, home, monkeypatch, FAILURE_WINDOW=0.1)


@pytest.fixture
def one_run(pack: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """All nodes belong to one queued prompt, as in ComfyUI; each test has its own."""
    run = str(tmp_path)
    monkeypatch.setattr(pack.venice_nodes.run.comfyui, "run_id", lambda: run)
    return run


@pytest.fixture
def followers(pack: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How many requests of the nodes have waited for an equal one so far."""
    progress = pack.venice_client.transport.progress.Progress
    enter = progress.enter
    waited: list[str] = []

    def counting(self: Any, phase: str, *args: Any, **more: Any) -> None:
        if phase == "waiting for an identical request":
            waited.append(phase)
        enter(self, phase, *args, **more)

    monkeypatch.setattr(progress, "enter", counting)
    return lambda: len(waited)


@pytest.fixture
def counted(bench: Bench, one_run: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[], float]:
    """USD that count against the limit of the run so far, as a refusal tells them."""

    def usd() -> float:
        with monkeypatch.context() as patch:
            patch.setenv("VENICE_MAX_USD_PER_RUN", "0")
            end = bench.generate(prompt="a bear that nobody asked for before")
        assert end.error_name == "SpendingLimitError", end.error
        before = re.search(r"on top of the \$([\d.]+) this run", end.first_line)
        return float(before[1]) if before else 0.0

    return usd
