"""`--json`: one JSON value, wherever the option stands and however the command ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

import pytest

from faulty_sandbox import Sandbox


def test_json_and_verbose_may_stand_before_the_command(cli: Any, folder: Path) -> None:
    assert "Anime" in cli("--json", "styles").json
    assert "Anime" in cli("--json", "styles", "--json").json

    end = cli("--verbose", "--json", "generate", "a fox", "--style", "Animee")

    assert end.json["failed"][0]["status"] == 400
    assert "HTTP 400, INVALID_REQUEST" in end.err


def test_without_the_option_no_command_gives_json(cli: Any) -> None:
    assert "Anime" in cli("styles").lines


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["paint", "a fox"],
        ["generate"],
        ["generate", "a fox", "--size", "big"],
        ["generate", "a fox", "--safe-mode", "--unsafe"],
        ["generate", "a fox", "--nonsense"],
        ["upscale", "a.png", "--scale", "3"],
        ["results", "--last", "0"],
        ["login", "a-key"],
        ["sandbox", "--port", "x"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("where", ["before", "after"])
def test_wrong_options_are_told_as_json_too(
    cli: Any, sandbox: Sandbox, argv: list[str], where: str
) -> None:
    plain = cli(*argv)

    end = cli("--json", *argv) if where == "before" else cli(*argv, "--json")

    assert (plain.code, plain.out) == (2, "")
    assert plain.err.splitlines()[1].startswith("usage: ")
    assert end.code == 2
    error = end.json["error"]
    assert error["type"] == "UsageError"
    assert error["may_have_been_charged"] is False
    assert end.err.splitlines()[0].endswith(f": {error['message']}")
    assert sandbox.requests == []


def test_a_prompt_is_no_option(cli: Any) -> None:
    assert cli("generate", "--", "--json", "a second prompt").out == ""


def test_an_interrupt_is_told_as_json_too(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def ctrl_c(_prompt: str) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("getpass.getpass", ctrl_c)

    end = cli("login", "--json")

    assert (end.code, end.json) == (130, {"interrupted": True})
