"""Requests that run side by side, each in a thread of its own.

The threads outlive whoever waits for them: an answer that may have been charged is read to its
end even when the run that asked for it is over.
"""

from __future__ import annotations

import atexit
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from .errors import (
    FATAL_FOR_KEY,
    PRO_ONLY_MODEL,
    ApiError,
    RequestCancelledError,
    UnexpectedError,
    VeniceError,
)
from .transport.progress import Progress

T = TypeVar("T")

EXIT_WAIT = 5.0
"""Seconds for answers on their way when the process ends."""


class Batch(Generic[T]):
    """Runs jobs side by side; each gets a Progress and answers a T, or raises.

    A job whose Progress is dropped before it begins must raise at once; so does every job of a
    batch that begins while the process ends.
    run: what the batches of one run have in common; "" for none.
    outcomes: for each job its answer or its exception, a VeniceError as a rule; None while it runs.
    """

    def __init__(self, jobs: Sequence[Callable[[Progress], T]], run: str = "") -> None:
        self.run = run
        self._jobs = list(jobs)
        self.progress = [Progress() for _ in self._jobs]
        self.outcomes: list[T | BaseException | None] = [None] * len(self._jobs)
        self._ended = [False] * len(self._jobs)
        self._all_ended = threading.Event()
        self._threads: list[threading.Thread] = []
        with _lock:
            _running.add(self)
        if not self._jobs:
            self._all_ended.set()
        if _is_ending.is_set():
            _cancel([self], "The program is ending.")
        self._start()

    @property
    def done(self) -> bool:
        """Whether every job has ended."""
        return self._all_ended.is_set()

    @property
    def ended(self) -> int:
        """How many jobs have ended."""
        return sum(self._ended)

    @property
    def paid(self) -> int:
        """How many were answered, or are sent and may be charged."""
        pairs = zip(self.outcomes, self.progress, strict=True)
        return self.lost + sum(p.sent and not isinstance(o, BaseException) for o, p in pairs)

    @property
    def lost(self) -> int:
        """How many of these ended without an answer that can be kept."""
        return sum(getattr(outcome, "may_have_been_charged", False) for outcome in self.outcomes)

    def wait(self, seconds: float | None = None) -> bool:
        """Waits for the end, at most so long; answers whether it has come."""
        return self._all_ended.wait(seconds)

    def cancel(self) -> None:
        """Nobody waits any more: what is not sent is not sent, what is sent still arrives."""
        _cancel([self])

    def cancel_run(self) -> None:
        """The same for every batch of this run, since the run is over."""
        _cancel(self._of_run())

    def detach(self) -> None:
        """The end of the process does not wait for this batch (it does for every other one)."""
        with _lock:
            _running.discard(self)

    def status(self) -> str:
        """What it is doing, in a line: n of m, phases with their seconds."""
        pairs = zip(self.progress, self._ended, strict=True)
        going = sorted((p for p, ended in pairs if not ended), key=lambda p: p.since)
        phases = [(p.phase, p) for p in going]  # read once: their threads go on
        first = dict(reversed(phases))
        counts = Counter(phase for phase, _ in phases)
        words = [
            first[phase].text() if len(counts) == 1 else f"{count} {first[phase].text()}"
            for phase, count in counts.most_common(3)
        ]
        if len(self._jobs) > 1:
            words.insert(0, f"{self.ended} of {len(self._jobs)} done")
        return " · ".join(words)

    def _start(self) -> None:
        """Starts a thread for each job; where no more can be had, nothing more is sent.

        A job without a thread is dropped and then called all the same, to give back what it holds.
        """
        for i in range(len(self._jobs)):
            thread = threading.Thread(target=self._run, args=(i,), name=f"venice-{i}", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:
                _cancel(
                    [self], f"This machine starts no more threads ({error}): ask for less at once."
                )
                for unstarted in range(i, len(self._jobs)):
                    self._run(unstarted)
                return
            self._threads.append(thread)

    def _run(self, index: int) -> None:
        progress = self.progress[index]
        progress.on_fatal(self._cancel_unsent)
        try:
            self.outcomes[index] = self._jobs[index](progress)
        except VeniceError as error:  # carried to whoever waits, who raises or counts it
            self.outcomes[index] = error
            if isinstance(error, FATAL_FOR_KEY):
                self._cancel_unsent(error)
        except Exception as error:
            self.outcomes[index] = UnexpectedError(error, progress.sent)
        except BaseException as error:
            self.outcomes[index] = error
        finally:
            progress.on_fatal(None)
            self._ended[index] = True
            if all(self._ended):
                self._all_ended.set()

    def _cancel_unsent(self, error: ApiError) -> None:
        """Drops what would meet the same error: of the run, or of this batch if it is the model."""
        is_model = error.code == PRO_ONLY_MODEL
        batches = [self] if is_model else self._of_run()
        unsent = [p for batch in batches for p in batch.progress if not p.sent]
        for progress in unsent:
            progress.mark_cancelled(str(error).partition("\n")[0])
        for progress in unsent:
            progress.release_slot()

    def _of_run(self) -> list[Batch[Any]]:
        return [b for b in _all_running() if b is self or (self.run and b.run == self.run)]

    def join(self, deadline: float) -> None:
        """Waits for its threads until `deadline` (monotonic seconds)."""
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))


def was_cancelled(outcome: object) -> bool:
    """Whether the job was dropped before it was sent."""
    return isinstance(outcome, RequestCancelledError)


def _cancel(batches: Sequence[Batch[Any]], because: str = "") -> None:
    """Drops all at once: none of them takes the place that another gives back."""
    for batch in batches:
        for progress in batch.progress:
            progress.mark_cancelled(because)
    for batch in batches:
        for progress in batch.progress:
            progress.release_slot()


_lock = threading.Lock()
"""Around `_running`, which must not change while it is gone through."""

_running: weakref.WeakSet[Batch[Any]] = weakref.WeakSet()


_is_ending = threading.Event()
"""Set once the end of the process has begun: what was sent then would be lost."""


def _all_running() -> list[Batch[Any]]:
    with _lock:
        return list(_running)


@atexit.register
def _wait_at_exit() -> None:
    _is_ending.set()
    deadline = time.monotonic() + EXIT_WAIT
    running = [batch for batch in _all_running() if not batch.done]
    _cancel(running)
    for batch in running:
        batch.join(deadline)
