"""The gate for every paid request of the process: slots, rate limits, lock-out."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections import deque
from collections.abc import Callable

from ..errors import RateLimitError
from ..process import after_fork
from ..settings.service import Service
from ..text import printable
from .progress import Progress

GIVE_UP_AFTER = 300.0
"""The most seconds to wait without any request getting through, or until a reset."""

FAILURE_WINDOW = 30.0
FAILURES_THAT_PAUSE = 12
FAILURES_THAT_LOCK_OUT = 20
"""The most failed requests within 30 s; after more, the API blocks the key for 30 s."""

MAX_MODEL = 80
"""The most characters of a model's name in a text."""

LOOK_AGAIN = 1.0
"""Seconds between two updates of a waiting request's text. A free slot wakes it at once."""

RESET_JITTER = 2.0
"""Seconds over which several processes spread their requests after a reset."""

draw = random.SystemRandom().random
"""A random number in 0..1 from the system: another node may seed Python's, and forked processes
would share its state."""


class RateLimitHold:
    """A hold after a 429, for all requests or those to one model. Used under a lock.

    model: "" for all. is_on: from the 429 until a request that entered later gets through.
    generation: the number of holds so far. given_up: the number of times that it gave up.
    """

    def __init__(self, model: str, now: float) -> None:
        self.model = model
        self.until = now
        self.is_on = False
        self.generation = 0
        self.given_up = 0
        self._minutes: float | None = None
        self._last_through = now

    @property
    def wait(self) -> str:
        """The status text of a request that waits here."""
        if self.model:
            return f"waiting ({self.model} is busy)"
        return "waiting (rate limit)"

    def set_up(self, now: float, seconds: float, jitter: float) -> None:
        """Let no request pass for `seconds`. Raises RateLimitError if that is too long to wait."""
        if not self.is_on:
            self._last_through = now
        self.is_on = True
        self.generation += 1
        if seconds > GIVE_UP_AFTER:
            self.until = now
            raise self.give_up(now, seconds / 60)
        self.until = max(self.until, now + seconds + jitter)

    def passed(self, now: float, generation: int) -> None:
        """Note that a request that entered under `generation` got through."""
        self._last_through = now
        if generation == self.generation:
            self.is_on = False

    def has_timed_out(self, now: float) -> bool:
        """Whether the last refusal means too long a wait.

        After its reset nothing is certain: a slow response is no refusal.
        """
        return self.is_on and min(now, self.until) - self._last_through > GIVE_UP_AFTER

    def give_up(self, now: float, minutes: float | None = None) -> RateLimitError:
        """End the wait of all requests that wait now; later ones try again.

        minutes: until the reset, if that is too far ahead.
        """
        self.given_up += 1
        self._minutes = minutes
        self._last_through = now
        return self.error()

    def error(self) -> RateLimitError:
        """Return the error for the requests that gave up."""
        left = self._minutes
        if self.model:
            busy = "has been busy for 5" if left is None else f"is busy for another {left:.0f}"
            what = f"{self.model} {busy} minutes. Choose another model, or try again later."
        else:
            held = "has been" if left is None else "is"
            minutes = "5" if left is None else f"another {left:.0f}"
            what = f"This API key {held} rate-limited for {minutes} minutes. Try again later."
        return RateLimitError(
            f"{what} You weren't charged for the missing results.",
            status=429,
            code="MODEL_OVERLOADED" if self.model else "RATE_LIMIT_EXCEEDED",
        )


class Slot:
    """One request's slot in the gate. Only the first call that ends it counts.

    generations: those of the holds for all and for its model when it passed.
    """

    def __init__(self, gate: Gate, holds: tuple[RateLimitHold, RateLimitHold]) -> None:
        self._gate = gate
        self.generations = {hold: hold.generation for hold in holds}

    def detach(self) -> None:
        """Free the slot at once, although the request may be in flight and may yet fail."""
        self._gate.detach(self)

    def release(self) -> None:
        """End the slot, whatever the outcome of the request."""
        self._gate.leave(self)

    def answered(self, failed: bool) -> None:
        """End the slot after any response but a rate limit."""
        self._gate.record(self, failed)  # before the slot is another one's
        self._gate.leave(self)

    def hold(self, seconds: float, for_model: bool) -> None:
        """End the slot after a 429: all requests, or those to its model, wait for `seconds`."""
        self._gate.hold(self, seconds, for_model)


