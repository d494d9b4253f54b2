"""When to try again: tables of what answers say, and of what no answer should say."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venice_client.transport import retry

DATE = "Sun, 22 Nov 2026 12:00:00 GMT"
NOW = 1_795_348_800


@pytest.fixture(autouse=True)
def short_waits() -> None:
    """The waits as they are."""


def test_the_constants_are_those_of_the_api() -> None:
    assert retry.MAX_RETRIES == 3
    assert frozenset({500, 503}) == retry.RETRYABLE


@pytest.mark.parametrize(("number", "seconds"), [(0, 1.0), (1, 2.0), (2, 4.0), (9, 30.0)])
def test_backoff_doubles_up_to_its_limit(number: int, seconds: float) -> None:
    assert retry.backoff(number, {}, jitter=0.0) == seconds
    assert retry.backoff(number, {}, jitter=1.0) == seconds * 0.75


def test_backoff_does_what_the_answer_asks_within_its_limit() -> None:
    assert retry.backoff(0, {"retry-after": "7"}, jitter=1.0) == 7.0
    assert retry.backoff(0, {"retry-after": "3600"}, jitter=0.0) == 30.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("7", 7.0),
        ("1.5", 1.5),
        (" 7 ", 7.0),
        ("86400", 86400.0),
        ("Sun, 22 Nov 2026 12:00:09 GMT", 9.0),
        ("Sun, 22 Nov 2026 11:59:00 GMT", 0.0),
        ("Sunday, 22-Nov-26 12:00:09 GMT", 9.0),
        ("Sun, 22 Nov 2026 12:00:09 -0000", 9.0),
        ("", None),
        ("-1", None),
        ("nan", None),
        ("inf", None),
        ("-inf", None),
        ("1e400", None),
        ("86401", None),
        ("1795348800000", None),
        ("soon", None),
        ("Sun, 99 Nov 2026 12:00:09 GMT", None),
        ("Sun, 22 Nov 9999 12:00:09 GMT", None),
    ],
)
def test_retry_after(text: str, seconds: float | None) -> None:
    assert retry.retry_after({"retry-after": text, "date": DATE}) == seconds


def test_a_date_to_retry_after_needs_the_answers_own_date() -> None:
    assert retry.retry_after({"retry-after": DATE}) is None


@pytest.mark.parametrize(
    ("reset", "date", "seconds"),
    [
        (str(NOW + 42), DATE, 42.0),
        (f"{NOW}.5", DATE, 0.5),
        (str(NOW), DATE, 0.0),
        (str(NOW - 30), DATE, 0.0),
        (str(NOW + 3600), DATE, 3600.0),
        (str(NOW + 42), None, retry.DEFAULT_RATE_WAIT),
        (str(NOW + 42), "yesterday", retry.DEFAULT_RATE_WAIT),
        (None, DATE, retry.DEFAULT_RATE_WAIT),
        ("", DATE, retry.DEFAULT_RATE_WAIT),
        ("soon", DATE, retry.DEFAULT_RATE_WAIT),
        ("nan", DATE, retry.DEFAULT_RATE_WAIT),
        ("inf", DATE, retry.DEFAULT_RATE_WAIT),
        ("-inf", DATE, retry.DEFAULT_RATE_WAIT),
        (str((NOW + 42) * 1000), DATE, 42.0),
        (str((NOW + 42) * 1000 + 250), DATE, 42.25),
        (str((NOW - 30) * 1000), DATE, 0.0),
        (str((NOW + 90_000) * 1000), DATE, retry.DEFAULT_RATE_WAIT),
        (str((NOW + 42) * 1_000_000), DATE, retry.DEFAULT_RATE_WAIT),
        ("42", DATE, retry.DEFAULT_RATE_WAIT),
        ("-5", DATE, retry.DEFAULT_RATE_WAIT),
        (str(NOW + 90_000), DATE, retry.DEFAULT_RATE_WAIT),
    ],
)
def test_rate_limit_wait(reset: str | None, date: str | None, seconds: float) -> None:
    named = {"x-ratelimit-reset-requests": reset, "date": date}
    headers = {name: value for name, value in named.items() if value is not None}
    assert retry.rate_limit_wait(headers) == seconds


def test_retry_after_comes_before_the_reset() -> None:
    headers = {"retry-after": "3", "date": DATE, "x-ratelimit-reset-requests": str(NOW + 42)}
    assert retry.rate_limit_wait(headers) == 3.0


def test_an_absurd_retry_after_gives_way_to_the_reset() -> None:
    headers = {"retry-after": "inf", "date": DATE, "x-ratelimit-reset-requests": str(NOW + 42)}
    assert retry.rate_limit_wait(headers) == 42.0


@pytest.mark.parametrize(
    ("headers", "is_about_model"),
    [
        ({"retry-after": "30"}, True),
        ({"retry-after": "30", "x-ratelimit-reset-requests": str(NOW + 42)}, False),
        ({"x-ratelimit-reset-requests": str(NOW + 42)}, False),
        ({"retry-after": "soon"}, False),
        ({}, False),
    ],
)
def test_a_429_without_a_reset_is_about_the_model(
    headers: dict[str, str], is_about_model: bool
) -> None:
    assert retry.is_about_model(headers) is is_about_model


def test_the_clock_of_this_machine_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 0.0)
    headers = {"date": DATE, "x-ratelimit-reset-requests": str(NOW + 42)}
    assert retry.rate_limit_wait(headers) == 42.0


@given(
    st.fixed_dictionaries(
        {},
        optional={
            name: st.text() | st.floats().map(str) | st.integers().map(str)
            for name in ("retry-after", "date", "x-ratelimit-reset-requests")
        },
    )
)
def test_no_header_makes_it_wait_without_end(headers: dict[str, str]) -> None:
    for seconds in (retry.rate_limit_wait(headers), retry.backoff(0, headers, 0.5)):
        assert math.isfinite(seconds)
        assert 0.0 <= seconds <= retry.MAX_PLAUSIBLE_WAIT
