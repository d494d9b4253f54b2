"""Settings: environment over file over default, and a clear word about each that is wrong."""

from __future__ import annotations

import json
import os
import stat
import sys
import threading
import time
import traceback
from pathlib import Path

import pytest

from venice_client import VeniceClient
from venice_client.errors import SettingsError
from venice_client.settings import settings as credentials
from venice_client.settings.api_key import ApiKey
from venice_client.settings.settings import (
    Settings,
    home_folders,
    is_loopback,
    load_settings,
    normalized_base_url,
    save_key,
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
