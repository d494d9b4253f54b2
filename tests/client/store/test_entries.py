"""Entries of the store: heads alone are read, older ones stay valid, nothing unreadable is lost."""

from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from venice_client.store import result_cache
from venice_client.store.result_cache import MAX_UNREADABLE, ResultCache
from venice_client.transport.response import Response

PNG = {"content-type": "image/png"}


def put(store: ResultCache, key: str, body: bytes = b"picture", **facts: object) -> None:
    assert store.put(key, Response(PNG, body, 0.1), facts) == ""


def put_version_1(home: Path, key: str, body: bytes = b"picture", **facts: Any) -> Path:
    """An entry as the first version of the pack wrote it."""
    folder = home / "results"
    folder.mkdir(exist_ok=True)
    rest = json.dumps({"time": 1000.0, "headers": PNG, **facts}).encode() + b"\n" + body
    first = f"venice-result 1 {hashlib.sha256(rest).hexdigest()}\n".encode()
    path = folder / f"{key}.result"
    path.write_bytes(first + rest)
    return path


def set_time(monkeypatch: pytest.MonkeyPatch, when: float) -> None:
    monkeypatch.setattr(result_cache, "time", SimpleNamespace(time=lambda: when))


def test_an_entry_of_version_1_is_shown_and_listed(home: Path) -> None:
    put_version_1(home, "old", model="a-model")
    store = ResultCache(home, 64)

    response = store.get("old")

    assert response is not None
    assert (response.body, response.headers, response.from_store) == (b"picture", PNG, True)
    (entry,) = store.entries()
    assert entry.facts["model"] == "a-model"
    assert entry.was_shown is None


@pytest.mark.parametrize("place", [5, 14, 16, 40, 81, 90, -10, -1])
def test_a_damaged_entry_of_version_1_is_set_aside(home: Path, place: int) -> None:
    path = put_version_1(home, "old")
    harmed = bytearray(path.read_bytes())
    harmed[place] ^= 1
    path.write_bytes(harmed)
    store = ResultCache(home, 64)

    assert store.get("old") is None
    assert not path.exists()
    assert [file.read_bytes() for file in store.unreadable.iterdir()] == [bytes(harmed)]


def test_a_list_leaves_out_what_is_cut_short(home: Path) -> None:
    store = ResultCache(home, 64)
    put(store, "a")
    path = home / "results" / "a.result"
    path.write_bytes(path.read_bytes()[:-1])
    assert store.entries() == []


