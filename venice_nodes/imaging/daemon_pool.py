"""A few daemon threads that share work and don't hold up the end of the process."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from functools import partial
from queue import SimpleQueue
from typing import TypeVar

from ...venice_client.for_nodes import after_fork

T = TypeVar("T")
R = TypeVar("R")

END_WAIT = 2.0
"""Seconds for running tasks when the process ends."""


class _Work:
    """The working threads of all pools, and whether the process is ending.

    Python aborts if a thread is inside torch during shutdown. So once the end begins, no thread
    starts or resumes work, and the end waits for working ones.
    """

    def __init__(self) -> None:
        self._renew()
        after_fork(self._renew)

    def _renew(self) -> None:
        self._changed = threading.Condition()
        self._busy = 0
        self._is_ending = False

    def begin(self) -> None:
        """Let this thread start or resume work; never return once the end has begun."""
        with self._changed:
            while self._is_ending:
                self._changed.wait()
            self._busy += 1

    def rest(self) -> None:
        """Note that this thread has finished, or waits for others."""
        with self._changed:
            self._busy -= 1
            self._changed.notify_all()

    def end(self) -> None:
        """Begin the end, and wait for END_WAIT at most."""
        with self._changed:
            self._is_ending = True
            self._changed.wait_for(lambda: not self._busy, END_WAIT)


_work = _Work()
_own = threading.local()
"""`is_worker`: whether this thread belongs to a pool."""

atexit.register(_work.end)


class DaemonPool:
    """Up to `max_workers` threads, started on demand. Thread-safe.

    The standard pool would do if Python didn't join its threads at exit, however long they take.
    """

    def __init__(self, name: str, max_workers: int) -> None:
        self._name = name
        self._max_workers = max_workers
        self._renew()
        after_fork(self._renew)

    def _renew(self) -> None:
        self._tasks: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._lock = threading.Lock()
        self._started = 0
        self._open = 0

    def submit(self, function: Callable[[], T]) -> Future[T]:
        """Run `function` in one of the threads; the future holds its result or exception."""
        future: Future[T] = Future()

        def task() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                answer = function()
            except BaseException as error:  # raised in the waiting thread
                future.set_exception(error)
            else:
                future.set_result(answer)

        with self._lock:
            if self._started <= self._open and self._started < self._max_workers:
                name = f"{self._name}-{self._started}"
                threading.Thread(target=self._work, name=name, daemon=True).start()
                self._started += 1
            self._open += 1
        self._tasks.put(task)
        return future

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """Call `function` for each item in parallel. Raises the first error."""
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
