"""Reservations: within the limits of run and day, ended once, and what a refusal says."""

from __future__ import annotations

import errno
import os
import random
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clock import set_to_noon
from full_disk import HAS_LIMIT, no_file_over
from venice_client.errors import SpendingLimitError
from venice_client.settings.settings import Settings, load_settings
from venice_client.store import spending_limit
from venice_client.store.journal import Journal
from venice_client.store.ledger import Charge, Ledger
from venice_client.store.spending_limit import Reservation, SpendingLimit

SERVICE = "https://api.venice.ai/api/v1"
NAMES = iter(f"run {number}" for number in range(10**6))


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    set_to_noon(monkeypatch)


def limit_of(home: Path, service: str = SERVICE, **settings: Any) -> SpendingLimit:
    return SpendingLimit(replace(Settings(home), **settings), service)


def charges(*usd: float | None, is_known: bool = True) -> list[Charge]:
    return [Charge("a-model", "image", each, is_known) for each in usd]


def refusal(limit: SpendingLimit, run: str, *usd: float | None, is_known: bool = True) -> str:
    with pytest.raises(SpendingLimitError) as caught:
        limit.reserve(run, charges(*usd, is_known=is_known))
    return str(caught.value)


def test_all_of_a_list_is_reserved_or_nothing(home: Path) -> None:
    limit, run = limit_of(home, max_usd_per_run=0.05), next(NAMES)
    refusal(limit, run, *[0.01] * 6)
    reserved = limit.reserve(run, charges(*[0.01] * 5))
    assert [r.usd for r in reserved] == [0.01] * 5
    assert reserved[0].charge.service == SERVICE
    assert reserved[0].charge.run == run
    refusal(limit, run, 0.01)
    reserved[2].release()
    limit.reserve(run, charges(0.01))
    limit.reserve(next(NAMES), charges(0.05))
    limit.reserve("", charges(0.05))
    limit.reserve("", charges(0.05))


def test_each_ends_once(home: Path) -> None:
    limit, run = limit_of(home, max_usd_per_run=0.02), next(NAMES)
    first, second = limit.reserve(run, charges(0.01, 0.01))
    for _ in range(3):
        first.release()
    first.spend()
    assert limit.ledger.since(0) == []
    limit.reserve(run, charges(0.01))
    for _ in range(3):
        second.spend()
    second.release()
    refusal(limit, run, 0.01)
    (line,) = limit.ledger.since(0)
    assert replace(line, time=0.0) == replace(second.charge, time=0.0)
    assert line.id


@given(st.lists(st.floats(0, 10), max_size=30), st.randoms(use_true_random=False))
def test_what_is_given_back_can_be_reserved_again(
    tmp_path_factory: pytest.TempPathFactory, usd: list[float], chance: random.Random
) -> None:
    home = tmp_path_factory.mktemp("home")
    limit, run = limit_of(home, max_usd_per_run=sum(usd)), next(NAMES)
    reserved = limit.reserve(run, charges(*usd))
    chance.shuffle(reserved)
    for reservation in reserved:
        reservation.release()
    limit.reserve(run, charges(*usd))
    if sum(usd) > 0:
        refusal(limit, run, 0.01)


def test_threads_never_pass_a_limit_together(home: Path) -> None:
    limit, run = limit_of(home, max_usd_per_run=1.0, max_usd_per_day=1.0), next(NAMES)
    let_through = list[Reservation]()

    def reserve_many() -> None:
        for number in range(60):
            try:
                (reservation,) = limit.reserve(run, charges(0.01))
            except SpendingLimitError:
                continue
            reservation.release() if number % 3 == 0 else reservation.spend()
            if number % 3:
                let_through.append(reservation)

    threads = [threading.Thread(target=reserve_many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(let_through) == 100
    assert len(limit.ledger.since(0)) == 100


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("0.025", "$0.025"),
        ("5", "$5.00"),
        ("5.0", "$5.00"),
        ("0.00001", "$0.00001"),
        ("12345678.25", "$12,345,678.25"),
        ("1000", "$1,000.00"),
        ("1e3", "$1,000.00"),
        ("0", "$0.00"),
        ("0.1", "$0.10"),
    ],
)
def test_limits_are_shown_as_they_were_set(home: Path, text: str, shown: str) -> None:
    texts = {
        "VENICE_MAX_USD_PER_RUN": f"your limit is {shown} per run.",
        "VENICE_MAX_USD_PER_DAY": f"your daily limit is {shown}.",
    }
    for name, text_of in texts.items():
        environ = {"VENICE_HOME": str(home), "VENICE_MAX_USD_PER_RUN": "none", name: text}
        limit = SpendingLimit(load_settings(None, environ), SERVICE)
        said = refusal(limit, "", 1e9)
        assert text_of in said
        assert name in said


