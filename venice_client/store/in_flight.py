"""Notes of paid requests on their way, for the next start after a process was killed.

Each process has one file in `in-flight/`, which it holds locked: a file that can be locked is of a
process that is gone. A note is one line, and another line when its request has ended.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from ..settings.service import SANDBOX_NAME
from .ledger import Charge, read_charge

log = logging.getLogger(__name__)

FOLDER = "in-flight"
LOCKED_BYTE = 2**30
"""The byte that is locked on Windows, far behind what is in the file."""

NEW_FOR = 60.0
"""Seconds for which a file without notes may be one that its process has not locked yet."""


class InFlight:
    """The notes of this process in `home`. Thread-safe. A request never fails because of them."""

    def __init__(self, home: Path) -> None:
        self._folder = home / FOLDER
        self._lock = threading.Lock()
        self._file: BinaryIO | None = None
        self._path = self._folder
        self._open: set[int] = set()
        self._numbers = itertools.count(1)

    @contextlib.contextmanager
    def noted(self, charge: Charge) -> Iterator[Callable[[bool], None]]:
        """Notes a request while it is on its way, and no longer than this context.

        Yields what is to be called with True before it is sent, and with False once it is certain
        that nothing of it is charged, if it is to be sent again. The sandbox charges nothing.
        """
        if charge.service == SANDBOX_NAME:
            yield lambda _is_sent: None
            return
        number = next(self._numbers)

        def note(is_sent: bool) -> None:
            with self._lock:
                if is_sent and number not in self._open:
                    self._open.add(number)
                    self._write(b"%d " % number + replace(charge, time=time.time()).line())
                elif not is_sent and number in self._open:
                    self._open.discard(number)
                    self._write(b"%d\n" % number)

        try:
            yield note
        finally:
            note(False)

    def leftover(self) -> list[Charge]:
        """Requests on their way when other processes were killed: they may have been charged."""
        return [note for notes in self._abandoned().values() for note in notes]

    def forget_leftover(self, told: Sequence[Charge]) -> None:
        """Removes the files of these notes, once they were told."""
        for path, notes in self._abandoned().items():
            if all(note in told for note in notes):
                remove_file(path)

    def _write(self, line: bytes) -> None:
        """Writes a line. The file is made for the first note, and goes with the last one."""
        try:
            if self._file is None and self._open:
                self._file, self._path = locked_file(self._folder, ".jsonl")
            if self._file is not None:
                self._file.write(line)
        except OSError as error:
            log.warning("A request on its way cannot be noted on disk (%s).", error.strerror)
        if self._file is not None and not self._open:
            self._file.close()
            self._file = None
            remove_file(self._path)

    def _abandoned(self) -> dict[Path, list[Charge]]:
        """The files of processes that are gone, and their notes."""
        found = {}
        for path in sorted(self._folder.glob("*.jsonl")):
            with contextlib.suppress(OSError), path.open("r+b", buffering=0) as file:
                lock_file(file)
                notes = _notes_in(file.read().splitlines())
                if notes or time.time() - os.fstat(file.fileno()).st_mtime > NEW_FOR:
                    found[path] = notes
        return found


def remove_file(path: Path) -> None:
    with contextlib.suppress(OSError):  # the next start tries again
        path.unlink()


def leftover_text(notes: Sequence[Charge]) -> str:
    """A line that tells a person of them."""
    usd = sum(note.usd or 0.0 for note in notes)
    models = ", ".join(sorted({note.model for note in notes}))
    requests = "1 request was" if len(notes) == 1 else f"{len(notes)} requests were"
    return (
        f"{requests} on the way when an earlier process was stopped ({models}): about "
        f"{usd:.4g} USD may have been charged without an answer."
    )


def _notes_in(lines: Iterable[bytes]) -> list[Charge]:
    notes: dict[bytes, Charge] = {}
    for line in lines:
        number, _, text = line.partition(b" ")
        if charge := read_charge(text):
            notes[number] = charge
        else:
            notes.pop(number, None)
    return list(notes.values())


def locked_file(folder: Path, ending: str) -> tuple[BinaryIO, Path]:
    """A new file of this process, which is locked. Raises OSError where files cannot be."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, name = tempfile.mkstemp(ending, f"{os.getpid()}-", folder)
    file, path = os.fdopen(handle, "r+b", buffering=0), Path(name)
    try:
        lock_file(file)
    except OSError:  # not on this file system
        file.close()
        remove_file(path)
        raise
    return file, path


def lock_file(file: BinaryIO) -> None:
    """Locks a file until it is closed, or its process ends. Raises OSError if another one has."""
    if sys.platform == "win32":
        import msvcrt

        file.seek(LOCKED_BYTE)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        file.seek(0)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
