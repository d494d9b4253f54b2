"""The store of paid results: the bytes as they came, on disk, written before they are decoded.

Files only, no database and no locks, so that several processes can share it: each entry is one
file, written aside and renamed. A checksum is checked by every read; what is damaged is dropped.
Another program may hold a file for a moment (a virus scanner does), so that opening and renaming
are tried for about a second: call it from no event loop.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import itertools
import json
import logging
import os
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from ..atomic_write import write_atomic
from ..errors import StoreError
from ..transport.response import Response

T = TypeVar("T")
log = logging.getLogger(__name__)

FORMAT = 1
FOLDER = "results"
ENDING = ".result"
ASIDE = ".aside-"
SWEEP_EVERY = 50
"""Writes between two sweeps; one more takes place at the start."""

SWEEP_EVERY_PART = 0.1
"""Of what may be kept: so much written between two sweeps."""

ABANDONED_AFTER = 3600.0
"""Seconds after which a half-written file of a process that was killed is removed."""

DAMAGE = (ValueError, LookupError, TypeError, AttributeError, RecursionError)
"""What reading an entry raises that is none, or another version's."""

NOT_THERE = (FileNotFoundError, NotADirectoryError)
PASSING = {
    *(errno.EACCES, errno.EPERM, errno.EBUSY, errno.EAGAIN),
    *(errno.EMFILE, errno.ENFILE),
}
"""What may be over in a moment: the file is held by another program, too many files are open."""

PAUSES = (0.05, 0.1, 0.2, 0.3, 0.4)
"""Seconds between two tries of what may be over in a moment."""

KEPT_HEADERS = ("content-type", "date", "x-request-id")
PROMPT_HEADER = "x-venice-enhanced-prompt"


@dataclass(frozen=True)
class Entry:
    """A kept answer, without its bytes. `facts`: path, model, seed, size, cost, time."""

    key: str
    facts: Mapping[str, Any]
    size: int


def request_key(service: str, path: str, payload: Mapping[str, Any], variation: object = 0) -> str:
    """The name under which an answer is kept: equal only for equal requests to one service.

    Input images are part of the payload, and so of the hash. The API key is not.
    """
    parts = [FORMAT, service, "POST", path, payload, variation]
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


