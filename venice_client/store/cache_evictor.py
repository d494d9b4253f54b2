"""Keep the folder of saved results within its limit, in its own thread.

It deletes the least recently used first. Entries from the last 24 hours stay while the folder is
within twice its limit, so that users can repeat a failed run without paying twice.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import threading
import time
import weakref
from pathlib import Path

from ..files import PAUSES, remove_file, seconds_old
from ..process import after_fork
from .entry_file import ASIDE
from .prompt_file import prompt_path, prompts_beside

log = logging.getLogger(__name__)

ENDING = ".result"

RECENT = 86_400.0
"""Seconds to spare an entry after its response arrived or was used."""

HARD_LIMIT = 2
"""The multiple of the limit beyond which recent entries go too."""

SWEEP_EVERY = 50
"""The most writes between two sweeps; the first write starts one too."""

SWEEP_EVERY_PART = 0.1
"""The most bytes to write between two sweeps, as a share of the limit."""

ABANDONED_AFTER = 3600.0
"""Seconds after which to remove a killed process's half-written file."""

AGE_OF_FUTURE = 1800.0
"""The age in seconds of an entry from the future, which a clock set back leaves."""

CLOCK_STEP = 2.0
"""Seconds to which the coarsest file system rounds a time (FAT)."""

FILES_AT_ONCE = 32
PAUSE = 0.0005
"""Seconds of rest for other threads after each FILES_AT_ONCE files of a sweep."""

EXIT_WAIT = 2.0
"""The most seconds that the end of the process waits for a sweep."""


class CacheEvictor:
    """A sweeper of `folder`, for when it may exceed `max_bytes`. Thread-safe.


    saves_prompts: if not, a sweep removes all prompts.
    """

    def __init__(self, folder: Path, max_bytes: int, saves_prompts: bool = True) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._saves_prompts = saves_prompts
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._is_due = self._has_swept = False
        self._writes = self._written = 0
        _evictors.add(self)

    def count(self, size: int) -> None:
        """Count a write, and start a sweep if it is time for one."""
        with self._lock:
            self._writes += 1
            self._written += size
            is_much = self._written > self._max_bytes * SWEEP_EVERY_PART
            if not self._has_swept or self._writes >= SWEEP_EVERY or is_much:
                self._start()

    def wait(self, seconds: float | None = None) -> None:
        """Wait for a running sweep."""
        with self._lock:  # else one that is not started yet could be seen
            thread = self._thread
        if thread is not None:
            thread.join(seconds)

    def sweep(self) -> None:
        """Remove entries beyond the limit, except recent ones, and abandoned files."""
        self._sweep_prompts()
        files = self._look()
        total = sum(size for _, size, _ in files)
        recent = time.time() - RECENT
        for used, size, path in sorted(files):
            limit = self._max_bytes * (HARD_LIMIT if used > recent else 1)
            if total <= limit:
                return
            remove_entry(Path(path))
            total -= size

    def shrink(self, max_bytes: int) -> None:
        """Remove the least recently used, even recent ones, until the rest fits."""
        files = sorted(self._look())
        total = sum(size for _, size, _ in files)
        for _, size, path in files:
            if total <= max_bytes:
                return
            remove_entry(Path(path), PAUSES)
            total -= size

    def _start(self) -> None:
        """Let the thread sweep; start it unless it runs. The caller holds the lock."""
        self._writes = self._written = 0
        self._has_swept = self._is_due = True
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="venice-sweep", daemon=True)
            try:
                self._thread.start()
            except RuntimeError:  # no more threads, or the process ends: a later write sweeps
                self._thread, self._has_swept = None, False

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._is_due:
                    self._thread = None
                    return
                self._is_due = False
            try:
                self.sweep()
            except Exception:  # the next write starts another one
                log.exception("The store of paid results could not be swept.")

    def _look(self) -> list[tuple[float, int, str]]:
        """Return time of last use, size and path of each entry; remove abandoned files.

        It pauses now and then: otherwise a thread that saves a result would wait for the
        interpreter at each of its system calls.
        """
        files, now = [], time.time()
        with contextlib.suppress(FileNotFoundError), os.scandir(self._folder) as found:
            for number, file in enumerate(found, start=1):
                if number % FILES_AT_ONCE == 0:
                    time.sleep(PAUSE)
                try:
                    state = file.stat()
                except OSError:  # another process was quicker
                    continue
                used = state.st_mtime
                if file.name.startswith(ASIDE):
                    _remove_abandoned(Path(file.path))
                if not file.name.endswith(ENDING):
                    continue
                if used > now + CLOCK_STEP:
                    used = now - AGE_OF_FUTURE
                    touch(Path(file.path), used)
                files.append((used, state.st_size, file.path))
        return files

    def _sweep_prompts(self) -> None:
        """Remove prompts whose result is gone, or all if none are saved."""
        for path in prompts_beside(self._folder).glob("*"):
            if self._saves_prompts and (self._folder / f"{path.stem}{ENDING}").exists():
                continue
            if self._saves_prompts:
                _remove_abandoned(path)  # a new one may still be written
            else:
                remove(path)


def _remove_abandoned(path: Path) -> None:
    with contextlib.suppress(OSError):  # another process was quicker
        if seconds_old(path) > ABANDONED_AFTER:
            remove(path)


def touch(path: Path, when: float | None = None) -> None:
    """Note that an entry is used now, or at `when`."""
    with contextlib.suppress(OSError):  # not ours to touch, but ours to show
        os.utime(path, None if when is None else (when, when))


def remove_entry(path: Path, pauses: tuple[float, ...] = ()) -> None:
    """Remove an entry, and its prompt before it."""
    remove(prompt_path(path), pauses)
    remove(path, pauses)


def remove(path: Path, pauses: tuple[float, ...] = ()) -> None:
    """Remove a file, trying again after `pauses`. Log it if that fails."""
    try:
        remove_file(path, pauses)
    except OSError as error:
        log.warning("A file of the store could not be removed (%s).", error.strerror)


_evictors: weakref.WeakSet[CacheEvictor] = weakref.WeakSet()


@after_fork
def _forget_parent() -> None:
    """Forget the parent's evictors, whose threads don't exist in a fork."""
    global _evictors
    _evictors = weakref.WeakSet()


@atexit.register
def _wait_at_exit() -> None:
    deadline = time.monotonic() + EXIT_WAIT
    for evictor in list(_evictors):
        evictor.wait(max(0.0, deadline - time.monotonic()))
