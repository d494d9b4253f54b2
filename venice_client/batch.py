"""Requests that run side by side in threads of their own.

The threads outlive the run that waits for them: an answer that may have been charged is read to its
end even when that run is over.
"""

from __future__ import annotations

import atexit
import secrets
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from .catalogue.catalogue import Catalogue
from .catalogue.prices import max_price
from .errors import (
    FATAL_FOR_KEY,
    ApiError,
    InvalidRequestError,
    RequestCancelledError,
    UnexpectedError,
    VeniceError,
    is_fatal_for_model,
)
from .image_result import ImageResult
from .request.base import PaidRequest, Payload, resolve
from .store.account import STORE_IS_OFF, Account, Spent, settle
from .store.result_store import ResultStore, request_key
from .store.spending_limit import Reservation
from .transport.progress import Progress
from .transport.request_body import RequestBody, request_body

T = TypeVar("T")

MAX_THREADS = 32
"""Most threads of one batch. More requests wait for a thread; few are let out at once anyway."""

EXIT_WAIT = 5.0
"""Seconds for answers on their way when the process ends."""


class Batch(Generic[T]):
    """Runs jobs side by side; each gets a Progress and returns a T, or raises.

    A job whose Progress is cancelled before it begins must raise at once; so does every job of a
    batch that begins while the process ends.
    run: what the batches of one run have in common; "" for none.
    outcomes: for each job its result or its exception, a VeniceError as a rule; None while it runs.
    """

    def __init__(self, jobs: Sequence[Callable[[Progress], T]], run: str = "") -> None:
        self.run = run
        self._jobs = list(jobs)
        self.progress = [Progress(id(self)) for _ in self._jobs]
        self.outcomes: list[T | BaseException | None] = [None] * len(self._jobs)
        self._ended = [False] * len(self._jobs)
        self._all_ended = threading.Event()
        self._threads: list[threading.Thread] = []
        self._next, self._left = 0, len(self._jobs)
        self._lock = threading.Lock()
        self._on_end: Callable[[], None] | None = None
        if not self._jobs:
            self._all_ended.set()

    def begin(self) -> None:
        """Starts the threads, as many as are useful and as the system gives."""
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
        """Whether every job has ended."""
        return self._all_ended.is_set()

    @property
    def ended(self) -> int:
        """How many jobs have ended."""
        return len(self._jobs) - self._left

    def wait(self, seconds: float | None = None) -> bool:
        """Waits for the end, at most so long; returns whether it has come."""
        return self._all_ended.wait(seconds)

    def on_end(self, action: Callable[[], None]) -> None:
        """Calls `action` once when every job has ended, in the last one's thread, or now."""
        with self._lock:
            if not self.done:
                self._on_end = action
                return
        action()

    def cancel(self) -> None:
        """Sends nothing more; answers that are on their way still arrive."""
        _cancel([self])
        if not self._threads:  # never begun: its jobs give back what they hold
            self._work()

    def cancel_run(self) -> None:
        """Cancels every batch of this run, since the run is over."""
        _cancel(self._of_run())

    def detach(self) -> None:
        """Lets the process end without waiting for this batch."""
        with _lock:
            _running.discard(self)

    def status(self) -> str:
        """The state of the batch in a line: n of m, phases with their seconds."""
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

    def join(self, deadline: float) -> None:
        """Waits for its threads until `deadline` (monotonic seconds)."""
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _work(self) -> None:
        """Runs one job after the other, the first ones first, until none is left."""
        while (index := self._take()) is not None:
            self._run_job(index)

    def _take(self) -> int | None:
        with self._lock:
            if self._next == len(self._jobs):
                return None
            self._next += 1
            return self._next - 1

    def _run_job(self, index: int) -> None:
        progress = self.progress[index]
        progress.on_fatal(partial(self._cancel_unsent, index))
        try:
            self.outcomes[index] = self._jobs[index](progress)
        except VeniceError as error:  # carried to the caller, who raises or counts it
            self.outcomes[index] = error
            if isinstance(error, FATAL_FOR_KEY):
                self._cancel_unsent(index, error)
        except Exception as error:
            self.outcomes[index] = UnexpectedError(error, progress.sent)
        except BaseException as error:
            self.outcomes[index] = error
        finally:
            progress.on_fatal(None)
            self._end(index)

    def _end(self, index: int) -> None:
        with self._lock:
            self._ended[index] = True
            self._left -= 1
            if self._left:
                return
        with self._lock:
            action, self._on_end = self._on_end, None
            self._all_ended.set()
        if action is not None:
            action()

    def _cancel_all_without_thread(self, error: RuntimeError) -> None:
        """Cancels every job and runs it all the same, so that it gives back what it holds."""
        _cancel([self], f"This machine starts no more threads ({error}): ask for less at once.")
        self._work()

    def model_of(self, index: int) -> str:
        """The model that a job asks, or what else is refused by itself; "" for nothing."""
        return ""

    def _cancel_unsent(self, index: int, error: ApiError) -> None:
        """Cancels what would meet the same error as a job: all of the run, or of its model."""
        is_for_all, model = not is_fatal_for_model(error), self.model_of(index)
        unsent = [
            progress
            for batch in self._of_run()
            for i, progress in enumerate(batch.progress)
            if not progress.sent and (is_for_all or batch.model_of(i) == model)
        ]
        for progress in unsent:
            progress.mark_cancelled(str(error).partition("\n")[0])
        for progress in unsent:
            progress.release_slot()

    def _of_run(self) -> list[Batch[Any]]:
        return [b for b in _all_running() if b is self or (self.run and b.run == self.run)]


