"""The USD that other processes have reserved and not spent yet, for a limit that holds for all.

Each process has one file a service in `reserved/`, which it holds locked: a file that can be locked
is of a process that is gone. Where files cannot be locked, each process counts for itself.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from .in_flight import lock_file, locked_file, remove_file

log = logging.getLogger(__name__)

FOLDER = "reserved"
MAX_WAIT = 2.0
"""Most seconds to wait for another process that reserves at this moment."""

LOOK_EVERY = 0.01
IS_LOCKED = (BlockingIOError, PermissionError)
"""What it raises here and on Windows where another process has locked a file."""


class ReservedElsewhere:
    """The reservations for one service in `home`. Its caller lets one thread in at a time."""

    def __init__(self, home: Path, service: str) -> None:
        self._folder = home / FOLDER
        self._name = hashlib.sha256(service.encode()).hexdigest()[:12]
        self._own: tuple[BinaryIO, Path] | None = None

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keeps other processes from reserving meanwhile, as far as that is possible."""
        with contextlib.ExitStack() as stack:
            try:
                self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                file = stack.enter_context((self._folder / ".lock").open("ab"))
                _wait_for(file)
            except OSError as error:
                log.warning("A limit counts this process alone for now (%s).", error.strerror)
            yield

    def tell(self, usd: float) -> None:
        """Tells others what this process has reserved."""
        try:
            if self._own is None or not self._own[1].exists():  # somebody has removed it
                self._own = locked_file(self._folder, f"-{self._name}")
            file, _ = self._own
            file.seek(0)
            file.write(b"%020.6f" % usd)  # always as long, so that none is read in parts
        except OSError as error:
            log.warning("Other processes cannot be told what is reserved (%s).", error.strerror)

    def usd(self) -> float:
        """The USD that others have reserved. Removes the files of those that are gone.

        Call it in `alone`: a new file is not locked at once.
        """
        total = 0.0
        for path in self._folder.glob(f"*-{self._name}"):
            if self._own is not None and path == self._own[1]:
                continue
            with contextlib.suppress(OSError, ValueError), path.open("r+b") as file:
                try:
                    lock_file(file)
                except OSError:
                    total += max(0.0, float(file.read(20)))
                else:
                    remove_file(path)
        return total


def _wait_for(file: BinaryIO) -> None:
    """Locks a file as soon as it is free. Raises OSError if it is not in time, or never will be."""
    deadline = time.monotonic() + MAX_WAIT
    while True:
        try:
            return lock_file(file)
        except IS_LOCKED:
            if time.monotonic() > deadline:
                raise
        time.sleep(LOOK_EVERY)
