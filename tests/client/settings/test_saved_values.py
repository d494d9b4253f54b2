"""Settings that are written into the file, and those that only the page uses."""

from __future__ import annotations

import json
import os
import stat
import sys
import threading
import time
from pathlib import Path

import pytest

from venice_client.errors import SettingsError
from venice_client.settings.api_key import ApiKey
from venice_client.settings.settings import (
    forget_key,
    load_settings,
    save_key,
    save_values,
)

CANARY = "vn-canary-0123456789"


def write(home: Path, text: str) -> None:
    (home / "venice.json").write_text(text, encoding="utf-8")


def written(home: Path) -> dict[str, str]:
    values: dict[str, str] = json.loads((home / "venice.json").read_text())
    return values


def test_what_changes_is_written_and_the_rest_stays(home: Path) -> None:
    save_values([home], {"VENICE_API_KEY": "test-key", "VENICE_STORE_MB": "5"})
    save_values([home], {"VENICE_STORE_MB": None, "VENICE_MAX_USD_PER_RUN": "none"})
    assert written(home) == {"VENICE_API_KEY": "test-key", "VENICE_MAX_USD_PER_RUN": "none"}
    assert stat.S_IMODE((home / "venice.json").stat().st_mode) == 0o600


def test_settings_of_a_file_that_served_in_its_place_come_along(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    save_values([second], {"VENICE_API_KEY": "test-key"})
    save_values([first, second], {"VENICE_ASK_ABOVE_USD": "2"})
    assert written(first) == {"VENICE_API_KEY": "test-key", "VENICE_ASK_ABOVE_USD": "2"}


def test_a_key_is_forgotten_wherever_it_lies(tmp_path: Path) -> None:
    homes = [tmp_path / "first", tmp_path / "second"]
    for home in homes:
        values = {"VENICE_API_KEY": "test-key", "VENICE_API_BASE": "http://127.0.0.1:1"}
        save_values([home], {**values, "VENICE_STORE_MB": "5"})
    forget_key(homes)
    assert [written(home) for home in homes] == [{"VENICE_STORE_MB": "5"}] * 2


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(SettingsError, match="Can't save the settings"):
        save_values([tmp_path / "file"], {"VENICE_STORE_MB": "5"})


@pytest.mark.parametrize(
    ("text", "is_on"), [("true", True), ("1", True), ("Yes", True), ("off", False), ("0", False)]
)
def test_a_switch(home: Path, text: str, is_on: bool) -> None:
    environ = {"VENICE_HOME": str(home), "VENICE_SHOW_ALL_INPUTS": text}
    assert load_settings(environ=environ).show_all_inputs is is_on


@pytest.mark.parametrize(
    ("name", "text"), [("VENICE_SHOW_ALL_INPUTS", "perhaps"), ("VENICE_ASK_ABOVE_USD", "-1")]
)
def test_what_the_page_uses_is_checked(home: Path, name: str, text: str) -> None:
    with pytest.raises(SettingsError, match=name):
        load_settings(environ={"VENICE_HOME": str(home), name: text})


def test_saving_a_key_keeps_the_other_settings(home: Path) -> None:
    write(home, '{"VENICE_TIMEOUT": 60, "VENICE_API_KEY": "old"}')
    path = save_key([home], ApiKey(CANARY))
    settings = load_settings()
    assert path == home / "venice.json"
    assert settings.key == ApiKey(CANARY)
    assert settings.timeout == 60.0
    assert [file.name for file in home.iterdir()] == ["venice.json"]


@pytest.mark.parametrize("before", [{}, {"VENICE_API_BASE": "https://stale.example/v1"}])
@pytest.mark.parametrize("base_url", ["https://api.venice.ai/api/v1", "http://127.0.0.1:1/api/v1"])
def test_a_key_is_saved_with_its_address_and_no_other(
    home: Path, before: dict[str, str], base_url: str
) -> None:
    write(home, json.dumps(before))
    save_key([home], ApiKey(CANARY), base_url)
    assert load_settings().base_url == base_url


def test_a_key_that_cannot_be_saved_lies_nowhere(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows, where a file that someone reads cannot be replaced."""

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(SettingsError, match="Permission denied"):
        save_key([home], ApiKey(CANARY))
    assert list(home.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")
def test_only_its_owner_reads_the_file(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        path = save_key([tmp_path / "new" / "home"], ApiKey(CANARY))
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")
def test_a_file_that_others_could_read_is_closed_to_them(home: Path) -> None:
    write(home, "{}")
    (home / "venice.json").chmod(0o644)
    assert stat.S_IMODE(save_key([home], ApiKey(CANARY)).stat().st_mode) == 0o600


def test_settings_are_saved_while_other_threads_read_them(home: Path) -> None:
    """On Windows, a file that someone reads can't be replaced."""
    save_key([home], ApiKey("first-key"))
    stop, errors = threading.Event(), list[Exception]()

    def read() -> None:
        while not stop.is_set():
            try:
                assert load_settings().key is not None
            except Exception as error:
                errors.append(error)
            time.sleep(0.001)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for number in range(20):
            save_key([home], ApiKey(f"key-number-{number}"))
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert errors == []
    assert load_settings().key == ApiKey("key-number-19")
