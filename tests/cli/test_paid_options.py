"""What all paid commands share: prompts from stdin, --dry-run, --max-usd, progress."""

from __future__ import annotations

import io
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from bench import held_until
from faulty_sandbox import Fault, Sandbox
from venice_client.cli.console import Console


def give(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data), encoding="cp1252"))


def prompts(sandbox: Sandbox) -> list[tuple[str, int]]:
    return sorted((r.json["prompt"], r.json["seed"]) for r in sandbox.paid_requests)


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_dash_reads_the_prompt_from_stdin_as_utf_8(
    cli: Any, sandbox: Sandbox, folder: Path, monkeypatch: pytest.MonkeyPatch, mark: bytes
) -> None:
    give(monkeypatch, mark + "a fox\nin snow, 雪\r\n".encode())

    assert cli("generate", "-", "--seed", "5").code == 0
    assert prompts(sandbox) == [("a fox\nin snow, 雪", 5)]


def test_lines_are_prompts(
    cli: Any, sandbox: Sandbox, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    give(monkeypatch, b"a fox\n\n  a crow \n")

    end = cli("generate", "-", "--lines", "-n", "2", "--seed", "5", "-o", "x.png", "--json")

    assert prompts(sandbox) == [("a crow", 5), ("a crow", 6), ("a fox", 5), ("a fox", 6)]
    assert [(i["path"], i["line"], i["seed"]) for i in end.json["images"]] == [
        ("x-1.png", 1, 5),
        ("x-2.png", 1, 6),
        ("x-3.png", 2, 5),
        ("x-4.png", 2, 6),
    ]
    assert end.err.startswith("2 prompts · seeds 5, 6 each · about $0.04")


def test_an_edit_reads_its_prompt_from_stdin_too(
    cli: Any, folder: Path, inputs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    give(monkeypatch, b"night\n")

    facts = cli("edit", "-", "a.png", "--json").json

    assert facts["requests"][0]["sent"]["prompt"] == "night"


@pytest.mark.parametrize("data", [b"", b" \n", b"\xff\xfe\n"])
def test_no_prompt_on_stdin_is_an_error(
    cli: Any, sandbox: Sandbox, folder: Path, monkeypatch: pytest.MonkeyPatch, data: bytes
) -> None:
    give(monkeypatch, data)

    assert cli("generate", "-").code == 2
    assert sandbox.requests == []


def test_a_dry_run_shows_price_and_requests_without_a_key(
    cli: Any, sandbox: Sandbox, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli("generate", "a fox", "--seed", "5", "-o", "fox.png")
    sandbox.forget()
    monkeypatch.delenv("VENICE_API_KEY")

    command = ("generate", "a fox", "-n", "2", "--seed", "5", "-o", "new/fox.png", "--dry-run")
    plain, facts = cli(*command), cli(*command, "--json").json

    assert (plain.code, sandbox.requests, (folder / "new").exists()) == (0, [], False)
    assert plain.err == (
        "Dry run: seeds 5, 6 · about $0.01. Nothing was sent. Without --dry-run, 1 of 2 would be "
        "sent; the others are free.\n"
    )
    assert plain.lines[0].startswith('/image/generate {"model": "z-image-turbo", "prompt": "a fox"')
    assert facts["estimated_cost_usd"] == 0.01
    assert [(r["files"], r["is_saved"], r["fields"]["seed"]) for r in facts["requests"]] == [
        ([str(Path("new/fox-1.png"))], True, 5),
        ([str(Path("new/fox-2.png"))], False, 6),
    ]


def test_a_dry_run_refuses_what_the_command_would(
    cli: Any, sandbox: Sandbox, folder: Path, inputs: Any
) -> None:
    assert cli("generate", "a fox", "--steps", "99", "--dry-run").code == 2
    end = cli("upscale", "a.png", "--dry-run", "--max-usd", "0.01")
    assert end.code == 2
    assert "about $0.02. Nothing was sent.\nWithout --dry-run: Not sent." in end.err
    assert cli("upscale", "a.png", "--dry-run").code == 0
    assert sandbox.requests == []


@pytest.mark.parametrize("limit", ["RUN", "DAY"])
def test_a_dry_run_says_that_a_limit_would_refuse(
    cli: Any, sandbox: Sandbox, folder: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setenv(f"VENICE_MAX_USD_PER_{limit}", "0.02")
    command = ("generate", "a fox", "-n", "3", "--seed", "5", "--dry-run")

    end, facts = cli(*command), cli("--json", *command)

    assert (end.code, facts.code, len(end.lines)) == (2, 2, 3)
    assert "Without --dry-run: Not sent. This would cost about $0.03" in end.err
    assert facts.json["refused"]["type"] == "SpendingLimitError"
    assert sandbox.requests == []
    monkeypatch.setenv(f"VENICE_MAX_USD_PER_{limit}", "0.03")
    assert cli(*command).code == 0


def test_many_images_print_few_lines(cli: Any, sandbox: Sandbox, folder: Path) -> None:
    command = ("generate", "a fox", "-n", "60", "--size", "64x64", "--format", "jpeg")

    dry, all_of_it = cli(*command, "--dry-run"), cli(*command, "--dry-run", "--verbose")

    assert (len(dry.lines), len(all_of_it.lines)) == (20, 60)
    assert "… and 40 more requests; --verbose shows all." in dry.err
    sandbox.add_fault(Fault.reset(), when=lambda sent: sent["seed"] % 2 == 0, times=None)
    end = cli(*command, "--seed", "100")
    assert len(end.lines) == 30
    assert len(end.err.splitlines()) < 60
    assert "… and 10 more errors" in end.err


def test_no_more_than_max_usd_is_spent(cli: Any, sandbox: Sandbox, folder: Path) -> None:
    command = ("generate", "a fox", "-n", "3", "--seed", "5", "--max-usd")

    refused = cli(*command, "0.02")

    assert refused.code == 2
    assert refused.err == "Not sent. This may cost $0.03; --max-usd allows $0.02.\n"
    assert sandbox.paid_requests == []
    assert cli(*command, "$0.03").code == 0
    assert cli(*command, "0").code == 0, "all three are saved"
    assert len(sandbox.charges) == 3


def test_max_usd_counts_a_saved_image_that_is_damaged(
    cli: Any, sandbox: Sandbox, folder: Path, home: Path
) -> None:
    command = ("generate", "a fox", "--seed", "5", "--size", "64x64", "--max-usd", "0")
    assert cli(*command[:-2]).code == 0
    for entry in home.glob("results/*.result"):
        entry.write_bytes(b"")

    end = cli(*command)

    assert end.code == 2
    assert "Not sent. This would cost about $0.01; --max-usd allows $0.00." in end.err
    assert "VENICE_MAX_USD_PER_RUN" not in end.err
    assert len(sandbox.paid_requests) == 1


def test_an_unknown_price_is_not_within_max_usd(
    cli: Any, sandbox: Sandbox, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("venice_client.planned_request.max_price", lambda *_: None)
    monkeypatch.setenv("VENICE_MAX_USD_PER_RUN", "none")

    end = cli("generate", "a fox", "--max-usd", "9")

    assert end.code == 2
    assert end.err.startswith("Not sent. The price is unknown")
    assert sandbox.paid_requests == []


def test_a_path_is_printed_when_its_image_is_written(
    cli: Any, commands: Any, sandbox: Sandbox, folder: Path
) -> None:
    answered = threading.Event()
    held = held_until(answered.is_set)
    sandbox.add_fault(held, times=None, when=lambda sent: sent["seed"] == 6)
    process = commands("generate", "a fox", "--size", "64x64", "-n", "2", "--seed", "5")

    assert process.stdout.readline() == "venice-1.png\n"
    assert (folder / "venice-1.png").exists()
    assert not answered.is_set()
    answered.set()
    assert process.communicate(timeout=60)[0] == "venice-2.png\n"


def test_more_than_100_images(cli: Any, sandbox: Sandbox, folder: Path) -> None:
    end = cli("generate", "a fox", "-n", "120", "--size", "64x64", "--format", "jpeg")

    assert len(end.lines) == len(list(folder.iterdir())) == len(sandbox.charges) == 120
    assert cli("generate", "a fox", "-n", "600", "--lines", "-", "--dry-run").code == 2


def test_progress_without_a_terminal_is_a_line_for_each_change(capsys: Any) -> None:
    console = Console()
    for text, steady in (
        ("0 of 9 done · 9 starting 0 s", "0 of 9 done · starting"),
        ("0 of 9 done · 9 starting 1 s", "0 of 9 done · starting"),
        ("1 of 9 done · 8 starting 1 s", "1 of 9 done · starting"),
    ):
        console.progress(text, steady)
    console.note("done")

    assert capsys.readouterr().err == "0 of 9 done · starting\n1 of 9 done · starting\ndone\n"


def test_progress_on_a_terminal_stays_in_one_line(
    capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    console = Console()
    console.progress("starting 10 s", "starting")
    console.progress("sent 1 s", "sent")
    console.note("done")

    assert capsys.readouterr().err == "\rstarting 10 s\rsent 1 s     \r        \rdone\n"


@pytest.mark.parametrize("encoding", ["cp1252", "cp437", "utf-8"])
def test_json_is_json_in_any_code_page(
    cli: Any, commands: Any, folder: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", encoding)
    process = commands("generate", "雪 é", "-o", "雪.png", "--json", errors="replace")
    out, err = process.communicate(timeout=60)

    assert process.returncode == 0, err
    assert out.isascii()
    assert json.loads(out)["images"][0]["path"] == "雪.png"


def test_addresses_in_errors_are_whole(
    cli: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENICE_API_BASE", "http://venice.example/api/v1")

    end = cli("account", "--json")

    assert "not http://venice.example." in end.err
    assert "not http://venice.example." in end.json["error"]["message"]
