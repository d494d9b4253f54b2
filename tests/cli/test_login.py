"""`login` when it cannot go on."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest

from venice_client.sandbox import Sandbox

KEY = "test-key"


@pytest.fixture(autouse=True)
def _no_key(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VENICE_API_KEY")


def give(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_a_home_that_cannot_be_written_is_said_before_anything_is_sent(
    cli: Any, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "taken").write_text("a file, no folder")
    monkeypatch.setenv("VENICE_HOME", str(tmp_path / "taken" / "home"))
    give(monkeypatch, KEY)

    end = cli("login", "--json")

    assert end.code == 2
    assert end.json["error"]["type"] == "SettingsError"
    assert "VENICE_HOME" in end.err
    assert sandbox.requests == []


def test_a_key_that_cannot_be_written_leaves_nothing_behind(
    cli: Any, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "venice.json").mkdir()  # which no file replaces
    monkeypatch.setattr("venice_client.credentials._read_file", lambda _path: {})
    give(monkeypatch, KEY)

    end = cli("login", "--json")

    assert end.code == 2
    assert end.json["error"]["type"] == "SettingsError"
    assert [path.name for path in home.iterdir()] == ["venice.json"]


def test_the_end_of_the_input_on_a_terminal_is_no_key(
    cli: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ctrl_d(_prompt: str) -> NoReturn:
        raise EOFError

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("getpass.getpass", ctrl_d)

    end = cli("login", "--json")

    assert end.code == 2
    assert end.json["error"]["message"].startswith("No key was given")


@pytest.mark.skipif(sys.platform == "win32", reason="opens a pipe as stdin")
def test_bytes_that_are_no_text_are_no_key(
    cli: Any, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, write = os.pipe()
    os.write(write, b"\xff\xfe\n")
    os.close(write)
    with os.fdopen(read, encoding="utf-8") as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        end = cli("login")

    assert end.code == 2
    assert len(end.err.splitlines()) == 1
    assert not (home / "venice.json").exists()
