"""The state of one request: its thread writes it, another shows it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from ..errors import ApiError, RequestCancelledError


class Progress:
    """The state of one request, from its start to its answer.

    phase: its activity, in words. since: the start of the phase (monotonic seconds). until: the end
    of a wait (monotonic seconds), or None. sent: whether a response may be in flight. batch: the
    number of its batch, 0 for none.
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
        """Call `action` with True before the request is sent, with False if it isn't charged."""
        self._on_sent = action

    def enter(self, phase: str, until: float | None = None) -> None:
        """Begin a phase, unless it's the current one."""
        self.until = until
        if phase != self.phase:
            self.phase, self.since = phase, time.monotonic()

    def cancel(self) -> None:
        """Cancel the request. An unsent one never leaves, and frees its slot at once.

        A response in flight still arrives, since it may have been charged.
        """
        self.mark_cancelled()
        self.release_slot()

    def mark_cancelled(self, because: str = "") -> None:
        """Do the first half of `cancel`, so that several requests don't take each other's slot.

        because: the reason in a line, or "".
        """
        self._because = self._because or because
        self._cancelled.set()

    def release_slot(self) -> None:
        """Do the second half of `cancel`: free the slot in the gate."""
        on_cancel = self._on_cancel
        if on_cancel is not None:
            on_cancel()

    @property
    def is_cancelled(self) -> bool:
        return self._cancelled.is_set()

    def on_cancel(self, action: Callable[[], None] | None) -> None:
        """Call `action` once the request is canceled, or now if it is already."""
        self._on_cancel = action
        if action is not None and self.is_cancelled:
            action()

    def on_fatal(self, action: Callable[[ApiError], None] | None) -> None:
        """Call `action` with an error that all requests would meet, before another one leaves."""
        self._on_fatal = action

    def report_fatal(self, error: ApiError) -> None:
        """Report an error that every other request with this key would meet."""
        on_fatal = self._on_fatal
        if on_fatal is not None:
            on_fatal(error)

    def check(self) -> None:
        """Raise RequestCancelledError if the request is canceled."""
        if self.is_cancelled:
            lines = [self._because, "Canceled before it was sent. You weren't charged."]
            raise RequestCancelledError("\n".join(filter(None, lines)))

    def wait(self, seconds: float, phase: str) -> None:
        """Sleep with a countdown. Raises RequestCancelledError as soon as it's canceled."""
        self.enter(phase, until=time.monotonic() + seconds)
        self._cancelled.wait(seconds)
        self.until = None
        self.check()

    def text(self, now: float | None = None) -> str:
        """Return the phase with its seconds: left if its end is known, else spent."""
        now = time.monotonic() if now is None else now
        if (until := self.until) is not None:  # read once: its thread goes on
            return f"{self.phase}, {max(0.0, until - now):.0f} s left"
        return f"{self.phase} {now - self.since:.0f} s"
