"""The free commands: login, models, styles, account, sandbox."""

from __future__ import annotations

import io
import json
import math
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import venice_client
from faulty_sandbox import Fault, Sandbox
from venice_client.for_nodes import bundled_lists, price_range
from waiting import read_until

KEY = "test-key"


@pytest.fixture
def _no_key(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VENICE_API_KEY")


def give(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


@pytest.mark.usefixtures("_no_key")
def test_login_checks_and_saves_the_key(
    cli: Any, home: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    give(monkeypatch, f"{KEY}\n")

    end = cli("login")

    path = home / "venice.json"
    assert end.code == 0
    assert str(path) in end.out
    assert json.loads(path.read_text()) == {
        "VENICE_API_KEY": KEY,
        "VENICE_API_BASE": sandbox.base_url,
    }
    assert sandbox.paid_requests == []
    assert cli("account").code == 0
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.usefixtures("_no_key")
def test_login_asks_without_echo_on_a_terminal(
    cli: Any, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("getpass.getpass", lambda _prompt: KEY)

    assert cli("login", "--json").json["saved"] == str(home / "venice.json")


@pytest.mark.usefixtures("_no_key")
def test_login_does_not_save_a_key_that_does_not_work(
    cli: Any, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    give(monkeypatch, "wrong-key\n")

    end = cli("login")

    assert end.code == 3
    assert "wrong-key" not in end.out + end.err
    assert not (home / "venice.json").exists()


@pytest.mark.usefixtures("_no_key")
@pytest.mark.parametrize("text", ["", "\n", "two words\n"])
def test_login_refuses_what_is_no_key(
    cli: Any, home: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    give(monkeypatch, text)

    assert cli("login").code == 2
    assert not (home / "venice.json").exists()


def test_login_says_that_the_environment_goes_first(
    cli: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    give(monkeypatch, KEY)

    assert "VENICE_API_KEY is also set" in cli("login").err


def test_login_takes_no_key_as_an_argument(cli: Any) -> None:
    assert cli("login", "anything").code == 2


def test_models_as_a_table(cli: Any) -> None:
    lines = cli("models").lines

    assert lines[0].split() == ["ID", "TYPE", "SIZING", "PRICE", "NAME", "MARKS"]
    rows = {line.split()[0]: line for line in lines[1:]}
    assert "pixels, multiples of 8" in rows["z-image-turbo"]
    assert "ratio and 1K/2K/4K" in rows["gpt-image-2"]
    assert rows["z-image-turbo"].split()[-4:] == ["$0.01", "Z-Image", "Turbo", "private"]
    assert " from $0.09 " in rows["gpt-image-2-6-flare"]
    assert "anonymized · transparency" in rows["gpt-image-1-5"]
    assert rows["lustify-sdxl"].endswith("until 2027-01-31 (then lustify-v8)")
    assert "as the input" in rows["upscaler"]


def test_models_stand_by_type_the_default_first_then_by_price(cli: Any) -> None:
    end = cli("models")
    rows = [line.split() for line in end.lines[1:]]
    types = [row[1] for row in rows]
    assert types == sorted(types, key=["image", "inpaint", "upscale"].index)
    ids = {kind: [row[0] for row in rows if row[1] == kind] for kind in types}
    assert ids["image"][0] == "z-image-turbo"
    assert ids["inpaint"][0] == "firered-image-edit"
    prices = [
        price_range(model) or (math.inf,)
        for name in ids["image"][1:]
        if (model := bundled_lists().models()[name])
    ]
    assert [price[0] for price in prices] == sorted(price[0] for price in prices)
    assert "Sorted by type and price, with the default model first." in end.err
    for mark in ("private:", "anonymized:", "transparency:", "until:"):
        assert mark in end.err
    assert [each["id"] for each in cli("models", "--json").json] == [row[0] for row in rows]


def test_only_marks_that_are_there_are_explained(cli: Any) -> None:
    end = cli("models", "--type", "upscale")

    assert "private:" in end.err
    assert not any(mark in end.err for mark in ("transparency:", "until:"))


def test_models_of_one_type(cli: Any) -> None:
    models = cli("models", "--type", "inpaint", "--json").json

    assert models
    assert {model["type"] for model in models} == {"inpaint"}


@pytest.mark.usefixtures("_no_key")
def test_lists_without_a_key_are_those_last_saved(cli: Any, sandbox: Sandbox) -> None:
    models, styles = cli("models"), cli("styles")

    assert (models.code, styles.code) == (0, 0)
    assert any(line.startswith("z-image-turbo ") for line in models.lines)
    assert "Anime" in styles.lines
    assert "No API key" in models.err
    assert sandbox.requests == []


def test_styles(cli: Any) -> None:
    lines = cli("styles").lines
    assert "Anime" in lines
    assert lines == sorted(lines, key=str.casefold)
    assert "Anime" in cli("styles", "--json").json


def test_account(cli: Any, sandbox: Sandbox) -> None:
    end = cli("account", "--limits")

    assert [line for line in end.lines if "balance" in line] == ["balance  $100.00"]
    assert any(line.startswith("z-image-turbo") and "RPM" in line for line in end.lines)
    assert cli("account", "--json").json["balance"]["balances"]["usd"] == 100
    assert sandbox.paid_requests == []


def test_the_folder_itself_runs_where_python_looks_nowhere_else(tmp_path: Path) -> None:
    folder = Path(venice_client.__file__).parent
    command = [sys.executable, "-I", str(folder), "--version"]
    end = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert venice_client.__version__ in end.stdout


def test_a_free_call_never_ends_with_4(cli: Any, sandbox: Sandbox) -> None:
    sandbox.add_fault(Fault.status(200, body=b"<html>"), path="/billing/balance")

    assert cli("account").code == 1


def test_the_key_of_the_sandbox_is_in_no_text_by_chance(
    commands: Any, cli: Any, folder: Path, monkeypatch: Any
) -> None:
    process = commands("sandbox", "--port", "0", "--json")
    lines = [process.stdout.readline() for _ in range(4)]
    for name, value in json.loads("".join(lines)).items():
        monkeypatch.setenv(name, value)

    end = cli("generate", "a local fox in a sandbox", "--enhance")

    assert "Venice used this prompt: a local fox in a sandbox" in end.err


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_sandbox_runs_until_interrupted(commands: Any, cli: Any, monkeypatch: Any) -> None:
    process = commands("sandbox", "--port", "0", "--latency", "0.1")
    for _ in range(2):
        name, value = process.stdout.readline().removeprefix("export ").strip().split("=", 1)
        monkeypatch.setenv(name, value)

    monkeypatch.setenv("VENICE_MAX_USD_PER_DAY", "0.01")
    end = cli("generate", "a fox")
    assert "free in the sandbox (about $0.01 on Venice)" in end.err
    spent = cli("spending", "--json").json["total"]
    assert (end.code, spent["usd"], spent["sandbox_requests"]) == (0, 0.0, 1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)

    assert process.returncode == 0
    assert "1 paid request, free in the sandbox (about $0.01 on Venice)" in err


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_a_sandbox_without_requests_ends_silently(commands: Any) -> None:
    process = commands("sandbox", "--port", "0")
    read_until(process.stderr, "The sandbox is running. Press Ctrl-C to stop it.")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)

    assert (process.returncode, err) == (0, "")


def test_a_port_that_is_taken_is_one_line(cli: Any, sandbox: Sandbox) -> None:
    end = cli("sandbox", "--port", str(sandbox.port))

    assert end.code == 1
    assert end.err.startswith(f"Port {sandbox.port} isn't available")
    assert "Errno" not in end.err
    assert len(end.err.splitlines()) == 1


def test_the_module_runs_as_a_process(cli: Any, commands: Any) -> None:
    process = commands("generate", "a fox", "--seed", "7", "-o", "fox.png")
    out, err = process.communicate(timeout=60)

    assert process.returncode == 0, err
    assert out == "fox.png\n"
    assert KEY not in out + err


def test_login_reads_the_key_from_a_pipe(
    cli: Any, commands: Any, home: Path, monkeypatch: Any
) -> None:
    monkeypatch.delenv("VENICE_API_KEY")
    process = commands("login", stdin=subprocess.PIPE)
    out, err = process.communicate(f"{KEY}\n", timeout=60)

    assert process.returncode == 0, err
    assert KEY not in out + err
    assert (home / "venice.json").exists()


COMMANDS = (
    *("generate", "upscale", "edit", "multi-edit", "remove-background"),
    *("results", "spending", "login", "models", "styles", "account", "sandbox"),
)


def test_help_names_every_command_and_the_exit_codes(cli: Any) -> None:
    text = cli("--help").out

    for name in (*COMMANDS, "130"):
        assert name in text


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(cli: Any, command: str) -> None:
    assert cli(command, "--help").code == 0
