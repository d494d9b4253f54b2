"""Rate limit and lock-out, separate for each key."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from dataclasses import dataclass, field

from venice_client.sandbox.response import Refusal

# The rate headers' number without a limit.
NO_LIMIT = 1_000_000


@dataclass
class _Account:
    window_ends: float = 0.0
    used: int = 0
    failures: deque[float] = field(default_factory=deque)
    locked_until: float = 0.0


@dataclass
class Limits:
    """Counts the requests and failures of each key. Thread-safe.

    A window begins with the first request in it and lasts `window_s`. More than `max_failures`
    failed requests within `failure_window_s` lock the key for `lockout_s`. `reset_in_ms`: the reset
    header counts milliseconds, as the newer guides say, not seconds, as the documents do.
    """

    rate_limit: int | None = None
    window_s: float = 60.0
    max_failures: int = 20
    failure_window_s: float = 30.0
    lockout_s: float = 30.0
    locked_out: bool = False
    reset_in_ms: bool = False
    _accounts: dict[str, _Account] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def forget(self) -> None:
        """Restart all windows and lift all locks."""
        with self._lock:
            self._accounts.clear()
            self.locked_out = False

    def admit(self, key: str, images: int = 1) -> None:
        """Count a request of that key, or more images of one.

        Raises Refusal (429 RATE_LIMIT_EXCEEDED) past the limit, or while the key is locked.
        """
        now = time.time()
        with self._lock:
            account = self._current(key, now)
            if now < account.locked_until:
                told = "Too many failed requests. This API key is blocked for a short time"
                raise Refusal(429, "RATE_LIMIT_EXCEEDED", told)
            if self.rate_limit is not None and account.used + images > self.rate_limit:
                raise Refusal(429, "RATE_LIMIT_EXCEEDED", "Rate limit exceeded")
            account.used += images

    def note_failure(self, key: str) -> None:
        """Count a failed request (status 400 and above) of that key."""
        now = time.time()
        with self._lock:
            account = self._current(key, now)
            if now < account.locked_until:
                return
            account.failures.append(now)
            while account.failures and account.failures[0] <= now - self.failure_window_s:
                account.failures.popleft()
            if len(account.failures) > self.max_failures:
                account.locked_until = now + self.lockout_s
                account.failures.clear()
                self.locked_out = True

    def headers(self, key: str) -> dict[str, str]:
        """Return a response's rate headers; the reset is a Unix time. Begins no window."""
        now = time.time()
        limit = NO_LIMIT if self.rate_limit is None else self.rate_limit
        with self._lock:
            account = self._accounts.get(key, _Account())
            locked = now < account.locked_until
            is_over = now >= account.window_ends
            used = 0 if is_over else account.used
            window_ends = now + self.window_s if is_over else account.window_ends
        reset = account.locked_until if locked else window_ends
        left = 0 if locked else max(0, limit - used)
        return {
            "x-ratelimit-limit-requests": str(limit),
            "x-ratelimit-remaining-requests": str(left),
            "x-ratelimit-reset-requests": str(math.ceil(reset * (1000 if self.reset_in_ms else 1))),
        }

    def _current(self, key: str, now: float) -> _Account:
        account = self._accounts.setdefault(key, _Account())
        if now >= account.window_ends:
            account.window_ends = now + self.window_s
            account.used = 0
        return account
