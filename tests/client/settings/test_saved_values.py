"""Settings that are written into the file, and those that only the page uses."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from venice_client.errors import SettingsError
from venice_client.settings.settings import forget_key, load_settings, save_values


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
