"""What a put removes, and what it never does: limits, the last day, a thread of its own."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from venice_client.store import cache_evictor
from venice_client.store.cache_evictor import ABANDONED_AFTER, SWEEP_EVERY, CacheEvictor
from venice_client.store.entry_file import ASIDE
from venice_client.store.result_cache import ResultCache
from venice_client.transport.response import Response

MB = 1_000_000


def put(store: ResultCache, *keys: str, size: int = MB) -> None:
    for key in keys:
        assert store.put(key, Response({}, bytes(size), 0.1), {}) == ""
        store.finish_sweep()


def keys(store: ResultCache) -> set[str]:
    return {entry.key for entry in store.entries()}


def age(home: Path, *keys: str, hours: float = 25) -> None:
    """Let these entries be of so many hours ago."""
    for key in keys:
        when = time.time() - hours * 3600
        os.utime(home / "results" / f"{key}.result", (when, when))


def test_opening_and_listing_do_nothing_on_disk(home: Path) -> None:
    put(ResultCache(home, 64), "a", "b", "c")
    before = {path: path.stat().st_mtime_ns for path in (home / "results").iterdir()}

    small = ResultCache(home, 1)
    small.entries()
    small.usage()
    small.peek("a")
    small.finish_sweep()

    assert before == {path: path.stat().st_mtime_ns for path in (home / "results").iterdir()}
    ResultCache(home / "new", 64).entries()
    assert not (home / "new").exists()


@pytest.mark.parametrize("hours", [-12, 0, 12])
def test_a_file_being_written_stays_however_the_clock_was_set(
    home: Path, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    real = time.time
    put(ResultCache(home, 64), "a")
    written = home / "results" / f"{ASIDE}1"
    written.touch()
    monkeypatch.setattr(time, "time", lambda: real() + hours * 3600)
    CacheEvictor(home / "results", 64 * MB).sweep()
    assert written.exists()

    old = real() - 2 * ABANDONED_AFTER
    os.utime(written, (old, old))
    CacheEvictor(home / "results", 64 * MB).sweep()
    assert not written.exists()


def test_of_the_old_the_least_recently_used_go_first(home: Path) -> None:
    store = ResultCache(home, 3.5)
    put(store, "a", "b", "c")
    for key, hours in (("a", 26), ("b", 28), ("c", 27)):
        age(home, key, hours=hours)

    put(store, "d")
    assert keys(store) == {"a", "c", "d"}
    put(store, "e")
    assert keys(store) == {"a", "d", "e"}


def test_what_was_generated_in_the_last_day_stays_up_to_twice_the_limit(home: Path) -> None:
    """A run of 19 MB with a limit of 10 MB: none of it is paid for again if it fails."""
    run = [f"run-{number}" for number in range(19)]
    store = ResultCache(home, 10)
    put(store, "old", "older")
    age(home, "old", "older")

    put(store, *run)
    assert keys(store) == {*run}

    put(ResultCache(home, 10), "new", size=MB // 2)  # after a restart
    assert keys(store) == {*run, "new"}

    age(home, *run, "new", hours=24.1)
    put(ResultCache(home, 10), "next")
    assert store.usage()[1] <= 10 * MB
    assert "next" in keys(store)


def test_what_was_used_in_the_last_day_stays_too(home: Path) -> None:
    store = ResultCache(home, 2.5)
    put(store, "a", "b", "c")
    age(home, "a", "b", "c")
    assert store.get("a") is not None

    put(store, "d", "e")

    assert keys(store) == {"a", "d", "e"}


def test_beyond_twice_the_limit_the_least_recently_used_go(home: Path) -> None:
    store = ResultCache(home, 2.1)
    for number in range(6):
        put(store, str(number))
        age(home, str(number), hours=1 - number / 10)
    assert keys(store) == {"2", "3", "4", "5"}


@pytest.mark.parametrize(("size", "fits"), [(MB, True), (4 * MB, True), (4 * MB + 1, False)])
def test_room_is_twice_the_limit(home: Path, size: int, fits: bool) -> None:
    assert ResultCache(home, 2).room_for(size) is fits
    assert not ResultCache(home, 0).room_for(size)


def test_a_put_does_not_wait_for_the_sweep(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sweep at a time, in a thread of its own; what falls due meanwhile is one more."""
    going, goes_on, sweeps = threading.Event(), threading.Event(), list[str]()

    def sweep(_: object) -> None:
        sweeps.append(threading.current_thread().name)
        going.set()
        assert goes_on.wait(60)

    monkeypatch.setattr(cache_evictor.CacheEvictor, "sweep", sweep)
    store = ResultCache(home, 64)
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
    store = ResultCache(home, 1.25)
    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", lambda path: 1 / 0)
        put(store, "a")
    assert "could not be swept" in caplog.text

    put(store, "b", "c", "d")

    assert keys(store) == {"c", "d"}


def test_without_another_thread_the_next_put_sweeps(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ResultCache(home, 0.75)

    def refuse(_: object) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        put(store, "a", "b")
    assert keys(store) == {"a", "b"}

    put(store, "c", size=100)

    assert keys(store) == {"b", "c"}


def test_shrink_removes_recent_ones_too(home: Path) -> None:
    store = ResultCache(home, 64)
    put(store, "a", "b", "c", "d")
    age(home, "c", hours=30)

    assert ResultCache(home, 64).shrink(1.5) == 3

    assert keys(store) == {"d"}
