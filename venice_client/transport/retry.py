"""When to try again, and how long to wait: pure functions over named constants."""

from __future__ import annotations

import email.utils
import math
from collections.abc import Mapping
from datetime import timezone

MAX_RETRIES = 3
"""Tries after the first, for what is documented as retryable and was not charged."""

RETRYABLE = frozenset({500, 503})
"""Statuses that the API's documents call retryable with backoff."""

FIRST_WAIT = 1.0
MAX_WAIT = 30.0
DEFAULT_RATE_WAIT = 10.0
"""Seconds to wait after a 429 that does not say how long."""

MAX_PLAUSIBLE_WAIT = 24 * 3600.0
"""A reset that lies further ahead, or further back, is taken for nonsense, and for unknown."""

FIRST_IN_MS = 1e11
"""A reset from here on is in milliseconds: in seconds it would lie beyond the year 5000."""

RESET = "x-ratelimit-reset-requests"


def backoff(retry: int, headers: Mapping[str, str], jitter: float) -> float:
    """Seconds before retry number `retry` (from 0): what the answer asks, else 1, 2, 4 s.

    jitter: 0..1, shortens the wait by up to a quarter so that many clients spread out.
    """
    asked = retry_after(headers)
    if asked is not None:
        return min(asked, MAX_WAIT)
    return min(FIRST_WAIT * 2.0**retry, MAX_WAIT) * (1.0 - 0.25 * jitter)


def rate_limit_wait(headers: Mapping[str, str]) -> float:
    """Seconds until the rate limit is lifted, from Retry-After, else from the reset time.

    The reset is a Unix time by the server's clock, so it is measured against the answer's own
    Date; a clock that is wrong here changes nothing.
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
    """Whether a 429 says that the model is busy, and not that the key has reached its limit."""
    return RESET not in headers and retry_after(headers) is not None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Retry-After in seconds, whether given as seconds or as a date; None if absent or absurd."""
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
    # Without a zone it is UTC: HTTP knows no other, and the zone of this machine means nothing.
    return moment.replace(tzinfo=moment.tzinfo or timezone.utc).timestamp() if moment else None
