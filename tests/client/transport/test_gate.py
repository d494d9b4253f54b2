"""The gate: order, slots, rate limits and the lock-out, by a clock that the test sets."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from venice_client.errors import RateLimitError, RequestCancelledError, VeniceError
from venice_client.transport import gate as gate_module
from venice_client.transport.gate import Gate, Slot, Ticket
from venice_client.transport.progress import Progress
from waiting import wait_for


class Clock:
    """Seconds that pass only when the test says so."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


class Caller:
    """A thread that waits for a slot, as a request does."""

    def __init__(self, gate: Gate, ticket: Ticket | None = None, model: str = "") -> None:
        self.progress = Progress()
        self.slot: Slot | None = None
        self.error: VeniceError | None = None
        self._gate = gate
        self._ticket = gate.ticket() if ticket is None else ticket
        self._model = model
        self._thread = threading.Thread(target=self._enter, daemon=True)
        self._thread.start()

    def _enter(self) -> None:
        try:
            self.slot = self._gate.enter(self._ticket, self.progress, self._model)
            self.progress.on_cancel(self.slot.detach)
        except VeniceError as error:
            self.error = error

    @property
    def is_in(self) -> bool:
        return self.slot is not None

    def entered(self) -> Slot:
        """The slot, which must come."""
        wait_for(lambda: self.is_in)
        self._thread.join()
        assert self.slot is not None
        return self.slot

    def failed(self) -> VeniceError:
        """The error, which must come."""
        wait_for(lambda: self.error is not None)
        assert self.error is not None
        return self.error

    def stays_out(self) -> None:
        """It waits, and the slot does not come, though there was time."""
        wait_for(lambda: self.progress.phase.startswith(("waiting", "queued")))
        time.sleep(0.03)
        assert not self.is_in
        assert self.error is None


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate_module, "LOOK_AGAIN", 0.002)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gate(clock: Clock) -> Iterator[Gate]:
    made = Gate(2, now=clock, jitter=lambda: 0.0)
    yield made
    clock.seconds += 10_000  # whoever still waits gives up


def limited(gate: Gate, seconds: float) -> None:
    """One request comes and meets a 429."""
    Caller(gate).entered().hold(seconds, for_model=False)


def test_batches_take_turns() -> None:
    gate = Gate(1)
    first = Caller(gate, gate.ticket(batch=1))
    first.entered()
    tickets = [("a", gate.ticket(batch=1)) for _ in range(3)]
    tickets += [("b", gate.ticket(batch=2)) for _ in range(3)]

    order = [name for name, _ in sorted(tickets, key=lambda each: each[1])]

    assert order == ["b", "a", "b", "a", "b", "a"]


def test_a_batch_that_comes_later_does_not_overtake_what_was_served() -> None:
    gate = Gate(1)
    for _ in range(5):
        Caller(gate, gate.ticket(batch=1)).entered().release()
    waiting = gate.ticket(batch=1)

    late = [gate.ticket(batch=2) for _ in range(3)]

    assert late[0] < waiting < late[1] < late[2]


def test_no_more_at_once_than_there_are_places(gate: Gate) -> None:
    slot = Caller(gate).entered()
    Caller(gate).entered()
    third = Caller(gate)
    third.stays_out()
    slot.answered(failed=False)
    third.entered()


def test_waiting_ones_are_served_in_order(gate: Gate) -> None:
    slots = [Caller(gate).entered() for _ in range(2)]
    waiting = [Caller(gate) for _ in range(4)]
    for caller in waiting:
        caller.stays_out()
    for expected in waiting:
        slots.pop(0).answered(failed=False)
        slots.append(expected.entered())
        assert not any(c.is_in for c in waiting[waiting.index(expected) + 1 :])


def test_a_request_that_tries_again_comes_before_later_ones(gate: Gate, clock: Clock) -> None:
    ticket = gate.ticket()
    Caller(gate, ticket).entered().hold(5, for_model=False)
    later = Caller(gate)
    again = Caller(gate, ticket)
    for caller in (later, again):
        caller.stays_out()
    clock.seconds += 5
    again.entered()
    later.stays_out()


def test_a_429_holds_everyone_until_the_reset(gate: Gate, clock: Clock) -> None:
    limited(gate, 20)
    waiting = Caller(gate)
    waiting.stays_out()
    assert "waiting (rate limit)" in waiting.progress.text(clock.seconds)
    assert "20 s left" in waiting.progress.text(clock.seconds)
    clock.seconds += 19.9
    waiting.stays_out()
    clock.seconds += 0.1
    waiting.entered()


def test_after_the_reset_they_go_one_by_one_until_the_first_success(
    gate: Gate, clock: Clock
) -> None:
    limited(gate, 20)
    waiting = [Caller(gate) for _ in range(4)]
    for caller in waiting:
        caller.stays_out()
    clock.seconds += 20
    first = waiting[0].entered()
    waiting[1].stays_out()
    first.answered(failed=False)
    waiting[1].entered()
    waiting[2].entered()
    waiting[3].stays_out()


