"""The journal: charges that each process has reserved and sent, for the limits and after a kill.

A process with open charges holds a locked file in `journal/`. Each line says that a charge is
reserved, sent, unsent or ended. Other processes add up the open charges in locked files. An
unlocked file belongs to a process that ended: its charges in flight move to the ledger.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import logging
import os
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from io import FileIO
from pathlib import Path

from ..files import create_file, make_folder, patiently, remove_file, seconds_old
from ..money import dollars
from ..process import after_fork
from ..settings.service import SANDBOX_NAME
from .file_lock import NoLocksError, locked_file, try_lock, unlock, wait_for_lock
from .ledger import Charge, Ledger, read_charge

log = logging.getLogger(__name__)

FOLDER = "journal"
ENDING = ".jsonl"
OLD_NOTES, OLD_RESERVATIONS = "in-flight", "reserved"
"""The folders of version 0.2."""

PATIENCE = 5.0
"""Seconds to wait for a process that checks if a new file is locked."""

NEW_FOR = 60.0
"""Seconds to spare an unlocked file without lines."""


class Journal:
    """The journal in `home`, and the ledger beside it, for this process. Thread-safe.

    turn: a lock for one thread, from its look at open charges until it has reserved.
    """

    def __init__(self, home: Path) -> None:
        self.ledger = Ledger(home)
        self._folder, self._old_folder = home / FOLDER, home / OLD_NOTES
        self._news: list[str] = []
        self._others: dict[Path, _Entries] = {}
        self._file: FileIO | None = None
        self._path = self._folder
        self.forget()

    def forget(self) -> None:
        """Start afresh in a forked process: files, locks and open charges are the parent's."""
        if self._file is not None:
            self._file.close()
        self._file, self._unwritten = None, b""
        self._own = _Entries()
        self._owed: dict[str, Charge] = {}
        self.turn, self._lock, self._settling = (threading.Lock() for _ in range(3))

    @contextlib.contextmanager
    def alone(self, patience: float) -> Iterator[None]:
        """Keep other processes out. Raises TimeoutError after `patience` seconds, or OSError."""
        make_folder(self._folder)
        with locked_file(self._folder / ".lock", patience):
            yield

    def reserve(self, charges: Sequence[Charge]) -> None:
        """Open charges. Raises OSError if that can't be written; they're open nevertheless."""
        with self._lock:
            self._write(b"".join(b"reserved " + charge.line() for charge in charges))

    def note_sent(self, charge: Charge, is_sent: bool) -> None:
        """Note that a request is sent, or that it's uncharged and may be sent again."""
        with self._lock:
            if charge.id in self._own.charges and is_sent != (charge.id in self._own.sent):
                self._try_to_write("sent" if is_sent else "unsent", charge)

    def end(self, charge: Charge) -> bool:
        """End an open charge: nothing is charged. Returns whether it was open."""
        with self._lock:
            is_open = charge.id in self._own.charges and charge.id not in self._owed
            if is_open:
                self._try_to_write("ended", charge)
            return is_open

    def settle(self, charge: Charge) -> str:
        """Move an open charge to the ledger. Returns why that has to wait, or ""."""
        with self._lock:
            if charge.id in self._own.charges:
                self._owed.setdefault(charge.id, charge)
        return self.write_owed()

    def write_owed(self) -> str:
        """Write the charges that the ledger couldn't take. Returns why it still can't, or ""."""
        with self._settling:
            for charge in list(self._owed.values()):
                try:
                    self._add(charge)
                except OSError as error:
                    log.warning("A charge can't be added to the ledger yet (%s).", error.strerror)
                    return error.strerror or type(error).__name__
                with self._lock:
                    del self._owed[charge.id]
                    self._try_to_write("ended", charge)
        return ""

    def _add(self, charge: Charge) -> None:
        """Append a charge to the ledger, with the time of writing: readers skip lines before an
        old one. Raises OSError.
        """
        self.ledger.add(replace(charge, time=time.time()))

    def open_charges(self) -> list[Charge]:
        """Return the open charges of all processes. Orphaned ones move to the ledger.

        Call it `alone`. Raises OSError.
        """
        with self._lock:
            found = list(self._own.charges.values())
            for path, entries, is_alive in self._look_at_others():
                found += entries.charges.values() if is_alive else self._take_over(path, entries)
        return found

    def orphaned(self) -> list[Charge]:
        """Return orphaned charges that nobody took over. Raises OSError."""
        with self._lock:
            gone = [entries for _, entries, is_alive in self._look_at_others() if not is_alive]
        return self.ledger.missing([charge for entries in gone for charge in entries.in_flight()])

    def take_news(self) -> str:
        """Return the news about earlier processes, once; then ""."""
        news, self._news = self._news, []
        return "\n".join(news)

    def _try_to_write(self, verb: str, charge: Charge) -> None:
        try:
            self._write(f"{verb} {charge.id}\n".encode())
        except OSError as error:
            log.warning("The journal can't be written (%s).", error.strerror)

    def _write(self, lines: bytes) -> None:
        """Write lines to the file of this process, which exists while a charge is open.

        Raises OSError. A line that fails is written before the next one.
        """
        self._own.read(lines)
        self._unwritten += lines
        try:
            if self._file is None and self._own.charges:
                self._open()
            written = len(self._unwritten)
            if self._file is not None:
                written = self._file.write(self._unwritten)
            self._unwritten = self._unwritten[written:]
            if self._unwritten:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finally:
            if not self._own.charges:
                self._close()
                self._unwritten = b""

    def _open(self) -> None:
        """Create and lock the file; without locks there is none."""
        make_folder(self._folder)
        self._remove_old_folders()
        self._file, self._path = create_file(self._folder, "", ENDING)
        is_locked = False
        try:
            is_locked = wait_for_lock(self._file, PATIENCE)
        finally:
            if not is_locked:
                self._close()

    def _remove_old_folders(self) -> None:
        """Remove the folders of version 0.2, unless there is something left to tell."""
        with contextlib.suppress(OSError):
            for path in self._old_folder.with_name(OLD_RESERVATIONS).iterdir():
                remove_file(path, pauses=())
            self._old_folder.with_name(OLD_RESERVATIONS).rmdir()
        with contextlib.suppress(OSError):
            self._old_folder.rmdir()

    def _close(self) -> None:
        """Close and remove the file. If another process holds it, the next look removes it."""
        file, self._file = self._file, None
        if file is not None:
            file.close()
            with contextlib.suppress(OSError):
                remove_file(self._path, pauses=())

    def _look_at_others(self) -> Iterator[tuple[Path, _Entries, bool]]:
        """Iterate over other processes' files, their open charges, and whether the process is
        alive."""
        paths = {*self._folder.glob(f"*{ENDING}"), *self._old_folder.glob(f"*{ENDING}")}
        if self._file is not None:
            paths.discard(self._path)
        known, self._others = self._others, {}
        for path in sorted(paths):
            entries = self._others[path] = known.get(path) or _Entries(path.stem)
            try:
                with patiently(partial(FileIO, path, "r+")) as file:
                    is_alive = not try_lock(file)
                    entries.read_on(file)
                    if not is_alive:
                        is_new = _is_new(path)  # its process may write as soon as it's unlocked
                        unlock(file)
                        if is_new:
                            continue
            except FileNotFoundError:
                continue
            except NoLocksError:
                return
            yield path, entries, is_alive

    def _take_over(self, path: Path, entries: _Entries) -> list[Charge]:
        """Report an ended process's charges in flight, and move them to the ledger.

        Returns those that couldn't be moved. A kill may interrupt this too: the next process adds
        the charges that the ledger still lacks.
        """
        missing = self.ledger.missing(entries.in_flight())
        if missing:
            self._news.append(orphaned_text(missing))
            log.warning("%s", self._news[-1])
        try:
            while missing:
                self._add(missing[0])
                del missing[0]
            remove_file(path, pauses=())
        except OSError as error:
            log.warning("Will retry journal %s (%s).", path.name, error.strerror)
        return missing


