"""More images than the rate limit lets through: all arrive, and the key is never locked out."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from types import ModuleType
from typing import Any

import pytest

import openapi
import process_state
from bench import KEY, Bench, held_until
from faulty_sandbox import Fault, Sandbox
from waiting import wait_for

pytestmark = pytest.mark.long

SCALE = 15.0
"""The API's minute is 4 s here, and its other times are as much shorter."""


@pytest.fixture
def free_sandbox() -> Iterator[Sandbox]:
    """The API's own limits: 20 requests a minute, and a lock-out after 20 failures in 30 s."""
    times = {"window_s": 60 / SCALE, "failure_window_s": 30 / SCALE, "lockout_s": 30 / SCALE}
    with Sandbox(keys=(KEY,), rate_limit=20, **times) as running:
        yield running
        openapi.judge_accepted(running.paid_requests)


@pytest.fixture
def scaled(bench: Bench, pack: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Bench:
    process_state.change(monkeypatch, pack, FAILURE_WINDOW=30 / SCALE, RESET_JITTER=2 / SCALE)
    return bench


def test_60_images_against_a_limit_of_20_all_arrive(scaled: Bench) -> None:
    runs = [partial(scaled.generate, seed=seed, batch_size=15) for seed in (100, 200, 300, 400)]
    ends = scaled.side_by_side(*runs)
    assert [end.error for end in ends] == [None] * 4
    assert sum(end.pictures for end in ends) == 60
    assert not scaled.sandbox.locked_out
    assert len(scaled.sandbox.charges) == 60
    assert scaled.sandbox.max_concurrent <= 8
    refused = sum(request.status == 429 for request in scaled.sandbox.paid_requests)
    print(f"60 pictures, {refused} times 429, {max(end.seconds for end in ends):.1f} s")
    assert any("waiting (rate limit)" in t and "s left" in t for t in scaled.texts)


def test_a_failing_service_does_not_get_the_key_locked_out(scaled: Bench) -> None:
    """Two batches of 16 that are all refused: the pack slows down before the API does."""
    scaled.sandbox._limits.rate_limit = None
    scaled.sandbox.add_fault(Fault.status(422), times=None)
    end = scaled.generate(batch_size=16)
    assert end.error is not None
    assert len(end.sent) == 16
    second = scaled.generate(batch_size=16, seed=500)
    assert second.error is not None
    assert len(second.sent) == 16
    assert not scaled.sandbox.locked_out
    assert any("many requests failed" in text for text in scaled.texts)


def test_runs_that_are_stopped_again_and_again_do_not_get_the_key_locked_out(
    scaled: Bench, pack: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was sent for them fails later, when the next run is on its way already."""
    process_state.change(monkeypatch, pack, FAILURE_WINDOW=60.0)
    scaled.sandbox._limits.failure_window_s = 60.0
    are_stopped = threading.Event()
    scaled.sandbox.add_fault(held_until(are_stopped.is_set, Fault.status(422)), times=None)
    client = pack.venice_client.VeniceClient()
    client.catalogue.refresh()
    batches = []
    for run in range(4):
        wanted = [replace(request(pack), seed=100 * run + i) for i in range(1, 9)]
        batch = client.start(wanted)
        batches.append(batch)
        most = min(8 * (run + 1), 20)
        wait_for(lambda most=most: len(scaled.sandbox.paid_requests) == most)
        time.sleep(0.15)
        batch.cancel()
    are_stopped.set()
    assert all(batch.wait(60) for batch in batches)
    assert len(scaled.sandbox.paid_requests) == 20
    assert not scaled.sandbox.locked_out


def request(pack: ModuleType) -> Any:
    return pack.venice_client.GenerateRequest("z-image-turbo", "a fox", width=64, height=64)
