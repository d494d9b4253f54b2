"""Jobs side by side: their outcomes, their status, and what happens when nobody waits."""

from __future__ import annotations

import sys
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from bench import held_until
from faulty_sandbox import Fault, Sandbox
from jobs import batch_of
from venice_client import GenerateRequest, ImageResult, Progress, VeniceClient
from venice_client import client as client_module
from venice_client.batch import RequestBatch, _wait_at_exit, was_cancelled
from venice_client.errors import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    PaymentRequiredError,
    PermissionDeniedError,
    RequestCancelledError,
    UnexpectedError,
)
from waiting import wait_for

MakeClient = Callable[..., VeniceClient]
RequestFor = Callable[..., GenerateRequest]
Job = Callable[[Progress], str]


def answering(text: str) -> Job:
    return lambda _progress: text


def begun(jobs: Sequence[Callable[[Progress], Any]], run: str = "") -> RequestBatch:
    batch = batch_of(jobs, run)
    batch.begin()
    return batch


def waiting(progress: Progress) -> str:
    """A job that was not sent and waits for its turn."""
    progress.wait(60, "queued")
    return "made"


def test_outcomes_come_in_the_order_of_the_jobs() -> None:
    slow = threading.Event()

    def late(_progress: Progress) -> str:
        slow.wait(60)
        return "first"

    batch = begun([late, answering("second")])
    wait_for(lambda: batch.ended == 1)
    slow.set()
    assert batch.wait(60)
    assert batch.outcomes == ["first", "second"]


def test_outcomes_can_be_had_as_they_come() -> None:
    slow, error = threading.Event(), BadRequestError("no", status=400)

    def late(_progress: Progress) -> str:
        slow.wait(60)
        return "first"

    def fail(_progress: Progress) -> str:
        raise error

    batch = begun([late, fail])
    coming = batch.as_completed()
    assert next(coming) == (1, error)
    slow.set()
    assert list(coming) == [(0, "first")]
    assert list(batch.as_completed()) == [(1, error), (0, "first")], "again, for another reader"


def test_an_error_is_an_outcome_and_leaves_the_others() -> None:
    error = BadRequestError("no", status=400)

    def fail(_progress: Progress) -> str:
        raise error

    batch = begun([fail, answering("made")])
    assert batch.wait(60)
    assert batch.outcomes == [error, "made"]


@pytest.mark.parametrize("is_sent", [False, True])
def test_an_error_of_another_kind_is_told_as_ours(is_sent: bool) -> None:
    """It says whether the request was sent by then, and has the other as its cause."""
    error = RuntimeError("can't start new thread\nmore")

    def fail(progress: Progress) -> str:
        progress.sent = is_sent
        raise error

    batch = begun([fail, answering("made")])
    assert batch.wait(60)
    told = batch.outcomes[0]
    assert isinstance(told, UnexpectedError)
    assert told.__cause__ is error
    assert told.may_have_been_charged == is_sent
    assert "(RuntimeError: can't start new thread)" in str(told)
    assert ("may have been charged" in str(told)) == is_sent
    assert ("was not sent" in str(told)) != is_sent
    assert batch.outcomes[1] == "made"


