"""`login`: the address that goes with a key, and when it cannot go on."""

from __future__ import annotations

import io
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest

from faulty_sandbox import Sandbox

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
    monkeypatch.setattr("venice_client.settings.settings._read_file", lambda _path: {})
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
    assert end.json["error"]["message"].startswith("Enter a key.")


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


def saved(home: Path) -> Any:
    return json.loads((home / "venice.json").read_text(encoding="utf-8"))


def test_the_address_that_the_key_is_for_is_saved_with_it(
    cli: Any, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the key of another service would go to Venice as soon as the variable is gone."""
    give(monkeypatch, KEY)

    end = cli("login")

    assert f"works with {sandbox.base_url}" in end.out
    assert "VENICE_API_BASE" in end.out
    monkeypatch.delenv("VENICE_API_BASE")
    assert cli("account").lines[0] == f"service  {sandbox.base_url}"


def test_a_saved_address_is_kept_for_a_key_that_works_there(
    cli: Any, home: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VENICE_API_BASE")
    (home / "venice.json").write_text(json.dumps({"VENICE_API_BASE": sandbox.base_url}))
    asked = []
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("getpass.getpass", lambda prompt: asked.append(prompt) or KEY)

    end = cli("login", "--json")

    assert asked == [f"Key for {sandbox.base_url} (hidden): "]
    assert end.json["base_url"] == sandbox.base_url
    assert saved(home) == {"VENICE_API_KEY": KEY, "VENICE_API_BASE": sandbox.base_url}


def test_no_address_is_saved_with_the_word_sandbox(
    cli: Any, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It means the built-in one; a key that follows it may be for another service."""
    stale = {"VENICE_API_BASE": "https://stale.example/v1", "VENICE_TIMEOUT": "60"}
    (home / "venice.json").write_text(json.dumps(stale))
    give(monkeypatch, "sandbox")

    end = cli("login")

    assert end.code == 0
    assert "works with sandbox" in end.out
    assert saved(home) == {"VENICE_API_KEY": "sandbox", "VENICE_TIMEOUT": "60"}


def test_without_a_key_the_error_names_a_command_that_works_from_anywhere(
    cli: Any, home: Path, sandbox: Sandbox, tmp_path: Path
) -> None:
    """ComfyUI's portable Python finds no module by -m; -I stands for it here."""
    said = cli("generate", "a fox").err
    command = said.split("`")[1]
    assert command.endswith("venice_client login")
    python, *rest = shlex.split(command, posix=sys.platform != "win32")

    end = subprocess.run(
        [python, "-I", *rest], cwd=tmp_path, input=KEY, capture_output=True, text=True, check=False
    )

    assert end.returncode == 0, end.stderr
    assert saved(home) == {"VENICE_API_KEY": KEY, "VENICE_API_BASE": sandbox.base_url}


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")
def test_a_settings_file_that_others_can_read_is_said_once(
    cli: Any, home: Path, sandbox: Sandbox
) -> None:
    path = home / "venice.json"
    path.write_text(json.dumps({"VENICE_API_KEY": KEY, "VENICE_API_BASE": sandbox.base_url}))
    path.chmod(0o644)

    end = cli("account", "--json")

    assert end.code == 0
    assert end.json["service"] == sandbox.base_url
    assert end.err.splitlines() == [
        f"note: Others on this machine can read {path}, where your key is saved: run chmod 600 on "
        "it."
    ]
    path.chmod(0o600)
    assert cli("account").err == ""


@pytest.mark.long
def test_a_key_of_the_environment_never_goes_to_a_saved_address(
    cli: Any, home: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Venice itself stands for it here, which no test reaches."""
    saved_there = {"VENICE_API_KEY": "saved-key", "VENICE_API_BASE": sandbox.base_url}
    (home / "venice.json").write_text(json.dumps(saved_there))
    monkeypatch.delenv("VENICE_API_BASE")
    monkeypatch.setenv("VENICE_API_KEY", KEY)
    monkeypatch.setattr("venice_client.settings.settings.DEFAULT_BASE_URL", "http://127.0.0.1:1")

    end = cli("account")

    assert end.code == 1
    assert "VENICE_API_BASE" in end.err
    assert sandbox.requests == []


@pytest.mark.parametrize(("mode", "says"), [(0o600, True), (0o644, False)])
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")
def test_it_says_that_the_file_is_private_only_if_it_is(
    cli: Any, home: Path, monkeypatch: pytest.MonkeyPatch, mode: int, says: bool
) -> None:
    """Not on Windows, and not on a drive that keeps no modes."""
    file = home / "venice.json"
    file.write_text("{}")
    file.chmod(mode)
    monkeypatch.setattr("venice_client.login.save_key", lambda *_: file)
    give(monkeypatch, KEY)

    assert ("Only you can read this file." in cli("login").out) is says
    monkeypatch.setattr("venice_client.cli.login.sys.platform", "win32")
    give(monkeypatch, KEY)
    assert "Only you" not in cli("login").out