def test_a_slow_request_from_before_the_429_keeps_nobody_from_asking(clock: Clock) -> None:
    gate = Gate(8, now=clock, jitter=lambda: 0.0)
    slow = Caller(gate).entered()
    limited(gate, 2)
    first, second = Caller(gate), Caller(gate)
    for caller in (first, second):
        caller.stays_out()
    clock.seconds += 2
    probe = first.entered()
    second.stays_out()
    slow.answered(failed=False)  # it says nothing about the limit
    second.stays_out()
    probe.answered(failed=False)
    second.entered()


def test_slow_requests_from_before_the_429_keep_their_places(clock: Clock) -> None:
    gate = Gate(3, now=clock, jitter=lambda: 0.0)
    slow = [Caller(gate).entered() for _ in range(2)]
    limited(gate, 2)
    gate.max_in_flight = 2
    waiting = Caller(gate)
    clock.seconds += 2
    waiting.stays_out()
    slow[0].release()
    waiting.entered()


def test_another_429_to_the_first_holds_everyone_again(gate: Gate, clock: Clock) -> None:
    limited(gate, 20)
    probe, other = Caller(gate), Caller(gate)
    for caller in (probe, other):
        caller.stays_out()
    clock.seconds += 20
    probe.entered().hold(10, for_model=False)
    other.stays_out()
    clock.seconds += 10
    other.entered()
    Caller(gate).stays_out()


def test_an_answer_to_an_earlier_request_says_nothing_about_the_limit(
    gate: Gate, clock: Clock
) -> None:
    early = Caller(gate).entered()
    clock.seconds += 1
    limited(gate, 20)
    early.answered(failed=False)
    clock.seconds += 20
    Caller(gate).entered()
    Caller(gate).stays_out()


def test_the_longest_of_several_resets_counts(gate: Gate, clock: Clock) -> None:
    one, two = Caller(gate).entered(), Caller(gate).entered()
    one.hold(30, for_model=False)
    two.hold(5, for_model=False)
    waiting = Caller(gate)
    clock.seconds += 29
    waiting.stays_out()
    clock.seconds += 1
    waiting.entered()


@pytest.mark.parametrize(("drawn", "seconds"), [(0.0, 10.0), (1.0, 12.0)])
def test_processes_spread_over_two_seconds_after_a_reset(
    clock: Clock, drawn: float, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate_module, "RESET_JITTER", 2.0)
    gate = Gate(2, now=clock, jitter=lambda: drawn)
    limited(gate, 10)
    waiting = Caller(gate)
    clock.seconds += seconds - 0.01
    waiting.stays_out()
    clock.seconds += 0.01
    waiting.entered()


def test_gives_up_at_once_when_the_reset_is_more_than_five_minutes_ahead(gate: Gate) -> None:
    slot, waiting_for_place = Caller(gate).entered(), Caller(gate)
    waiting_for_place.entered()
    waiting = Caller(gate)
    waiting.stays_out()
    with pytest.raises(RateLimitError, match="10 minutes"):
        slot.hold(600, for_model=False)
    assert isinstance(waiting.failed(), RateLimitError)


def test_five_minutes_exactly_are_waited_for(gate: Gate, clock: Clock) -> None:
    limited(gate, 300)
    waiting = Caller(gate)
    clock.seconds += 300
    waiting.entered()


def test_who_comes_after_giving_up_tries_anew(gate: Gate) -> None:
    slot = Caller(gate).entered()
    with pytest.raises(RateLimitError):
        slot.hold(600, for_model=False)
    Caller(gate).entered()


def test_gives_up_when_nothing_got_through_for_five_minutes(gate: Gate, clock: Clock) -> None:
    limited(gate, 290)
    clock.seconds += 290
    limited(gate, 290)
    waiting = Caller(gate)
    clock.seconds += 10
    waiting.stays_out()
    clock.seconds += 1
    error = waiting.failed()
    assert isinstance(error, RateLimitError)
    assert "5 minutes" in str(error)
    assert "Try again later" in str(error).partition("\n")[0]


def test_gives_up_when_each_try_is_refused_for_five_minutes(gate: Gate, clock: Clock) -> None:
    for _ in range(5):
        limited(gate, 60)
        clock.seconds += 60
    limited(gate, 60)
    waiting = Caller(gate)
    waiting.stays_out()
    clock.seconds += 1
    assert isinstance(waiting.failed(), RateLimitError)


