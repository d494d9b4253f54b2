"""The gate that every paid request of the process passes: places, rate limits, lock-out."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections import deque
from collections.abc import Callable

from ..errors import RateLimitError
from ..settings.service import Service
from .progress import LOOK_AGAIN, Progress

GIVE_UP_AFTER = 300.0
"""Seconds without any request getting through, or until one reset, after which waiting ends."""

FAILURE_WINDOW = 30.0
FAILURES_THAT_PAUSE = 12
FAILURES_THAT_LOCK_OUT = 20
"""The API blocks a key for 30 s after more than 20 failed requests within 30 s."""

WAIT_BEHIND = 1.0
"""Seconds between two looks of those who are not the first in line."""

RESET_JITTER = 2.0
"""Seconds over which several processes spread after the same reset."""

draw = random.Random().random
"""Drawn apart from the program's own random numbers, which another node may have seeded."""


class Slot:
    """One request's slot in the gate; whatever ends it first counts, later ends change nothing.

    generation: how often the gate had been held when the request came in.
    """

    def __init__(self, gate: Gate, generation: int) -> None:
        self._gate = gate
        self.generation = generation

    def detach(self) -> None:
        """Gives the slot back at once, though the request may be under way, and may yet fail."""
        self._gate.detach(self)

    def release(self) -> None:
        """The request has ended; there is no word on how."""
        self._gate.leave(self)

    def answered(self, failed: bool) -> None:
        """The API answered, and it was no rate limit."""
        self._gate.record(self, failed)  # before the slot is another one's
        self._gate.leave(self)

    def rate_limited(self, seconds: float) -> None:
        """The API answered 429: everyone waits for `seconds`."""
        try:
            self._gate.hold(seconds)
        finally:
            self._gate.leave(self)


class Gate:
    """Lets at most `max_in_flight` requests through at once, in the order they came.

    After a 429 all wait until the reset, then go one by one until the first one gets through.
    Those from before the 429 may be slow, and are not waited for. Near the API's lock-out for
    failed requests new ones wait until there is room, also for detached ones that may yet fail,
    but for these no longer than the lock-out itself would last.
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
        self._tickets = itertools.count()
        self._waiting: dict[int, threading.Condition] = {}
        self._open: set[Slot] = set()
        self._detached: dict[Slot, float] = {}
        self._failures: deque[float] = deque()
        self._is_held = False
        self._generation = 0
        self._held_until = 0.0
        self._last_through = now()
        self._given_up = 0
        self._gave_up_because = ""

    def ticket(self) -> int:
        """A slot in the order of service, kept by a request over all its tries."""
        return next(self._tickets)

    def enter(self, ticket: int, progress: Progress) -> Slot:
        """Waits for a slot.

        Raises RequestCancelledError when cancelled, RateLimitError when it gives up.
        """
        turn = threading.Condition(self._lock)

        def look() -> None:
            with self._lock:
                turn.notify()

        progress.on_cancel(look)
        with self._lock:
            self._waiting[ticket] = turn
            given_up = self._given_up
            try:
                while True:
                    progress.check()
                    if given_up != self._given_up:
                        raise _given_up(self._gave_up_because)
                    if self._is_hopeless():
                        raise self._give_up("did not lift for 5 minutes")
                    reason, until = self._obstacle(ticket)
                    if not reason:
                        break
                    progress.enter(reason, until)
                    turn.wait(LOOK_AGAIN if ticket == min(self._waiting) else WAIT_BEHIND)
                slot = Slot(self, self._generation)
                self._open.add(slot)
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
            self._last_through = self.now()
            if slot.generation == self._generation:
                self._is_held = False
            self._wake_first()

    def hold(self, seconds: float) -> None:
        """Holds everyone. Raises RateLimitError if the reset lies too far ahead to wait for."""
        with self._lock:
            now = self.now()
            self._failures.append(now)
            if not self._is_held:
                self._last_through = now
            self._is_held = True
            self._generation += 1
            if seconds > GIVE_UP_AFTER:
                self._held_until = now
                raise self._give_up(f"lifts in {seconds / 60:.0f} minutes only")
            self._held_until = max(self._held_until, now + seconds + RESET_JITTER * self._jitter())
            self._wake_first()

    def _wake_first(self) -> None:
        """Only the first in line can pass; waking many hundreds would slow everything down."""
        if self._waiting:
            self._waiting[min(self._waiting)].notify()

    def _obstacle(self, ticket: int) -> tuple[str, float | None]:
        now = self.now()
        if now < self._held_until:
            return "waiting for the rate limit", self._held_until
        while self._failures and self._failures[0] <= now - FAILURE_WINDOW:
            self._failures.popleft()
        detached = [at for at in self._detached.values() if at > now - FAILURE_WINDOW]
        failed, may_fail = len(self._failures), len(self._open) + len(detached)
        if failed >= FAILURES_THAT_PAUSE or failed + may_fail >= FAILURES_THAT_LOCK_OUT:
            if failed >= FAILURES_THAT_PAUSE or (failed and not detached):
                return "waiting, since many requests failed", self._failures[0] + FAILURE_WINDOW
            if detached:
                until = min(detached) + FAILURE_WINDOW
                return "waiting for the end of requests that were stopped", until
            return "waiting for its turn", None
        is_probed = self._is_held and any(
            slot.generation == self._generation for slot in self._open
        )
        is_full = len(self._open) >= self.max_in_flight
        if is_probed or is_full or ticket != min(self._waiting):
            return "waiting for its turn", None
        return "", None

    def _is_hopeless(self) -> bool:
        """Whether the last refusal says that nothing gets through for too long.

        Beyond its reset nothing is known: a request that is slow to be answered is no refusal.
        """
        refused_until = min(self.now(), self._held_until)
        return self._is_held and refused_until - self._last_through > GIVE_UP_AFTER

    def _give_up(self, because: str) -> RateLimitError:
        """Ends the wait of everyone who waits now; who comes later tries anew."""
        self._given_up += 1
        self._gave_up_because = because
        self._last_through = self.now()
        for turn in self._waiting.values():
            turn.notify()
        return _given_up(because)


def _given_up(because: str) -> RateLimitError:
    return RateLimitError(
        f"The rate limit of this Venice key {because}: try again later. "
        "Nothing was charged for what was not made.",
        status=429,
        code="RATE_LIMIT_EXCEEDED",
    )


def gate_for(service: Service, max_in_flight: int) -> Gate:
    """The gate of this process for a service and key: limits hold for all its clients."""
    with _gates_lock:
        gate = _gates.setdefault(service, Gate(max_in_flight))
        gate.max_in_flight = max_in_flight
        return gate


_gates: dict[Service, Gate] = {}
_gates_lock = threading.Lock()
