"""The address: which is valid, and that a key never goes to the address of another one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from venice_client import VeniceClient
from venice_client.settings import settings as credentials
from venice_client.settings.settings import (
    Settings,
    is_loopback,
    load_settings,
    normalized_base_url,
)

CANARY = "vn-canary-0123456789"


def write(home: Path, text: str) -> None:
    (home / "venice.json").write_text(text, encoding="utf-8")


OTHER = "https://other.example/v1"


@pytest.mark.parametrize(
    ("environ", "base_url", "is_said"),
    [
        ({}, OTHER, False),
        ({"VENICE_API_KEY": CANARY}, OTHER, False),
        ({"VENICE_API_KEY": "another-key"}, credentials.DEFAULT_BASE_URL, True),
        ({"VENICE_API_KEY": "sandbox"}, credentials.DEFAULT_BASE_URL, False),
        ({"VENICE_API_KEY": "another-key", "VENICE_API_BASE": OTHER}, OTHER, False),
        ({"VENICE_API_KEY": "x", "VENICE_API_BASE": "http://[::1]:1"}, "http://[::1]:1", False),
        ({"VENICE_API_BASE": "http://[::1]:1"}, "http://[::1]:1", False),
    ],
)
def test_an_address_in_the_file_belongs_to_the_key_in_the_file(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    environ: dict[str, str],
    base_url: str,
    is_said: bool,
) -> None:
    path = home / "venice.json"
    write(home, json.dumps({"VENICE_API_KEY": CANARY, "VENICE_API_BASE": OTHER}))
    path.chmod(0o600)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    settings = load_settings()

    assert settings.base_url == base_url
    assert bool(settings.warnings) is is_said
    if is_said:
        assert "VENICE_API_BASE" in settings.warnings[0]


def test_an_address_without_a_key_beside_it_is_for_no_key_of_the_environment(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(home, json.dumps({"VENICE_API_BASE": OTHER}))
    assert load_settings().base_url == OTHER
    monkeypatch.setenv("VENICE_API_KEY", CANARY)
    assert load_settings().base_url == credentials.DEFAULT_BASE_URL


@pytest.mark.parametrize("given", [(), ("settings",)])
@pytest.mark.parametrize("saved", [CANARY, None])
def test_a_key_in_code_never_goes_to_the_address_of_the_saved_one(
    home: Path, saved: str | None, given: tuple[str, ...]
) -> None:
    key = {"VENICE_API_KEY": saved} if saved else {}
    write(home, json.dumps({**key, "VENICE_API_BASE": OTHER}))
    settings = load_settings() if given else None

    def address(**named: str) -> str:
        return VeniceClient(settings, **named).service.base_url

    assert address(key="another-key") == credentials.DEFAULT_BASE_URL
    assert address(key="another-key", base_url="http://[::1]:1") == "http://[::1]:1"
    if saved:
        assert address(key=saved) == address() == OTHER


def test_a_key_in_code_goes_to_the_address_of_the_environment_or_of_its_settings(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(home, json.dumps({"VENICE_API_KEY": CANARY, "VENICE_API_BASE": "https://[::1]/v1"}))
    monkeypatch.setenv("VENICE_API_BASE", OTHER)
    assert VeniceClient(key="another-key").service.base_url == OTHER
    settings = Settings(home, base_url=OTHER)
    assert VeniceClient(settings, key="another-key").service.base_url == OTHER


@pytest.mark.parametrize(
    ("typed", "normal"),
    [
        ("https://api.venice.ai/api/v1/", "https://api.venice.ai/api/v1"),
        (" HTTPS://API.Venice.AI/api/v1 ", "https://api.venice.ai/api/v1"),
        ("https://api.venice.ai:443/api/v1", "https://api.venice.ai/api/v1"),
        ("https://example.org:8443/v1", "https://example.org:8443/v1"),
        ("http://127.0.0.1:8188/api/v1", "http://127.0.0.1:8188/api/v1"),
        ("http://localhost:1", "http://localhost:1"),
        ("http://[::1]:5/x", "http://[::1]:5/x"),
    ],
)
def test_base_url(typed: str, normal: str) -> None:
    assert normalized_base_url(typed) == normal


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["", "0.0.0.0", "10.0.0.1", "127.0.0.1.example.org", "localhost.x"]
)
def test_not_this_machine(host: str) -> None:
    assert not is_loopback(host)
