"""The ledger: one line a charge, from several processes, read once and only as far as it grew."""

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
from full_disk import HAS_LIMIT, no_file_over
from venice_client.store import ledger as ledgers
from venice_client.store.ledger import Charge, Ledger, start_of_day

ROOT = Path(__file__).resolve().parents[3]
SERVICE = "https://api.venice.ai/api/v1"
CHARGE = Charge("a-model", "image", 0.01, True, SERVICE, "a run", id="0123456789abcdef")

WRITER = """
import sys, time
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from venice_client.store.ledger import Charge, Ledger
ledger = Ledger(Path(sys.argv[2]))
for number in range(int(sys.argv[4])):
    ledger.add(Charge("m", "image", 0.01, True, "s", f"{sys.argv[3]}-{number}", time.time()))
"""


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The lines that a ledger reads from now on."""
    lines, real = list[bytes](), ledgers.read_charge
    monkeypatch.setattr(ledgers, "read_charge", lambda line: lines.append(line) or real(line))
    return lines


def now(charge: Charge = CHARGE) -> Charge:
    return replace(charge, time=time.time())


def append(path: Path, data: bytes) -> None:
    """What another process, or its end in the middle of a line, adds to a file."""
    with path.open("ab") as file:
        file.write(data)


def test_a_charge_is_one_line_of_json_for_the_user_alone(home: Path) -> None:
    ledger = Ledger(home / "new")
    charge = now()
    ledger.add(charge)

    assert json.loads(ledger.path.read_text()) == {
        "time": charge.time,
        "service": "https://api.venice.ai/api/v1",
        "model": "a-model",
        "kind": "image",
        "usd": 0.01,
        "is_known": True,
        "run": "a run",
        "id": "0123456789abcdef",
    }
    if os.name != "nt":
        assert ledger.path.stat().st_mode & 0o777 == 0o600
    assert ledger.since(0) == [charge]


def test_lines_of_version_0_2_have_no_id(home: Path) -> None:
    facts = json.loads(now().line())
    del facts["id"]
    append(home / "ledger.jsonl", json.dumps(facts).encode() + b"\n")
    (charge,) = Ledger(home).since(0)
    assert (charge.id, charge.usd) == ("", 0.01)


def test_processes_write_side_by_side_and_no_line_is_lost(home: Path) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(ROOT), str(home), name, "300"])
        for name in "abc"
    ]
    assert [writer.wait(120) for writer in writers] == [0, 0, 0]
    runs = sorted(charge.run for charge in Ledger(home).since(0))
    assert runs == sorted(f"{name}-{number}" for name in "abc" for number in range(300))


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
        replace(CHARGE, time=5.0, id=7).line(),  # type: ignore[arg-type]
        replace(CHARGE, time=5.0).line()[:-20],
    ],
)
def test_a_torn_or_foreign_line_is_skipped(home: Path, line: bytes) -> None:
    ledger = Ledger(home)
    first, last = now(), now()
    ledger.add(first)
    append(ledger.path, line)
    ledger.add(last)
    assert ledger.since(0) == [first, last]


def test_a_model_named_as_a_line_begins_is_read_as_it_is(home: Path) -> None:
    ledger = Ledger(home)
    odd = now(replace(CHARGE, model='x{"time": 5', run='\n{"time": 1}\n'))
    ledger.add(odd)
    assert ledger.since(0) == [odd]


def test_only_the_end_of_a_long_ledger_is_read(home: Path, read: list[bytes]) -> None:
    ledger, lines = Ledger(home), 5000
    begin = time.time() - 100_000
    append(ledger.path, b"".join(replace(CHARGE, time=begin + 10 * i).line() for i in range(lines)))

    for last in (0, 1, 10, 1000, 4999, 5000):
        when = begin + 10 * (lines - last) - 5
        assert len(ledger.since(when)) == last
    read.clear()
    ledger.since(begin + 10 * (lines - 10))
    assert len(read) < 2000


def test_the_full_ledgers_of_version_0_2_are_read_whatever_their_time(home: Path) -> None:
    """They were renamed when they were full, maybe a minute ago."""
    when = time.time() - 100
    names = ["ledger-1600000000000000000-7.jsonl", "ledger-1700000000000000000-7.jsonl"]
    for number, name in enumerate([*names, "ledger.jsonl"]):
        append(home / name, replace(CHARGE, time=when + number, run=name).line())
        os.utime(home / name, (1000, 1000))
    ledger = Ledger(home)
    assert [charge.run for charge in ledger.since(0)] == [*names, "ledger.jsonl"]
    assert len(ledger.since(when + 1)) == 2


def test_a_day_is_local_and_begins_at_midnight(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_to_noon(monkeypatch)
    ledger = Ledger(home)
    midnight = start_of_day(ledgers.today())
    for when in (midnight - 1, midnight, midnight + 1):
        ledger.add(replace(CHARGE, time=when))
    ledger.add(replace(CHARGE, time=midnight + 1, service="sandbox"))
    ledger.add(replace(CHARGE, time=midnight + 1, usd=None, is_known=False))
    assert ledger.spent_today(SERVICE) == pytest.approx(0.02)
    assert ledger.spent_today("sandbox") == pytest.approx(0.01)
    assert ledgers.day_of(midnight) == ledgers.today()
    assert ledgers.day_of(midnight - 1) == ledgers.today() - timedelta(days=1)


def test_today_is_read_whatever_the_time_of_the_file(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_to_noon(monkeypatch)
    Ledger(home).add(now())
    os.utime(home / "ledger.jsonl", (1000, 1000))
    assert Ledger(home).spent_today(SERVICE) == pytest.approx(0.01)
    assert len(Ledger(home).since(time.time() - 60)) == 1


def test_what_was_read_today_is_not_read_again(
    home: Path, monkeypatch: pytest.MonkeyPatch, read: list[bytes]
) -> None:
    set_to_noon(monkeypatch)
    append(home / "ledger.jsonl", now().line() * 500)
    assert Ledger(home).spent_today(SERVICE) == pytest.approx(5.0)
    read.clear()
    assert Ledger(home).spent_today(SERVICE) == pytest.approx(5.0)
    append(home / "ledger.jsonl", now().line() * 3)
    assert Ledger(home).spent_today(SERVICE) == pytest.approx(5.03)
    assert len(read) == 3


def test_half_a_line_is_read_once_it_is_whole(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_to_noon(monkeypatch)
    ledger, line = Ledger(home), now().line()
    append(ledger.path, line + line[:40])
    assert ledger.spent_today(SERVICE) == pytest.approx(0.01)
    append(ledger.path, line[40:])
    assert ledger.spent_today(SERVICE) == pytest.approx(0.02)
    append(ledger.path, line[:40] + line)
    assert ledger.spent_today(SERVICE) == pytest.approx(0.03)


def test_a_ledger_that_is_another_one_now_is_read_from_its_beginning(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_to_noon(monkeypatch)
    ledger = Ledger(home)

    def line(usd: float) -> bytes:
        return now(replace(CHARGE, usd=usd)).line()

    for is_same_file in (True, False):
        ledger.path.write_bytes(line(0.01) * 4)
        assert ledger.spent_today(SERVICE) == pytest.approx(0.04)
        ledger.path.write_bytes(line(0.02))
        assert ledger.spent_today(SERVICE) == pytest.approx(0.02)
        if not is_same_file:
            ledger.path.unlink()
            assert ledger.spent_today(SERVICE) == 0
        ledger.path.write_bytes(line(0.03) * 40)
        assert ledger.spent_today(SERVICE) == pytest.approx(1.2)


def test_at_midnight_a_new_day_begins(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_to_noon(monkeypatch)
    ledger, noon = Ledger(home), time.time()
    ledger.add(now())
    assert ledger.spent_today(SERVICE) == pytest.approx(0.01)
    monkeypatch.setattr(time, "time", lambda: noon + 86_400)
    assert ledger.spent_today(SERVICE) == 0
    ledger.add(replace(now(), usd=0.5))
    assert ledger.spent_today(SERVICE) == pytest.approx(0.5)
    monkeypatch.setattr(time, "time", lambda: noon)  # set back: nothing of it is forgotten
    assert ledger.spent_today(SERVICE) == pytest.approx(0.51)


def test_a_charge_of_a_clock_that_was_years_ahead_does_not_count_every_day(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_to_noon(monkeypatch)
    ledger = Ledger(home)
    for days in (1, 2, 1000):
        ledger.add(replace(CHARGE, time=time.time() + days * 86_400))
    ledger.add(now())
    assert ledger.spent_today(SERVICE) == pytest.approx(
        0.02
    )  # the first may be of a clock set back
    ledger.add(replace(CHARGE, time=time.time() + 1000 * 86_400))
    assert ledger.spent_today(SERVICE) == pytest.approx(0.02)


def test_a_charge_counts_as_open_until_its_line_is_there(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_to_noon(monkeypatch)
    ledger = Ledger(home)
    charge, other = now(), now(replace(CHARGE, service="another", id="0000"))
    assert ledger.spent_today(SERVICE, [charge, other]) == pytest.approx(0.01)
    ledger.add(charge)
    assert ledger.spent_today(SERVICE, [charge, other]) == pytest.approx(0.01)
    assert ledger.missing([charge, other]) == [other]


def test_a_line_that_cannot_be_written_is_an_error(home: Path) -> None:
    ledger = Ledger(home)
    ledger.path.mkdir()
    with pytest.raises(OSError, match=r"directory|denied"):
        ledger.add(now())


@pytest.mark.skipif(not HAS_LIMIT, reason="this system has no such limit")
def test_part_of_a_line_is_an_error_and_harms_no_other(home: Path) -> None:
    ledger, charge = Ledger(home), now()
    for room in (40, len(charge.line()) - 1):  # all of it but its end included
        ledger.path.unlink(missing_ok=True)
        with no_file_over(room), pytest.raises(OSError, match=r"No space|too large"):
            ledger.add(charge)
        assert ledger.missing([charge]) == [charge]
        ledger.add(charge)
        assert ledger.since(0) == [charge]
