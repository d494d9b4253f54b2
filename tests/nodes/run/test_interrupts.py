"""Interrupts that ComfyUI's own progress bar sees first, and what a stopped node shows."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from bench import GENERATE, Bench
from faulty_sandbox import Fault


class Interrupted(BaseException):
    """What ComfyUI raises, once, in whoever looks first."""


class Bar:
    """ComfyUI's bar: it looks for an interrupt, and uses it up."""

    asked = False

    def __init__(self, total: int) -> None:
        self.total = total

    def update_absolute(self, _value: int, _total: int) -> None:
        if Bar.asked:
            Bar.asked = False
            raise Interrupted


@pytest.fixture
def host(pack: ModuleType, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The pack in a ComfyUI whose bar sees every interrupt before the nodes do."""
    module: ModuleType = pack.venice_nodes.run.comfyui
    monkeypatch.setattr(Bar, "asked", False)
    comfy = SimpleNamespace(
        InterruptProcessingException=Interrupted, processing_interrupted=lambda: False
    )
    monkeypatch.setattr(module, "model_management", comfy)
    monkeypatch.setattr(module, "folder_paths", None)
    monkeypatch.setattr(module, "comfy_utils", SimpleNamespace(ProgressBar=Bar))
    context = SimpleNamespace(prompt_id=f"run-{time.monotonic()}", node_id="1")
    monkeypatch.setattr(module, "get_executing_context", lambda: context)
    return module


def test_all_items_of_a_list_end_when_the_bar_swallows_the_interrupt(
    bench: Bench, host: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.sandbox.latency_s = 60

    async def run_and_interrupt() -> list[Any]:
        items = [
            bench.call("VeniceGenerateImage", **{**GENERATE, "seed": seed}) for seed in (1, 2, 3)
        ]
        tasks = [asyncio.ensure_future(item) for item in items]
        while len(bench.sandbox.paid_requests) < 3:
            await asyncio.sleep(0.02)
        Bar.asked = True
        return await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 30)

    ends = asyncio.run(run_and_interrupt())

    assert [type(end) for end in ends] == [Interrupted] * 3
    assert "Stopped. 1 of 1 image was already requested and will be saved." in bench.texts[-1]


def test_what_was_lost_before_the_interrupt_is_not_said_to_arrive(
    bench: Bench, host: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.sandbox.add_fault(Fault.reset())
    bench.sandbox.add_fault(Fault.status(429, headers={"Retry-After": "60"}))
    monkeypatch.setenv("VENICE_MAX_IN_FLIGHT", "1")
    monkeypatch.setattr(
        host.model_management,
        "processing_interrupted",
        lambda: any("rate limit" in text for text in bench.texts),
    )
    end = bench.generate(seed=1, batch_size=2)
    assert end.error_name == "Interrupted"
    assert end.texts[-1] == (
        "Stopped. 1 of 2 images was already requested. Nothing arrived. You may have been charged."
    )


def test_without_a_store_nothing_is_said_to_be_kept(
    bench: Bench, host: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENICE_STORE_MB", "0")
    bench.sandbox.latency_s = 60
    monkeypatch.setattr(
        host.model_management, "processing_interrupted", lambda: bool(bench.sandbox.paid_requests)
    )
    end = bench.generate(seed=1, batch_size=1)
    assert end.error_name == "Interrupted"
    assert (
        "1 of 1 image was already requested and may be charged, but won't be saved (saving is off)."
        in bench.texts[-1]
    )
    assert "will be saved" not in bench.texts[-1]


@pytest.mark.parametrize("is_known", [False, True])
def test_where_the_disk_keeps_nothing_nothing_is_said_to_be_kept(
    bench: Bench,
    host: ModuleType,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    is_known: bool,
) -> None:
    """Whether it shows only now, or was met before: a full disk has room for an empty file."""
    if is_known:

        def no_space(*_: object) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", no_space)
            assert bench.generate(seed=5).pictures == 1
        assert "couldn't be saved on disk (No space left on device)" in bench.texts[-1]
    else:
        (home / "results").write_bytes(b"")
    bench.sandbox.latency_s = 60
    sent = len(bench.sandbox.paid_requests)
    monkeypatch.setattr(
        host.model_management,
        "processing_interrupted",
        lambda: len(bench.sandbox.paid_requests) > sent,
    )
    end = bench.generate(seed=1, batch_size=1)
    assert end.error_name == "Interrupted"
    said = "1 of 1 image was already requested and may be charged, but might not be saved ("
    assert said in end.texts[-1]
    assert "will be saved" not in end.texts[-1]


def test_a_later_run_of_the_same_id_is_another_run(
    bench: Bench, host: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ComfyUI takes a client's own prompt ids, and does not mind if one comes again."""
    monkeypatch.setenv("VENICE_MAX_USD_PER_RUN", "0.02")
    is_asked = True
    monkeypatch.setattr(host.model_management, "processing_interrupted", lambda: is_asked)
    end = bench.generate(seed=1, batch_size=1)
    assert end.error_name == "Interrupted"
    is_asked = False

    for seed in (10, 20, 30):
        assert bench.generate(seed=seed, batch_size=2).pictures == 2


def test_nodes_of_one_run_share_its_limit(
    bench: Bench, host: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENICE_MAX_USD_PER_RUN", "0.02")

    async def run() -> None:
        for seed in (10, 20):
            inputs = {**GENERATE, "seed": seed, "batch_size": 2}
            await bench.call("VeniceGenerateImage", **inputs)

    errors = bench.pack.venice_client.errors
    with pytest.raises(errors.SpendingLimitError, match=r"the \$0\.02 this run already spent"):
        asyncio.run(run())


def test_an_interrupt_while_planning_is_shown_on_the_node(
    bench: Bench, host: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host.model_management, "processing_interrupted", lambda: True)
    end = bench.generate(seed=1, batch_size=1)
    assert end.error_name == "Interrupted"
    assert bench.texts[-1] == "Stopped. Nothing was sent or charged."
    assert not bench.sandbox.paid_requests


def test_nodes_that_start_together_share_one_client(bench: Bench) -> None:
    running = bench.pack.venice_nodes.run.run_requests

    async def open_all() -> list[Any]:
        opened = [running.in_thread(running._open_client) for _ in range(8)]
        return await asyncio.gather(*opened)

    assert len({id(client) for client in asyncio.run(open_all())}) == 1
