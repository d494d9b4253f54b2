"""Settings: environment over file over default, and a clear word about each that is wrong."""

from __future__ import annotations

import json
import math
import sys
import traceback
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from venice_client.errors import SettingsError
from venice_client.settings import settings as credentials
from venice_client.settings.api_key import ApiKey
from venice_client.settings.settings import (
    Settings,
    load_settings,
)
from venice_client.transport.gate import FAILURES_THAT_LOCK_OUT

CANARY = "vn-canary-0123456789"


def write(home: Path, text: str) -> None:
    (home / "venice.json").write_text(text, encoding="utf-8")


def test_defaults(home: Path) -> None:
    assert load_settings() == Settings(
        home=home,
        key=None,
        base_url="https://api.venice.ai/api/v1",
        timeout=600.0,
        max_in_flight=8,
        store_mb=1024.0,
        max_usd_per_run=5.0,
        max_usd_per_day=None,
        warnings=(),
    )


def test_the_file_over_the_default_and_the_environment_over_the_file(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {"VENICE_API_KEY": "from-file", "VENICE_TIMEOUT": 60, "VENICE_MAX_IN_FLIGHT": "3"}
    write(home, json.dumps(values))
    monkeypatch.setenv("VENICE_TIMEOUT", "30")
    monkeypatch.setenv("VENICE_API_KEY", "  ")  # blank is not set

    settings = load_settings()

    assert settings.key == ApiKey("from-file")
    assert settings.timeout == 30.0
    assert settings.max_in_flight == 3


def test_a_file_as_windows_editors_save_it(home: Path) -> None:
    (home / "venice.json").write_bytes(b'\xef\xbb\xbf{"VENICE_API_KEY": "k"}\r\n')
    assert load_settings().key == ApiKey("k")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("VENICE_TIMEOUT", "soon"),
        ("VENICE_TIMEOUT", "0"),
        ("VENICE_TIMEOUT", "1_0"),
        ("VENICE_TIMEOUT", "\u0661\u0660"),
        ("VENICE_MAX_IN_FLIGHT", "1_0"),
        ("VENICE_MAX_USD_PER_RUN", "1_0"),
        ("VENICE_MAX_USD_PER_RUN", "infinity"),
        ("VENICE_TIMEOUT", "-5"),
        ("VENICE_TIMEOUT", "nan"),
        ("VENICE_TIMEOUT", "inf"),
        ("VENICE_TIMEOUT", "1e300"),
        ("VENICE_MAX_IN_FLIGHT", "0"),
        ("VENICE_MAX_IN_FLIGHT", "many"),
        ("VENICE_MAX_IN_FLIGHT", "21"),
        ("VENICE_MAX_IN_FLIGHT", "1e12"),
        ("VENICE_MAX_IN_FLIGHT", "2.5"),
        ("VENICE_STORE_MB", "-1"),
        ("VENICE_STORE_MB", "1e305"),
        ("VENICE_MAX_USD_PER_RUN", "-1"),
        ("VENICE_MAX_USD_PER_RUN", "five"),
        ("VENICE_MAX_USD_PER_DAY", "-0.5"),
        ("VENICE_MAX_USD_PER_DAY", "much"),
        ("VENICE_API_BASE", "http://api.venice.ai/api/v1"),
        ("VENICE_API_BASE", "ftp://127.0.0.1/"),
        ("VENICE_API_BASE", "api.venice.ai"),
        ("VENICE_API_BASE", "https://"),
        ("VENICE_API_BASE", "https://user:word@api.venice.ai"),
        ("VENICE_API_BASE", "https://api.venice.ai/?key=1"),
        ("VENICE_API_BASE", "https://api.venice.ai/#x"),
        ("VENICE_API_BASE", "https://api.venice.ai:port"),
        ("VENICE_API_BASE", "https://[::1"),
        ("VENICE_API_BASE", "https://api.venice.ai\\@evil.example/"),
        ("VENICE_API_BASE", "https://münchen.example/"),
        ("VENICE_API_BASE", "http://127.0.0.1.evil.example/"),
        ("VENICE_API_BASE", "http://localhost.evil.example/"),
        ("VENICE_API_KEY", "two words"),
        ("VENICE_API_KEY", "line\nbreak"),
        ("VENICE_API_KEY", "schlüssel"),
        ("VENICE_HOME", "~nobody-has-this-name/venice"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    monkeypatch.setenv(name, text)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    words = str(caught.value)
    assert name in words or "Venice API key" in words
    if name == "VENICE_API_KEY":
        assert text not in words


def test_an_address_with_a_password_is_not_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VENICE_API_BASE", "https://user:CAN/ARY@api.venice.ai")
    with pytest.raises(SettingsError, match="VENICE_API_BASE isn't a URL") as caught:
        load_settings()
    assert "CAN" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("timeout", 0.5),
        ("timeout", math.inf),
        ("timeout", None),
        ("max_in_flight", 0),
        ("max_in_flight", 21),
        ("max_in_flight", 2.5),
        ("store_mb", -1.0),
        ("store_mb", "1024"),
        ("store_mb", 1e305),
        ("max_usd_per_run", math.nan),
        ("max_usd_per_run", -1.0),
        ("max_usd_per_day", math.nan),
        ("max_usd_per_day", math.inf),
        ("ask_above_usd", math.nan),
    ],
)
def test_settings_made_in_code_have_the_same_bounds(home: Path, name: str, value: Any) -> None:
    with pytest.raises(SettingsError, match=f"{name} must be a (whole )?number"):
        Settings(home, **{name: value})
    with pytest.raises(SettingsError, match=name):
        replace(Settings(home), **{name: value})


