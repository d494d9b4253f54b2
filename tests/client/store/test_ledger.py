"""What was spent is written down once, by several processes, and read again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from clock import set_to_noon
from venice_client.store import ledger as ledgers
from venice_client.store.ledger import Charge, Ledger, start_of_day

ROOT = Path(__file__).resolve().parents[3]
CHARGE = Charge("a-model", "image", 0.01, True, "https://api.venice.ai/api/v1", "a run")

WRITER = """
import sys, time
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from venice_client.store import ledger
ledger.MAX_BYTES = 20_000
book = ledger.Ledger(Path(sys.argv[2]))
for number in range(500):
    charge = ledger.Charge("m", "image", 0.01, True, "s", f"{sys.argv[3]}-{number}", time.time())
    assert book.add(charge)
"""


def now(charge: Charge = CHARGE) -> Charge:
    return replace(charge, time=time.time())


def test_a_charge_is_one_line_of_json_for_the_user_alone(home: Path) -> None:
    ledger = Ledger(home / "new")
    charge = now()
    assert ledger.add(charge)

    assert json.loads(ledger.path.read_text()) == {
        "time": charge.time,
        "service": "https://api.venice.ai/api/v1",
        "model": "a-model",
        "kind": "image",
        "usd": 0.01,
        "is_known": True,
        "run": "a run",
    }
    assert ledger.path.stat().st_mode & 0o777 == 0o600
    assert ledger.since(0) == [charge]


def test_processes_write_side_by_side_and_no_line_is_lost(home: Path) -> None:
    """Also where they put full ledgers away at the same time."""
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(ROOT), str(home), name])
        for name in "abc"
    ]
    assert [writer.wait(120) for writer in writers] == [0, 0, 0]
    runs = sorted(charge.run for charge in Ledger(home).since(0))
    assert runs == sorted(f"{name}-{number}" for name in "abc" for number in range(500))
    assert len(list(home.glob("ledger-*.jsonl"))) > 3


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"{}\n",
        b"null\n",
        b"\xff\xfe\n",
        b'{"time": NaN}\n',
        b"[" * 100_000 + b"\n",
        replace(CHARGE, time=float("nan")).line(),
        replace(CHARGE, time=1e300).line(),
        replace(CHARGE, time=5.0, usd=float("nan")).line(),
        replace(CHARGE, time=5.0, usd=float("inf")).line(),
        replace(CHARGE, time=5.0, usd=-1.0).line(),
        replace(CHARGE, time=5.0, model=7).line(),  # type: ignore[arg-type]
        replace(CHARGE, time=5.0).line()[:-20],
    ],
)
def test_a_torn_or_foreign_line_is_skipped(home: Path, line: bytes) -> None:
    ledger = Ledger(home)
    first, last = now(), now()
    ledger.add(first)
    with ledger.path.open("ab") as file:
        file.write(line)
    ledger.add(last)
    assert ledger.since(0) == [first, last]


def test_a_model_named_as_a_line_begins_is_read_as_it_is(home: Path) -> None:
    ledger = Ledger(home)
    odd = now(replace(CHARGE, model='x{"time": 5', run='\n{"time": 1}\n'))
    ledger.add(odd)
    assert ledger.since(0) == [odd]


def test_only_the_end_of_a_long_ledger_is_read(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger, lines = Ledger(home), 5000
    begin = time.time() - 100_000
    text = b"".join(replace(CHARGE, time=begin + 10 * i).line() for i in range(lines))
    ledger.path.write_bytes(text)
    read, real = list[bytes](), ledgers.read_charge
    monkeypatch.setattr(ledgers, "read_charge", lambda line: read.append(line) or real(line))

    for last in (0, 1, 10, 1000, 4999, 5000):
        when = begin + 10 * (lines - last) - 5
        assert len(ledger.since(when)) == last
    read.clear()
    ledger.since(begin + 10 * (lines - 10))
    assert len(read) < 500


def test_full_ledgers_are_put_away_and_the_oldest_go(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledgers, "MAX_BYTES", 1000)
    ledger = Ledger(home)
    for _ in range(20):
        ledger.add(now())
    full = sorted(home.glob("ledger-*.jsonl"))
    assert 2 <= len(full) <= 4
    assert len(ledger.since(0)) == 20
    os.utime(full[0], (1000, 1000))
    for _ in range(10):
        ledger.add(now())
    assert not full[0].exists()

    monkeypatch.setattr(ledgers, "MAX_FULL", 2)
    for _ in range(10):
        ledger.add(now())
    assert len(list(home.glob("ledger-*.jsonl"))) == 2


def test_a_day_is_local_and_begins_at_midnight(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_to_noon(monkeypatch)
    ledger, service = Ledger(home), CHARGE.service
    midnight = start_of_day(ledgers.today())
    for when in (midnight - 1, midnight, midnight + 1):
        ledger.add(replace(CHARGE, time=when))
    ledger.add(replace(CHARGE, time=midnight + 1, service="sandbox"))
    ledger.add(replace(CHARGE, time=midnight + 1, usd=None, is_known=False))
    assert ledger.spent_today(service) == pytest.approx(0.02)
    assert ledger.spent_today("sandbox") == pytest.approx(0.01)
    assert ledgers.day_of(midnight) == ledgers.today()
    assert ledgers.day_of(midnight - 1) == ledgers.today() - timedelta(days=1)


def test_what_cannot_be_written_down_is_told(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    ledger = Ledger(home)
    ledger.path.mkdir()
    assert not ledger.add(now())
    assert "What was spent cannot be written down" in caplog.text
