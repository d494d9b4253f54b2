"""Files are whole or not there, also where there is no room for them."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from full_disk import HAS_LIMIT, no_file_over
from venice_client import write_atomic, write_new

Write = Callable[[Path, bytes], None]


@pytest.fixture
def here(tmp_path: Path) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    return folder


def atomic(path: Path, data: bytes) -> None:
    write_atomic(path, data, prefix=".aside-")


def new(path: Path, data: bytes) -> None:
    write_new(path, data, prefix=".aside-")


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


def test_a_new_file_has_the_mode_of_new_files(here: Path) -> None:
    (here / "usual").touch()
    new(here / "new", b"")
    atomic(here / "ours", b"")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in here.iterdir()}
    assert modes["new"] == modes["usual"]
