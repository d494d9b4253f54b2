"""Files are whole or not there: on a full disk, in a closed folder, while one is held."""

from __future__ import annotations

import errno
import os
import stat
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from full_disk import HAS_LIMIT, no_file_over
from venice_client import files
from venice_client.files import (
    check_folder,
    create_file,
    make_folder,
    open_to_append,
    remove_file,
    replace_file,
    write_atomic,
    write_new,
)

Write = Callable[[Path, bytes], None]
HELD = "held by another program"
HELD_NUMBER = errno.EACCES if sys.platform == "win32" else errno.EBUSY


@pytest.fixture
def here(tmp_path: Path) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    return folder


def atomic(path: Path, data: bytes) -> None:
    write_atomic(path, data, prefix=".aside-")


def new(path: Path, data: bytes) -> None:
    write_new(path, data, prefix=".aside-")


def refuse(
    patch: pytest.MonkeyPatch, owner: Any, name: str, times: int, number: int = HELD_NUMBER
) -> list[Path]:
    """Let a call fail so many times as if another program held the file; note its first path."""
    original, tried = getattr(owner, name), list[Path]()

    def call(path: Path, *args: Any, **named: Any) -> Any:
        tried.append(path)
        if len(tried) <= times:
            raise OSError(number, HELD)
        return original(path, *args, **named)

    patch.setattr(owner, name, call)
    return tried


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits, which take no time."""
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    return waits


@pytest.mark.skipif(not HAS_LIMIT, reason="this system has no such limit")
@pytest.mark.parametrize("write", [atomic, new])
def test_where_there_is_no_room_nothing_is_left(here: Path, write: Write) -> None:
    with no_file_over(1000), pytest.raises(OSError, match="File too large"):
        write(here / "a.png", bytes(100_000))
    assert list(here.iterdir()) == []
    write(here / "a.png", bytes(100_000))
    assert [(path.name, path.stat().st_size) for path in here.iterdir()] == [("a.png", 100_000)]


@pytest.mark.skipif(not HAS_LIMIT, reason="this system has no such limit")
def test_what_was_there_stays_where_there_is_no_room(here: Path) -> None:
    path = here / "a.png"
    path.write_bytes(b"old")
    with no_file_over(1000), pytest.raises(OSError, match="File too large"):
        atomic(path, bytes(100_000))
    with pytest.raises(FileExistsError):
        new(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(here.iterdir()) == [path]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")
@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_a_new_file_has_the_mode_of_new_files(here: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        (here / "usual").touch()
        new(here / "new", b"")
        write_atomic(here / "forced", b"", prefix=".", mode=files.SHARED)
        atomic(here / "ours", b"")
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in here.iterdir()}
    assert modes["new"] == modes["forced"] == modes["usual"]
    assert modes["ours"] == 0o600


@pytest.mark.parametrize("write", [atomic, new])
def test_a_scanner_that_holds_the_new_file_is_waited_for(
    here: Path, slept: list[float], monkeypatch: pytest.MonkeyPatch, write: Write
) -> None:
    """Each try renames the same file: a scanner opens every other one again."""
    rename = "rename" if write is new and sys.platform == "win32" else "replace"
    tried = refuse(monkeypatch, Path, rename, times=5)
    write(here / "a.png", b"new")
    assert (here / "a.png").read_bytes() == b"new"
    assert list(here.iterdir()) == [here / "a.png"]
    assert (len(tried), len(set(tried)), len(slept)) == (6, 1, 5)


@pytest.mark.parametrize("write", [atomic, new])
def test_a_file_that_stays_held_leaves_nothing_behind(
    here: Path, slept: list[float], monkeypatch: pytest.MonkeyPatch, write: Write
) -> None:
    """Also if the scanner holds what is to be removed: for a while."""
    rename = "rename" if write is new and sys.platform == "win32" else "replace"
    refuse(monkeypatch, Path, rename, times=1000)
    removed = refuse(monkeypatch, Path, "unlink", times=3)
    with pytest.raises(OSError, match=HELD):
        write(here / "a.png", b"new")
    assert list(here.iterdir()) == []
    assert len(removed) > 3
    assert 1 < sum(slept) < 10


@pytest.mark.parametrize("write", [atomic, new])
def test_a_folder_that_refuses_files_fails_at_once(
    here: Path, slept: list[float], monkeypatch: pytest.MonkeyPatch, write: Write
) -> None:
    """Python's tempfile would try 2**31 names on Windows."""
    tried = refuse(monkeypatch, os, "open", 1000, errno.EACCES)
    for action in (lambda: write(here / "a.png", b"new"), lambda: check_folder(here)):
        tried.clear()
        with pytest.raises(PermissionError):
            action()
        assert len(tried) == 1
    assert slept == []