def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the entries that are opened from now on."""
    names, real = list[str](), Path.open

    def note(path: Path, *args: Any, **more: Any) -> Any:
        names.append(path.stem)
        return real(path, *args, **more)

    monkeypatch.setattr(Path, "open", note)
    return names


def test_the_last_few_are_found_without_opening_all(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ResultCache(home, 64)
    for number in range(100):
        with monkeypatch.context() as patch:
            set_time(patch, 1000.0 + 10 * number)
            put(store, str(number))
    store.finish_sweep()
    for number in range(100):
        when = 1000 + 10 * number
        os.utime(home / "results" / f"{number}.result", (when, when))
    assert store.get("3") is not None  # made long ago, used now
    names = opened(monkeypatch)

    assert [entry.key for entry in store.entries(5)] == ["99", "98", "97", "96", "95"]
    assert sorted(set(names)) == ["3", "95", "96", "97", "98", "99"]

    names.clear()
    assert [entry.key for entry in store.entries(since=1985.0)] == ["99"]
    assert set(names) <= {"3", "98", "99"}
    assert len(store.entries()) == 100
    is_even = store.entries(2, matches=lambda entry: int(entry.key) % 2 == 0)
    assert [entry.key for entry in is_even] == ["98", "96"]


def test_heads_alone_are_read_for_a_list(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = ResultCache(home, 1024)
    put(store, "large", bytes(20 * 2**20))
    read = list[int]()

    class Counting:
        """A file that counts what is read of it."""

        def __init__(self, file: Any) -> None:
            self._file = file

        def __enter__(self) -> Any:
            self._file.__enter__()
            return self

        def __exit__(self, *args: object) -> None:
            self._file.__exit__(*args)

        def readline(self, size: int) -> bytes:
            line = self._file.readline(size)
            read.append(len(line))
            return bytes(line)

        def __getattr__(self, name: str) -> Any:
            assert name in ("fileno", "tell"), name
            return getattr(self._file, name)

    opens = Path.open
    monkeypatch.setattr(Path, "open", lambda path, *args, **more: Counting(opens(path, *args)))

    assert len(store.entries()) == 1
    assert sum(read) < 2000


def test_one_entry_is_found_by_its_key(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = ResultCache(home, 64)
    for key in ("one", "another"):
        put(store, key, model=f"the model of {key}")
    monkeypatch.setattr(store, "_files", lambda: pytest.fail("the folder is looked through"))

    entry = store.entry("one")
    assert entry is not None
    assert (entry.key, entry.facts["model"]) == ("one", "the model of one")
    assert store.entry("none") is None
    (home / "results" / "another.result").write_bytes(b"damaged")
    assert store.entry("another") is None


def test_what_was_shown_is_noted(home: Path) -> None:
    store = ResultCache(home, 64)
    put(store, "a")
    put(store, "b")
    store.mark_shown("a")
    store.mark_shown("a")
    store.mark_shown("none")
    assert {entry.key: entry.was_shown for entry in store.entries()} == {"a": True, "b": False}
    response = store.get("a")
    assert response is not None
    assert response.body == b"picture"
    path = put_version_1(home, "old")
    before = path.read_bytes()
    store.mark_shown("old")
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("kind", "ending"),
    [
        ("image/avif", ".avif"),
        ("application/json; charset=utf-8", ".json"),
        ("text/html", ".bin"),
        ("image/../x", ".bin"),
        ("", ".bin"),
    ],
)
def test_what_cannot_be_read_is_set_aside_as_it_came(home: Path, kind: str, ending: str) -> None:
    store = ResultCache(home, 64)
    response = Response({"content-type": kind}, b"no picture", 0.1)
    store.put("a", response, {})

    path = store.quarantine("a", response.checksum)

    assert path is not None
    assert path.parent == home / "results" / "unreadable"
    assert path.suffix == ending
    assert path.read_bytes() == b"no picture"
    assert path.stat().st_mode & 0o777 == 0o600
    assert "a" not in store
    assert store.quarantine("a", response.checksum) is None


def test_another_answer_that_came_since_stays(home: Path) -> None:
    store = ResultCache(home, 64)
    put(store, "a", b"good")
    assert store.quarantine("a", Response({}, b"bad", 0.1).checksum) is None
    assert "a" in store


def test_what_is_set_aside_is_bounded_and_the_oldest_go(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ResultCache(home, 64)

    def quarantine(number: int, size: int = 10) -> Path:
        response = Response(PNG, bytes([number]) * size, 0.1)
        store.put("a", response, {})
        path = store.quarantine("a", response.checksum)
        assert path is not None
        os.utime(path, (1000 + number, 1000 + number))
        return path

    paths = [quarantine(number) for number in range(MAX_UNREADABLE + 3)]
    assert sorted(store.unreadable.iterdir()) == paths[3:]
    assert len({path.name for path in paths}) == len(paths)

    monkeypatch.setattr(result_cache, "MAX_UNREADABLE_BYTES", 25)
    quarantine(100)
    assert len(list(store.unreadable.iterdir())) == 2
    large = quarantine(101, 100)
    assert list(store.unreadable.iterdir()) == [large]


def test_a_folder_that_cannot_be_made_leaves_it_where_it_is(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = ResultCache(home, 64)
    put(store, "a")
    store.unreadable.write_bytes(b"in the way")
    assert store.quarantine("a", Response({}, b"picture", 0.1).checksum) is None
    assert "a" in store
    assert "couldn't be quarantined" in caplog.text


def test_clear_removes_what_was_set_aside_as_well(home: Path) -> None:
    store = ResultCache(home, 64)
    put(store, "a")
    put(store, "b")
    store.quarantine("a", Response({}, b"picture", 0.1).checksum)
    assert store.clear() == 1
    assert list(store.unreadable.iterdir()) == []
    assert store.usage() == (0, 0)


def test_an_order_by_time_made_even_where_times_are_of_tomorrow(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ResultCache(home, 64)
    now = time.time()
    for number, key in enumerate(("a", "b", "c")):
        with monkeypatch.context() as patch:
            set_time(patch, now + 86_400 + number)
            put(store, key)
            store.finish_sweep()
    assert [entry.key for entry in store.entries()] == ["c", "b", "a"]
