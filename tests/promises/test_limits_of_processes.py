"""A limit holds for all processes on one home: busy, killed, or without a limit of their own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from spenders import SERVICE, Spender, spend_together, spent_today
from venice_client.errors import SpendingLimitError
from venice_client.settings.settings import Settings
from venice_client.store.ledger import Charge, Ledger
from venice_client.store.spending_limit import SpendingLimit


def limit_of(home: Path, per_day: float | None) -> SpendingLimit:
    return SpendingLimit(Settings(home, max_usd_per_day=per_day), SERVICE)


@pytest.fixture
def spenders() -> Iterator[list[Spender]]:
    """Processes that are ended with the test."""
    started: list[Spender] = []
    yield started
    for spender in started:
        spender.end()


@pytest.mark.long
def test_late_on_a_busy_day_processes_that_start_together_keep_to_one_limit(
    home: Path, spenders: list[Spender], is_long: bool
) -> None:
    charges, processes, room = (20_000, 24, 48) if is_long else (10_000, 8, 20)
    spent_today(home, charges)
    per_day = (charges + room) / 100
    spenders += [Spender.start(home, per_day, tries=room // 2) for _ in range(processes)]
    reserved, refusals = spend_together(spenders)
    assert reserved == room
    assert len(refusals) >= processes - 2
    assert all("Not sent." in text for text in refusals)


@pytest.mark.long
def test_a_process_without_a_daily_limit_counts_for_one_that_has_one(
    home: Path, spenders: list[Spender]
) -> None:
    spenders.append(Spender.start(home, None, tries=3))
    spend_together(spenders)
    limit = limit_of(home, 0.05)
    with pytest.raises(SpendingLimitError, match=r"\$0\.03 already spent today"):
        limit.reserve("", [Charge("m", "image", 0.03)])
    limit.reserve("", [Charge("m", "image", 0.02)])


@pytest.mark.long
def test_what_is_open_at_midnight_counts_for_the_new_day(
    home: Path, spenders: list[Spender], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here and in another process: the answer comes, and is charged, on the new day."""
    spenders.append(Spender.start(home, 0.09, tries=2))
    spend_together(spenders)
    limit = limit_of(home, 0.09)
    mine = limit.reserve("", [Charge("m", "image", 0.01)] * 3)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 86_400)
    with pytest.raises(SpendingLimitError):
        limit.reserve("", [Charge("m", "image", 0.01)] * 5)
    assert len(limit.reserve("", [Charge("m", "image", 0.01)] * 4)) == 4
    mine[0].spend()
    (line,) = limit.ledger.since(0)
    assert line.time == now + 86_400


@pytest.mark.long
def test_what_a_killed_process_had_in_flight_counts_once_if_several_start_together(
    home: Path, spenders: list[Spender], is_long: bool
) -> None:
    for killed in range(15 if is_long else 3):
        sent = Spender.start(home, None, tries=5, then="send")
        waiting = [Spender.start(home, None, tries=1) for _ in range(4)]
        spenders += waiting
        assert spend_together([sent])[0] == 5
        sent.end(kill=True)
        spend_together(waiting)
        assert len(Ledger(home).since(0)) == 5 * (killed + 1)


def test_who_is_killed_while_taking_over_leaves_nothing_and_counts_nothing_twice(
    home: Path,
) -> None:
    """It has written some lines, and the file of the killed process is still there."""
    killed = [Spender.start(home, None, tries=5, then=then) for then in ("send", "")]
    spend_together(killed)
    for spender in killed:
        spender.end(kill=True)
    files = {path: path.read_bytes() for path in (home / "journal").glob("*.jsonl")}
    assert len(files) == 2

    limit_of(home, None).reserve("", [Charge("m", "image", 0.01)])[0].release()
    lines = (home / "ledger.jsonl").read_bytes().splitlines(keepends=True)
    assert len(lines) == 5, "what was reserved only is not charged"

    (home / "ledger.jsonl").write_bytes(b"".join(lines[:2]))
    for path, data in files.items():
        path.write_bytes(data)
    limit = limit_of(home, 1.0)
    limit.reserve("", [Charge("m", "image", 0.01)])[0].release()
    assert limit.ledger.spent_today(SERVICE) == pytest.approx(0.05)
    assert "3 requests were in flight" in limit.journal.take_news()
    assert not list((home / "journal").glob("*.jsonl"))
