"""Writes files such that each is whole or not there."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path


def write_atomic(path: Path, *parts: bytes, prefix: str, mode: int = 0o600) -> None:
    """Writes a file aside and renames it, so that half of it is never read.

    prefix: the beginning of its name while it is aside, in the same folder. Raises OSError, and
    leaves nothing aside then.
    """
    handle, aside = tempfile.mkstemp(dir=path.parent, prefix=prefix)
    try:
        with os.fdopen(handle, "wb") as file:
            for part in parts:
                file.write(part)
        if mode != 0o600:  # which mkstemp gives
            Path(aside).chmod(mode)
        Path(aside).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(aside).unlink()
        raise


def write_new(path: Path, data: bytes, *, prefix: str) -> None:
    """Writes a file of a name that is free, whole or not at all, with the mode of any new file.

    Raises FileExistsError where the name is taken, or another OSError.
    """
    with path.open("xb") as file:
        mode = os.fstat(file.fileno()).st_mode & 0o777
    try:
        write_atomic(path, data, prefix=prefix, mode=mode)
    except BaseException:
        with contextlib.suppress(OSError):
            path.unlink()
        raise
