"""Reservations: within the limits of run and day, ended once, and what a refusal says."""

from __future__ import annotations

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
from venice_client.errors import SpendingLimitError
from venice_client.settings.settings import Settings, load_settings
from venice_client.store import spending_limit
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


@given(st.lists(st.floats(0, 10), max_size=30), st.randoms(use_true_random=False))
def test_what_is_given_back_can_be_reserved_again(
    tmp_path_factory: pytest.TempPathFactory, usd: list[float], chance: random.Random
) -> None:
    limit, run = limit_of(Path("/nowhere"), max_usd_per_run=sum(usd)), next(NAMES)
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
        ("0.025", "0.025"),
        ("5", "5"),
        ("5.0", "5"),
        ("0.00001", "0.00001"),
        ("12345678.25", "12345678.25"),
        ("1000", "1000"),
        ("1e3", "1000"),
        ("0", "0"),
        ("0.1", "0.1"),
    ],
)
def test_limits_are_shown_as_they_were_set(home: Path, text: str, shown: str) -> None:
    names = {"VENICE_MAX_USD_PER_RUN": "run", "VENICE_MAX_USD_PER_DAY": "day"}
    for name, what in names.items():
        environ = {"VENICE_HOME": str(home), "VENICE_MAX_USD_PER_RUN": "none", name: text}
        limit = SpendingLimit(load_settings(None, environ), SERVICE)
        said = refusal(limit, "", 1e9)
        assert f"limit for one {what} is {shown} USD" in said
        assert name in said


def test_a_refusal_says_what_else_of_the_run_was_let_through(home: Path) -> None:
    limit, run = limit_of(home, max_usd_per_run=0.025), next(NAMES)
    assert "\n" not in refusal(limit, run, 0.03)
    one, two = limit.reserve(run, charges(0.01, 0.01))
    first, rest = refusal(limit, run, 0.01).split("\n")
    assert "about 0.01 USD on top of 0.02 USD before it in this run" in first
    assert "limit for one run is 0.025 USD" in first
    assert rest.startswith("2 other requests of it were let through before.")
    assert "is kept, and free when you queue again" in rest
    one.spend()
    two.release()
    said = refusal(limit, run, 0.02)
    assert "1 other request of this run was let through before." in said
    assert "kept" not in refusal(limit_of(home, max_usd_per_run=0.025, store_mb=0), run, 0.02)


def test_an_unknown_price_is_said(home: Path) -> None:
    limit = limit_of(home, max_usd_per_run=0.1)
    said = refusal(limit, "", 0.2, is_known=False)
    assert "it would cost up to 0.2 USD (a price that is not published counts as the most" in said
    assert "no price is known" in refusal(limit, "", 0.01, None)
    assert "VENICE_MAX_USD_PER_RUN=none" in refusal(limit, "", None)
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
    assert "about 0.04 USD on top of 0.07 USD before it today" in said
    assert "limit for one day is 0.1 USD" in said
    (last,) = limit.reserve("", charges(0.03))
    mine.spend()
    refusal(limit, "", 0.01)
    last.release()
    limit.reserve("", charges(0.03))
    limit_of(home, "sandbox", max_usd_per_day=1.0).reserve("", charges(0.5))
    limit_of(home / "elsewhere", max_usd_per_day=0.1).reserve("", charges(0.1))


def test_what_cannot_be_written_down_counts_all_the_same(home: Path) -> None:
    limit = limit_of(home, max_usd_per_day=0.1)
    limit.ledger.path.mkdir()
    with pytest.raises(SpendingLimitError, match="cannot be read"):
        limit.reserve("", charges(0.06))
    limit.ledger.path.rmdir()
    (reservation,) = limit.reserve("", charges(0.06))
    limit.ledger.path.mkdir()
    reservation.spend()
    limit.ledger.path.rmdir()
    assert "0.06 USD before it today" in refusal(limit, "", 0.06)


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
    assert "it would cost about 0.06 USD on Venice (nothing on the sandbox), and the limit" in said
    assert "sandbox" not in refusal(limit_of(home, max_usd_per_run=0.05), next(NAMES), 0.06)
