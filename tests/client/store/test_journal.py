"""What is open in the journal, for the limits of every process and for the start after a kill."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from io import FileIO
from pathlib import Path

import pytest

from clock import set_to_noon
from full_disk import HAS_LIMIT, no_file_over
from spenders import SERVICE, Spender, spend_together
from venice_client.store import file_lock, journal
from venice_client.store import ledger as ledgers
from venice_client.store.journal import FOLDER, Journal
from venice_client.store.ledger import Charge

ROOT = Path(__file__).resolve().parents[3]
needs_full_disk = pytest.mark.skipif(not HAS_LIMIT, reason="this system has no such limit")


def charge(number: int = 0, usd: float = 0.01) -> Charge:
    return Charge("a-model", "image", usd, True, SERVICE, "a run", time.time(), f"{number:016x}")


def files_in(home: Path) -> list[Path]:
    """The files of processes."""
    return list((home / FOLDER).glob("*.jsonl"))


def seen_by(other: Journal) -> list[str]:
    with other.alone(patience=5.0):
        return sorted(charge.id for charge in other.open_charges())


def written(journal: Journal) -> list[str]:
    return [charge.id for charge in journal.ledger.since(0)]


@pytest.fixture
def here(home: Path) -> Journal:
    return Journal(home)


@pytest.fixture
def there(home: Path) -> Journal:
    """The journal of another process: each object has a file of its own."""
    return Journal(home)


def test_others_see_what_is_open_and_the_file_is_there_as_long(
    here: Journal, there: Journal, home: Path
) -> None:
    one, two = charge(1), charge(2)
    here.reserve([one, two])
    (path,) = files_in(home)
    if os.name != "nt":
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700
    assert seen_by(there) == [one.id, two.id]
    here.note_sent(one, True)
    assert here.end(two)
    assert seen_by(there) == seen_by(here) == [one.id]
    there.reserve([two])
    assert len(files_in(home)) == 2
    assert seen_by(here) == [one.id, two.id]
    assert here.settle(one) == ""
    assert seen_by(here) == [two.id]
    assert there.end(two)
    assert len(files_in(home)) == 0
    assert written(here) == [one.id]


def test_a_charge_ends_once(here: Journal) -> None:
    one, two = charge(1), charge(2)
    here.reserve([one, two])
    assert here.end(one)
    assert not here.end(one)
    here.settle(one)
    here.settle(two)
    here.settle(two)
    assert not here.end(two)
    assert written(here) == [two.id]


def test_threads_reserve_and_settle_side_by_side(here: Journal, there: Journal, home: Path) -> None:
    def spend(first: int) -> None:
        for number in range(first, first + 50):
            here.reserve([charge(number)])
            here.note_sent(charge(number), True)
            here.settle(charge(number)) if number % 2 else here.end(charge(number))

    threads = [threading.Thread(target=spend, args=(1000 * number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(here.ledger.since(0)) == 100
    assert seen_by(there) == []
    assert len(files_in(home)) == 0


@pytest.mark.parametrize(
    "text",
    [b"reserved {}\n", b"sent \xff\n", b"\x00\n\n", b"ended", b"7 x\n", b"9" * 5000 + b" x\n"],
)
def test_lines_that_mean_nothing_are_skipped(
    here: Journal, there: Journal, home: Path, text: bytes
) -> None:
    here.reserve([charge(1)])
    (path,) = files_in(home)
    with path.open("ab") as file:
        file.write(text)
    assert seen_by(there) == [charge(1).id]


@pytest.mark.parametrize("is_killed", [True, False])
def test_what_a_process_had_in_flight_when_it_ended_is_told_once(
    home: Path, here: Journal, there: Journal, is_killed: bool
) -> None:
    spender = Spender.start(home, None, tries=3, then="send")
    spend_together([spender])
    assert here.orphaned() == [], "it is still alive"
    spender.end(kill=is_killed)

    assert len(here.orphaned()) == len(here.orphaned()) == 3
    assert here.ledger.since(0) == []
    assert seen_by(here) == []
    assert len(here.ledger.since(0)) == 3
    said = "3 requests were in flight when an earlier session ended (a-model). You may have been"
    assert f"{said} charged about $0.03 without receiving the images." in here.take_news()
    assert here.take_news() == there.take_news() == ""
    assert here.orphaned() == seen_by(there) == []
    assert len(files_in(home)) == 0


@pytest.mark.parametrize("hours", [-12, 0, 12])
def test_a_file_that_its_process_may_be_about_to_lock_stays_for_a_while(
    home: Path, here: Journal, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    """However the clock was set meanwhile."""
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + hours * 3600)
    (home / FOLDER).mkdir()
    path = home / FOLDER / "new.jsonl"
    path.touch()
    assert seen_by(here) == []
    assert path.exists()
    os.utime(path, (1000, 1000))
    assert seen_by(here) == []
    assert not path.exists()


def test_a_file_that_its_process_locks_while_another_one_looks_stays(
    home: Path, here: Journal, there: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its first line may come as soon as whoever looks lets go, who has read none."""
    release, wait = journal.unlock, journal.wait_for_lock

    def let_the_other_write(file: FileIO) -> None:
        release(file)
        monkeypatch.setattr(journal, "unlock", release)
        go_on.set()
        assert has_written.wait(60)

    def lock(file: FileIO, patience: float) -> bool:
        is_created.set()
        assert go_on.wait(60)
        return wait(file, patience)

    def reserve() -> None:
        here.reserve([charge(1)])
        has_written.set()

    is_created, go_on, has_written = (threading.Event() for _ in range(3))
    monkeypatch.setattr(journal, "wait_for_lock", lock)
    monkeypatch.setattr(journal, "unlock", let_the_other_write)
    thread = threading.Thread(target=reserve)
    thread.start()
    assert is_created.wait(60)
    assert seen_by(there) == []
    thread.join()
    assert len(files_in(home)) == 1
    assert seen_by(there) == [charge(1).id]
    here.end(charge(1))


