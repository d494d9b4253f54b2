"""Results that looked saved and free when their batch was planned, and are gone when it begins."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from faulty_sandbox import Sandbox
from venice_client import GenerateRequest, ImageResult, Settings, VeniceClient
from venice_client.errors import SpendingLimitError
from venice_client.settings.api_key import ApiKey


@pytest.fixture
def settings(home: Path, sandbox: Sandbox) -> Settings:
    return Settings(home, ApiKey("test-key"), sandbox.base_url, 60.0, max_usd_per_run=None)


def foxes(prompt: str, count: int, side: int = 64) -> list[GenerateRequest]:
    made = GenerateRequest("z-image-turbo", prompt, width=side, height=side, format="png")
    return [replace(made, seed=seed) for seed in range(1, count + 1)]


def ends_of(batch: Any) -> Counter[type]:
    assert batch.wait(60)
    return Counter(map(type, batch.outcomes))


@pytest.mark.parametrize("run", ["", "a run whose results are gone"])
def test_all_of_a_batch_count_toward_one_limit(
    settings: Settings, sandbox: Sandbox, run: str
) -> None:
    with VeniceClient(settings) as client:
        ends_of(client.start(foxes("a fox", 10)))
    sandbox.forget()
    with VeniceClient(replace(settings, max_usd_per_run=0.03)) as client:
        batch = client.prepare(foxes("a fox", 10), run)
        client.results.clear()
        batch.begin()
        assert ends_of(batch) == {ImageResult: 3, SpendingLimitError: 7}
    assert len(sandbox.paid_requests) == 3


def test_what_is_paid_first_counts_too(settings: Settings, sandbox: Sandbox) -> None:
    with VeniceClient(settings) as client:
        ends_of(client.start(foxes("a fox", 3)))
    sandbox.forget()
    with VeniceClient(replace(settings, max_usd_per_run=0.03)) as client:
        batch = client.prepare([*foxes("a fox", 3), *foxes("a crow", 2)])
        client.results.clear()
        batch.begin()
        assert ends_of(batch) == {ImageResult: 3, SpendingLimitError: 2}
        errors = [str(end) for end in batch.outcomes if isinstance(end, SpendingLimitError)]
        assert "about $0.01 on top of the $0.03 this run already spent" in errors[0]
    assert len(sandbox.paid_requests) == 3


def test_saved_results_are_read_before_new_ones_take_their_place(
    settings: Settings, sandbox: Sandbox
) -> None:
    small = replace(settings, store_mb=1)
    with VeniceClient(small) as client:
        ends_of(client.start(foxes("a fox", 1, 256)))
        client.results.finish_sweep()
        count = int(1_800_000 / client.results.usage()[1])
        ends_of(client.start(foxes("a fox", count, 256)))
        client.results.finish_sweep()
        sandbox.forget()
        batch = client.prepare([*foxes("a crow", count, 256), *foxes("a fox", count, 256)])
        free = sum(planned.is_cached for planned in batch.planned)
        batch.begin()
        assert ends_of(batch) == {ImageResult: 2 * count}
    assert free > count / 2
    assert len(sandbox.paid_requests) == 2 * count - free
