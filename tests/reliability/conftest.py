"""What the reliability tests share: the nodes on a bench, and waits cut short."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

import openapi
from bench import KEY, Bench
from comfyui_process import StartFailed, find, find_old, make_base
from graphs import Graph
from stage import CANARY, ENVIRON, Stage
from venice_client.sandbox import Sandbox


@pytest.fixture(scope="session")
def is_long() -> bool:
    """Whether this is `make soak`: the long forms run instead of the short ones."""
    return os.environ.get("VENICE_SOAK") == "full"


@pytest.fixture
def short_waits(pack: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits and looks are hundredths of seconds; no gate of another test is met again."""
    client = pack.venice_client
    monkeypatch.setattr(client.retry, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(client.gate, "RESET_JITTER", 0.0)
    monkeypatch.setattr(client.gate, "FAILURE_WINDOW", 0.1)
    monkeypatch.setattr(client.service, "_gates", {})
    monkeypatch.setattr(pack.running, "LOOK_EVERY", 0.01)


@pytest.fixture
def free_sandbox() -> Iterator[Sandbox]:
    """A sandbox that takes the key `test-key`, and locks nobody out; judged as `sandbox` is."""
    with Sandbox(keys=(KEY,), max_failures=10**6, balance_usd=10**6) as running:
        yield running
        openapi.judge_accepted(running.paid_requests)


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


@pytest.fixture
def one_run(pack: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """All nodes belong to one queued prompt, as in ComfyUI; each test has its own."""
    run = str(tmp_path)
    monkeypatch.setattr(pack.host, "run_id", lambda: run)
    return run


@pytest.fixture
def counted(bench: Bench, one_run: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[], float]:
    """USD that count against the limit of the run so far, as a refusal tells them."""

    def usd() -> float:
        with monkeypatch.context() as patch:
            patch.setenv("VENICE_MAX_USD_PER_RUN", "0")
            end = bench.generate(prompt="a bear that nobody asked for before")
        assert end.error_name == "SpendingLimitError", end.error
        before = re.search(r"on top of ([\d.]+) USD before it", end.first_line)
        return float(before[1]) if before else 0.0

    return usd


# One group a version, so that parallel workers do not start the same ComfyUI twice.
VERSIONS = [
    pytest.param(version, marks=pytest.mark.xdist_group(f"reliability-{version}"))
    for version in ("current", "old")
]


@pytest.fixture(scope="session", params=VERSIONS)
def whole_stage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """ComfyUI, started once a session; use `stage` instead."""
    installation = find(ENVIRON) if request.param == "current" else find_old(ENVIRON)
    if installation is None:
        reason = f"no {request.param} ComfyUI: COMFYUI_PATH and COMFYUI_OLD_PATH name them"
        if ENVIRON.get("REQUIRE_COMFYUI") and request.param == "current":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    base = make_base(tmp_path_factory.mktemp(f"reliability-{request.param}"))
    with Sandbox(keys=(CANARY,), max_failures=10**6) as sandbox:
        stage = Stage(installation, base, sandbox)
        try:
            stage.start()
        except StartFailed as error:
            stage.stop()
            pytest.skip(str(error).splitlines()[0])
        warm_up = Graph()
        warm_up.preview(warm_up.generate(prompt="warming up"))
        try:
            stage.client.run(warm_up.prompt)
            yield stage
        finally:
            stage.stop()


@pytest.fixture
def stage(whole_stage: Stage) -> Stage:
    """A real ComfyUI, whose requests count from here on."""
    whole_stage.sandbox.latency_s = 0.0
    whole_stage.sandbox.clear_faults()
    whole_stage.sandbox.forget()
    return whole_stage


@pytest.fixture
def words(request: pytest.FixtureRequest) -> str:
    """A prompt of this test's own, so that no other test's results come up."""
    return f"a fox in snow, for {request.node.name}"
