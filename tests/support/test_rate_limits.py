"""The rate limits of the tests' sandbox hold as the API's do."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

import rate_limits
from rate_limits import Limits
from venice_client.sandbox.response import Refusal


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A clock that stands still until a test sets `now`."""
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(rate_limits, "time", SimpleNamespace(time=lambda: clock.now))
    return clock


def is_admitted(limits: Limits, key: str = "key", images: int = 1) -> bool:
    try:
        limits.admit(key, images)
    except Refusal:
        return False
    return True


def left(limits: Limits) -> int:
    return int(limits.headers("key")["x-ratelimit-remaining-requests"])


def test_a_window_begins_with_its_first_request(clock: SimpleNamespace) -> None:
    limits = Limits(rate_limit=2, window_s=10)
    limits.headers("key")
    clock.now = 1006.0

    assert [is_admitted(limits), left(limits)] == [True, 1]
    assert [is_admitted(limits), left(limits)] == [True, 0]
    clock.now = 1015.0
    assert not is_admitted(limits)
    assert limits.headers("key")["x-ratelimit-reset-requests"] == "1016"
    clock.now = 1016.0
    assert [is_admitted(limits), left(limits)] == [True, 1]


def test_each_image_counts_and_each_key_has_its_own_limit(clock: SimpleNamespace) -> None:
    limits = Limits(rate_limit=4)

    assert is_admitted(limits, images=3)
    assert not is_admitted(limits, images=2)
    assert is_admitted(limits, "other", images=4)


def test_the_reset_may_be_in_milliseconds(clock: SimpleNamespace) -> None:
    assert Limits(reset_in_ms=True).headers("key")["x-ratelimit-reset-requests"] == "1060000"


def test_too_many_failures_in_a_row_lock_the_key_for_a_while(clock: SimpleNamespace) -> None:
    limits = Limits(max_failures=2, failure_window_s=30, lockout_s=30)
    for now in (1000.0, 1020.0, 1040.0):
        clock.now = now
        limits.note_failure("key")
    assert [is_admitted(limits), limits.locked_out] == [True, False]

    limits.note_failure("key")

    assert [is_admitted(limits), left(limits), limits.locked_out] == [False, 0, True]
    clock.now = 1070.0
    assert [is_admitted(limits), limits.locked_out] == [True, True]
