"""Interrupts that ComfyUI's own progress bar sees first, and what a stopped node shows."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from faulty_sandbox import Fault, Sandbox

GIVEN = {"model": "z-image-turbo", "prompt": "a fox", "width": 64, "height": 64}


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
def host(part: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The pack in a ComfyUI whose bar sees every interrupt before the nodes do."""
    module = part("venice_nodes.run.comfyui")
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
    pack: ModuleType, host: ModuleType, service: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.latency_s = 60
    texts: list[str] = []
    monkeypatch.setattr(host, "status_listener", texts.append)
    node = pack.NODE_CLASS_MAPPINGS["VeniceGenerateImage"]()

    async def run_and_interrupt() -> list[Any]:
        items = [node.generate(**GIVEN, seed=seed, batch_size=1) for seed in (1, 2, 3)]
        tasks = [asyncio.ensure_future(item) for item in items]
        while len(service.paid_requests) < 3:
            await asyncio.sleep(0.02)
        Bar.asked = True
        return await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 30)

    ends = asyncio.run(run_and_interrupt())

    assert [type(end) for end in ends] == [Interrupted] * 3
    assert "Stopped. 1 of 1 were sent; what arrives is kept." in texts[-1]


def test_what_was_lost_before_the_interrupt_is_not_said_to_arrive(
    pack: ModuleType, host: ModuleType, service: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts: list[str] = []
    monkeypatch.setattr(host, "status_listener", texts.append)
    service.add_fault(Fault.reset())
    service.add_fault(Fault.status(429, headers={"Retry-After": "60"}))
    monkeypatch.setenv("VENICE_MAX_IN_FLIGHT", "1")
    monkeypatch.setattr(
        host.model_management,
        "processing_interrupted",
        lambda: any("rate limit" in text for text in texts),
    )
    node = pack.NODE_CLASS_MAPPINGS["VeniceGenerateImage"]()
    with pytest.raises(Interrupted):
        asyncio.run(node.generate(**GIVEN, seed=1, batch_size=2))
    assert texts[-1] == "Stopped. 1 of 2 were sent; no answer came, and it may have been charged."


def test_without_a_store_nothing_is_said_to_be_kept(
    pack: ModuleType, host: ModuleType, service: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENICE_STORE_MB", "0")
    service.latency_s = 60
    texts: list[str] = []
    monkeypatch.setattr(host, "status_listener", texts.append)
    monkeypatch.setattr(
        host.model_management, "processing_interrupted", lambda: bool(service.paid_requests)
    )
    node = pack.NODE_CLASS_MAPPINGS["VeniceGenerateImage"]()
    with pytest.raises(Interrupted):
        asyncio.run(node.generate(**GIVEN, seed=1, batch_size=1))
    assert "1 of 1 were sent; they may be charged" in texts[-1]
    assert "is kept" not in texts[-1]


@pytest.mark.parametrize("is_known", [False, True])
def test_where_the_disk_keeps_nothing_nothing_is_said_to_be_kept(
    pack: ModuleType,
    host: ModuleType,
    service: Sandbox,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    is_known: bool,
) -> None:
    """Whether it shows only now, or was met before: a full disk has room for an empty file."""
    texts: list[str] = []
    monkeypatch.setattr(host, "status_listener", texts.append)
    node = pack.NODE_CLASS_MAPPINGS["VeniceGenerateImage"]()
    if is_known:

        def no_space(*_: object) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", no_space)
            asyncio.run(node.generate(**GIVEN, seed=5, batch_size=1))
        assert "could not be kept on disk (No space left on device)" in texts[-1]
    else:
        (home / "results").write_bytes(b"")
    service.latency_s = 60
    sent = len(service.paid_requests)
    monkeypatch.setattr(
        host.model_management,
        "processing_interrupted",
        lambda: len(service.paid_requests) > sent,
    )
    with pytest.raises(Interrupted):
        asyncio.run(node.generate(**GIVEN, seed=1, batch_size=1))
    assert "1 of 1 were sent; they may be charged, and not all can be kept on disk (" in texts[-1]
    assert "is kept" not in texts[-1]


def test_items_of_a_list_are_said_to_be_kept_where_all_are(
    pack: ModuleType,
    host: ModuleType,
    service: Sandbox,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    texts: list[str] = []
    monkeypatch.setattr(host, "status_listener", texts.append)
    node = pack.NODE_CLASS_MAPPINGS["VeniceGenerateImage"]()

    async def run(first: int) -> list[Any]:
        items = [node.generate(**GIVEN, seed=first + i, batch_size=1) for i in range(3)]
        return await asyncio.gather(*items, return_exceptions=True)

    for first, are_kept in ((10, True), (20, False)):
        service.add_fault(Fault.status(400), when=lambda sent, last=first + 2: sent["seed"] == last)
        if not are_kept:
            shutil.rmtree(home / "results")
            (home / "results").write_bytes(b"")
        ends = asyncio.run(run(first))
        told = f"{ends[2]}\n{texts[-1]}"
        assert "2 of 3 items done, 1 not" in told
        assert told.count(host.KEPT) == (2 if are_kept else 0)


def test_a_later_run_of_the_same_id_is_another_run(
    pack: ModuleType, host: ModuleType, service: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ComfyUI takes a client's own prompt ids, and does not mind if one comes again."""
    monkeypatch.setenv("VENICE_MAX_USD_PER_RUN", "0.02")
    is_asked = True
    monkeypatch.setattr(host.model_management, "processing_interrupted", lambda: is_asked)
    node = pack.NODE_CLASS_MAPPINGS["VeniceGenerateImage"]()
    with pytest.raises(Interrupted):
        asyncio.run(node.generate(**GIVEN, seed=1, batch_size=1))
    is_asked = False

    for seed in (10, 20, 30):
        images, _ = asyncio.run(node.generate(**GIVEN, seed=seed, batch_size=2))
        assert len(images) == 2


def test_nodes_of_one_run_share_its_limit(
    pack: ModuleType, host: ModuleType, service: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENICE_MAX_USD_PER_RUN", "0.02")
    node = pack.NODE_CLASS_MAPPINGS["VeniceGenerateImage"]()

    async def run() -> None:
        for seed in (10, 20):
            await node.generate(**GIVEN, seed=seed, batch_size=2)

    with pytest.raises(pack.venice_client.errors.SpendingLimitError, match=r"0\.02 USD before it"):
        asyncio.run(run())


def test_an_interrupt_while_planning_is_shown_on_the_node(
    pack: ModuleType, host: ModuleType, service: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts: list[str] = []
    monkeypatch.setattr(host, "status_listener", texts.append)
    monkeypatch.setattr(host.model_management, "processing_interrupted", lambda: True)
    node = pack.NODE_CLASS_MAPPINGS["VeniceGenerateImage"]()
    with pytest.raises(Interrupted):
        asyncio.run(node.generate(**GIVEN, seed=1, batch_size=1))
    assert texts[-1] == "Stopped. Nothing was sent, nothing is charged."
    assert not service.paid_requests


def test_nodes_that_start_together_share_one_client(
    part: Callable[[str], ModuleType], service: Sandbox
) -> None:
    running = part("venice_nodes.run.run_requests")

    async def open_all() -> list[Any]:
        return await asyncio.gather(*[running.open_client() for _ in range(8)])

    assert len({id(client) for client in asyncio.run(open_all())}) == 1