def test_a_refusal_says_what_to_do_and_what_was_sent_before(home: Path) -> None:
    limit, run = limit_of(home, max_usd_per_run=0.025), next(NAMES)
    assert refusal(limit, run, 0.03).count("\n") == 1
    one, two = limit.reserve(run, charges(0.01, 0.01))
    first, hint, rest = refusal(limit, run, 0.01).split("\n")
    assert first == (
        "Not sent. This would cost about $0.01 on top of the $0.02 this run already spent; your "
        "limit is $0.025 per run. Reduce the batch, or raise the limit."
    )
    assert hint == "VENICE_MAX_USD_PER_RUN sets this limit."
    assert rest == (
        "2 requests of this run were already sent. You keep the results; running again is free."
    )
    one.spend()
    two.release()
    said = refusal(limit, run, 0.02)
    assert "1 request of this run was already sent." in said
    assert "keep" not in refusal(limit_of(home, max_usd_per_run=0.025, store_mb=0), run, 0.02)


def test_a_refusal_has_its_amounts_for_the_page(home: Path) -> None:
    limit, run = limit_of(home, max_usd_per_run=0.05, max_usd_per_day=0.06), next(NAMES)
    limit.reserve(run, charges(0.02))
    with pytest.raises(SpendingLimitError) as run_error:
        limit.reserve(run, charges(0.02, 0.02))
    with pytest.raises(SpendingLimitError) as day_error:
        limit.reserve("", charges(0.05))
    with pytest.raises(SpendingLimitError) as unknown:
        limit.reserve("", charges(0.01, None))
    for error, amounts in (
        (run_error.value, ("run", 0.05, 0.04, 0.02)),
        (day_error.value, ("day", 0.06, 0.05, 0.02)),
        (unknown.value, ("run", 0.05, None, 0.0)),
    ):
        assert (error.limit, error.limit_usd, error.cost_usd, error.spent_usd) == amounts


def test_an_unknown_price_is_said(home: Path) -> None:
    limit = limit_of(home, max_usd_per_run=0.1)
    first, _, rest = refusal(limit, "", 0.2, is_known=False).split("\n")
    assert "This would cost up to $0.20; your limit" in first
    assert rest == "No price is published, so the highest possible price counts."
    assert refusal(limit, "", 0.01, None) == (
        "Not sent. The price is unknown, and your limit is $0.10 per run. To send it anyway, "
        "remove the limit.\nVENICE_MAX_USD_PER_RUN=none removes it."
    )
    per_day = limit_of(home, max_usd_per_run=None, max_usd_per_day=1.0)
    assert "VENICE_MAX_USD_PER_DAY=none" in refusal(per_day, "", None)
    limit_of(home, max_usd_per_run=None).reserve("", charges(None, None))


def test_the_day_counts_what_every_process_wrote_and_what_is_reserved_here(home: Path) -> None:
    limit = limit_of(home, max_usd_per_day=0.1)
    (mine,) = limit.reserve("", charges(0.03))
    another = Ledger(home)  # of another process
    another.add(Charge("m", "image", 0.04, True, SERVICE, "", time.time()))
    another.add(Charge("m", "image", 0.5, True, "sandbox", "", time.time()))
    another.add(Charge("m", "image", 0.5, True, SERVICE, "", time.time() - 200_000))

    said = refusal(limit, "", 0.04)
    assert said == (
        "Not sent. This would cost about $0.04 on top of the $0.07 already spent today; your "
        "daily limit is $0.10. Wait until midnight, or raise the limit.\n"
        "VENICE_MAX_USD_PER_DAY sets this limit."
    )
    (last,) = limit.reserve("", charges(0.03))
    mine.spend()
    refusal(limit, "", 0.01)
    last.release()
    limit.reserve("", charges(0.03))
    limit_of(home, "sandbox", max_usd_per_day=1.0).reserve("", charges(0.5))
    limit_of(home / "elsewhere", max_usd_per_day=0.1).reserve("", charges(0.1))