@pytest.mark.parametrize("moved", [-1000, -25, -15, -5, 5])
def test_orphans_count_on_the_day_they_are_found_in_a_long_ledger(
    home: Path, here: Journal, monkeypatch: pytest.MonkeyPatch, moved: int
) -> None:
    """moved: by how many lines the first part to be read begins behind them."""
    set_to_noon(monkeypatch)
    later = max(0, ledgers.FIRST_READ // len(charge().line()) + moved)
    (home / FOLDER).mkdir()
    old = [replace(charge(number), time=time.time() - 86_400) for number in range(20)]
    lines = [b"reserved " + each.line() + f"sent {each.id}\n".encode() for each in old]
    (home / FOLDER / "dead.jsonl").write_bytes(b"".join(lines))
    here.ledger.path.write_bytes(b"".join(charge(1000 + number).line() for number in range(600)))
    assert seen_by(here) == []
    with here.ledger.path.open("ab") as file:
        file.writelines(charge(2000 + number).line() for number in range(later))

    ledgers._days.clear()
    assert here.ledger.spent_today(SERVICE) == pytest.approx(0.01 * (600 + 20 + later))


def test_a_charge_written_late_counts_on_the_day_of_writing(
    here: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_to_noon(monkeypatch)
    old = replace(charge(1), time=time.time() - 86_400)
    here.reserve([old])
    assert here.settle(old) == ""
    assert here.ledger.spent_today(SERVICE) == pytest.approx(0.01)


def test_the_sandbox_charges_nothing_so_nothing_is_told(home: Path, here: Journal) -> None:
    (home / FOLDER).mkdir()
    free = replace(charge(1), service="sandbox")
    data = b"reserved " + free.line() + b"sent " + free.id.encode() + b"\n"
    (home / FOLDER / "dead.jsonl").write_bytes(data)
    assert here.orphaned() == []
    assert seen_by(here) == []
    assert len(files_in(home)) == len(here.ledger.since(0)) == 0


def test_what_version_0_2_left_in_flight_is_told_once(home: Path, here: Journal) -> None:
    for name in ("in-flight", "reserved"):
        (home / name).mkdir()
    note = charge(0).line()
    (home / "in-flight" / "7-x.jsonl").write_bytes(b"1 " + note + b"2 " + note + b"1\n3 " + note)
    (home / "reserved" / "7-x-abc").write_bytes(b"0000000000000.020000")
    (home / "reserved" / ".lock").touch()
    assert seen_by(here) == []
    assert len(here.ledger.since(0)) == 2
    here.reserve([charge(1)])
    assert sorted(path.name for path in home.iterdir()) == ["journal", "ledger.jsonl"]


def test_what_cannot_be_moved_to_the_ledger_counts_until_it_can(
    here: Journal, there: Journal, home: Path
) -> None:
    here.reserve([charge(1)])
    here.note_sent(charge(1), True)
    (path,) = files_in(home)
    data = path.read_bytes()
    here.end(charge(1))
    path.write_bytes(data)  # as a killed process leaves it
    there.ledger.path.mkdir()
    with pytest.raises(OSError, match=r"directory|denied"):
        seen_by(there)
    there.ledger.path.rmdir()
    assert seen_by(there) == []
    assert len(there.ledger.since(0)) == 1


def test_what_cannot_be_written_to_the_ledger_counts_and_is_written_later(
    here: Journal, there: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    one, two = charge(1), charge(2)
    here.reserve([one, two])
    here.ledger.path.mkdir()
    assert "directory" in here.settle(one).lower()
    assert "can't be added to the ledger yet" in caplog.text
    assert not here.end(one)
    here.ledger.path.rmdir()
    assert seen_by(there) == [one.id, two.id]
    assert here.settle(two) == ""
    assert written(here) == [one.id, two.id]
    assert seen_by(there) == []


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="it has no such limit")
def test_with_too_many_files_open_a_charge_is_written_later(here: Journal, there: Journal) -> None:
    import resource

    here.reserve([charge(1)])
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.open(os.devnull, os.O_RDONLY)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
    try:
        assert here.settle(charge(1)) == "Too many open files"
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert seen_by(there) == [charge(1).id]
    assert here.write_owed() == ""
    assert len(here.ledger.since(0)) == 1
    assert seen_by(there) == []


def test_what_is_reserved_while_no_file_can_be_made_is_in_the_file_that_comes(
    here: Journal, there: Journal, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process without a daily limit goes on; for the others it counts as soon as it can."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    one, two = charge(1), charge(2)
    with monkeypatch.context() as patch:
        patch.setattr(journal, "create_file", refuse)
        with pytest.raises(OSError, match="No space"):
            here.reserve([one])
        here.note_sent(one, True)
    here.reserve([two])
    assert seen_by(there) == [one.id, two.id]
    (path,) = files_in(home)
    assert f"sent {one.id}" in path.read_text()
    here.end(two)
    assert seen_by(there) == [one.id]


@needs_full_disk
def test_what_a_full_disk_cut_is_written_with_the_next_line(
    here: Journal, there: Journal, home: Path
) -> None:
    here.reserve([charge(1)])
    (path,) = files_in(home)
    for number, more in enumerate((1, 40, 150), start=2):
        with (
            no_file_over(path.stat().st_size + more),
            pytest.raises(OSError, match=r"No space|too large"),
        ):
            here.reserve([charge(number)])
        assert len(seen_by(here)) == number
        here.note_sent(charge(number), True)
        assert seen_by(there) == [charge(n).id for n in range(1, number + 1)]
    with no_file_over(path.stat().st_size):
        here.end(charge(1))
    assert seen_by(there) == [charge(n).id for n in range(1, 5)]
    here.end(charge(2))
    assert seen_by(there) == [charge(3).id, charge(4).id]


def test_without_locks_a_process_counts_itself_and_says_so_once(
    here: Journal,
    there: Journal,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(_file: int, _is_locked: bool) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    def wait(_seconds: float) -> None:
        raise AssertionError("it will never be free")

    monkeypatch.setattr(file_lock, "_set_lock", fail)
    file_lock.tell_of_no_locks.cache_clear()
    monkeypatch.setattr(time, "sleep", wait)
    for each in (here, there):
        each.reserve([charge(1)])
        each.reserve([charge(2)])
        assert seen_by(each) == [charge(1).id, charge(2).id]
        assert each.settle(charge(1)) == ""
        each.end(charge(2))
    assert len(files_in(home)) == 0
    assert caplog.text.count("has no locks") == 1


def test_while_another_process_is_alone_nobody_else_is(here: Journal, there: Journal) -> None:
    with here.alone(patience=0.0), pytest.raises(TimeoutError), there.alone(patience=0.05):
        pass
    with there.alone(patience=0.0):
        pass


FORK = """
import os, sys, threading, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from venice_client.errors import SpendingLimitError
from venice_client.settings.settings import Settings
from venice_client.store.ledger import Charge
from venice_client.store.spending_limit import SpendingLimit

home = Path(sys.argv[2])
limit = SpendingLimit(Settings(home, max_usd_per_day=0.05), sys.argv[3])
parents = limit.reserve("", [Charge("m", "image", 0.01)] * 2)
parents[0].note_sent(True)

held, over = threading.Event(), threading.Event()
def hold() -> None:
    with limit.journal.turn, limit.journal.alone(5.0):
        held.set()
        over.wait()
threading.Thread(target=hold, daemon=True).start()
held.wait()
readable, writable = os.pipe()
is_third, third_reserved = os.pipe()
if child := os.fork():
    over.set()
    os.read(readable, 1)
    (third,) = limit.reserve("", [Charge("m", "image", 0.01)])
    os.write(third_reserved, b"x")
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(status, len(list((home / "journal").glob("*.jsonl"))), flush=True)
    for reservation in (*parents, third):
        reservation.spend()
else:
    end = 1
    try:
        for reservation in parents:  # they are the parent's
            reservation.release()
            reservation.spend()
        os.write(writable, b"x")
        os.read(is_third, 1)
        reserved = 0
        while True:
            try:
                limit.reserve("", [Charge("m", "image", 0.01)])[0].note_sent(True)
                reserved += 1
            except SpendingLimitError:
                if reserved == 2:
                    end = 0
                break
    finally:
        os._exit(end)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_forked_process_has_a_journal_of_its_own_and_leaves_its_parents(home: Path) -> None:
    code = [sys.executable, "-W", "ignore", "-c", FORK, str(ROOT), str(home), SERVICE]
    run = subprocess.run(code, capture_output=True, text=True, timeout=120, check=False)
    assert run.stdout == "0 2\n", run.stderr
    assert len(Journal(home).ledger.since(0)) == 3
    assert len(Journal(home).orphaned()) == 2, "what the child had in flight"
