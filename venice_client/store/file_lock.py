"""Locks between processes, as a file that one of them holds until it lets go, or ends.

The lock is on one byte far behind the end of the file: on Windows nobody else can read or write
locked bytes.
"""

from __future__ import annotations

import contextlib
import errno
import functools
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
"""Seconds between two looks at a lock: random, so that no process is always too late."""

draw = random.SystemRandom().random
"""A random number of 0..1 from the system: Python's own generator belongs to the program."""

HELD = {errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK}
"""The errors of a lock that another process holds, here and on Windows."""

NO_LOCKS = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}
"""The errors of a file system without locks, such as some network drives."""


class NoLocksError(OSError):
    """The file system has no locks, so processes on it know nothing of each other."""


def try_lock(file: FileIO) -> bool:
    """Try to lock a file; return False if another process holds it. Raises NoLocksError."""
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
    """Open a file to append to it, locked if there are locks. Raises as `wait_for_lock` does."""
    with open_to_append(path) as file:
        is_locked = wait_for_lock(file, patience)
        try:
            yield file
        finally:
            if is_locked:
                unlock(file)


def wait_for_lock(file: FileIO, patience: float) -> bool:
    """Lock a file as soon as nobody else has. Returns False if the file system has no locks.

    Raises TimeoutError if another process has the file for more than `patience` seconds.
    """
    deadline = time.monotonic() + patience
    try:
        while not try_lock(file):
            if time.monotonic() >= deadline:
                raise TimeoutError(errno.ETIMEDOUT, "another process has locked it")
            time.sleep(MAX_PAUSE * draw())
    except NoLocksError:
        tell_of_no_locks()
        return False
    return True


@functools.cache
def tell_of_no_locks() -> None:
    log.warning(
        "The file system of Venice's home folder has no locks. Programs that spend at the same "
        "time can exceed the daily limit, and requests in flight when a program is "
        "killed aren't recorded."
    )


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
