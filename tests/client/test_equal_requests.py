"""Equal requests of one batch: one is paid for, whichever of them comes first."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from faulty_sandbox import Fault, Sandbox
from venice_client import ImageResult
from venice_client.errors import ApiError

PRICE = 0.01
RUNS = map("equal requests {}".format, count())


@pytest.fixture
def batch_of(sandbox: Sandbox, make_client: Any, request_for: Callable[..., Any]) -> Any:
    """A batch of equal requests whose limit is the price of one."""

    def make(number: int, **settings: Any) -> Any:
        client = make_client(sandbox.base_url, max_usd_per_run=PRICE, **settings)
        return client, client.prepare([request_for()] * number, next(RUNS))

    return make


def run_backwards(batch: Any) -> list[Any]:
    """The outcomes where the last one comes first, as threads may have it."""
    for index in reversed(range(len(batch.planned))):
        batch._run_job(index)
    return list(batch.outcomes)


@pytest.mark.parametrize("store_mb", [0.0, 100.0])
def test_the_reservation_is_for_the_one_that_is_sent(
    sandbox: Sandbox, batch_of: Any, store_mb: float
) -> None:
    client, batch = batch_of(3, store_mb=store_mb)
    results = run_backwards(batch)
    assert all(isinstance(result, ImageResult) for result in results), results
    assert [result.cost for result in results] == [0, 0, PRICE]
    assert len(sandbox.paid_requests) == 1
    assert client.spending.ledger.spent_today(client.service.name) == pytest.approx(PRICE)


def test_what_failed_gives_the_reservation_back_for_the_next(
    sandbox: Sandbox, batch_of: Any
) -> None:
    sandbox.add_fault(Fault.status(400))
    client, batch = batch_of(3)
    failed, made, last = reversed(run_backwards(batch))
    assert isinstance(failed, ApiError)
    assert [made.cost, last.cost] == [PRICE, 0]
    assert client.spending.ledger.spent_today(client.service.name) == pytest.approx(PRICE)


def test_what_is_cancelled_before_it_begins_gives_all_back(
    sandbox: Sandbox, batch_of: Any, request_for: Callable[..., Any]
) -> None:
    client, batch = batch_of(3)
    batch.cancel()
    again = client.prepare([request_for()], batch.run)  # there is room for it
    again.cancel()
    assert sandbox.paid_requests == []
