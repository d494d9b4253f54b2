"""What a put removes, and what it never does: limits, protected runs, a thread of its own."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from venice_client.store import sweeper
from venice_client.store.result_store import ResultStore
from venice_client.store.sweeper import IN_USE_FOR, SWEEP_EVERY
from venice_client.transport.response import Response

MB = 1_000_000


def put(store: ResultStore, *keys: str, size: int = MB) -> None:
    for key in keys:
        assert store.put(key, Response({}, bytes(size), 0.1), {}) == ""
        store.finish_sweep()


def keys(store: ResultStore) -> set[str]:
    return {entry.key for entry in store.entries()}


def another_process() -> None:
    """What was put until now was put by another process."""
    sweeper._put_here.clear()


def test_opening_and_listing_do_nothing_on_disk(home: Path) -> None:
    put(ResultStore(home, 64), "a", "b", "c")
    before = {path: path.stat().st_mtime_ns for path in (home / "results").iterdir()}

    small = ResultStore(home, 1)
    small.entries()
    small.usage()
    small.peek("a")
    small.finish_sweep()

    assert before == {path: path.stat().st_mtime_ns for path in (home / "results").iterdir()}
    ResultStore(home / "new", 64).entries()
    assert not (home / "new").exists()


def test_of_two_limits_the_larger_counts_while_both_are_in_use(home: Path) -> None:
    large, small = ResultStore(home, 8), ResultStore(home, 2)
    put(large, "a", "b", "c", "d")
    another_process()

    put(small, "e")
    assert keys(small) == {"a", "b", "c", "d", "e"}

    marker = home / "results" / f".limit-{8 * MB}"
    past = time.time() - IN_USE_FOR - 10
    os.utime(marker, (past, past))
    put(ResultStore(home, 2.5), "f")
    assert keys(small) == {"e", "f"}
    assert not marker.exists()


def test_a_limit_stays_in_use_by_every_put(home: Path) -> None:
    store = ResultStore(home, 8)
    put(store, "a", size=100)
    marker = home / "results" / f".limit-{8 * MB}"
    os.utime(marker, (1000, 1000))

    put(store, "b", size=100)

    assert marker.stat().st_mtime > time.time() - 3600


def test_a_run_larger_than_the_store_is_kept_whole_until_it_has_ended_well(home: Path) -> None:
    """40 pictures of 1 MB with a limit of 10 MB: none of them is paid for again."""
    run = [f"run-{number}" for number in range(40)]
    store = ResultStore(home, 10)
    put(store, "old")
    another_process()
    assert not store.room_for(40 * MB)
    store.protect("a run", run)
    put(store, *run)
    another_process()
    other = ResultStore(home, 10)  # the next start
    put(other, "new", size=100)
    assert keys(other) == {*run, "new"}

    store.unprotect("a run")
    store.finish_sweep()

    assert store.usage()[1] <= 10 * MB
    assert "new" in keys(store)


def test_a_run_that_ends_well_ends_the_protection_of_the_same_run_before_it(home: Path) -> None:
    store = ResultStore(home, 2.5)
    store.protect("failed", ["a", "b", "c", "d"])
    store.note_end("failed")
    store.note_failure("failed")
    store.protect("another", ["x"])
    store.note_failure("another")
    put(store, "x", "a", "b", "c")
    store.protect("again", ["a", "b", "c", "d"])
    put(store, "d")
    assert len(keys(store)) == 5

    store.unprotect("again")
    store.finish_sweep()

    assert keys(store) == {"x", "d"}


def test_the_next_run_ends_the_protection_of_the_one_before_it_unless_that_failed(
    home: Path,
) -> None:
    store = ResultStore(home, 2.5)
    store.protect("well", ["a", "b", "c"])
    put(store, "a", "b", "c")
    store.note_end("well")
    store.protect("fails", ["d", "e"])
    store.note_end("fails")
    store.note_failure("fails")
    put(store, "d", "e")
    assert keys(store) == {"d", "e"}

    store.protect("next", ["f"])
    put(store, "f")
    assert keys(store) == {"d", "e", "f"}


def test_runs_at_the_same_time_do_not_end_the_protection_of_each_other(home: Path) -> None:
    store = ResultStore(home, 2.5)
    store.protect("one", ["a", "b", "c"])
    store.protect("one", ["d"])
    store.note_end("one")
    put(store, "a", "b", "c")
    store.protect("two", ["a", "b", "c", "x"])
    put(store, "x")
    store.unprotect("two")
    put(store, "y")
    store.finish_sweep()
    assert keys(store) >= {"a", "b", "c"}, "a part of it goes on"

    store.note_end("one")
    store.protect("three", ["z"])
    put(store, "z")
    store.finish_sweep()
    assert not keys(store) >= {"a", "b", "c"}


def test_a_failed_run_is_protected_for_a_day(home: Path) -> None:
    store = ResultStore(home, 1.5)
    store.protect("failed", ["a", "b"])
    put(store, "a", "b")
    (of_run,) = (home / "results" / "protected").iterdir()
    past = time.time() - IN_USE_FOR - 10
    os.utime(of_run, (past, past))

    put(store, "c")

    assert keys(store) == {"c"}
    assert not of_run.exists()


@pytest.mark.parametrize(("size", "fits"), [(MB, True), (2 * MB, True), (2 * MB + 1, False)])
def test_room(home: Path, size: int, fits: bool) -> None:
    assert ResultStore(home, 2).room_for(size) is fits
    assert not ResultStore(home, 0).room_for(size)


def test_a_put_does_not_wait_for_the_sweep(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sweep at a time, in a thread of its own; what falls due meanwhile is one more."""
    going, goes_on, sweeps = threading.Event(), threading.Event(), list[str]()

    def sweep(_: object) -> None:
        sweeps.append(threading.current_thread().name)
        going.set()
        assert goes_on.wait(60)

    monkeypatch.setattr(sweeper.Sweeper, "sweep", sweep)
    store = ResultStore(home, 64)
    for number in range(3 * SWEEP_EVERY):
        assert store.put(str(number), Response({}, b"picture", 0.1), {}) == ""
    assert going.wait(60)
    assert sweeps == ["venice-sweep"]

    goes_on.set()
    store.finish_sweep()
    assert sweeps == ["venice-sweep"] * 2


def test_a_sweep_that_fails_is_told_and_the_next_one_takes_place(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = ResultStore(home, 2.5)
    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", lambda path: 1 / 0)
        put(store, "a")
    assert "could not be swept" in caplog.text

    put(store, "b", "c", "d")

    assert keys(store) == {"c", "d"}


def test_without_another_thread_the_next_put_sweeps(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ResultStore(home, 1.5)

    def refuse(_: object) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        put(store, "a", "b")
    assert keys(store) == {"a", "b"}

    put(store, "c", size=100)

    assert keys(store) == {"b", "c"}


def test_shrink_goes_below_the_limits_of_others_and_spares_protected_runs(home: Path) -> None:
    store = ResultStore(home, 64)
    store.protect("failed", ["a"])
    put(store, "a", "b", "c", "d")
    another_process()

    assert ResultStore(home, 64).shrink(1.5) == 3

    assert keys(store) == {"a"}


def test_beside_a_large_protected_run_the_last_others_have_a_tenth(home: Path) -> None:
    store = ResultStore(home, 10)
    run = [f"run-{number}" for number in range(12)]
    store.protect("a run", run)
    put(store, *run)
    put(store, *"abcde", size=MB // 3)
    assert keys(store) >= {*run, "d", "e"}
    assert "a" not in keys(store)