class _Entries:
    """The open charges of one process by id, and the ids of the sent ones."""

    def __init__(self, name: str = "") -> None:
        self.charges: dict[str, Charge] = {}
        self.sent: set[str] = set()
        self._name, self._offset = name, 0

    def read_on(self, file: FileIO) -> None:
        """Read the complete lines that are new in the file."""
        file.seek(self._offset)
        data = file.read()
        data = data[: data.rfind(b"\n") + 1]
        self._offset += len(data)
        self.read(data)

    def read(self, lines: bytes) -> None:
        for line in lines.splitlines():
            verb, _, rest = line.partition(b" ")
            if verb == b"reserved" and (charge := read_charge(rest)):
                self.charges[charge.id] = charge
            elif verb.isdigit():
                self._read_old(f"{self._name}-{verb.decode()}", rest)
            else:
                self._mark(verb, rest.decode("ascii", "replace"))

    def _mark(self, verb: bytes, name: str) -> None:
        if verb == b"sent":
            self.sent.add(name)
        elif verb in (b"unsent", b"ended"):
            self.sent.discard(name)
        if verb == b"ended":
            self.charges.pop(name, None)

    def _read_old(self, name: str, rest: bytes) -> None:
        """A note of version 0.2: a number and a sent charge, or nothing when it ended."""
        if charge := read_charge(rest):
            self.charges[name] = replace(charge, id=name)
            self.sent.add(name)
        else:
            self._mark(b"ended", name)

    def in_flight(self) -> list[Charge]:
        """Return the charges in flight, except the sandbox's, which are free."""
        sent = [charge for name, charge in self.charges.items() if name in self.sent]
        return [charge for charge in sent if charge.service != SANDBOX_NAME]


def _is_new(path: Path) -> bool:
    """Whether a process may just have created a file, before it locks and writes it."""
    return not path.stat().st_size and seconds_old(path) < NEW_FOR


def orphaned_text(charges: Sequence[Charge]) -> str:
    """Return a sentence about requests in flight when a process ended."""
    usd = sum(charge.usd or 0.0 for charge in charges)
    models = ", ".join(sorted({charge.model for charge in charges}))
    requests = "1 request was" if len(charges) == 1 else f"{len(charges)} requests were"
    noun = "text" if all(charge.kind == "text" for charge in charges) else "image"
    noun += "" if len(charges) == 1 else "s"
    return (
        f"{requests} in flight when an earlier session ended ({models}). You may have been "
        f"charged about {dollars(usd)} without receiving the {noun}."
    )


def journal_of(home: Path) -> Journal:
    """The journal of this process in a home folder."""
    with _lock:
        if home not in _journals:
            _journals[home] = Journal(home)
        return _journals[home]


@atexit.register
def _write_all_owed() -> None:
    for journal in list(_journals.values()):
        journal.write_owed()


@after_fork
def _forget_all() -> None:
    global _lock
    _lock = threading.Lock()
    for journal in _journals.values():
        journal.forget()


_lock = threading.Lock()
_journals: dict[Path, Journal] = {}