@dataclass(frozen=True)
class PlannedRequest:
    """A request that was checked and whose cost is reserved, ready to be fetched once.

    key: its name in the store. price: USD, None where it is unknown. max_price: the most that it
    may cost, which is reserved; None where no price is known. run: whose limit it counts for.
    is_kept: whether it was made before, and will be free; then nothing is reserved.
    """

    request: PaidRequest
    payload: Payload
    body: RequestBody
    key: str
    price: float | None
    max_price: float | None
    run: str
    is_kept: bool
    reservation: Reservation | None = None

    @property
    def reserved(self) -> float:
        """USD that count against the limit of the run from the start."""
        return self.reservation.usd if self.reservation else 0.0

    @property
    def estimate(self) -> float | None:
        """What fetching it will cost, in USD; None where the price is unknown."""
        return 0.0 if self.is_kept else self.price


def plan_request(
    request: PaidRequest,
    catalogue: Catalogue,
    service: str,
    is_kept: Callable[[str], bool],
    run: str = "",
) -> PlannedRequest:
    """The request, checked against what is known of its model, with its price and its key.

    service: its name. is_kept: whether the answer with this key is in the store. Raises
    InvalidRequestError for what is known to be wrong.
    """
    try:
        request, model = resolve(request, catalogue)
        payload = request.build(model)
    except InvalidRequestError as error:
        error.name_item(f"({request.description})")
        raise
    price, models = request.price(payload, model), catalogue.models()
    most = max_price(price, payload.fields, request.input_images, model, models)
    variation = request.variation if request.is_reusable else secrets.token_hex()
    body = request_body(payload.fields, payload.files)
    key = request_key(service, payload.path, body.identity, variation)
    return PlannedRequest(request, payload, body, key, price, most, run, is_kept(key))


OnResult = Callable[[int, ImageResult], None]
"""A function that is called with the index of a request and its result."""


class RequestBatch(Batch[ImageResult]):
    """Planned requests that run side by side. planned: in the order of `outcomes`."""

    def __init__(
        self,
        planned: Sequence[PlannedRequest],
        fetch: Callable[[PlannedRequest, Progress], ImageResult],
        store: ResultStore,
        run: str,
        on_result: OnResult | None = None,
    ) -> None:
        self.planned = tuple(planned)
        self._fetch, self._store, self._on_result = fetch, store, on_result
        super().__init__([partial(self._fetch_one, i) for i in range(len(planned))], run)

    def model_of(self, index: int) -> str:
        planned = self.planned[index]
        return planned.request.model or planned.payload.path

    @property
    def estimates(self) -> list[float | None]:
        """What each request will cost, in USD; None where the price is unknown.

        Of equal requests the first pays for all.
        """
        seen: set[str] = set()
        costs: list[float | None] = []
        for planned in self.planned:
            costs.append(0.0 if planned.key in seen else planned.estimate)
            seen.add(planned.key)
        return costs

    @property
    def account(self) -> Account:
        """What became of the money so far."""
        spent = [
            Spent(planned.request.variants, outcome, progress.sent, planned.key)
            for planned, outcome, progress in zip(
                self.planned, self.outcomes, self.progress, strict=True
            )
        ]
        trouble = self._store.trouble if self._store.is_on else STORE_IS_OFF
        return settle(spent, self._store.__contains__, trouble)

    def _fetch_one(self, index: int, progress: Progress) -> ImageResult:
        result = self._fetch(self.planned[index], progress)
        if self._on_result is not None:
            self._on_result(index, result)
        return result


def was_cancelled(outcome: object) -> bool:
    """Whether the job was cancelled before it was sent."""
    return isinstance(outcome, RequestCancelledError)


def _cancel(batches: Sequence[Batch[Any]], because: str = "") -> None:
    """Cancels all at once: none of them takes the slot that another gives back."""
    for batch in batches:
        for progress in batch.progress:
            progress.mark_cancelled(because)
    for batch in batches:
        for progress in batch.progress:
            progress.release_slot()


_lock = threading.Lock()
"""A lock around `_running`, which must not change while it is gone through."""

_running: weakref.WeakSet[Batch[Any]] = weakref.WeakSet()


_is_ending = threading.Event()
"""An event that is set once the process begins to end: what was sent then would be lost."""


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