@pytest.fixture
def two_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a batch, the system gives two threads and no more."""
    start, started = threading.Thread.start, list[str]()

    def refuse(thread: threading.Thread) -> None:
        if thread.name.startswith("venice-"):
            if len(started) == 2:
                raise RuntimeError("can't start new thread")
            started.append(thread.name)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)


def test_where_no_thread_can_be_had_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    batch = begun([waiting] * 2)
    assert batch.wait(60)
    for outcome in batch.outcomes:
        assert was_cancelled(outcome)
        assert "can't start new thread" in str(outcome).splitlines()[0]
        assert "You weren't charged" in str(outcome)


@pytest.mark.usefixtures("two_threads")
def test_with_few_threads_the_rest_waits_for_one() -> None:
    batch = begun([answering(str(i)) for i in range(5)])
    assert batch.wait(60)
    assert batch.outcomes == ["0", "1", "2", "3", "4"]


@pytest.mark.usefixtures("two_threads")
def test_the_end_of_the_process_waits_for_threads_that_were_started() -> None:
    go = threading.Event()

    def slow(progress: Progress) -> str:
        progress.check()
        progress.sent = True
        go.wait(60)
        return "arrived"

    batch = begun([slow, slow, slow])
    wait_for(lambda: sum(progress.sent for progress in batch.progress) == 2)
    threading.Timer(0.3, go.set).start()
    _wait_at_exit()
    assert batch.outcomes[:2] == ["arrived", "arrived"]
    assert was_cancelled(batch.outcomes[2]), "the one without a thread"
    late = begun([waiting])
    assert late.wait(60)
    assert was_cancelled(late.outcomes[0]), "it begins while the process ends"


@pytest.mark.long
def test_batches_that_begin_while_others_look_at_all_of_them() -> None:
    stop, failed = threading.Event(), list[BaseException]()
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)

    def begin() -> None:
        while not stop.is_set():
            begun([lambda _progress: time.sleep(0.02)], run="r")

    threads = [threading.Thread(target=begin, daemon=True) for _ in range(2)]
    try:
        for thread in threads:
            thread.start()
        end = time.monotonic() + 0.5
        while time.monotonic() < end:
            try:
                begun([], run="r").cancel_run()
            except RuntimeError as error:
                failed.append(error)
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)
        sys.setswitchinterval(interval)
    assert failed == []


def test_an_error_that_holds_for_all_drops_what_is_not_sent() -> None:
    leaves, arrives = threading.Event(), threading.Event()

    def on_its_way(progress: Progress) -> str:
        progress.sent = True
        leaves.set()
        arrives.wait(60)
        return "arrived"

    def fail(_progress: Progress) -> str:
        leaves.wait(60)
        raise AuthenticationError("no", status=401)

    batch = begun([on_its_way, waiting, fail])
    wait_for(lambda: batch.ended == 2, 30)
    arrives.set()
    assert batch.wait(60)
    assert batch.outcomes[0] == "arrived"
    assert was_cancelled(batch.outcomes[1])


def test_dropping_ends_what_waits_at_once() -> None:
    batch = begun([waiting] * 4)
    wait_for(lambda: all(p.phase == "queued" for p in batch.progress))
    batch.cancel()
    assert batch.wait(30), "they would wait for twice as long"
    assert all(isinstance(outcome, RequestCancelledError) for outcome in batch.outcomes)


def test_status_counts_and_tells_the_phases() -> None:
    batch = begun([waiting, waiting, answering("made")])
    wait_for(lambda: batch.ended == 1 and "starting" not in batch.status())
    assert batch.status().startswith("1 of 3 done · queued")
    assert "s left" in batch.status()
    batch.cancel()


def test_phases_may_change_while_they_are_told() -> None:
    """The thread of each goes on meanwhile."""

    class Restless(Progress):
        reads = 0

        def __getattribute__(self, name: str) -> object:
            if name in ("phase", "until"):
                Restless.reads += 1
                phase = f"phase {Restless.reads}"
                return phase if name == "phase" else (None, 5.0)[Restless.reads % 2]
            return super().__getattribute__(name)

    batch = begun([waiting, waiting])
    their_own, batch.progress = batch.progress, [Restless(), Restless()]
    for _ in range(20):
        assert batch.status().startswith("0 of 2 done · ")
    batch.progress = their_own
    batch.cancel()


def test_no_jobs_are_done_at_once() -> None:
    batch = begun([])
    assert batch.wait(60)
    assert batch.done
    assert batch.outcomes == []


def test_progress_calls_what_is_to_happen_at_a_drop_whenever_it_comes() -> None:
    calls: list[int] = []
    progress = Progress()
    progress.on_cancel(lambda: calls.append(1))
    progress.cancel()
    progress.on_cancel(lambda: calls.append(2))
    assert calls == [1, 2]
    with pytest.raises(RequestCancelledError, match="You weren't charged"):
        progress.check()


def test_progress_counts_down_to_an_end_that_is_known_and_up_else() -> None:
    progress = Progress()
    progress.enter("generating")
    assert progress.text(progress.since + 7.4) == "generating 7 s"
    progress.enter("waiting (rate limit)", until=progress.since + 20)
    assert progress.text(progress.since + 8).endswith("12 s left")
    assert progress.text(progress.since + 90).endswith("0 s left")


def test_a_phase_that_goes_on_keeps_its_beginning() -> None:
    progress = Progress()
    progress.enter("generating")
    began = progress.since
    time.sleep(0.01)
    progress.enter("generating")
    assert progress.since == began


@pytest.mark.parametrize(
    ("kind", "status", "code", "is_key"),
    [
        (AuthenticationError, 401, "AUTHENTICATION_FAILED", True),
        (AuthenticationError, 401, "PRO_ONLY_MODEL", False),
        (PaymentRequiredError, 402, "", True),
        (PermissionDeniedError, 403, "", False),
        (PermissionDeniedError, 403, "API_ACCESS_DISABLED", True),
    ],
)
def test_a_refused_key_drops_the_whole_run_and_says_why(
    kind: type[ApiError], status: int, code: str, is_key: bool
) -> None:
    """A refused model drops what is asked of it alone, in every node of the run."""
    go = threading.Event()

    def refused(_progress: Progress) -> str:
        go.wait(60)
        raise kind("Venice does not accept the key.\nMore.", status=status, code=code)

    first, same = batch_of([refused], "r"), batch_of([waiting], "r")
    other, another_run = batch_of([waiting], "r", model="z-image-turbo"), batch_of([waiting])
    for batch in (same, other, another_run, first):
        batch.begin()
    go.set()
    assert first.wait(60)

    assert same.wait(30)
    assert str(same.outcomes[0]).startswith("Venice does not accept the key.\n")
    assert other.wait(30 if is_key else 0.1) == is_key
    assert not another_run.wait(0.1)
    for batch in (other, another_run):
        batch.cancel()


@pytest.mark.long
@pytest.mark.parametrize(
    ("status", "slow"),
    [
        (401, "telling the error"),
        (402, "telling the error"),
        (403, "telling the error"),
        (401, "dropping the others"),
    ],
)
def test_what_holds_for_all_lets_no_other_request_of_the_run_out(
    sandbox: Sandbox,
    make_client: MakeClient,
    request_for: RequestFor,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    slow: str,
) -> None:
    """However long a thread rests between the answer and what follows from it."""
    where, name = {
        "telling the error": (client_module, "error_for"),
        "dropping the others": (Progress, "mark_cancelled"),
    }[slow]
    real = getattr(where, name)

    def slowly(*args: Any, **more: Any) -> Any:
        time.sleep(0.05)
        return real(*args, **more)

    monkeypatch.setattr(where, name, slowly)
    sandbox.latency_s = 0.2
    sandbox.add_fault(Fault.status(status), times=None)
    client = make_client(sandbox.base_url, max_in_flight=1)
    halves = (range(1, 5), range(5, 9))
    batches = [client.start([request_for(seed=seed) for seed in half], "r") for half in halves]
    assert all(batch.wait(60) for batch in batches)
    assert len(sandbox.paid_requests) == 1
    assert sum(was_cancelled(end) for batch in batches for end in batch.outcomes) == 7


def test_a_refusal_holds_for_no_batch_that_has_ended() -> None:
    """A batch is not kept in memory by the progress of its requests."""
    batch = begun([answering("made")])
    assert batch.wait(60)
    batch.join(time.monotonic() + 60)
    gone = weakref.ref(batch)
    del batch
    assert gone() is None


def test_a_refused_key_cancels_nothing_of_another_key(
    sandbox: Sandbox, make_client: MakeClient, request_for: RequestFor
) -> None:
    """Even if two programs gave their runs the same name."""
    refused: list[RequestBatch] = []
    sandbox.add_fault(held_until(lambda: refused and refused[0].done))
    batch = make_client(sandbox.base_url, max_in_flight=1).start(
        [request_for(seed=seed) for seed in (1, 2, 3)], "night"
    )
    wait_for(lambda: sandbox.paid_requests)
    refused.append(make_client(sandbox.base_url, key="refused").start([request_for()], "night"))
    assert refused[0].wait(60)
    assert isinstance(refused[0].outcomes[0], AuthenticationError)
    assert batch.wait(60)
    assert [type(end) for end in batch.outcomes] == [ImageResult] * 3
