"""Keeps a folder of results within its limit, in a thread of its own.

Several processes may share the folder. Each that puts into it leaves a marker with its limit
(`.limit-BYTES`), and the largest that is in use counts. What an unfinished or failed run made is
named in a list in `protected/`, and is not removed.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import heapq
import itertools
import logging
import os
import threading
import time
import weakref
from collections.abc import Iterable
from pathlib import Path

from ..files import make_folder, remove_file
from .entry_file import ASIDE

log = logging.getLogger(__name__)

ENDING = ".result"
LIMIT = ".limit-"
PROTECTED = "protected"

SWEEP_EVERY = 50
"""Most writes between two sweeps; the first write brings one as well."""

SWEEP_EVERY_PART = 0.1
"""Most that is written between two sweeps, as a part of the limit."""

UNPROTECTED_PART = 0.1
"""Least part of the limit for the rest, where protected runs take all of it."""

ABANDONED_AFTER = 3600.0
"""Seconds after which a half-written file of a process that was killed is removed."""

IN_USE_FOR = 86_400.0
"""Seconds for which a limit counts, and a run is protected, after the last sign of it."""

FILES_AT_ONCE = 32
PAUSE = 0.0005
"""Seconds for which a sweep lets other threads work after FILES_AT_ONCE files."""

EXIT_WAIT = 2.0
"""Most seconds that the end of the process waits for a sweep."""

_File = tuple[int, float, int, str]
"""An entry: its order among what this process put, the time of its last use, size, path."""


class Sweeper:
    """Sweeps `folder` once more than `max_bytes` may be in it. Thread-safe."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._is_due = self._has_swept = self._is_over = False
        self._writes = self._written = 0
        _sweepers.add(self)

    def count(self, size: int) -> None:
        """Counts a write, and starts a sweep where it is time for one."""
        with contextlib.suppress(OSError):  # then another process may sweep to its own limit
            (self._folder / f"{LIMIT}{self._max_bytes}").touch(mode=0o600)
        with self._lock:
            self._writes += 1
            self._written += size
            is_much = self._written > self._max_bytes * SWEEP_EVERY_PART
            if self._has_swept and self._writes < SWEEP_EVERY and not is_much:
                return
            self._start()

    def wait(self, seconds: float | None = None) -> None:
        """Waits for the sweep that is going on, if there is one."""
        with self._lock:  # else one that is not started yet could be seen
            thread = self._thread
        if thread is not None:
            thread.join(seconds)

    def protect(self, run: str, keys: Iterable[str]) -> None:
        """Keeps these entries, there or to come, until `unprotect`, or for a day."""
        path = self._list_of(run)
        try:
            make_folder(path.parent)
            with path.open("a", encoding="ascii") as file:
                file.write("".join(f"{key}\n" for key in keys))
        except OSError as error:
            log.warning("A run cannot be protected in the store (%s).", error.strerror)

    def unprotect(self, run: str, going: Iterable[str] = ()) -> None:
        """Ends the protection of a run that ended well, and of earlier runs that it made again.

        going: runs that go on, which stay protected.
        """
        keys = _keys_in(self._list_of(run))
        for path in {*self._lists()} - {self._list_of(name) for name in going}:
            if _keys_in(path) <= keys:
                remove(path)
        with self._lock:
            if self._is_over:
                self._start()

    def sweep(self, max_bytes: int | None = None) -> None:
        """Removes the least recently used until the rest fits, and what was left half-written.

        max_bytes: in place of the limits of this process and of others. What this process put goes
        last, even if the clock was set back.
        """
        limit, files, total = self._look()
        limit = limit if max_bytes is None else max_bytes
        room = limit
        if total > limit and (protected := self._protected()):
            spared = [file for file in files if Path(file[-1]).stem in protected]
            files = [file for file in files if Path(file[-1]).stem not in protected]
            room = max(limit, sum(size for *_, size, _ in spared) + int(limit * UNPROTECTED_PART))
        while total > room and files:
            *_, size, path = heapq.heappop(files)
            remove(Path(path))
            _put_here.pop(path, None)
            total -= size
        self._is_over = total > limit

    def _start(self) -> None:
        """Has the thread sweep, which is started unless it runs. The lock is held."""
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

    def _look(self) -> tuple[int, list[_File], int]:
        """The largest limit in use, a heap of the entries, and their bytes.

        Removes what is old besides. It pauses every so many files: else a thread that puts a result
        would wait for the interpreter at each of its calls to the system.
        """
        now, limit, total = time.time(), self._max_bytes, 0
        files: list[_File] = []
        with contextlib.suppress(FileNotFoundError), os.scandir(self._folder) as found:
            for number, file in enumerate(found, start=1):
                if number % FILES_AT_ONCE == 0:
                    time.sleep(PAUSE)
                try:
                    state = file.stat()
                except OSError:  # another process was quicker
                    continue
                age = now - state.st_mtime
                if age < 0:  # it was written before the clock was set back
                    touch(Path(file.path))
                if file.name.endswith(ENDING):
                    order = _put_here.get(file.path, 0)
                    used = min(state.st_mtime, now)
                    heapq.heappush(files, (order, used, state.st_size, file.path))
                    total += state.st_size
                elif file.name.startswith((ASIDE, LIMIT)):
                    limit = max(limit, _look_at(Path(file.path), age))
        return limit, files, total

    def _protected(self) -> set[str]:
        """The names of protected entries. Removes lists that are too old."""
        keys: set[str] = set()
        for path in self._lists():
            with contextlib.suppress(OSError):  # another process was quicker
                if time.time() - path.stat().st_mtime > IN_USE_FOR:
                    remove(path)
                keys |= _keys_in(path)
        return keys

    def _lists(self) -> list[Path]:
        return list((self._folder / PROTECTED).glob("*.keys"))

    def _list_of(self, run: str) -> Path:
        whose = hashlib.sha256(f"{os.getpid()} {run}".encode()).hexdigest()
        return self._folder / PROTECTED / f"{whose[:16]}.keys"


def _look_at(path: Path, age: float) -> int:
    """The limit that a file stands for, else 0. Removes a file that is too old."""
    if age > (ABANDONED_AFTER if path.name.startswith(ASIDE) else IN_USE_FOR):
        remove(path)
        return 0
    number = path.name.removeprefix(LIMIT)
    return int(number) if number.isdecimal() else 0


def note_use(path: Path) -> None:
    """Notes that this process puts the entry now."""
    _put_here[str(path)] = next(_uses)


def note_hit(path: Path) -> None:
    """Notes that the entry is used now."""
    touch(path)
    if str(path) in _put_here:
        note_use(path)


def touch(path: Path) -> None:
    with contextlib.suppress(OSError):  # not ours to touch, but ours to show
        os.utime(path)


def remove(path: Path) -> None:
    try:
        remove_file(path, pauses=())
    except OSError as error:
        log.warning("A file of the store could not be removed (%s).", error.strerror)


def _keys_in(path: Path) -> set[str]:
    try:
        return set(path.read_text("ascii", errors="replace").split())
    except OSError:
        return set()


_uses = itertools.count(1)
_put_here: dict[str, int] = {}
"""Entries that this process put, by the order of use: clocks may be set back."""

_sweepers: weakref.WeakSet[Sweeper] = weakref.WeakSet()


@atexit.register
def _wait_at_exit() -> None:
    deadline = time.monotonic() + EXIT_WAIT
    for sweeper in list(_sweepers):
        sweeper.wait(max(0.0, deadline - time.monotonic()))
