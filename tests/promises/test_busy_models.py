"""Waits that the API asks for: of one model that is busy, and of a reset in milliseconds."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

import node_calls
from bench import GENERATE, KEY, Bench, make_bench
from fault_columns import pictures
from faulty_sandbox import Fault, Sandbox
from waiting import wait_for

BUSY = "waiting (chroma is busy)"


def is_of_chroma(sent: dict[str, object]) -> bool:
    return sent["model"] == "chroma"


def test_a_busy_model_holds_up_no_other_of_the_run(bench: Bench) -> None:
    """Its own requests wait for minutes here; those to another model all arrive meanwhile."""
    bench.sandbox.add_fault(Fault.overloaded(200), times=None, when=is_of_chroma)
    package = bench.pack.venice_client
    one = package.GenerateRequest("chroma", "a fox", width=64, height=64, seed=1)
    requests = [replace(one, seed=seed) for seed in (1, 2)]
    requests += [replace(one, model="z-image-turbo", seed=seed) for seed in range(3, 12)]
    batch = package.VeniceClient().start(requests, "a run")
    wait_for(lambda: batch.ended == 9)
    assert all(isinstance(end, package.ImageResult) for end in batch.outcomes[2:])
    wait_for(lambda: all(progress.phase == BUSY for progress in batch.progress[:2]))
    batch.cancel()
    assert batch.wait(60)
    assert all(package.batch.was_cancelled(end) for end in batch.outcomes[:2])


@pytest.mark.long
def test_a_sweep_waits_for_a_busy_model_and_loses_nothing(bench: Bench) -> None:
    bench.sandbox.add_fault(Fault.overloaded(1), when=is_of_chroma)
    node = bench.pack.NODE_CLASS_MAPPINGS["VeniceGenerateImage"]()
    values = {name: [value] for name, value in GENERATE.items()}
    values = {**values, "model": ["chroma", "z-image-turbo"], "batch_size": [3]}
    images, *_ = node_calls.call_with_lists(node, **values)
    assert [len(batch) for batch in images] == [3, 3]
    sent = Counter(request.json["model"] for request in bench.sandbox.paid_requests)
    assert sent["z-image-turbo"] == 3
    assert sum(request.status == 429 for request in bench.sandbox.paid_requests) == 1
    assert len(bench.sandbox.charges) == 6
    assert any(BUSY in text for text in bench.texts)


def test_an_edit_that_is_refused_counts_as_spent(bench: Bench, one_run: str) -> None:
    """Venice may refuse the finished image, and has charged for it."""
    bench.sandbox.add_fault(Fault.refused_edit(charge=True), path="/image/edit")
    end = bench.run("VeniceEditImage", image=pictures(), prompt="snow", model="firered-image-edit")
    assert end.error_name == "RefusedEditError"
    assert getattr(end.error, "may_have_been_charged", False)
    assert len(end.sent) == 1
    spending = bench.pack.venice_client.VeniceClient().spending
    assert [line.usd for line in spending.ledger.since(0)] == [end.charged] == [0.04]


@pytest.mark.long
def test_a_reset_in_milliseconds_is_waited_for_once(
    pack: ModuleType, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Sandbox(keys=(KEY,), rate_limit=2, window_s=3.0, reset_in_ms=True) as sandbox:
        end = make_bench(pack, sandbox, home, monkeypatch).generate(batch_size=3)
        assert end.error is None
        assert sum(request.status == 429 for request in sandbox.paid_requests) <= 1
        assert len(sandbox.charges) == 3
    waits = [int(found[1]) for text in end.texts if (found := re.search(r"(\d+) s left", text))]
    assert all(seconds <= 4 for seconds in waits), waits
