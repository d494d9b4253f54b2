"""Notes of paid requests on their way, for the next start after a process was killed.

Each process has one file in `in-flight/`, which it holds locked: a file that can be locked is of a
process that is gone. A note is one line, and another line when its request has ended.
"""

from __future__ import annotations

import atexit
import contextlib
import itertools
import logging
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from .ledger import Charge, read_charge

log = logging.getLogger(__name__)

FOLDER = "in-flight"
LOCKED_BYTE = 2**30
"""Where Windows locks a file, far from what is in it."""

NEW_FOR = 60.0
"""Seconds for which an empty file may be one that its process has not locked yet."""


class InFlight:
    """The notes of this process in `home`. Thread-safe. No trouble with them fails a request."""

    def __init__(self, home: Path) -> None:
        self._folder = home / FOLDER
        self._lock = threading.Lock()
        self._file: BinaryIO | None = None
        self._path = self._folder
        self._is_off = False
        self._open: set[int] = set()
        self._numbers = itertools.count(1)

    @contextlib.contextmanager
    def noted(self, charge: Charge) -> Iterator[None]:
        """Notes a request while it is on its way, from before it is sent until it has ended."""
        number = next(self._numbers)
        with self._lock:
            self._open.add(number)
            self._write(b"%d " % number + replace(charge, time=time.time()).line())
        try:
            yield
        finally:
            with self._lock:
                self._open.discard(number)
                self._write(b"%d\n" % number)

    def close(self) -> None:
        """Removes the file, unless something is on its way still."""
        with self._lock:
            if self._file is not None and not self._open:
                self._file.close()
                self._file = None
                _remove([self._path])

    def leftover(self) -> list[Charge]:
        """What was on its way when other processes were killed, and may have been charged."""
        return [charge for path in self._abandoned() for charge in _notes_in(path)]

    def forget_leftover(self, told: list[Charge]) -> None:
        """Removes the files of those notes, once they were told."""
        files = self._abandoned()
        _remove(path for path in files if all(note in told for note in _notes_in(path)))

    def _write(self, line: bytes) -> None:
        """Writes a line; a file that says nothing any more is emptied instead."""
        if self._is_off:
            return
        try:
            if self._file is None:
                self._file = self._new_file()
            if self._open:
                self._file.write(line)
            else:
                self._file.seek(0)
                self._file.truncate()
        except OSError as error:
            self._is_off = self._file is None
            log.warning("Requests on their way cannot be noted on disk (%s).", error.strerror)

    def _new_file(self) -> BinaryIO:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(".jsonl", f"{os.getpid()}-", self._folder)
        file = os.fdopen(handle, "r+b", buffering=0)
        self._path = Path(name)
        try:
            _lock_file(file)
        except OSError:  # not on this file system
            file.close()
            self._path.unlink()
            raise
        atexit.register(self.close)
        return file

    def _abandoned(self) -> list[Path]:
        """The files of processes that are gone. Empty ones are removed."""
        found, empty = [], []
        for path in sorted(self._folder.glob("*.jsonl")):
            with contextlib.suppress(OSError), path.open("r+b", buffering=0) as file:
                _lock_file(file)
                state = os.fstat(file.fileno())
                if state.st_size:
                    found.append(path)
                elif time.time() - state.st_mtime > NEW_FOR:
                    empty.append(path)
        _remove(empty)
        return found


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        with contextlib.suppress(OSError):  # the next start tries again
            path.unlink()


def _notes_in(path: Path) -> list[Charge]:
    notes: dict[bytes, Charge] = {}
    with contextlib.suppress(OSError):
        for line in path.read_bytes().splitlines():
            number, _, text = line.partition(b" ")
            if charge := read_charge(text):
                notes[number] = charge
            else:
                notes.pop(number, None)
    return list(notes.values())


def _lock_file(file: BinaryIO) -> None:
    """Locks a file until it is closed, or its process ends. Raises OSError if another one has."""
    if sys.platform == "win32":
        import msvcrt

        file.seek(LOCKED_BYTE)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        file.seek(0)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
