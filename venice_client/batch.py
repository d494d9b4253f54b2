"""Requests that run in parallel, in the threads of their batch.

The threads outlive the run that waits for them, and read a response that may have been charged to
its end even after that run is over.
"""

from __future__ import annotations

import atexit
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from .catalogue.model import TEXT
from .errors import (
    FATAL_FOR_KEY,
    ApiError,
    RequestCancelledError,
    UnexpectedError,
    VeniceError,
    is_fatal_for_model,
)
from .planned_request import PlannedRequest
from .process import after_fork, at_close
from .result import Result
from .settings.service import Service
from .store.outcome_summary import STORE_IS_OFF, OutcomeSummary, Spent, summarize
from .store.result_cache import ResultCache
from .transport.progress import Progress

MAX_THREADS = 32
"""The most threads of one batch. Other requests wait; the gate lets few out at once anyway."""

EXIT_WAIT = 5.0
"""Seconds to wait for responses in flight when the process ends."""

Fetch = Callable[[Sequence[PlannedRequest], Progress], Sequence[Result]]
"""Gets the response to equal requests and reads a result for each of them, or raises."""

OnResult = Callable[[int, Any], None]
"""A function that is called with the index of a request and its result."""


class RequestBatch:
    """Planned requests that run side by side, with one job for equal ones.

    planned: in the order of `progress` and `outcomes`. fetch: raises at once if its Progress was
    canceled before, as in a batch that begins while the process ends. run: the name that the
    batches of one run share; "" for none. on_result: called in the thread that ran it. service:
    where its requests go, and with which key. progress: for a batch of one, the caller's; as an
    attribute, one object for equal requests. outcomes: for each request its result or its
    exception, usually a VeniceError; None while it runs.
    """

    def __init__(
        self,
        planned: Sequence[PlannedRequest],
        fetch: Fetch,
        store: ResultCache,
        run: str = "",
        on_result: OnResult | None = None,
        service: Service | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.planned = tuple(planned)
        self.run = run
        self.service = service
        self._fetch, self._store, self._on_result = fetch, store, on_result
        equal: dict[str, list[int]] = {}
        for index, request in enumerate(self.planned):
            equal.setdefault(request.key, []).append(index)
        saved_first = sorted(equal, key=lambda key: not self.planned[equal[key][0]].is_cached)
        self._jobs = [equal[key] for key in saved_first]  # before new results take their place
        by_key = {key: progress or Progress(id(self)) for key in equal}
        self.progress = [by_key[request.key] for request in self.planned]
        self.outcomes: list[Result | BaseException | None] = [None] * len(self.planned)
        self._ended: list[int] = []
        self._has_ended = threading.Condition()
        self._all_ended = threading.Event()
        self._threads: list[threading.Thread] = []
        self._in_on_result: set[int] = set()
        self._next, self._left = 0, len(self._jobs)
        self._lock = threading.Lock()
        self._on_end: Callable[[], None] | None = None
        if not self._jobs:
            self._all_ended.set()

    def begin(self) -> None:
        """Start the threads, as many as are useful and the system allows."""
        with _lock:
            _running.add(self)
        if _is_ending.is_set():
            _cancel([self], "The program is ending.")
        for _ in range(min(MAX_THREADS, len(self._jobs))):
            name = f"venice-{len(self._threads)}"
            thread = threading.Thread(target=self._work, name=name, daemon=True)
            try:
                thread.start()
            except RuntimeError as error:
                if not self._threads:
                    self._cancel_all_without_thread(error)
                return
            self._threads.append(thread)

    @property
    def done(self) -> bool:
        """Whether every request has ended."""
        return self._all_ended.is_set()

    @property
    def ended(self) -> int:
        """The number of requests that have ended."""
        return len(self._ended)

    @property
    def estimates(self) -> list[float | None]:
        """The estimated cost of each request in USD; None if the price is unknown.

        Of equal requests the first pays for all.
        """
        firsts = {indices[0] for indices in self._jobs}
        return [p.estimate if i in firsts else 0.0 for i, p in enumerate(self.planned)]

    @property
    def summary(self) -> OutcomeSummary:
        """The summary of images and money so far."""
        firsts = {indices[0] for indices in self._jobs}
        requests = enumerate(zip(self.planned, self.outcomes, self.progress, strict=True))
        spent = [
            Spent(p.request.variants, end, state.sent, p.key, p.price if i in firsts else 0.0)
            for i, (p, end, state) in requests
        ]
        trouble = self._store.trouble if self._store.is_on else STORE_IS_OFF
        free = {p.key for p in self.planned if p.payload.is_empty}
        is_text = all(p.request.kind == TEXT for p in self.planned)
        noun = "text" if self.planned and is_text else "image"
        return summarize(spent, lambda key: key in free or key in self._store, trouble, noun)

    def wait(self, seconds: float | None = None) -> bool:
        """Wait up to `seconds`; return whether every request has ended.

        Raises RuntimeError in `on_result`, for whose end the batch waits.
        """
        if threading.get_ident() in self._in_on_result:
            raise RuntimeError("on_result can't wait for its own batch to end.")
        return self._all_ended.wait(seconds)

    def results(self) -> list[Result]:
        """Wait for all results. Raises the gravest error if a request failed."""
        self.wait()
        if (error := gravest(self.outcomes)) is not None:
            raise error
        return [end for end in self.outcomes if isinstance(end, Result)]

    def as_completed(self) -> Iterator[tuple[int, Result | BaseException]]:
        """Yield the index and the outcome of each request as it ends."""
        for place in range(len(self.planned)):
            with self._has_ended:
                while len(self._ended) == place:
                    self._has_ended.wait()
            index = self._ended[place]
            outcome = self.outcomes[index]
            assert outcome is not None, "it has ended"
            yield index, outcome

    def on_end(self, action: Callable[[], None]) -> None:
        """Call `action` once when every request has ended, in the last one's thread, or now."""
        with self._lock:
            if not self.done:
                self._on_end = action
                return
        action()

    def cancel(self) -> None:
        """Send nothing more. Responses in flight still arrive."""
        _cancel([self])
        if not self._threads:  # never begun: its jobs return their reservations
            self._work()

    def cancel_run(self) -> None:
        """Cancel every batch of this run, since the run is over."""
        _cancel(self._of_run())

    def detach(self) -> None:
        """Let the process end without waiting for this batch."""
        with _lock:
            _running.discard(self)

    def status(self, with_seconds: bool = True) -> str:
        """Return the state of the batch in a line: n of m, and phases with their seconds."""
        pairs = zip(self.progress, self.outcomes, strict=True)
        going = sorted((p for p, end in pairs if end is None), key=lambda p: p.since)
        phases = [(p.phase, p) for p in going]  # read once: their threads go on
        first = dict(reversed(phases))
        counts = Counter(phase for phase, _ in phases)
        texts = [
            (first[phase].text() if with_seconds else phase, count)
            for phase, count in counts.most_common(3)
        ]
        words = [text if len(counts) == 1 else f"{count} {text}" for text, count in texts]
        if len(self.planned) > 1:
            words.insert(0, f"{self.ended} of {len(self.planned)} done")
        return " · ".join(words)

    def join(self, deadline: float) -> None:
        """Wait for its threads until `deadline` (monotonic seconds)."""
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _work(self) -> None:
        """Run one job after the other, in order, until none is left."""
        while (indices := self._take()) is not None:
            self._run_job(indices)

    def _take(self) -> list[int] | None:
        with self._lock:
            if self._next == len(self._jobs):
                return None
            self._next += 1
            return self._jobs[self._next - 1]

    def _run_job(self, indices: list[int]) -> None:
        progress, model = self.progress[indices[0]], self._model_of(indices[0])
        progress.on_fatal(partial(self._cancel_unsent, model))
        try:
            results = self._fetch([self.planned[i] for i in indices], progress)
        except BaseException as error:
            for index in indices:
                self._end(index, self._as_outcome(index, error))
            if isinstance(error, FATAL_FOR_KEY):
                self._cancel_unsent(model, error)
        else:
            for index, result in zip(indices, results, strict=True):
                self._end(index, self._hand_over(index, result))
        finally:
            progress.on_fatal(None)
            self._end_job()

    def _hand_over(self, index: int, result: Result) -> Result | BaseException:
        """Return the outcome of a request that has a result."""
        if self._on_result is None:
            return result
        self._in_on_result.add(threading.get_ident())
        try:
            self._on_result(index, result)
        except BaseException as error:
            return self._as_outcome(index, error)
        finally:
            self._in_on_result.discard(threading.get_ident())
        return result

    def _as_outcome(self, index: int, error: BaseException) -> BaseException:
        """Return the error for the caller, who raises or counts it."""
        if isinstance(error, Exception) and not isinstance(error, VeniceError):
            is_saved = self.planned[index].key in self._store
            return UnexpectedError(error, self.progress[index].sent, is_saved)
        return error

    def _end(self, index: int, outcome: Result | BaseException) -> None:
        with self._has_ended:
            self.outcomes[index] = outcome
            self._ended.append(index)
            self._has_ended.notify_all()

    def _end_job(self) -> None:
        with self._lock:
            self._left -= 1
            if self._left:
                return
            action, self._on_end = self._on_end, None
            self._all_ended.set()
        if action is not None:
            action()

    def _cancel_all_without_thread(self, error: RuntimeError) -> None:
        """Cancel every job and run it, so that it returns its reservation."""
        _cancel([self], f"This computer can't start more threads ({error}). Try fewer images.")
        self._work()

    def _model_of(self, index: int) -> str:
        """Return the model of a request, or its endpoint, which Venice may also refuse alone."""
        planned = self.planned[index]
        return planned.request.model or planned.payload.path

    def _cancel_unsent(self, model: str, error: ApiError) -> None:
        """Cancel what would get the same error: all of the run with this key, or of that model."""
        is_for_all = not is_fatal_for_model(error)
        unsent = [
            progress
            for batch in self._of_run()
            if batch.service == self.service
            for i, progress in enumerate(batch.progress)
            if not progress.sent and (is_for_all or batch._model_of(i) == model)
        ]
        for progress in unsent:
            progress.mark_cancelled(str(error).partition("\n")[0])
        for progress in unsent:
            progress.release_slot()

    def _of_run(self) -> list[RequestBatch]:
        return [b for b in _all_running() if b is self or (self.run and b.run == self.run)]


def was_cancelled(outcome: object) -> bool:
    """Whether a request was canceled before it was sent."""
    return isinstance(outcome, RequestCancelledError)


def gravest(outcomes: Sequence[object]) -> BaseException | None:
    """Return the error to raise for several outcomes, or None.

    That is the first that may have been charged, else the first that isn't a cancellation.
    """
    errors = [end for end in outcomes if isinstance(end, BaseException)]
    return max(errors, key=_gravity, default=None)


def _gravity(error: BaseException) -> tuple[bool, bool]:
    return getattr(error, "may_have_been_charged", False), not was_cancelled(error)


def _cancel(batches: Sequence[RequestBatch], because: str = "") -> None:
    """Cancel all at once, so that none takes the slot that another frees."""
    for batch in batches:
        for progress in batch.progress:
            progress.mark_cancelled(because)
    for batch in batches:
        for progress in batch.progress:
            progress.release_slot()


_lock = threading.Lock()
"""A lock around `_running`, which must not change during iteration."""

_running: weakref.WeakSet[RequestBatch] = weakref.WeakSet()


_is_ending = threading.Event()
"""Set once the process begins to end: a response to anything sent then would be lost."""


def _all_running() -> list[RequestBatch]:
    with _lock:
        return list(_running)


@after_fork
def _forget_parent() -> None:
    """Forget the parent's batches, whose threads don't exist in a fork."""
    global _lock, _running, _is_ending
    _lock, _running, _is_ending = threading.Lock(), weakref.WeakSet(), threading.Event()


@at_close
@atexit.register
def _wait_at_exit(seconds: float = EXIT_WAIT) -> None:
    _is_ending.set()
    deadline = time.monotonic() + seconds
    running = [batch for batch in _all_running() if not batch.done]
    _cancel(running)
    for batch in running:
        batch.join(deadline)