class _Waiting:
    """A request that waits at the gate. holds: the one for all, and the one for its model."""

    def __init__(
        self, turn: threading.Condition, holds: tuple[RateLimitHold, RateLimitHold]
    ) -> None:
        self.turn = turn
        self.holds = holds
        self._given_up = [hold.given_up for hold in holds]

    def check(self, now: float) -> RateLimitHold | None:
        """Return the hopeless hold, if any. Raises RateLimitError if one gave up."""
        for hold, before in zip(self.holds, self._given_up, strict=True):
            if hold.given_up != before:
                raise hold.error()
        return next((hold for hold in self.holds if hold.has_timed_out(now)), None)


Ticket = tuple[int, int]
"""A place in the queue: the turn, and the number of the ticket."""


class Gate:
    """Lets at most `max_in_flight` requests through at once, in order, with batches taking turns.

    After a 429, all (or all to the busy model) wait until the reset, then go one by one until one
    gets through. The gate doesn't wait for requests from before the 429, which may be slow. Near
    the API's lock-out for failed requests, new ones wait for room. Detached requests that may yet
    fail count too, but no longer than the lock-out would last.
    """

    def __init__(
        self,
        max_in_flight: int,
        now: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = draw,
    ) -> None:
        self.max_in_flight = max_in_flight
        self.now = now
        self._jitter = jitter
        self._lock = threading.RLock()
        self._drawn = itertools.count()
        self._turn = 0
        self._last_turns: dict[int, int] = {}
        self._waiting: dict[Ticket, _Waiting] = {}
        self._open: set[Slot] = set()
        self._detached: dict[Slot, float] = {}
        self._failures: deque[float] = deque()
        self._for_all = RateLimitHold("", now())
        self._for_model: dict[str, RateLimitHold] = {}

    def ticket(self, batch: int = 0) -> Ticket:
        """Draw a ticket, which a request keeps for all its tries.

        Each batch has one per turn; a new batch begins with the current turn.
        """
        with self._lock:
            turns = {b: turn for b, turn in self._last_turns.items() if turn >= self._turn}
            turns[batch] = max(self._turn, turns.get(batch, -1) + 1)
            self._last_turns = turns
            return turns[batch], next(self._drawn)

    def enter(self, ticket: Ticket, progress: Progress, model: str = "") -> Slot:
        """Wait for a slot for a request to `model`.

        Raises RequestCancelledError when canceled, RateLimitError when it gives up.
        """
        turn = threading.Condition(self._lock)

        def look() -> None:
            with self._lock:
                turn.notify()

        progress.on_cancel(look)
        with self._lock:
            name = printable(model, MAX_MODEL)
            hold = self._for_model.setdefault(model, RateLimitHold(name, self.now()))
            mine = self._waiting[ticket] = _Waiting(turn, (self._for_all, hold))
            try:
                while True:
                    progress.check()
                    if hopeless := mine.check(self.now()):
                        raise self._given_up(hopeless, hopeless.give_up(self.now()))
                    reason, until = self._obstacle(ticket)
                    if not reason:
                        break
                    progress.enter(reason, until)
                    is_first = ticket == self._first(hold if self._is_held(hold) else None)
                    left = until - self.now() if until is not None and is_first else LOOK_AGAIN
                    turn.wait(min(LOOK_AGAIN, max(0.0, left)))
                slot = Slot(self, mine.holds)
                self._open.add(slot)
                self._turn = max(self._turn, ticket[0])
                return slot
            finally:
                del self._waiting[ticket]
                self._wake_first()

    def detach(self, slot: Slot) -> None:
        with self._lock:
            if slot in self._open:
                self._open.remove(slot)
                self._detached[slot] = self.now()
                self._wake_first()

    def leave(self, slot: Slot) -> None:
        with self._lock:
            self._open.discard(slot)
            self._detached.pop(slot, None)
            self._wake_first()

    def record(self, slot: Slot, failed: bool) -> None:
        with self._lock:
            if failed:
                self._failures.append(self.now())
            for hold, generation in slot.generations.items():
                hold.passed(self.now(), generation)
            self._wake_first()

    def hold(self, slot: Slot, seconds: float, for_model: bool) -> None:
        """Hold all requests, or those to the model of `slot`, which ends here.

        Raises RateLimitError if the reset is too far ahead.
        """
        with self._lock:
            now = self.now()
            self._failures.append(now)
            for_all, busy = slot.generations
            if for_model:
                for_all.passed(now, slot.generations[for_all])
            hold = busy if for_model else for_all
            try:
                hold.set_up(now, seconds, RESET_JITTER * self._jitter())
            except RateLimitError as error:
                raise self._given_up(hold, error) from None
            finally:
                self.leave(slot)

    def _given_up(self, hold: RateLimitHold, error: RateLimitError) -> RateLimitError:
        """Wake all that wait for `hold`, so that they raise `error` too, and return it."""
        for waiting in self._waiting.values():
            if hold in waiting.holds:
                waiting.turn.notify()
        return error

    def _wake_first(self) -> None:
        """Wake the first in each line: one per held model, one for all others.

        Only they can pass, and waking hundreds would slow everything down.
        """
        held = [hold for hold in self._for_model.values() if self._is_held(hold)]
        for first in (self._first(), *map(self._first, held)):
            if first is not None:
                self._waiting[first].turn.notify()

    def _first(self, hold: RateLimitHold | None = None) -> Ticket | None:
        """Return the next ticket of those who wait for `hold`, or of all others."""
        if hold is not None:
            waiting = (t for t, one in self._waiting.items() if hold in one.holds)
            return min(waiting, default=None)
        held = {hold for hold in self._for_model.values() if self._is_held(hold)}
        tickets = (t for t, w in self._waiting.items() if held.isdisjoint(w.holds))
        return min(tickets if held else self._waiting, default=None)

    def _is_held(self, hold: RateLimitHold) -> bool:
        """Whether no request passes now: until its end, or while one tries it."""
        is_tried = hold.is_on and any(
            slot.generations[hold] == hold.generation
            for slot in self._open
            if hold in slot.generations
        )
        return is_tried or self.now() < hold.until

    def _obstacle(self, ticket: Ticket) -> tuple[str, float | None]:
        now = self.now()
        for hold in self._waiting[ticket].holds:
            if now < hold.until:
                return hold.wait, hold.until
        while self._failures and self._failures[0] <= now - FAILURE_WINDOW:
            self._failures.popleft()
        detached = [at for at in self._detached.values() if at > now - FAILURE_WINDOW]
        failed, may_fail = len(self._failures), len(self._open) + len(detached)
        if failed >= FAILURES_THAT_PAUSE or failed + may_fail >= FAILURES_THAT_LOCK_OUT:
            if failed >= FAILURES_THAT_PAUSE or (failed and not detached):
                return "waiting (many requests failed)", self._failures[0] + FAILURE_WINDOW
            if detached:
                until = min(detached) + FAILURE_WINDOW
                return "waiting (stopped requests are still running)", until
            return "queued", None
        is_tried = any(map(self._is_held, self._waiting[ticket].holds))
        if is_tried or len(self._open) >= self.max_in_flight or ticket != self._first():
            return "queued", None
        return "", None


def gate_for(service: Service, max_in_flight: int) -> Gate:
    """Return the process's gate for a service and key, which all its clients share."""
    with _gates_lock:
        gate = _gates.setdefault(service, Gate(max_in_flight))
        gate.max_in_flight = max_in_flight
        return gate


_gates: dict[Service, Gate] = {}
_gates_lock = threading.Lock()


@after_fork
def _forget_gates() -> None:
    global _gates_lock
    _gates_lock = threading.Lock()
    _gates.clear()