@pytest.mark.skipif(sys.platform == "win32", reason="there it means that a program holds the file")
@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM])
def test_what_the_user_has_no_right_to_fails_at_once(
    here: Path, slept: list[float], monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """As in a home folder of another user, where each charge would take two seconds."""
    for owner, name in ((os, "open"), (Path, "replace"), (Path, "unlink")):
        refuse(monkeypatch, owner, name, 1000, number)
    for action in (
        lambda: open_to_append(here / "log"),
        lambda: replace_file(here / "a", here / "b"),
        lambda: remove_file(here / "a"),
    ):
        with pytest.raises(PermissionError):
            action()
    assert slept == []


def test_too_many_open_files_for_a_moment_are_waited_for(
    here: Path, slept: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    original, tries = os.open, list[int]()

    def crowded(*args: Any) -> int:
        tries.append(1)
        if len(tries) < 4:
            raise OSError(24, "Too many open files")
        return original(*args)

    monkeypatch.setattr(os, "open", crowded)
    atomic(here / "a.png", b"new")
    assert (here / "a.png").read_bytes() == b"new"
    assert len(slept) == 3


def test_files_of_random_names_are_new_and_binary(here: Path) -> None:
    one, path = create_file(here, "1-", ".jsonl")
    two, other = create_file(here, "1-", ".jsonl")
    with one, two:
        one.write(b"a\n")
        one.seek(0)
        assert one.read() == b"a\n"
    assert path != other
    assert {path.read_bytes(), other.read_bytes()} == {b"a\n", b""}
    assert path.name.startswith("1-")
    assert path.suffix == ".jsonl"


def test_what_is_appended_goes_to_the_end(here: Path) -> None:
    for line in (b"one\n", b"two\n"):
        with open_to_append(here / "log") as file:
            file.write(line)
    assert (here / "log").read_bytes() == b"one\ntwo\n"


def test_a_file_that_is_gone_counts_as_removed(here: Path) -> None:
    remove_file(here / "gone")


@pytest.mark.parametrize("system", ["linux", "win32"])
def test_a_folder_on_windows_inherits_its_rights(
    here: Path, monkeypatch: pytest.MonkeyPatch, system: str
) -> None:
    """From Python 3.12.4 on, a mode there sets rights that can lock the user out."""
    made, original = list[dict[str, Any]](), Path.mkdir

    def mkdir(path: Path, **named: Any) -> None:
        made.append(named)
        original(path, **named)

    monkeypatch.setattr(Path, "mkdir", mkdir)
    monkeypatch.setattr("venice_client.files.sys.platform", system)
    make_folder(here / "results")
    assert ("mode" in made[0]) == (system == "linux")
    assert (here / "results").is_dir()


def test_one_wait_for_a_file_handle_is_enough(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal's and the ledger's writers wait for each other: many waits would add up."""
    slept: list[float] = []
    monkeypatch.setattr(files.time, "sleep", slept.append)
    monkeypatch.setattr(files, "_full_until", 0.0)

    def refuse(*_: object) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(files.os, "open", refuse)
        for _ in range(3):
            with pytest.raises(OSError, match="Too many"):
                files.open_to_append(here / "journal")
    assert sum(slept) == pytest.approx(sum(files.PAUSES) + 2 * files.PAUSES[0])
    with files.open_to_append(here / "journal") as file:
        file.write(b"a")
    assert (here / "journal").read_bytes() == b"a"
