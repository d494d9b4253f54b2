"""Create, replace and remove files, on every system. No other module does.

On Windows, an open file can't be replaced, renamed or removed, and a virus scanner opens each new
file for a moment. So these functions try again for a few seconds: don't call them from an event
loop.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

BUSY = {errno.EBUSY, errno.EAGAIN, errno.EMFILE, errno.ENFILE}
"""Errors that pass: the file is busy, or too many files are open."""

HELD = {*BUSY, errno.EACCES, errno.EPERM} if sys.platform == "win32" else BUSY
"""Errors that pass if the file exists: Windows denies access while a program holds it."""

PAUSES = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.5)
"""Seconds between tries, about 2 s in total."""

FULL_SECONDS = 10.0
"""Seconds for which a process counts as out of file handles, after a wait for one."""

PRIVATE, SHARED = 0o600, 0o666
"""Modes of a new file: readable by its owner only, or as the umask allows. Windows ignores them."""


_full_until = 0.0
"""The end (monotonic) of the time in which this process counts as out of file handles."""


def patiently(
    action: Callable[[], T], passing: set[int] = HELD, pauses: Sequence[float] = PAUSES
) -> T:
    """Return the value of `action`. Try again after an OSError whose number is in `passing`."""
    for seconds in pauses:
        try:
            return action()
        except OSError as error:
            if error.errno not in passing:
                raise
        time.sleep(seconds)
    return action()


def create_file(
    folder: Path, prefix: str, suffix: str = "", mode: int = PRIVATE
) -> tuple[io.FileIO, Path]:
    """Create a file with a random name and open it to read and write, unbuffered.

    Raises OSError. Python's tempfile takes "access denied" for a name that is taken, and on
    Windows up to 3.12 tries 2**31 times in a folder that refuses files.
    """
    path = folder / f"{prefix}{secrets.token_hex(8)}{suffix}"
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | _BINARY
    handle = patiently(partial(os.open, path, flags, mode), BUSY)
    return os.fdopen(handle, "r+b", buffering=0), path


def open_to_append(path: Path) -> io.FileIO:
    """Open a file to append to, unbuffered. Create it if needed. Raises OSError.

    Windows seeks to the end and then writes: lock something if several processes append. Others
    wait meanwhile: after a futile wait for a free file handle, the next are short.
    """
    global _full_until
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | _BINARY
    pauses = PAUSES[:1] if time.monotonic() < _full_until else PAUSES
    try:
        handle = patiently(partial(os.open, path, flags, PRIVATE), pauses=pauses)
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE):
            _full_until = time.monotonic() + FULL_SECONDS
        raise
    return os.fdopen(handle, "ab", buffering=0)


def write_atomic(path: Path, *parts: bytes, prefix: str, mode: int = PRIVATE) -> None:
    """Write a file whole or not at all, in place of one with that name.

    prefix: starts the name of the file while it is being written, in the same folder. Raises
    OSError, and leaves nothing behind.
    """
    _write(path, parts, prefix, mode, replace_file)


def write_new(path: Path, data: bytes, *, prefix: str) -> None:
    """Write a new file whole or not at all, with the usual mode.

    Raises FileExistsError if the name is taken, or another OSError, and leaves nothing behind.
    """
    _write(path, [data], prefix, SHARED, _rename_to_free_name)


def replace_file(source: Path, target: Path, pauses: Sequence[float] = PAUSES) -> None:
    """Rename a file, in place of `target` if that exists. Raises OSError."""
    patiently(partial(source.replace, target), pauses=pauses)


def remove_file(path: Path, pauses: Sequence[float] = PAUSES) -> None:
    """Remove a file, if it exists. Raises OSError."""
    patiently(partial(path.unlink, missing_ok=True), pauses=pauses)


def seconds_old(path: Path) -> float:
    """Return for how long a file has not been written, at least: until its folder last changed.

    Both times are the file system's own. The clock of this computer may have been set since, or
    differ from a file server's. Raises OSError.
    """
    return path.parent.stat().st_mtime - path.stat().st_mtime


def make_folder(folder: Path) -> None:
    """Create a folder that only its owner can use, if there is none. Raises OSError.

    On Windows it inherits the rights of the folder around it: with a mode, Python from 3.12.4 on
    sets its own rights, which lock the user out of a folder that an administrator created.
    """
    if sys.platform == "win32":
        folder.mkdir(parents=True, exist_ok=True)
    else:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)


def check_folder(folder: Path) -> None:
    """Raise OSError unless files can be created in `folder`."""
    file, path = create_file(folder, ".venice-")
    file.close()
    remove_file(path)


def make_temporary_folder() -> Path:
    """Create a folder among the system's temporary ones, for the user to find. Raises OSError."""
    folder = Path(tempfile.gettempdir()) / f"venice-{secrets.token_hex(4)}"
    make_folder(folder)
    return folder


def _write(
    path: Path,
    parts: Sequence[bytes],
    prefix: str,
    mode: int,
    rename: Callable[[Path, Path], object],
) -> None:
    file, aside = create_file(path.parent, prefix, mode=mode)
    try:
        with io.BufferedWriter(file) as buffered:
            for part in parts:
                buffered.write(part)
        rename(aside, path)
    except BaseException:
        with contextlib.suppress(OSError):
            remove_file(aside)
        raise


def _rename_to_free_name(source: Path, target: Path) -> None:
    if sys.platform == "win32":  # never replaces a file
        patiently(partial(source.rename, target))
        return
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    os.close(patiently(partial(os.open, target, flags, SHARED), BUSY))
    try:
        replace_file(source, target)
    except BaseException:
        with contextlib.suppress(OSError):
            remove_file(target)
        raise


_BINARY = getattr(os, "O_BINARY", 0)
"""Without it, Windows writes each newline as two bytes."""