def test_settings_made_in_code_may_be_at_a_bound(home: Path) -> None:
    Settings(home, timeout=1, max_in_flight=20, store_mb=0, max_usd_per_run=0, ask_above_usd=0)
    Settings(home, max_usd_per_run=None, max_usd_per_day=None)


def test_the_home_folder_may_be_a_text(home: Path) -> None:
    assert Settings(str(home)).home == home  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["1", "20"])
def test_requests_at_the_same_time(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("VENICE_MAX_IN_FLIGHT", text)
    assert load_settings().max_in_flight == int(text)


def test_the_most_requests_at_the_same_time_are_those_that_cannot_lock_a_key_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VENICE_MAX_IN_FLIGHT", "21")
    with pytest.raises(SettingsError, match=r"from 1 to 20, not '21'\. .* more than 20 failed"):
        load_settings()
    assert credentials.MAX_IN_FLIGHT == FAILURES_THAT_LOCK_OUT


def test_half_a_request_is_no_number_of_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VENICE_MAX_IN_FLIGHT", "2.5")
    with pytest.raises(SettingsError, match=r"must be a whole number from 1 to 20, not '2\.5'"):
        load_settings()


@pytest.mark.parametrize(("text", "limit"), [("none", None), (" NONE ", None), ("0", 0.0)])
def test_the_limit_for_a_run(
    monkeypatch: pytest.MonkeyPatch, text: str, limit: float | None
) -> None:
    monkeypatch.setenv("VENICE_MAX_USD_PER_RUN", text)
    assert load_settings().max_usd_per_run == limit


@pytest.mark.parametrize(
    ("text", "limit"), [("none", None), ("None", None), ("2.5", 2.5), ("0", 0.0), (" ", None)]
)
def test_the_limit_for_a_day(
    monkeypatch: pytest.MonkeyPatch, text: str, limit: float | None
) -> None:
    monkeypatch.setenv("VENICE_MAX_USD_PER_DAY", text)
    assert load_settings().max_usd_per_day == limit


PASTED = [
    "{}",
    '"{}"',
    "'{}'",
    " {} ",
    "{}\n",
    "{}\r\n",
    "\ufeff{}",
    '\ufeff"{}" ',
    "Bearer {}",
    "bearer  {}",
    '"Bearer {}"',
    "Bearer '{}'",
    "Authorization: Bearer {}",
    "“{}”",
    "\u200b{}\xa0",
    "`{}`",
]


@pytest.mark.parametrize("form", PASTED)
def test_a_key_is_taken_as_it_is_pasted(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VENICE_API_KEY", form.format(CANARY))
    key = load_settings().key
    assert key is not None
    assert key.reveal() == CANARY


@pytest.mark.parametrize("form", PASTED)
@pytest.mark.parametrize("word", ["sandbox", "Sandbox", "SANDBOX"])
def test_the_sandbox_is_meant_in_any_case(
    form: str, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENICE_API_KEY", form.format(word))
    key = load_settings().key
    assert key is not None
    assert key.is_sandbox
    assert key.reveal() == "sandbox"


@pytest.mark.parametrize("blank", ['""', "''", " ", "\ufeff", '" "'])
def test_quotes_around_nothing_are_not_set(
    home: Path, monkeypatch: pytest.MonkeyPatch, blank: str
) -> None:
    write(home, json.dumps({"VENICE_API_KEY": CANARY, "VENICE_TIMEOUT": 60}))
    monkeypatch.setenv("VENICE_API_KEY", blank)
    monkeypatch.setenv("VENICE_TIMEOUT", blank)
    settings = load_settings()
    assert settings.key == ApiKey(CANARY)
    assert settings.timeout == 60.0


def test_every_setting_may_be_in_quotes(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `set NAME="value"` of Windows leaves it."""
    monkeypatch.setenv("VENICE_TIMEOUT", '"30"')
    monkeypatch.setenv("VENICE_API_BASE", '"https://example.org/v1"')
    monkeypatch.setenv("VENICE_HOME", '"/somewhere"')
    settings = load_settings()
    assert settings.timeout == 30.0
    assert settings.base_url == "https://example.org/v1"
    assert settings.home == Path("/somewhere")


def test_a_key_of_a_few_letters_is_looked_for_in_no_text() -> None:
    """Those letters stand in words that mean something else."""
    for short in ("k", "1234567"):
        key = ApiKey(short)
        assert key.redact(f"a {short} b") == f"a {short} b"
        assert not key.is_in(short.encode())
    assert ApiKey("12345678").redact("a 12345678 b") == "a [key] b"


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")
@pytest.mark.parametrize(
    ("mode", "can"),
    [
        (0o600, ""),
        (0o400, ""),
        (0o644, "can read /"),
        (0o640, "can read /"),
        (0o620, "can change /"),
        (0o666, "can read and change /"),
    ],
)
def test_a_file_that_others_can_use_is_said(home: Path, mode: int, can: str) -> None:
    path = home / "venice.json"
    write(home, json.dumps({"VENICE_API_KEY": CANARY}))
    path.chmod(mode)
    settings = load_settings()
    assert settings.key == ApiKey(CANARY)
    assert bool(settings.warnings) is bool(can)
    for warning in settings.warnings:
        assert can in warning
        assert str(path) in warning
        assert "chmod 600" in warning
        assert CANARY not in warning


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{"VENICE_API_KEY": "', '"'),
        ('["', '"]'),
        ('"', '"'),
        ("\0", ""),
        ('{"VENICE_API_KEY": "', ' two"}'),
        pytest.param("[" * 100_000, "", id="nested"),
    ],
)
def test_a_damaged_file_is_said_without_quoting_it(home: Path, before: str, after: str) -> None:
    write(home, before + CANARY + after)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    told = "".join(traceback.format_exception(caught.value))
    assert CANARY not in told + repr(caught.value)


def test_a_file_that_is_no_text_is_said_without_quoting_it(home: Path) -> None:
    (home / "venice.json").write_bytes(b"\xff\xfe" + CANARY.encode() + b"\xff")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert CANARY not in str(caught.value)
    assert "venice.json" in str(caught.value)
