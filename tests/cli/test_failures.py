"""`generate` when things go wrong: exit codes, messages, and what is written all the same."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import process_state
from bench import held_until
from faulty_sandbox import Fault, Sandbox
from full_disk import HAS_LIMIT, no_file_over
from venice_client.cli import files
from waiting import read_until, wait_for


def seed_is(seed: int) -> Any:
    return lambda payload: payload.get("seed") == seed


@pytest.mark.parametrize(
    "argv",
    [
        ["generate"],
        ["paint", "a fox"],
        ["generate", "a fox", "--size", "big"],
        ["generate", "a fox", "-n", "0"],
        ["generate", "a fox", "-n", "1001"],
        ["generate", "a fox", "-o", "fox.gif"],
        ["generate", "a fox", "--steps", "99"],
        ["generate", "a fox", "--cfg-scale", "nan"],
        ["generate", "a fox", "--safe-mode", "--unsafe"],
        ["generate", "a fox", "--style-reference", "missing.png"],
        ["generate", "a fox", "--max-usd", "-1"],
        ["generate", "a fox", "--max-usd", "nan"],
        ["generate", "\n \n", "--lines"],
        ["generate", "a fox", "-o", "taken/fox.png"],
        ["generate", " "],
    ],
)
def test_what_is_wrong_here_ends_with_2_and_sends_nothing(
    cli: Any, sandbox: Sandbox, folder: Path, argv: list[str]
) -> None:
    (folder / "taken").write_text("a file, no folder")

    end = cli(*argv)

    assert end.code == 2
    assert end.out == ""
    assert end.err
    assert sandbox.paid_requests == []


@pytest.mark.parametrize(
    ("argv", "first"),
    [
        (["generate"], "generate: the following arguments are required: prompt"),
        (["generate", "a fox", "--size", "big"], "generate: argument --size: 'big' is not a size"),
        (["edit", "night"], "edit: the following arguments are required: IMAGE"),
        (["paint"], "argument COMMAND: invalid choice: 'paint'"),
    ],
)
def test_a_usage_error_begins_with_what_is_wrong(cli: Any, argv: list[str], first: str) -> None:
    line, *usage = cli(*argv).err.splitlines()

    assert first in line
    assert usage[0].startswith("usage: ")


def test_an_unknown_option_shows_the_usage_of_its_command(cli: Any) -> None:
    line, *usage = cli("upscale", "a.png", "--sacle", "4").err.splitlines()

    assert "upscale: unrecognized arguments: --sacle 4" in line
    assert "upscale" in usage[0]
    assert "--scale" in " ".join(usage)


@pytest.mark.parametrize(
    "command",
    [
        *("", "generate", "upscale", "edit", "multi-edit", "remove-background"),
        *("results", "login", "models", "styles", "account", "sandbox"),
    ],
)
def test_help_fits_into_80_columns(cli: Any, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setenv("COLUMNS", "80")

    end = cli(*filter(None, [command]), "--help")

    assert end.code == 0
    assert [line for line in end.lines if len(line) > 80] == []


@pytest.mark.long
@pytest.mark.parametrize("encoding", ["cp1252", "gbk", "ascii"])
def test_no_console_is_too_small_for_what_is_said(
    cli: Any,
    commands: Any,
    sandbox: Sandbox,
    folder: Path,
    encoding: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", f"{encoding}:strict")
    for argv in (
        ["generate", "狐 ×", "-o", "狐.png"],
        ["styles"],
        ["generate", "x", "--style", "狐"],
    ):
        process = commands(*argv, encoding=encoding)
        out, err = process.communicate(timeout=120)

        assert "Traceback" not in err
        assert process.returncode in (0, 3), err
        assert out or "Venice" in err


def test_no_key_ends_with_2_and_says_what_to_do(
    cli: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VENICE_API_KEY")

    end = cli("generate", "a fox")

    assert end.code == 2
    assert end.err.startswith("No Venice API key. Set VENICE_API_KEY")


def test_the_spending_limit_ends_with_2(
    cli: Any, sandbox: Sandbox, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENICE_MAX_USD_PER_RUN", "0.03")

    end = cli("generate", "a fox", "-n", "4")

    assert end.code == 2
    assert "VENICE_MAX_USD_PER_RUN" in end.err
    assert sandbox.paid_requests == []


def test_a_refusal_is_one_line_and_ends_with_3(cli: Any, folder: Path) -> None:
    end = cli("generate", "a fox", "--model", "z-image-turbu")

    assert end.code == 3
    assert end.out == ""
    last = end.err.splitlines()[-1]
    assert "The nearest known model is z-image-turbo. `" in last
    assert last.endswith(" models` lists all models.")
    assert "HTTP 404" not in end.err


def test_verbose_shows_the_whole_error(cli: Any, folder: Path) -> None:
    end = cli("generate", "a fox", "--style", "Animee", "--verbose")

    assert "HTTP 400, INVALID_REQUEST" in end.err
    assert "- style_preset: " in end.err


@pytest.mark.parametrize("option", ["--verbose", "--json"])
def test_the_key_is_not_shown_where_the_api_repeats_it(
    cli: Any, sandbox: Sandbox, folder: Path, option: str
) -> None:
    sandbox.add_fault(Fault.echo_key())

    end = cli("generate", "a fox", option)

    assert end.code != 0
    assert "HTTP 400" in end.out + end.err  # and `cli` looks for the key in everything


def test_no_connection_ends_with_1(cli: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VENICE_API_BASE", "http://127.0.0.1:1/api/v1")  # where nobody listens
    process_state.reset(monkeypatch)

    end = cli("generate", "a fox")

    assert end.code == 1
    assert "Nothing was sent." in end.err


@pytest.mark.parametrize(
    "fault",
    [
        Fault.reset(charge=True),
        Fault.status(200, body=b"<html>"),
        Fault.status(502, charge=True),
        Fault.status(504, charge=True),
    ],
)
def test_what_may_be_charged_ends_with_4(
    cli: Any, sandbox: Sandbox, folder: Path, fault: Fault
) -> None:
    sandbox.add_fault(fault)

    end = cli("generate", "a fox")

    assert end.code == 4
    assert "charged" in end.err
    assert list(folder.iterdir()) == []


def test_a_batch_with_a_failure_writes_the_others(cli: Any, sandbox: Sandbox, folder: Path) -> None:
    sandbox.add_fault(Fault.status(422, {"error": "no foxes"}), when=seed_is(6))

    end = cli("generate", "a fox", "-n", "3", "--seed", "5", "-o", "fox.png")

    assert end.code == 3
    assert sorted(end.lines) == ["fox-1.png", "fox-3.png"]
    assert sorted(path.name for path in folder.iterdir()) == sorted(end.lines)
    first = "2 of 3 images are saved. Saved images stay free."
    assert first in end.err.splitlines()
    assert "- seed 6: " in end.err


def test_a_batch_of_drawn_seeds_with_a_failure_names_the_first(cli: Any, sandbox: Sandbox) -> None:
    sandbox.add_fault(Fault.status(422))
    end = cli("generate", "a fox", "-n", "3")
    assert end.code == 3
    told = re.search(
        r"2 of 3 images are saved\. Saved images stay free if you run again with (--seed \d+)\.",
        end.err,
    )
    assert told, end.err
    assert cli("generate", "a fox", "-n", "3", *told[1].split()).code == 0
    assert len(sandbox.charges) == 3


def test_a_batch_that_fails_for_several_reasons_says_that_none_came(
    cli: Any, sandbox: Sandbox
) -> None:
    sandbox.add_fault(Fault.status(422, {"error": "no foxes"}))
    sandbox.add_fault(Fault.status(400, {"error": "no snow"}))
    end = cli("generate", "a fox", "-n", "2")
    assert end.code == 3
    assert "None of 2 images arrived:" in end.err.splitlines()
    assert end.err.count("- seed ") == 2


def test_an_image_that_cannot_be_written_is_kept_and_free_next_time(
    cli: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = files._write

    def full(path: Path, *more: Any) -> None:
        if "2" in path.name:
            raise OSError(28, "No space left on device")
        write(path, *more)

    monkeypatch.setattr("venice_client.cli.files._write", full)
    end = cli("generate", "a fox", "-n", "2", "-o", "fox.png", "--seed", "5")
    assert end.code == 4
    told = "2 of 2 images are saved. Run the same command again to get them for free."
    assert told in end.err
    assert "No space left on device" in end.err


@pytest.mark.skipif(not HAS_LIMIT, reason="this system has no such limit")
@pytest.mark.parametrize("options", [[], ["--force"]])
def test_a_full_disk_leaves_no_part_of_an_image(
    cli: Any, folder: Path, tmp_path: Path, options: list[str]
) -> None:
    assert cli("generate", "a fox", "--seed", "5", "-o", "kept.png").code == 0
    with no_file_over(1000):
        end = cli("generate", "a fox", "--seed", "5", "-o", "fox.png", *options)
        saved = cli("results", "-o", "saved")
    assert (end.code, saved.code) == (4, 1)
    for said in (end.err, saved.err):
        assert "can't be written (File too large)" in said
        assert (
            "The image is saved: free up disk space, or choose another place, and get it for free"
            in said
        )
    names = [path.name for path in folder.rglob("*")]
    assert sorted(names) == ["kept.png", "saved"]
    assert len(cli("results", "-o", "saved").lines) == 1


def test_what_is_kept_nowhere_is_set_down_elsewhere(
    cli: Any, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setenv("VENICE_STORE_MB", "0")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("venice_client.cli.files._write", full)
    end = cli("generate", "a fox", "-o", "fox.png")
    assert end.code == 4
    (path,) = tmp_path.glob("venice-*/fox.png")
    assert f"It is only in {path} now" in end.err
    Image.open(path).verify()

    path.unlink()
    monkeypatch.setattr("venice_client.cli.files.make_temporary_folder", full)
    assert "can't be saved anywhere else" in cli("generate", "a fox").err


def test_json_tells_of_failures(cli: Any, sandbox: Sandbox, folder: Path) -> None:
    sandbox.add_fault(Fault.status(422, {"error": "no foxes"}), when=seed_is(6))

    facts = cli("generate", "a fox", "-n", "2", "--seed", "5", "--json").json

    assert [picture["seed"] for picture in facts["images"]] == [5]
    (failed,) = facts["failed"]
    assert (failed["seed"], failed["status"], failed["api_message"]) == (6, 422, "no foxes")
    assert failed["may_have_been_charged"] is False


def test_json_of_an_error_before_anything_is_sent(cli: Any, folder: Path) -> None:
    end = cli("generate", "a fox", "--steps", "99", "--json")

    assert end.code == 2
    assert end.json["error"]["type"] == "InvalidRequestError"


def test_a_flagged_image_is_written_with_a_note(cli: Any, sandbox: Sandbox, folder: Path) -> None:
    sandbox.add_fault(Fault.flags())

    end = cli("generate", "a fox", "-o", "fox.png")

    assert end.code == 0
    assert end.lines == ["fox.png"]
    assert "since safe_mode is on" in end.err


def test_a_violation_is_written_with_a_note_and_costs_nothing(
    cli: Any, sandbox: Sandbox, folder: Path
) -> None:
    sandbox.add_fault(Fault.violation())
    end = cli("generate", "a fox", "--seed", "7")
    assert end.code == 0
    assert len(end.lines) == 1
    assert (folder / end.lines[0]).exists()
    assert "it violates the content policy. You weren't charged" in end.err
    assert end.err.rstrip().endswith("nothing charged")
    assert sandbox.charged_usd == 0
    assert cli("generate", "a fox", "--seed", "7").code == 0
    assert len(sandbox.paid_requests) == 2


def test_the_reason_that_holds_for_all_is_said_once(
    cli: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENICE_API_KEY", "another-key")

    end = cli("generate", "a fox", "-n", "12")

    assert end.code == 3
    assert end.err.count("Venice didn't accept your API key") == 1
    assert end.err.count("VENICE_API_KEY") == 1


def test_an_image_that_cannot_be_written_is_an_error_that_may_have_been_charged(
    cli: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("venice_client.cli.files._write", full)

    end = cli("generate", "a fox", "-o", "fox.png")

    assert end.code == 4
    assert "No space left on device" in end.err


def test_what_is_missing_of_a_batch_is_all_that_is_paid_for_again(
    cli: Any, sandbox: Sandbox, folder: Path
) -> None:
    sandbox.add_fault(Fault.status(422, {"error": "no foxes"}), when=seed_is(6))
    cli("generate", "a fox", "-n", "3", "--seed", "5", "-o", "fox.png")

    again = cli("generate", "a fox", "-n", "3", "--seed", "5", "-o", "fox.png", "--force")

    assert sorted(again.lines) == ["fox-1.png", "fox-2.png", "fox-3.png"]
    assert sorted(charge.seed for charge in sandbox.charges) == [5, 6, 7]


def encoded(is_damaged: bool = False) -> str:
    """A WebP in base64, as it comes in JSON; a damaged one has its size, and no image."""
    out = io.BytesIO()
    Image.effect_noise((64, 64), 80).convert("RGB").save(out, "WEBP", lossless=True)
    data = out.getvalue()
    return base64.b64encode(data[:40] + bytes(len(data) - 40) if is_damaged else data).decode()


def answer_with(*images: str) -> Fault:
    return Fault.body(json.dumps({"images": images}).encode(), "application/json")


FOUR = ("generate", "a fox", "--variants", "-n", "4", "--seed", "7")


def test_a_variant_that_is_damaged_does_not_cost_the_others(
    cli: Any, sandbox: Sandbox, folder: Path
) -> None:
    good, bad = encoded(), encoded(is_damaged=True)
    sandbox.add_fault(answer_with(good, bad, good, good))

    end = cli(*FOUR, "-o", "v.webp", "--json")

    assert end.code == 0
    assert [Path(p["path"]).name for p in end.json["images"]] == [
        "v-1.webp",
        "v-3.webp",
        "v-4.webp",
    ]
    assert any(
        text.startswith("One image in the response is damaged and left out: ")
        for text in end.json["warnings"]
    )
    assert "3 images in" in end.err

    again = cli(*FOUR, "-o", "again.webp")

    assert len(again.lines) == 3
    assert "left out" in again.err
    assert len(sandbox.paid_requests) == 1


def test_an_answer_without_any_good_image_is_asked_for_again(
    cli: Any, sandbox: Sandbox, folder: Path
) -> None:
    sandbox.add_fault(answer_with(*[encoded(is_damaged=True)] * 4))

    end = cli(*FOUR, "-o", "v.webp")

    assert (end.code, end.lines) == (4, [])
    assert "can't be decoded" in end.err
    assert len(cli(*FOUR, "-o", "v.webp").lines) == 4
    assert len(sandbox.paid_requests) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_interrupt_sends_no_more_and_keeps_what_is_on_its_way(
    cli: Any, commands: Any, sandbox: Sandbox, folder: Path
) -> None:
    answered = threading.Event()
    sandbox.add_fault(held_until(answered.is_set), times=None)
    size = ("--size", "128x128")
    process = commands("generate", "a fox", *size, "-n", "12", "-o", "fox.png", "--json")
    read_until(process.stderr, "generating")
    wait_for(lambda: len(sandbox.paid_requests) >= 8)

    process.send_signal(signal.SIGINT)
    read_until(process.stderr, "Press Ctrl-C again to quit now")
    answered.set()
    out, err = process.communicate(timeout=60)

    assert process.returncode == 130, err
    assert len(sandbox.paid_requests) == 8
    facts = json.loads(out)
    assert facts["interrupted"] is True
    assert len(facts["images"]) == 8
    assert len(list(folder.iterdir())) == 8
    assert "8 of 12 images written. Run the same command again" in err


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGTERM")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGQUIT"])
def test_other_ends_keep_what_is_on_its_way_as_well(
    cli: Any, commands: Any, sandbox: Sandbox, folder: Path, name: str
) -> None:
    answered = threading.Event()
    sandbox.add_fault(held_until(answered.is_set), times=None)
    process = commands("generate", "a fox", "--size", "128x128", "-n", "2", "-o", "fox.png")
    wait_for(lambda: len(sandbox.paid_requests) == 2)

    process.send_signal(getattr(signal, name))
    read_until(process.stderr, "Press Ctrl-C again to quit now")
    answered.set()
    _, err = process.communicate(timeout=60)

    assert process.returncode == 130, err
    assert len(list(folder.iterdir())) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_a_second_interrupt_does_not_wait(
    cli: Any, commands: Any, sandbox: Sandbox, folder: Path
) -> None:
    sandbox.latency_s = 60
    process = commands("generate", "a fox")
    read_until(process.stderr, "generating")
    wait_for(lambda: sandbox.paid_requests)

    process.send_signal(signal.SIGINT)
    read_until(process.stderr, "Press Ctrl-C again to quit now")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)

    assert process.returncode == 130
    assert "Interrupted again." in err
    assert "may be charged" in err


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="a shell closes the streams")
@pytest.mark.parametrize("closed", ["2>&-", ">&- 2>&-", "2>/dev/full", ">&-"])
def test_streams_that_take_nothing_lose_no_image(
    cli: Any, folder: Path, commands: Any, closed: str
) -> None:
    words = shlex.join([sys.executable, "-m", "venice_client", "generate", "a fox", "-o", "a.png"])
    environ = {**os.environ, "PYTHONPATH": str(Path(files.__file__).parents[2])}
    end = subprocess.run(["sh", "-c", f"{words} {closed}"], env=environ, timeout=120, check=False)
    assert end.returncode == 0
    assert (folder / "a.png").exists()


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="/dev/full")
def test_a_result_that_cannot_be_written_is_an_error_beside_all_that_is_told(
    cli: Any, sandbox: Sandbox, folder: Path
) -> None:
    sandbox.add_fault(Fault.status(422, {"error": "no foxes"}), when=seed_is(6))
    words = [sys.executable, "-m", "venice_client", "generate", "a fox", "-n", "2", "--seed", "5"]
    environ = {**os.environ, "PYTHONPATH": str(Path(files.__file__).parents[2])}
    for command, code in (([*words], 3), ([*words[:3], "results"], 1)):
        with Path("/dev/full").open("w") as full:
            end = subprocess.run(
                command,
                env=environ,
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                timeout=120,
                check=False,
            )
        assert end.returncode == code
        assert "Can't write to stdout (No space left on device)." in end.stderr
        assert "Traceback" not in end.stderr
        if code == 3:
            assert "1 of 2 images is saved" in end.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="a pipe of a shell")
def test_a_reader_that_wants_no_more_is_no_error(cli: Any, folder: Path) -> None:
    words = [sys.executable, "-m", "venice_client", "models", "--type", "upscale"]
    environ = {**os.environ, "PYTHONPATH": str(Path(files.__file__).parents[2])}
    reads, writes = os.pipe()
    os.close(reads)
    with os.fdopen(writes, "w") as broken:
        end = subprocess.run(
            words,
            env=environ,
            stdout=broken,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            check=False,
        )
    assert "stdout" not in end.stderr
    assert "Broken" not in end.stderr


@pytest.mark.parametrize("argv", [["results", "--clear"], ["login"]])
def test_without_stdin_nothing_is_asked(
    cli: Any, monkeypatch: pytest.MonkeyPatch, argv: list[str]
) -> None:
    monkeypatch.setattr("sys.stdin", None)
    end = cli(*argv)
    assert end.code == 2
    assert "--yes" in end.err or "Enter a key." in end.err


@pytest.mark.parametrize("target", ["-", os.devnull])
def test_images_go_to_files_alone(cli: Any, sandbox: Sandbox, folder: Path, target: str) -> None:
    end = cli("generate", "a fox", "-o", target)
    assert end.code == 2
    assert "images go to files" in end.err
    assert sandbox.requests == []