@pytest.mark.parametrize("name", ["ledger.jsonl", "journal"])
def test_a_daily_limit_that_cannot_be_checked_lets_nothing_through(home: Path, name: str) -> None:
    limit, free = limit_of(home, max_usd_per_day=0.1), limit_of(home)
    path = home / name
    path.mkdir() if name == "ledger.jsonl" else path.touch()
    assert refusal(limit, "", 0.01).startswith("Not sent. Your daily limit can't be checked (")
    with pytest.raises(SpendingLimitError, match=r"Not sent\."):
        limit.rooms()
    assert len(free.reserve("", charges(0.01))) == 1, "it has no daily limit"
    path.rmdir() if name == "ledger.jsonl" else path.unlink()
    assert limit.rooms()["day"] == pytest.approx(0.09)


def test_what_the_ledger_cannot_take_counts_nevertheless(home: Path) -> None:
    limit = limit_of(home, max_usd_per_day=0.1)
    (reservation,) = limit.reserve("", charges(0.06))
    limit.ledger.path.mkdir()
    assert "directory" in reservation.spend().lower()
    limit.ledger.path.rmdir()
    assert "the $0.06 already spent today" in refusal(limit, "", 0.06)
    assert len(limit.ledger.since(0)) == 1, "it is written with the next request"


@pytest.mark.skipif(not HAS_LIMIT, reason="this system has no such limit")
def test_what_the_journal_cannot_take_is_not_sent_under_a_daily_limit(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    limit, free = limit_of(home, max_usd_per_day=0.1), limit_of(home)
    for room in (0, 100):
        with no_file_over(room):
            assert "can't be checked" in refusal(limit, "", 0.01)
            (reservation,) = free.reserve("", charges(0.01))
        assert "The journal can't be written" in caplog.text
        assert limit.rooms()["day"] == pytest.approx(0.09)
        reservation.release()
    assert limit.rooms()["day"] == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "Free up disk space"),
        (errno.EMFILE, "Try again when fewer files are open"),
        (errno.EACCES, "readable and writable"),
    ],
)
def test_the_remedy_fits_why_the_daily_limit_cannot_be_checked(
    home: Path, monkeypatch: pytest.MonkeyPatch, number: int, remedy: str
) -> None:
    def fail(charges: object) -> None:
        raise OSError(number, os.strerror(number))

    limit = limit_of(home, max_usd_per_day=0.1)
    monkeypatch.setattr(limit.journal, "reserve", fail)
    assert remedy in refusal(limit, "", 0.01)


def test_while_another_process_reserves_a_daily_limit_waits_and_refuses_in_the_end(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit, free, another = limit_of(home, max_usd_per_day=0.1), limit_of(home), Journal(home)
    with another.alone(patience=0.0):
        monkeypatch.setattr(spending_limit, "PATIENCE", 0.05)
        said = refusal(limit, "", 0.01)
        assert said.startswith("Not sent. Your daily limit can't be checked (")
        assert "Try again later" in said
        free.reserve("", charges(0.01))
        monkeypatch.setattr(spending_limit, "PATIENCE", 60.0)
        reserved: list[Reservation] = []
        thread = threading.Thread(target=lambda: reserved.extend(limit.reserve("", charges(0.01))))
        thread.start()
    thread.join(60)
    assert len(reserved) == 1


def test_only_so_many_runs_are_remembered(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spending_limit, "MAX_RUNS", 3)
    limit = limit_of(home, max_usd_per_run=0.01)
    runs = [next(NAMES) for _ in range(5)]
    for run in runs:
        limit.reserve(run, charges(0.01))
    refusal(limit, runs[-1], 0.01)
    limit.reserve(runs[0], charges(0.01))


def test_on_the_sandbox_a_refusal_says_that_nothing_is_charged_there(home: Path) -> None:
    said = refusal(limit_of(home, "sandbox", max_usd_per_run=0.05), next(NAMES), 0.06)
    assert "This would cost about $0.06 on Venice (free in the sandbox); your limit" in said
    assert "sandbox" not in refusal(limit_of(home, max_usd_per_run=0.05), next(NAMES), 0.06)