@pytest.mark.parametrize("is_answered", [True, False])
def test_a_slow_try_after_the_reset_is_no_refusal(
    gate: Gate, clock: Clock, is_answered: bool
) -> None:
    """The limit may long have been lifted: nobody gives up because of it."""
    limited(gate, 20)
    probe, waiting = Caller(gate), Caller(gate)
    for caller in (probe, waiting):
        caller.stays_out()
    clock.seconds += 20
    slot = probe.entered()
    clock.seconds += 590
    waiting.stays_out()
    if is_answered:
        slot.answered(failed=False)
    else:
        slot.release()
    waiting.entered()


def test_a_success_in_between_starts_the_five_minutes_anew(gate: Gate, clock: Clock) -> None:
    limited(gate, 200)
    clock.seconds += 200
    Caller(gate).entered().answered(failed=False)
    limited(gate, 200)
    waiting = Caller(gate)
    clock.seconds += 199
    waiting.stays_out()
    clock.seconds += 1
    waiting.entered()


def test_twelve_failures_make_new_ones_wait_and_refuse_nobody(gate: Gate, clock: Clock) -> None:
    for _ in range(12):
        Caller(gate).entered().answered(failed=True)
        clock.seconds += 1
    waiting = Caller(gate)
    waiting.stays_out()
    assert "many requests failed" in waiting.progress.phase
    clock.seconds += 18.5  # the first failure is 30 s ago
    waiting.entered()
    assert waiting.error is None


def test_failures_and_requests_under_way_never_reach_the_lock_out(clock: Clock) -> None:
    gate = Gate(64, now=clock, jitter=lambda: 0.0)
    for _ in range(11):
        Caller(gate).entered().answered(failed=True)
    callers = [Caller(gate) for _ in range(12)]
    wait_for(lambda: sum(c.is_in for c in callers) == 9)
    time.sleep(0.03)
    assert sum(c.is_in for c in callers) == 9


def test_an_empty_record_of_failures_is_not_blamed(clock: Clock) -> None:
    gate = Gate(64, now=clock, jitter=lambda: 0.0)
    callers = [Caller(gate) for _ in range(21)]
    wait_for(lambda: sum(c.is_in for c in callers) == 20)
    (waiting,) = (c for c in callers if not c.is_in)
    waiting.stays_out()
    assert "failed" not in waiting.progress.phase


