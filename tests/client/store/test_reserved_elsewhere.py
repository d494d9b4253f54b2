"""What other processes have reserved; each object here stands for a process of its own."""

from __future__ import annotations

import errno
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from venice_client.store import in_flight, reserved_elsewhere
from venice_client.store.reserved_elsewhere import FOLDER, ReservedElsewhere

SERVICE = "https://api.venice.ai/api/v1"


@pytest.fixture
def here(home: Path) -> ReservedElsewhere:
    return ReservedElsewhere(home, SERVICE)


@pytest.fixture
def there(home: Path) -> ReservedElsewhere:
    return ReservedElsewhere(home, SERVICE)


def seen(by: ReservedElsewhere) -> float:
    with by.alone():
        return by.usd()


def test_others_see_the_last_that_was_told(
    here: ReservedElsewhere, there: ReservedElsewhere
) -> None:
    here.tell(0.5)
    here.tell(0.03)
    assert seen(there) == pytest.approx(0.03)
    assert seen(here) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be removed there")
def test_a_file_that_was_removed_is_made_again(
    here: ReservedElsewhere, there: ReservedElsewhere, home: Path
) -> None:
    here.tell(0.03)
    shutil.rmtree(home / FOLDER)
    here.tell(0.05)
    assert seen(there) == pytest.approx(0.05)


@pytest.mark.parametrize("text", [b"", b"nan", b"-5", b"\xff\x00 no number", b"0.01 and more"])
def test_a_file_with_anything_in_it_is_no_reason_to_fail(
    here: ReservedElsewhere, there: ReservedElsewhere, home: Path, text: bytes
) -> None:
    here.tell(1.0)
    (path,) = (home / FOLDER).glob("*-*")
    path.write_bytes(text)
    assert seen(there) == 0


def test_files_that_cannot_be_locked_are_not_left_and_cost_no_wait(
    here: ReservedElsewhere, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_file: Any) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    def wait(_seconds: float) -> None:
        raise AssertionError("it will never be free")

    for module in (in_flight, reserved_elsewhere):
        monkeypatch.setattr(module, "lock_file", fail)
    monkeypatch.setattr(time, "sleep", wait)
    for _ in range(3):
        with here.alone():
            here.tell(0.03)
            assert here.usd() == 0
    assert list((home / FOLDER).glob("*-*")) == []
