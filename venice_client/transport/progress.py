"""The state of one request: written by its thread, read by the thread that shows it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from ..errors import ApiError, RequestCancelledError


class Progress:
    """The state of one request, from its start to its answer.

    phase: what it is doing now, in words. since: when the phase began (monotonic seconds).
    until: when a wait ends (monotonic seconds), or None. sent: its answer may be on its way. batch:
    which requests it is one of, 0 for none.
    """

    def __init__(self, batch: int = 0) -> None:
        self.batch = batch
        self.phase = "starting"
        self.since = time.monotonic()
        self.until: float | None = None
        self._sent = False
        self._on_sent: Callable[[bool], None] | None = None
        self._cancelled = threading.Event()
        self._because = ""
        self._on_cancel: Callable[[], None] | None = None
        self._on_fatal: Callable[[ApiError], None] | None = None

    @property
    def sent(self) -> bool:
        return self._sent

    @sent.setter
    def sent(self, sent: bool) -> None:
        self._sent = sent
        if self._on_sent is not None:
            self._on_sent(sent)

    def on_sent(self, action: Callable[[bool], None]) -> None:
        """Calls `action` with True before the request is sent, with False if it is not charged."""
        self._on_sent = action

    def enter(self, phase: str, until: float | None = None) -> None:
        """Begins a phase, unless it is the one that it is in already."""
        self.until = until
        if phase != self.phase:
            self.phase, self.since = phase, time.monotonic()

    def cancel(self) -> None:
        """Cancels the request. If it was not sent, it never will be, and its slot is freed at once.

        An answer that is on its way still arrives, since it may have been charged.
        """
        self.mark_cancelled()
        self.release_slot()

    def mark_cancelled(self, because: str = "") -> None:
        """The first half of `cancel`, for several requests that must not take each other's slot.

        because: the reason in a line, where there is one to tell.
        """
        self._because = self._because or because
        self._cancelled.set()

    def release_slot(self) -> None:
        """The second half of `cancel`: gives the slot in the gate back."""
        on_cancel = self._on_cancel
        if on_cancel is not None:
            on_cancel()

    @property
    def is_cancelled(self) -> bool:
        return self._cancelled.is_set()

    def on_cancel(self, action: Callable[[], None] | None) -> None:
        """Calls `action` once the request is cancelled, or now if it is already."""
        self._on_cancel = action
        if action is not None and self.is_cancelled:
            action()

    def on_fatal(self, action: Callable[[ApiError], None] | None) -> None:
        """Calls `action` with an error that holds for all, before another request is let out."""
        self._on_fatal = action

    def report_fatal(self, error: ApiError) -> None:
        """Reports an answer whose error every other request with this key would meet."""
        on_fatal = self._on_fatal
        if on_fatal is not None:
            on_fatal(error)

    def check(self) -> None:
        """Raises RequestCancelledError if the request is cancelled."""
        if self.is_cancelled:
            lines = [self._because, "Cancelled before it was sent: nothing was charged."]
            raise RequestCancelledError("\n".join(filter(None, lines)))

    def wait(self, seconds: float, phase: str) -> None:
        """Sleeps with a countdown; raises RequestCancelledError as soon as it is cancelled."""
        self.enter(phase, until=time.monotonic() + seconds)
        self._cancelled.wait(seconds)
        self.until = None
        self.check()

    def text(self, now: float | None = None) -> str:
        """The phase with its seconds: a countdown where the end is known, else the time so far."""
        now = time.monotonic() if now is None else now
        if (until := self.until) is not None:  # read once: its thread goes on
            return f"{self.phase}, {max(0.0, until - now):.0f} s left"
        return f"{self.phase} {now - self.since:.0f} s"
