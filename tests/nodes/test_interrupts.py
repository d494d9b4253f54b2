"""Interrupts that ComfyUI's own progress bar sees first, and what a stopped node shows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from venice_client.sandbox import Sandbox

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
    module = part("host")
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
    running = part("running")

    async def open_all() -> list[Any]:
        return await asyncio.gather(*[running.open_client() for _ in range(8)])

    assert len({id(client) for client in asyncio.run(open_all())}) == 1
