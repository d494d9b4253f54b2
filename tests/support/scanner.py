"""A virus scanner: it opens each file that is created, and holds it for a moment."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest


class Scanner:
    """held: the paths of the files that it has opened so far."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.held: list[str] = []
        self._handles: queue.SimpleQueue[tuple[float, int] | None] = queue.SimpleQueue()
        self._open = os.open
        self._has_ended = threading.Event()

    def open(self, path: Any, flags: int, *args: Any, **named: Any) -> int:
        """Open a file in place of os.open, and hold it if that creates it."""
        handle = self._open(path, flags, *args, **named)
        if flags & os.O_CREAT and os.fstat(handle).st_size == 0:
            with contextlib.suppress(OSError):
                held = self._open(path, os.O_RDONLY)
                self.held.append(os.fspath(path))
                self._handles.put((time.monotonic() + self.seconds, held))
        return handle

    def release(self) -> None:
        """Close each file when its time is over, or when `end` is called."""
        while (next_one := self._handles.get()) is not None:
            until, handle = next_one
            self._has_ended.wait(max(0.0, until - time.monotonic()))
            os.close(handle)

    def end(self) -> None:
        self._has_ended.set()
        self._handles.put(None)


@contextlib.contextmanager
def scanning(seconds: float) -> Iterator[Scanner]:
    """Scan what this process creates by os.open, as our modules and tempfile do."""
    scanner = Scanner(seconds)
    thread = threading.Thread(target=scanner.release)
    thread.start()
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "open", scanner.open)
            yield scanner
    finally:
        scanner.end()
        thread.join()
