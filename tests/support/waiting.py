"""Wait for something that must happen, however slow the computer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any


def wait_for(look: Callable[[], Any], timeout_s: float = 60.0) -> Any:
    """Call `look` until it returns something true, and return that. Raises TimeoutError."""
    deadline = time.monotonic() + timeout_s
    while not (seen := look()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing after {timeout_s:g} s")
        time.sleep(0.02)
    return seen


def read_until(lines: Iterable[str] | None, words: str) -> None:
    """Read a process's output up to the line with these words."""
    assert any(words in line for line in lines or ()), f"it ended without {words!r}"
