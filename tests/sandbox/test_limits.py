"""Rate limit, lock-out and requests side by side."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from types import SimpleNamespace

import pytest

from faulty_sandbox import Fault
from venice_client.sandbox import limits
from venice_client.sandbox.response import Refusal


def waits(answer):
    """Seconds from the answer's Date to its reset."""
    now = parsedate_to_datetime(answer.headers["Date"]).timestamp()
    return int(answer.headers["x-ratelimit-reset-requests"]) - now


def test_the_limit_holds_within_a_window_and_the_headers_count_down(connect):
    api = connect(rate_limit=2, window_s=60)

    answers = [api.generate() for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    left = [answer.headers["x-ratelimit-remaining-requests"] for answer in answers]
    assert left == ["1", "0", "0"]
    assert {answer.headers["x-ratelimit-limit-requests"] for answer in answers} == {"2"}
    refusal = answers[2].json()
    assert refusal == {"error": "Rate limit exceeded", "code": "RATE_LIMIT_EXCEEDED"}


def test_every_answer_has_the_rate_headers_and_free_ones_do_not_count(connect):
    api = connect(rate_limit=2)
    wrong = {"Authorization": "Bearer wrong"}

    answers = [
        *(api.get(path) for path in ("/models", "/image/styles", "/api_keys/rate_limits")),
        *(api.get(path) for path in ("/billing/balance", "/nothing/here")),
        api.get("/billing/balance", headers=wrong),
        api.post("/image/generate", headers=wrong),
    ]

    assert [answer.status_code for answer in answers] == [200] * 4 + [404] + [401] * 2
    for answer in answers:
        assert answer.headers["x-ratelimit-limit-requests"] == "2"
        assert answer.headers["x-ratelimit-remaining-requests"] == "2"
        assert 0 < waits(answer) <= 61
    assert api.generate().headers["x-ratelimit-remaining-requests"] == "1"
    assert api.get("/models").headers["x-ratelimit-remaining-requests"] == "1"


def test_the_reset_may_be_in_milliseconds(connect):
    api = connect(rate_limit=2, reset_in_ms=True)

    reset = int(api.generate().headers["x-ratelimit-reset-requests"])

    assert 0 < reset / 1000 - time.time() <= 61


def test_each_variant_counts_as_an_image(connect):
    api = connect(rate_limit=5)

    first = api.generate(return_binary=False, variants=3)
    second = api.generate(return_binary=False, variants=3)

    assert (first.status_code, second.status_code) == (200, 429)
    assert first.headers["x-ratelimit-remaining-requests"] == "2"


def test_paid_answers_tell_the_balance_before_the_picture(connect):
    api = connect(balance_usd=1.0)

    answers = [api.generate(), api.generate(), api.generate(seed="x")]

    balances = [float(answer.headers["x-venice-balance-usd"]) for answer in answers]
    assert balances == [1.0, 0.99, 0.98]
    assert all("x-venice-balance-diem" in answer.headers for answer in answers)
    assert "x-venice-balance-usd" not in api.get("/models").headers


def test_looking_at_the_limit_begins_no_window(monkeypatch):
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(limits, "time", SimpleNamespace(time=lambda: clock.now))
    one = limits.Limits(rate_limit=1, window_s=10)
    one.headers("key")
    clock.now = 1006.0
    one.admit("key")
    clock.now = 1012.0

    with pytest.raises(Refusal):
        one.admit("key")


@pytest.mark.long
def test_waiting_until_the_reset_is_always_enough(connect):
    api = connect(rate_limit=1, window_s=2)
    api.generate()

    refused = api.generate()

    assert refused.status_code == 429
    assert 0 < waits(refused) <= 4
    time.sleep(max(0.0, int(refused.headers["x-ratelimit-reset-requests"]) - time.time()))
    assert api.generate().status_code == 200


def test_invalid_requests_count_and_lists_do_not(connect):
    api = connect(rate_limit=2)
    for _ in range(3):
        api.get("/models")
        api.get("/billing/balance")

    assert [api.generate(seed="x").status_code, api.generate().status_code] == [400, 200]
    assert api.generate().status_code == 429


def test_each_key_has_its_own_limit(connect):
    api = connect(rate_limit=1, keys=("canary-key-5d41", "other"))
    api.generate()

    api.session.headers["Authorization"] = "Bearer other"

    assert api.generate().status_code == 200


@pytest.mark.long
def test_too_many_failures_block_the_key_for_a_while(connect):
    api = connect(max_failures=3, failure_window_s=30, lockout_s=2)
    for _ in range(3):
        assert api.generate(seed="x").status_code == 400
    assert api.generate().status_code == 200
    assert not api.sandbox.locked_out

    assert api.generate(seed="x").status_code == 400

    assert api.sandbox.locked_out
    blocked = api.generate()
    assert (blocked.status_code, blocked.json()["code"]) == (429, "RATE_LIMIT_EXCEEDED")
    assert blocked.headers["x-ratelimit-remaining-requests"] == "0"
    time.sleep(2.1)
    assert api.generate().status_code == 200
    assert api.sandbox.locked_out


def test_old_failures_are_forgotten(connect):
    api = connect(max_failures=2, failure_window_s=0.2)
    for _ in range(2):
        api.generate(seed="x")
    time.sleep(0.25)
    api.generate(seed="x")

    assert not api.sandbox.locked_out


def test_faults_count_as_failures_too(connect):
    api = connect(max_failures=1)
    api.sandbox.add_fault(Fault.status(500), times=2)

    assert [api.generate().status_code for _ in range(3)] == [500, 500, 429]


def test_forget_lifts_limits_and_locks(connect):
    api = connect(rate_limit=1)
    api.generate()
    api.sandbox.forget()

    assert api.generate().status_code == 200


@pytest.mark.long
def test_paid_requests_run_side_by_side_and_take_the_latency(api):
    api.sandbox.latency_s = 2
    began = time.monotonic()

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda seed: api.generate(seed=seed).status_code, range(1, 9)))

    assert statuses == [200] * 8
    assert time.monotonic() - began >= 2
    assert api.sandbox.max_concurrent == 8


def test_one_after_another_is_not_side_by_side(api):
    for _ in range(5):
        api.generate()

    assert api.sandbox.max_concurrent == 1


def test_lists_do_not_wait(api):
    api.sandbox.latency_s = 30

    assert api.get("/image/styles").elapsed.total_seconds() < 15
