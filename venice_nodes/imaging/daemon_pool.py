"""A few daemon threads that share work, which the end of the process does not wait for."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from functools import partial
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


class DaemonPool:
    """At most `max_workers` threads, started as they are needed. Thread-safe.

    The standard pool would do, but for one thing: Python joins its threads at exit, however long
    they take.
    """

    def __init__(self, name: str, max_workers: int) -> None:
        self._name = name
        self._max_workers = max_workers
        self._tasks: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._starting = threading.Lock()
        self._numbers = itertools.count()
        self._started = 0

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
        try:
            return [future.result() for future in futures]
        finally:
            for future in futures:
                future.cancel()

    def _make_room(self) -> None:
        """Starts a thread, unless one is idle or there are enough."""
        if self._idle.acquire(blocking=False):
            return
        with self._starting:
            if self._started >= self._max_workers:
                return
            name = f"{self._name}-{next(self._numbers)}"
            try:
                threading.Thread(target=self._work, name=name, daemon=True).start()
            except RuntimeError:
                if not self._started:
                    raise
            else:
                self._started += 1

    def _work(self) -> None:
        while True:
            self._tasks.get()()
            self._idle.release()
