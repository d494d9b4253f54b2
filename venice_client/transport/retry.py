"""Decide when to retry, and after how long: pure functions over named constants."""

from __future__ import annotations

import email.utils
import math
from collections.abc import Mapping
from datetime import timezone

MAX_RETRIES = 3
"""The most retries, only of uncharged requests that the API documents as retryable."""

RETRYABLE = frozenset({500, 503})
"""Statuses that the API's documents call retryable with backoff."""

FIRST_WAIT = 1.0
MAX_WAIT = 30.0
DEFAULT_RATE_WAIT = 10.0
"""Seconds to wait after a 429 without a time."""

MAX_PLAUSIBLE_WAIT = 24 * 3600.0
"""The most seconds to a reset, in either direction; beyond, it counts as unknown."""

FIRST_IN_MS = 1e11
"""The least reset in milliseconds: in seconds it would be beyond the year 5000."""

RESET = "x-ratelimit-reset-requests"


def backoff(retry: int, headers: Mapping[str, str], jitter: float) -> float:
    """Return the seconds before retry number `retry` (from 0): the response's, else 1, 2, 4.

    jitter: 0..1, shortens the wait by up to a quarter, to spread many clients.
    """
    asked = retry_after(headers)
    if asked is not None:
        return min(asked, MAX_WAIT)
    return min(FIRST_WAIT * 2.0**retry, MAX_WAIT) * (1.0 - 0.25 * jitter)


def rate_limit_wait(headers: Mapping[str, str]) -> float:
    """Return the seconds until the reset, from Retry-After, else from the reset time.

    The reset is a Unix time by the server's clock, so compare it with the response's Date; a wrong
    clock here changes nothing.
    """
    asked = retry_after(headers)
    if asked is not None:
        return asked
    reset = _finite(headers.get(RESET))
    date = _http_date(headers.get("date"))
    if reset is None or date is None:
        return DEFAULT_RATE_WAIT
    wait = (reset / 1000 if reset > FIRST_IN_MS else reset) - date
    return max(0.0, wait) if abs(wait) <= MAX_PLAUSIBLE_WAIT else DEFAULT_RATE_WAIT


def is_about_model(headers: Mapping[str, str]) -> bool:
    """Whether a 429 means a busy model, not the limit of the key."""
    return RESET not in headers and retry_after(headers) is not None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Parse Retry-After, seconds or a date, into seconds; None if absent or absurd."""
    text = headers.get("retry-after")
    seconds = _finite(text)
    if seconds is None:
        moment, date = _http_date(text), _http_date(headers.get("date"))
        if moment is None or date is None:
            return None
        seconds = max(0.0, moment - date)
    return seconds if 0.0 <= seconds <= MAX_PLAUSIBLE_WAIT else None


def _finite(text: str | None) -> float | None:
    try:
        number = float(text) if text else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _http_date(text: str | None) -> float | None:
    try:
        moment = email.utils.parsedate_to_datetime(text) if text else None
    except (ValueError, TypeError, OverflowError):
        return None
    # Without a zone it's UTC, HTTP's only one.
    return moment.replace(tzinfo=moment.tzinfo or timezone.utc).timestamp() if moment else None
