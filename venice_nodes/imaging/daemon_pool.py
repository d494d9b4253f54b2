"""A few daemon threads that share work, which the end of the process does not wait for."""

from __future__ import annotations

import atexit
import contextlib
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from functools import partial
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

END_WAIT = 2.0
"""Seconds for tasks that are under way when the process ends."""

STUCK_AFTER = 5.0
"""Seconds in which no task ends, until another thread is started for those that wait."""

MAX_THREADS = 64
"""Most threads of a pool, however many are stuck."""


class _Work:
    """How many threads of all pools are at work, and whether the process ends.

    Python aborts the process where a thread is inside torch while it shuts down. So once the end
    has begun no thread begins or resumes work, and the end waits for those that are at it.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._busy = 0
        self._is_ending = False

    def begin(self) -> None:
        """This thread starts to work, or goes on; never returns once the end has begun."""
        with self._changed:
            while self._is_ending:
                self._changed.wait()
            self._busy += 1

    def rest(self) -> None:
        """This thread has done its work, or waits for that of others."""
        with self._changed:
            self._busy -= 1
            self._changed.notify_all()

    def end(self) -> None:
        """Begins the end, and waits for END_WAIT at most."""
        with self._changed:
            self._is_ending = True
            self._changed.wait_for(lambda: not self._busy, END_WAIT)


_work = _Work()
_own = threading.local()
"""Whether this thread is one of a pool, as `is_worker`."""

atexit.register(_work.end)


class DaemonPool:
    """At most `max_workers` threads, started as they are needed, or more where these are stuck.

    Thread-safe. The standard pool would do, but for two things: Python joins its threads at exit,
    however long they take, and tasks that never end would starve all others.
    """

    def __init__(self, name: str, max_workers: int) -> None:
        self._name = name
        self._max_workers = max_workers
        self._tasks: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._lock = threading.Lock()
        self._started = 0
        self._open = 0
        self._ended = 0
        self._is_watched = False

    def submit(self, function: Callable[[], T]) -> Future[T]:
        """Runs `function` in one of the threads; the future holds its answer or its exception.

        Raises RuntimeError where not even one thread can be started.
        """
        future: Future[T] = Future()

        def task() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                answer = function()
            except BaseException as error:  # carried to whoever waits
                future.set_exception(error)
            else:
                future.set_result(answer)

        self._make_room()
        self._tasks.put(task)
        return future

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """`function` of each item, side by side; raises what the first of them raises."""
        futures = [self.submit(partial(function, item)) for item in items]
        is_worker = getattr(_own, "is_worker", False)
        if is_worker:
            _work.rest()
        try:
            return [future.result() for future in futures]
        finally:
            if is_worker:
                _work.begin()
            for future in futures:
                future.cancel()

    def _make_room(self) -> None:
        """Counts a task, and starts a thread for it unless one is idle or there are enough."""
        with self._lock:
            self._open += 1
            if self._open > self._started:
                if self._started < self._max_workers:
                    self._start_thread()
                self._watch()

    def _start_thread(self) -> None:
        name = f"{self._name}-{self._started}"
        try:
            threading.Thread(target=self._work, name=name, daemon=True).start()
        except RuntimeError:
            if not self._started:
                self._open -= 1
                raise
        else:
            self._started += 1

    def _watch(self) -> None:
        """Has `_relieve` look in a while, if tasks wait and it is not going to."""
        if self._is_watched or self._open <= self._started:
            return
        timer = threading.Timer(STUCK_AFTER, self._relieve, [self._ended])
        timer.daemon = True
        with contextlib.suppress(RuntimeError):  # no thread can be started: none for more work
            timer.start()
            self._is_watched = True

    def _relieve(self, ended: int) -> None:
        """Starts another thread if tasks wait, and none has ended beyond the first `ended`."""
        with self._lock:
            self._is_watched = False
            is_stuck = self._open > self._started and self._ended == ended
            if is_stuck and self._started < MAX_THREADS:
                self._start_thread()
            self._watch()

    def _work(self) -> None:
        _own.is_worker = True
        while True:
            task = self._tasks.get()
            _work.begin()
            try:
                task()
            finally:
                _work.rest()
                with self._lock:
                    self._open -= 1
                    self._ended += 1
