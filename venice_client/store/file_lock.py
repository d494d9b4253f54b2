"""Locks between processes, as a file that one of them holds until it lets go, or ends.

The lock is on one byte far behind the end of the file: on Windows nobody else can read or write
locked bytes.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import random
import sys
import time
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

from ..files import open_to_append

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

log = logging.getLogger(__name__)

LOCKED_BYTE = 2**30
MAX_PAUSE = 0.02
"""Seconds between two looks at a lock. They are drawn, so that no process is always too late."""

HELD = {errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK}
"""What a lock raises while another process has it, here and on Windows."""

NO_LOCKS = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}
"""What a lock raises on a file system that has none, such as some network drives."""


class NoLocksError(OSError):
    """The file system has no locks, so that processes on it know nothing of each other."""


def try_lock(file: FileIO) -> bool:
    """Lock a file unless another process has: whether that was possible. Raises NoLocksError."""
    try:
        _set_lock(file.fileno(), True)
    except OSError as error:
        if error.errno in HELD:
            return False
        if error.errno in NO_LOCKS:
            raise NoLocksError(error.errno, error.strerror) from None
        raise
    return True


def unlock(file: FileIO) -> None:
    """Let go of a file: closing it isn't enough while a forked process has it open as well."""
    _set_lock(file.fileno(), False)


@contextlib.contextmanager
def locked_file(path: Path, patience: float) -> Iterator[FileIO]:
    """Open a file to append to it, alone.

    Raises TimeoutError if another process has it for more than `patience` seconds. Without locks
    on the file system, each process works as if it were alone; the log says so once.
    """
    with open_to_append(path) as file:
        is_locked = _wait_for(file, patience, path.parent)
        try:
            yield file
        finally:
            if is_locked:
                unlock(file)


def _wait_for(file: FileIO, patience: float, folder: Path) -> bool:
    """Wait for a lock. Returns whether the file is locked now, False where there are no locks."""
    deadline = time.monotonic() + patience
    try:
        while not try_lock(file):
            if time.monotonic() >= deadline:
                raise TimeoutError(errno.ETIMEDOUT, "another process has it locked")
            time.sleep(random.uniform(0, MAX_PAUSE))
    except NoLocksError:
        if folder not in _without_locks:
            _without_locks.add(folder)
            log.warning(
                "The file system of %s has no locks: each process on it counts its own spending "
                "only, so two of them can pass the daily limit together.",
                folder,
            )
        return False
    return True


def _set_lock(file: int, is_locked: bool) -> None:
    if sys.platform == "win32":
        position = os.lseek(file, 0, os.SEEK_CUR)
        os.lseek(file, LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK if is_locked else msvcrt.LK_UNLCK, 1)
        finally:
            os.lseek(file, position, os.SEEK_SET)
    else:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB if is_locked else fcntl.LOCK_UN)


_without_locks: set[Path] = set()
"""Folders that the log has named already."""