def test_dropping_while_waiting_returns_at_once(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not take the next look at whether it is still wanted."""
    monkeypatch.setattr(gate_module, "LOOK_AGAIN", 600.0)
    limited(gate, 200)
    waiting = Caller(gate)
    waiting.stays_out()
    waiting.progress.cancel()
    assert isinstance(waiting.failed(), RequestCancelledError)


@pytest.mark.parametrize("what", ["a reset", "a busy model", "busy twice", "dropped", "a place"])
def test_nothing_that_lets_a_request_through_waits_for_a_look(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the real clock: the first of each line wakes when its wait ends, or is woken."""
    monkeypatch.setattr(gate_module, "LOOK_AGAIN", 600.0)
    gate = Gate(2, jitter=lambda: 0.0)
    if what == "a reset":
        limited(gate, 0.2)
    elif what == "a place":
        slots = [Caller(gate).entered() for _ in range(2)]
    else:
        busy(gate, "chroma", 0.2)
    first, second = Caller(gate, model="chroma"), Caller(gate, model="chroma")
    if what == "dropped":
        first.progress.cancel()
        first.failed()
    elif what == "a place":
        slots[0].release()
        first.entered().release()
    elif what == "busy twice":
        wait_for(lambda: first.is_in or second.is_in)
        probe, second = (first, second) if first.is_in else (second, first)
        probe.entered().hold(0.2, for_model=True)
    else:
        wait_for(lambda: first.is_in or second.is_in)
        (first if first.is_in else second).entered().answered(failed=False)
        first.entered()
    second.entered()


def test_who_was_dropped_holds_up_nobody_behind(gate: Gate) -> None:
    slot = Caller(gate).entered()
    Caller(gate).entered()
    dropped, behind = Caller(gate), Caller(gate)
    dropped.progress.cancel()
    dropped.failed()
    slot.answered(failed=False)
    behind.entered()


def test_an_abandoned_request_gives_its_place_back_once(gate: Gate) -> None:
    abandoned, other = Caller(gate), Caller(gate)
    slot = abandoned.entered()
    other.entered()
    waiting, more = Caller(gate), Caller(gate)
    waiting.stays_out()
    abandoned.progress.cancel()
    waiting.entered()
    slot.answered(failed=False)  # its answer comes later all the same
    more.stays_out()


def test_abandoned_requests_that_may_still_fail_count_before_the_lock_out(clock: Clock) -> None:
    gate = Gate(8, now=clock, jitter=lambda: 0.0)
    slots = []
    for _ in range(20):
        abandoned = Caller(gate)
        slots.append(abandoned.entered())
        abandoned.progress.cancel()
    waiting, more = Caller(gate), Caller(gate)
    waiting.stays_out()
    assert "stopped" in waiting.progress.phase
    slots[0].answered(failed=False)
    waiting.entered()
    more.stays_out()
    slots[1].release()  # lost: it cannot fail any more
    more.entered()


def test_requests_that_hang_hold_nobody_up_for_longer_than_the_lock_out_itself(
    clock: Clock,
) -> None:
    gate = Gate(8, now=clock, jitter=lambda: 0.0)
    for _ in range(20):
        hung = Caller(gate)
        hung.entered()
        hung.progress.cancel()
        clock.seconds += 1.0
    waiting = Caller(gate)
    waiting.stays_out()
    assert "stopped" in waiting.progress.phase
    clock.seconds += gate_module.FAILURE_WINDOW
    waiting.entered()


def test_a_place_that_was_given_back_cannot_be_abandoned(clock: Clock) -> None:
    gate = Gate(8, now=clock, jitter=lambda: 0.0)
    for _ in range(20):
        slot = Caller(gate).entered()
        slot.release()
        slot.detach()
    Caller(gate).entered()


def test_raising_the_number_of_places_lets_more_in(gate: Gate) -> None:
    for _ in range(2):
        Caller(gate).entered()
    waiting = Caller(gate)
    waiting.stays_out()
    gate.max_in_flight = 3
    waiting.entered()


def busy(gate: Gate, model: str, seconds: float) -> None:
    """One request to `model` comes and is told that the model is busy."""
    Caller(gate, model=model).entered().hold(seconds, for_model=True)


def test_a_busy_model_holds_its_own_requests_alone(gate: Gate, clock: Clock) -> None:
    busy(gate, "chroma", 30)
    waiting = Caller(gate, model="chroma")
    waiting.stays_out()
    assert waiting.progress.text(clock.seconds) == ("waiting (chroma is busy), 30 s left")
    for _ in range(3):
        Caller(gate, model="z-image-turbo").entered().answered(failed=False)
    waiting.stays_out()
    clock.seconds += 30
    waiting.entered()


def test_a_busy_model_is_tried_by_one_until_the_first_success(gate: Gate, clock: Clock) -> None:
    busy(gate, "chroma", 30)
    waiting = [Caller(gate, model="chroma") for _ in range(3)]
    for caller in waiting:
        caller.stays_out()
    clock.seconds += 30
    first = waiting[0].entered()
    waiting[1].stays_out()
    other = Caller(gate, model="z-image-turbo").entered()  # passes those who wait for the model
    other.answered(failed=False)
    waiting[1].stays_out()
    first.answered(failed=False)
    waiting[1].entered()
    waiting[2].entered()


def test_a_busy_model_says_that_the_key_is_not_limited(gate: Gate, clock: Clock) -> None:
    limited(gate, 5)
    probe, other = Caller(gate, model="chroma"), Caller(gate, model="z-image-turbo")
    for caller in (probe, other):
        caller.stays_out()
    clock.seconds += 5
    probe.entered().hold(30, for_model=True)
    other.entered()


def test_a_limited_key_holds_requests_to_a_busy_model_too(gate: Gate, clock: Clock) -> None:
    busy(gate, "chroma", 10)
    limited(gate, 20)
    waiting = Caller(gate, model="chroma")
    waiting.stays_out()
    assert "rate limit" in waiting.progress.phase
    clock.seconds += 15
    waiting.stays_out()
    clock.seconds += 5
    waiting.entered()


def test_a_model_that_is_busy_for_too_long_is_given_up_and_no_other(
    gate: Gate, clock: Clock
) -> None:
    busy(gate, "chroma", 200)
    waiting = Caller(gate, model="chroma")
    waiting.stays_out()
    clock.seconds += 200
    waiting.entered().hold(200, for_model=True)
    behind = Caller(gate, model="chroma")
    behind.stays_out()
    clock.seconds += 200
    error = behind.failed()
    assert isinstance(error, RateLimitError)
    assert error.code == "MODEL_OVERLOADED"
    assert str(error).startswith("chroma has been busy for 5 minutes. Choose")
    Caller(gate, model="z-image-turbo").entered()


def test_a_model_that_says_it_is_busy_for_an_hour_ends_its_own_requests_alone(
    gate: Gate, clock: Clock
) -> None:
    slot = Caller(gate, model="chroma").entered()
    busy(gate, "z-image-turbo", 30)
    mine, other = Caller(gate, model="chroma"), Caller(gate, model="z-image-turbo")
    other.stays_out()
    mine.entered().hold(30, for_model=True)
    mine = Caller(gate, model="chroma")
    mine.stays_out()
    with pytest.raises(RateLimitError, match="is busy for another 60 minutes"):
        slot.hold(3600, for_model=True)
    assert "60 minutes" in str(mine.failed())
    other.stays_out()
