"""What was on its way when a process was killed is told at the next start, and only then."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from venice_client.store.in_flight import InFlight
from venice_client.store.ledger import Charge

ROOT = Path(__file__).resolve().parents[3]
CHARGE = Charge("a-model", "image", 0.01, True, "a service", "a run")

SENDER = """
import sys, threading
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from venice_client.store.in_flight import InFlight
from venice_client.store.ledger import Charge
notes, goes_on, noted = InFlight(Path(sys.argv[2])), threading.Event(), threading.Semaphore(0)

def send(model):
    with notes.noted(Charge(model, "image", 0.01, True, "a service")) as note:
        note(True)
        noted.release()
        goes_on.wait()

models = ("first", "second", "third")
threads = [threading.Thread(target=send, args=(model,), daemon=True) for model in models]
for thread in threads:
    thread.start()
    noted.acquire()
with notes.noted(Charge("answered", "image", 0.01)) as note:
    note(True)
if sys.argv[3] == "clean":
    goes_on.set()
    for thread in threads:
        thread.join()
print("sent", flush=True)
sys.stdin.read()
"""


def sender(home: Path, how: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", SENDER, str(ROOT), str(home), how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "sent\n"
    return process


def end(process: subprocess.Popen[str], is_killed: bool) -> None:
    if is_killed:
        process.kill()
    process.communicate(timeout=60)


def test_what_a_killed_process_had_on_its_way_is_told_once(home: Path) -> None:
    process, notes = sender(home, "killed"), InFlight(home)
    assert notes.leftover() == [], "it is still alive"
    end(process, is_killed=True)

    left = notes.leftover()
    assert [note.model for note in left] == ["first", "second", "third"]
    assert {note.service for note in left} == {"a service"}
    assert all(abs(time.time() - note.time) < 3600 for note in left)
    assert InFlight(home).leftover() == left, "it was not told yet"

    notes.forget_leftover(left)
    assert notes.leftover() == []
    assert list((home / "in-flight").iterdir()) == []


def test_what_was_not_told_is_not_forgotten(home: Path) -> None:
    notes = InFlight(home)
    end(sender(home, "killed"), is_killed=True)
    left = notes.leftover()
    end(sender(home, "killed"), is_killed=True)
    notes.forget_leftover(left)
    assert len(notes.leftover()) == 3


@pytest.mark.parametrize("is_killed", [True, False])
def test_a_clean_answer_leaves_nothing(home: Path, is_killed: bool) -> None:
    end(sender(home, "clean"), is_killed)
    assert InFlight(home).leftover() == []
    assert list((home / "in-flight").iterdir()) == []


def test_a_file_without_notes_goes_in_time(home: Path) -> None:
    """Its process was killed before it wrote one; or it was made just now."""
    (home / "in-flight").mkdir()
    path = home / "in-flight" / "1-x.jsonl"
    path.touch()
    InFlight(home).forget_leftover([])
    assert path.exists()
    os.utime(path, (1000, 1000))
    InFlight(home).forget_leftover([])
    assert not path.exists()


def test_a_process_that_ends_by_itself_with_a_request_on_its_way_is_told_of(home: Path) -> None:
    end(sender(home, "left on its way"), is_killed=False)
    assert len(InFlight(home).leftover()) == 3


def test_notes_hold_no_more_than_the_charge_and_are_for_the_user_alone(home: Path) -> None:
    notes = InFlight(home)
    with notes.noted(CHARGE) as note:
        assert not (home / "in-flight").exists(), "it is not sent yet"
        note(True)
        (path,) = (home / "in-flight").iterdir()
        assert path.stat().st_mode & 0o777 == 0o600
        assert (home / "in-flight").stat().st_mode & 0o777 == 0o700
        assert b"a-model" in path.read_bytes()
        with notes.noted(CHARGE) as other:
            other(True)
            assert list((home / "in-flight").iterdir()) == [path]
    assert not path.exists()
    with notes.noted(CHARGE) as note:
        for _ in range(2):  # it failed uncharged, and is sent again
            note(True)
            note(True)
            assert len(list((home / "in-flight").iterdir())) == 1
            note(False)
            assert list((home / "in-flight").iterdir()) == []


def test_an_error_of_the_request_ends_its_note(home: Path) -> None:
    notes = InFlight(home)

    def lose() -> None:
        with notes.noted(CHARGE) as note:
            note(True)
            raise KeyError("lost")

    with pytest.raises(KeyError):
        lose()
    assert list((home / "in-flight").iterdir()) == []


def test_threads_note_side_by_side(home: Path) -> None:
    notes = InFlight(home)

    def send() -> None:
        for _ in range(200):
            with notes.noted(CHARGE) as note:
                note(True)

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list((home / "in-flight").iterdir()) == []


def test_no_trouble_with_notes_fails_a_request(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (home / "in-flight").write_bytes(b"in the way")
    notes = InFlight(home)
    for _ in range(3):
        with notes.noted(CHARGE) as note:
            note(True)
    assert "cannot be noted" in caplog.text
    assert notes.leftover() == []


def test_what_the_sandbox_makes_is_not_noted_since_it_charges_nothing(home: Path) -> None:
    for service, files in (("sandbox", 0), ("another", 1)):
        with InFlight(home).noted(Charge("a-model", "image", 0.01, True, service)) as note:
            note(True)
            assert len(list((home / "in-flight").glob("*"))) == files
