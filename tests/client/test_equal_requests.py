"""Equal requests of one batch: the first one is sent and charged, and all get its result."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from faulty_sandbox import Fault, Sandbox
from venice_client import ImageResult, UpscaleRequest
from venice_client.errors import BadRequestError, UnexpectedError

PRICE = 0.01
RUNS = map("equal requests {}".format, count())


@pytest.fixture
def batch_of(sandbox: Sandbox, make_client: Any, request_for: Callable[..., Any]) -> Any:
    """A batch of equal requests whose limit is the price of one."""

    def make(number: int, **settings: Any) -> Any:
        client = make_client(sandbox.base_url, max_usd_per_run=PRICE, **settings)
        return client, client.prepare([request_for()] * number, next(RUNS))

    return make


def outcomes_of(batch: Any) -> list[Any]:
    batch.begin()
    assert batch.wait(60)
    return list(batch.outcomes)


@pytest.mark.parametrize("store_mb", [0.0, 100.0])
def test_equal_requests_are_sent_and_reserved_once(
    sandbox: Sandbox, batch_of: Any, store_mb: float
) -> None:
    client, batch = batch_of(3, store_mb=store_mb)
    results = outcomes_of(batch)
    assert all(isinstance(result, ImageResult) for result in results), results
    assert [result.cost for result in results] == [PRICE, 0, 0]
    assert [result.from_store for result in results] == [False, True, True]
    assert len(sandbox.paid_requests) == 1
    assert client.spending.ledger.spent_today(client.service.name) == pytest.approx(PRICE)


def test_equal_requests_share_an_error_and_give_the_reservation_back(
    sandbox: Sandbox, batch_of: Any
) -> None:
    sandbox.add_fault(Fault.status(400))
    client, batch = batch_of(3)
    assert [type(error) for error in outcomes_of(batch)] == [BadRequestError] * 3
    assert len(sandbox.paid_requests) == 1
    assert client.spending.ledger.spent_today(client.service.name) == 0
    again = client.prepare([batch.planned[0].request], batch.run)  # there is room for it
    assert isinstance(outcomes_of(again)[0], ImageResult)


def test_each_of_equal_requests_has_its_own_warnings_and_its_own_call(
    make_client: Any, sandbox: Sandbox, request_for: Callable[..., Any]
) -> None:
    """What is sent may be the same where what was asked for is not."""
    calls: list[int] = []
    exact, other = request_for(width=64), request_for(width=67)
    client = make_client(sandbox.base_url)
    batch = client.prepare([exact, other], on_result=lambda index, _result: calls.append(index))
    exact_end, other_end = outcomes_of(batch)
    assert len(sandbox.paid_requests) == 1
    assert calls == [0, 1]
    assert exact_end.warnings == ()
    assert "67" in other_end.warnings[0]


def test_a_whole_number_is_the_same_request_as_a_fraction(
    make_client: Any, sandbox: Sandbox, request_for: Callable[..., Any], edit_image: bytes
) -> None:
    client = make_client(sandbox.base_url, store_mb=100.0)
    for cfg_scale, creativity in ((7, 0), (7.0, 0.0)):
        client.generate_images(request_for(cfg_scale=cfg_scale))
        client.upscale(UpscaleRequest(edit_image, creativity=creativity))
    assert len(sandbox.paid_requests) == 2


def test_a_call_that_fails_spoils_no_equal_request(
    make_client: Any, sandbox: Sandbox, request_for: Callable[..., Any]
) -> None:
    def refuse_first(index: int, _result: ImageResult) -> None:
        if index == 0:
            raise ValueError("no place for it")

    client = make_client(sandbox.base_url)
    batch = client.prepare([request_for()] * 2, on_result=refuse_first)
    failed, made = outcomes_of(batch)
    assert isinstance(failed, UnexpectedError)
    assert failed.may_have_been_charged
    assert isinstance(made, ImageResult)


def test_a_call_that_fails_loses_nothing_that_is_saved(
    make_client: Any, sandbox: Sandbox, request_for: Callable[..., Any]
) -> None:
    def refuse_second(index: int, _result: ImageResult) -> None:
        if index == 1:
            raise MemoryError("no room")

    client = make_client(sandbox.base_url, store_mb=100.0)
    requests = [request_for(seed=seed) for seed in (1, 2, 3)]
    batch = client.prepare(requests, on_result=refuse_second)
    failed = outcomes_of(batch)[1]
    assert isinstance(failed, UnexpectedError)
    assert str(failed).endswith("no room). The result is saved. Running again is free.")
    assert failed.may_have_been_charged, "it counts as a cost of this batch"
    assert (batch.summary.lost, batch.summary.unpaid) == (0, 0)
    assert batch.summary.advice("Queue again") == (
        "3 of 3 images are saved. Queue again to get them for free."
    )
    assert [client.start([one]).wait(60) for one in requests] == [True] * 3
    assert len(sandbox.paid_requests) == 3


def test_what_is_cancelled_before_it_begins_gives_all_back(
    sandbox: Sandbox, batch_of: Any, request_for: Callable[..., Any]
) -> None:
    client, batch = batch_of(3)
    batch.cancel()
    again = client.prepare([request_for()], batch.run)  # there is room for it
    again.cancel()
    assert sandbox.paid_requests == []
