"""A client that is closed leaves nothing behind, and loses nothing."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable

import pytest

from bench import held_until
from faulty_sandbox import Sandbox
from venice_client import (
    GenerateRequest,
    ImageResult,
    Progress,
    RequestCancelledError,
    VeniceClient,
)
from venice_client.batch import was_cancelled
from waiting import wait_for

MakeClient = Callable[..., VeniceClient]
RequestFor = Callable[..., GenerateRequest]


def test_closing_waits_for_what_is_in_flight_and_cancels_the_rest(
    sandbox: Sandbox, make_client: MakeClient, request_for: RequestFor
) -> None:
    with make_client(sandbox.base_url, max_in_flight=1) as client:
        batch = client.prepare([request_for(seed=seed) for seed in (1, 2, 3)])
        sandbox.add_fault(held_until(lambda: sum(map(was_cancelled, batch.outcomes)) == 2))
        batch.begin()
        wait_for(lambda: sandbox.paid_requests)
    assert batch.done
    made = [end for end in batch.outcomes if isinstance(end, ImageResult)]
    cancelled = [end for end in batch.outcomes if isinstance(end, RequestCancelledError)]
    assert (len(made), len(cancelled)) == (1, 2)
    assert len(sandbox.paid_requests) == 1


def test_closing_gives_back_what_a_batch_reserved_that_never_began(
    sandbox: Sandbox, make_client: MakeClient, request_for: RequestFor
) -> None:
    with make_client(sandbox.base_url, max_usd_per_run=0.01) as client:
        never_begun = client.prepare([request_for()], "closing")
        client.close()
        assert never_begun.done
        again = client.prepare([request_for()], "closing")
        again.cancel()


def test_closing_in_on_result_fails_instead_of_waiting_for_itself(
    sandbox: Sandbox, make_client: MakeClient, request_for: RequestFor
) -> None:
    client = make_client(sandbox.base_url)
    batch = client.prepare([request_for()], on_result=lambda _index, _result: client.close())
    batch.begin()
    assert batch.wait(60)
    (outcome,) = batch.outcomes
    assert "on_result can't wait for its own batch" in str(outcome)


def test_a_closed_client_has_no_open_connection(
    sandbox: Sandbox, client: VeniceClient, request_for: RequestFor
) -> None:
    client.generate_images(request_for())
    pools = client._transport._adapter.poolmanager.pools
    assert len(pools) == 1
    client.close()
    assert len(pools) == 0


def test_an_error_inside_the_block_comes_out(sandbox: Sandbox, make_client: MakeClient) -> None:
    with pytest.raises(KeyboardInterrupt), make_client(sandbox.base_url):
        raise KeyboardInterrupt


def test_closing_cancels_single_calls_too(
    sandbox: Sandbox, make_client: MakeClient, request_for: RequestFor
) -> None:
    ends: list[object] = []

    def call(seed: int) -> None:
        try:
            ends.append(client.generate_images(request_for(seed=seed)))
        except RequestCancelledError as error:
            ends.append(error)

    threads = [threading.Thread(target=call, args=(seed,), daemon=True) for seed in (1, 2, 3)]
    sandbox.add_fault(held_until(lambda: len(ends) == 2))
    with make_client(sandbox.base_url, max_in_flight=1) as client:
        for thread in threads:
            thread.start()
        wait_for(lambda: sandbox.paid_requests)
        wait_for(lambda: len(client._batches) == 3)
    for thread in threads:
        thread.join(60)
    assert sorted(map(was_cancelled, ends)) == [False, True, True]
    assert len(sandbox.paid_requests) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no signal to itself")
def test_a_single_call_that_is_interrupted_saves_what_is_in_flight(
    sandbox: Sandbox, make_client: MakeClient, request_for: RequestFor
) -> None:
    interrupted = threading.Event()

    def interrupt() -> bool:
        os.kill(os.getpid(), signal.SIGINT)
        return interrupted.wait(60)

    sandbox.add_fault(held_until(interrupt))
    client = make_client(sandbox.base_url, store_mb=64.0)
    with client:
        with pytest.raises(KeyboardInterrupt):
            client.generate_images(request_for())
        interrupted.set()
    assert client.generate_images(request_for()).from_store
    assert len(sandbox.charges) == 1


def test_a_single_call_can_be_canceled(
    sandbox: Sandbox, client: VeniceClient, request_for: RequestFor
) -> None:
    progress = Progress()
    progress.cancel()
    with pytest.raises(RequestCancelledError):
        client.generate_images(request_for(), progress)
    assert sandbox.paid_requests == []