class ResultStore:
    """Answers that were paid for, in `home`/results. Thread-safe; several processes may share it.

    max_mb: MiB to keep, the least recently used goes first; 0 keeps nothing. trouble: why the last
    response could not be kept, or "".
    """

    def __init__(self, home: Path, max_mb: float) -> None:
        self._folder = home / FOLDER
        self._max_bytes = int(max_mb * 2**20)
        self._lock = threading.Lock()
        self._writes = self._written = 0
        self.trouble = ""
        if self.is_on:
            self._sweep()

    @property
    def is_on(self) -> bool:
        return self._max_bytes > 0

    def get(self, key: str) -> Response | None:
        """The kept answer, or None. A damaged entry is dropped, and None.

        Raises StoreError if there is one that cannot be read: asking again would pay again.
        """
        if not self.is_on:
            return None
        path = self._path(key)
        try:
            facts, body = _patiently(partial(_read, path))
        except NOT_THERE:
            return None
        except OSError as error:
            raise StoreError(
                f"This was paid for and is kept, but cannot be read now ({_reason(error)}): it was "
                f"not sent, so as not to be paid again. Queue again, or remove the file.\n{path}"
            ) from error
        except DAMAGE as error:
            log.warning("A kept result was damaged and is dropped (%s).", type(error).__name__)
            self.remove(key)
            return None
        _touch(path)
        if path in _put_here:
            _put_here[path] = next(_uses)
        return Response(facts["headers"], body, 0.0, from_store=True)

    def peek(self, key: str) -> Response | None:
        """What is kept, or None where nothing whole is. Does not count as a use, drops nothing."""
        try:
            facts, body = _read(self._path(key))
        except (OSError, *DAMAGE):
            return None
        return Response(facts["headers"], body, 0.0, from_store=True)

    def __contains__(self, key: str) -> bool:
        return self.is_on and _state(self._path(key)) is not None

    def probe(self) -> bool:
        """Whether an answer would be kept now, as far as the last one and an empty file tell."""
        if self.is_on:
            try:
                self._make_folder()
                with tempfile.TemporaryFile(dir=self._folder):
                    pass
            except OSError as error:
                self.trouble = _reason(error)
        return self.is_on and not self.trouble

    def put(self, key: str, response: Response, facts: Mapping[str, Any]) -> str:
        """Keeps an answer, if anything is to be kept; answers why it could not be, "" if it is.

        A full disk is a warning, no error: the picture can be shown all the same.
        """
        if not self.is_on:
            return ""
        record = {**facts, "time": time.time(), "headers": _kept_headers(response.headers)}
        head = json.dumps(record).encode() + b"\n"
        try:
            self._write(self._path(key), head, response.body)
        except OSError as error:
            self.trouble = _reason(error)
            log.warning("A paid result could not be kept on disk (%s).", self.trouble)
            return _reason(error)
        self.trouble = ""
        self._count(len(head) + len(response.body))
        return ""

    def remove(self, key: str, checksum: str = "") -> None:
        """Forgets an answer that is damaged, so that the next request asks again.

        checksum: of the answer, where its entry is whole and what is in it is not. Another answer
        that was kept since is paid for and stays.
        """
        if not self.is_on:
            return
        try:
            _, body = _read(self._path(key))
        except OSError:
            return
        except DAMAGE:
            _remove(self._path(key))
        else:
            if Response({}, body, 0.0).checksum == checksum:
                _remove(self._path(key))

    def entries(self) -> list[Entry]:
        """What is kept, the last made first; damaged entries are left out."""
        found = []
        for path in self._files():
            try:
                facts, _ = _read(path)
                size = path.stat().st_size
            except (OSError, *DAMAGE):
                continue
            found.append(Entry(path.stem, facts, size))
        return sorted(found, key=lambda entry: entry.facts["time"], reverse=True)

    def clear(self) -> int:
        """Removes everything; answers how many entries there were."""
        files = self._files()
        for path in files:
            _remove(path)
        return len(files)

    def _write(self, path: Path, head: bytes, body: bytes) -> None:
        checksum = hashlib.sha256(head)
        checksum.update(body)
        first = f"venice-result {FORMAT} {checksum.hexdigest()}\n".encode()
        _put_here[path] = next(_uses)

        def write() -> None:
            self._make_folder()
            write_atomic(path, first, head, body, prefix=ASIDE)

        _patiently(write)

    def _make_folder(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def _count(self, size: int) -> None:
        """Counts a write, and sweeps where it is time to."""
        with self._lock:
            self._writes += 1
            self._written += size
            is_much = self._written > self._max_bytes * SWEEP_EVERY_PART
            if self._writes < SWEEP_EVERY and not is_much:
                return
            self._writes = self._written = 0
        self._sweep()

    def _sweep(self) -> None:
        """Removes the least recently used until the rest fits, and what was left half-written.

        What this process put goes last, whatever the clock said at the time.
        """
        files = []
        now = time.time()
        for path in self._folder.glob(f"{ASIDE}*"):
            state = _state(path)
            if state and now - state.st_mtime > ABANDONED_AFTER:
                _remove(path)
        for path in self._files():
            state = _state(path)
            if state:
                if state.st_mtime > now:  # it was put before the clock was set back
                    _touch(path)
                used = (_put_here.get(path, 0), min(state.st_mtime, now))
                files.append((used, state.st_size, path))
        total = sum(size for _, size, _ in files)
        for _, size, path in sorted(files):
            if total <= self._max_bytes:
                break
            _remove(path)
            _put_here.pop(path, None)
            total -= size

    def _files(self) -> list[Path]:
        return list(self._folder.glob(f"*{ENDING}"))

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}{ENDING}"


_uses = itertools.count(1)
_put_here: dict[Path, int] = {}
"""What this process put, by the order of use: clocks may be set back."""


def _patiently(action: Callable[[], T]) -> T:
    """The answer of `action`, which is tried again where its OSError may be over in a moment."""
    for seconds in PAUSES:
        try:
            return action()
        except OSError as error:
            if error.errno not in PASSING:
                raise
        time.sleep(seconds)
    return action()


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__


def _read(path: Path) -> tuple[dict[str, Any], bytes]:
    with path.open("rb") as file:
        words = file.readline(200).split()
        rest = file.read()
    if len(words) != 3 or words[0] != b"venice-result" or words[1] != str(FORMAT).encode():
        raise ValueError("no result")
    if hashlib.sha256(rest).hexdigest().encode() != words[2]:
        raise ValueError("wrong checksum")
    head, _, body = rest.partition(b"\n")
    facts = json.loads(head)
    facts["headers"].items()
    return {**facts, "time": float(facts["time"])}, body


def _kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Those that say something of the picture; none with a prompt in it."""
    return {
        name: value
        for name, value in headers.items()
        if name in KEPT_HEADERS or (name.startswith("x-venice-") and name != PROMPT_HEADER)
    }


def _state(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None  # another process was quicker


def _touch(path: Path) -> None:
    """It was used now."""
    with contextlib.suppress(OSError):  # not ours to touch, but ours to show
        os.utime(path)


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        log.warning("A kept result could not be removed (%s).", _reason(error))
