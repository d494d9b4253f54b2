"""The home folder: where it is, and which folders' settings count as well."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from venice_client.errors import SettingsError
from venice_client.settings import settings as credentials
from venice_client.settings.api_key import ApiKey
from venice_client.settings.settings import (
    Settings,
    home_folders,
    load_settings,
)

CANARY = "vn-canary-0123456789"


def write(home: Path, text: str) -> None:
    (home / "venice.json").write_text(text, encoding="utf-8")


def test_a_relative_home_is_where_it_was_first_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    last_parts = {"VENICE_HOME": ".", "XDG_DATA_HOME": "venice-nodes"}
    for variable, last in last_parts.items():
        if variable == "XDG_DATA_HOME" and sys.platform != "linux":
            continue
        environ = {variable: f"of {tmp_path.name}"}
        for folder in ("first", "second"):
            monkeypatch.chdir(tmp_path / folder)
            assert (
                load_settings(None, environ).home == tmp_path / "first" / environ[variable] / last
            )
    monkeypatch.chdir(tmp_path / "first")
    settings = Settings(Path("mine"))
    monkeypatch.chdir(tmp_path / "second")
    assert settings.home == tmp_path / "first" / "mine"


def test_venice_home_is_the_only_home_where_it_is_set(tmp_path: Path) -> None:
    assert home_folders(tmp_path, {"VENICE_HOME": "/somewhere"}) == [Path("/somewhere")]


@pytest.mark.skipif(sys.platform != "linux", reason="XDG_DATA_HOME is of Linux")
def test_the_folder_of_the_first_version_goes_on_being_used(tmp_path: Path) -> None:
    environ = {"XDG_DATA_HOME": str(tmp_path)}
    assert home_folders(None, environ)[-1] == tmp_path / "venice-nodes"
    (tmp_path / "comfyui-venice").mkdir()
    assert home_folders(None, environ)[-1] == tmp_path / "comfyui-venice"
    (tmp_path / "venice-nodes").mkdir()
    assert home_folders(None, environ)[-1] == tmp_path / "venice-nodes"


def test_comfyuis_folder_comes_before_the_platforms(tmp_path: Path) -> None:
    homes = home_folders(tmp_path, {"XDG_DATA_HOME": str(tmp_path / "data")})
    assert homes[0] == tmp_path
    assert len(homes) == 2


def test_a_key_in_the_platforms_folder_serves_comfyui_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = tmp_path / "platform"
    platform.mkdir()
    write(platform, json.dumps({"VENICE_API_KEY": "k"}))
    monkeypatch.setattr(credentials, "_platform_folder", lambda _environ: platform)

    settings = load_settings(tmp_path / "comfyui", environ={})

    assert settings.key == ApiKey("k")
    assert settings.home == tmp_path / "comfyui"


def test_a_machine_without_a_user_folder_needs_only_comfyuis(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container that runs under a user id that no one named."""

    def nobody() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nobody)
    assert load_settings(tmp_path, environ={}).home == tmp_path
    with pytest.raises(SettingsError, match="VENICE_HOME"):
        load_settings(environ={})
