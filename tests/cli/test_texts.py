"""`describe` and `write-prompt`: texts on stdout, their cost on stderr, and all of it as JSON."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from PIL import Image

from faults import CHAT
from faulty_sandbox import Fault

SEES, NO_SCHEMA = "google-gemma-3-27b-it", "qwen-3-7-max"


@pytest.fixture
def images(folder: Path) -> list[str]:
    for name, color in (("sea.png", "navy"), ("leaf.png", "green")):
        Image.new("RGB", (320, 200), color).save(folder / name)
    return ["sea.png", "leaf.png"]


def test_one_description_is_just_the_text(cli, images, sandbox):
    end = cli("describe", "sea.png", "--model", SEES)

    assert end.code == 0
    (line,) = end.lines
    assert "dark blue" in line
    assert f"1 text with {SEES} · up to $0.00" in end.err
    assert "1 text in" in end.err
    assert f"· ${sandbox.charged_usd:.6f}".rstrip("0") in end.err


def test_descriptions_of_several_images_name_them_and_are_free_again(cli, images, sandbox):
    first = cli("describe", *images, "--model", SEES, "--task", "tags")
    again = cli("describe", *images, "--model", SEES, "--task", "tags")

    assert sorted(line.partition(": ")[0] for line in first.lines) == sorted(images)
    assert sorted(first.lines) == sorted(again.lines)
    assert len(sandbox.paid_requests) == 2
    assert "free" in again.err


def test_a_question_may_come_from_stdin(cli, images, sandbox, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"Is it blue?\n")))

    end = cli("describe", "sea.png", "--model", SEES, "--ask", "-")

    assert "mostly dark blue" in end.out
    content = sandbox.paid_requests[0].json["messages"][1]["content"]
    assert content[0]["text"] == "Is it blue?"


@pytest.mark.parametrize(("model", "requests"), [(SEES, 1), (NO_SCHEMA, 3)])
def test_prompts_are_a_line_each(cli, images, sandbox, model, requests):
    end = cli("write-prompt", "a fox", "-n", "3", "--model", model)

    assert end.code == 0
    assert len({*end.lines}) == 3
    assert all("a fox" in line for line in end.lines)
    assert len(sandbox.paid_requests) == requests
    assert "3 texts in" in end.err


def test_prompts_as_json(cli, images, sandbox):
    end = cli(
        *("write-prompt", "a fox", "-n", "2", "--model", SEES, "--image", "sea.png", "--json")
    )

    assert [each["number"] for each in end.json["texts"]] == [1, 1]
    assert end.json["cost_usd"] == pytest.approx(sandbox.charged_usd)
    assert end.json["requests"][0]["model"] == SEES
    assert "images" not in end.json


def test_a_dry_run_sends_nothing_and_needs_no_key(cli, images, sandbox, monkeypatch):
    monkeypatch.delenv("VENICE_API_KEY")

    end = cli("describe", "sea.png", "--dry-run", "--json", "--model", SEES)

    assert end.code == 0
    (request,) = end.json["requests"]
    assert (request["path"], request["files"]) == (CHAT, [])
    assert 0 < end.json["estimated_cost_usd"] < 0.01
    assert "(left out)" in json.dumps(request["fields"])
    assert sandbox.requests == []


def test_the_model_that_a_trait_means_is_shown(cli, images, sandbox):
    dry = cli("describe", "sea.png", "--dry-run")
    end = cli("describe", "sea.png")

    assert "1 text with qwen-3-8-27b · up to $0.00" in dry.err
    assert "1 text with qwen-3-8-27b · up to $0.00" in end.err
    assert sandbox.paid_requests[0].json["model"] == "qwen-3-8-27b"


def test_a_limit_sends_nothing(cli, images, sandbox):
    end = cli("describe", "sea.png", "--model", "claude-fable-5", "--max-usd", "0.01")

    assert end.code == 2
    assert "--max-usd allows $0.01" in end.err
    assert sandbox.paid_requests == []


def test_a_model_that_cannot_see_is_refused(cli, images, sandbox):
    end = cli("describe", "sea.png", "--model", "zai-org-glm-5-2")

    assert end.code == 2
    assert "doesn't accept images" in end.err
    assert sandbox.paid_requests == []


def test_a_refused_text_has_the_code_of_what_may_be_charged(cli, images, sandbox):
    sandbox.add_fault(Fault.answer(finish_reason="content_filter"), CHAT)

    end = cli("describe", "sea.png", "--model", SEES, "--json")

    assert end.code == 4
    (failed,) = end.json["failed"]
    assert failed["type"] == "NoTextError"
    assert failed["source"] == "sea.png"
    assert end.json["texts"] == []


def test_one_of_several_that_fails_does_not_take_the_others(cli, images, sandbox):
    sandbox.add_fault(Fault.answer(content=""), CHAT)

    end = cli("describe", *images, "--model", SEES)

    assert end.code == 4
    assert len(end.lines) == 1
    assert "1 of 2 texts is saved" in end.err


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (("describe", "no-such.png"), "can't be read"),
        (("describe", "small.png"), "small.png is 40 × 40 pixels"),
        (("describe", "sea.png", "--ask", " "), "Enter a question"),
        (("describe", "sea.png", "--ask", "x", "--instructions", "y"), "not both"),
        (("describe", "sea.png", "--max-tokens", "5"), "max_tokens must be"),
        (("write-prompt", ""), "Enter an idea"),
        (("write-prompt", "x", "-n", "17"), "count must be"),
    ],
)
def test_what_is_wrong_is_not_sent(cli, images, folder, sandbox, argv, says):
    Image.new("RGB", (40, 40)).save(folder / "small.png")

    end = cli(*argv)

    assert end.code == 2
    assert says in end.err
    assert sandbox.paid_requests == []


def test_terminal_codes_in_a_text_are_removed(cli, images, sandbox):
    sandbox.add_fault(Fault.answer(content="a \x1b[31mred\x1b[0m fox\nin snow"), CHAT)

    assert cli("describe", "sea.png", "--model", SEES).lines == ["a red fox", "in snow"]


def test_saved_texts_are_listed_and_exported(cli, images, folder):
    text = cli("describe", "sea.png", "--model", SEES).lines[0]
    prompts = cli("write-prompt", "a fox", "-n", "2", "--model", SEES).lines

    listed = cli("results")
    assert [line.split()[3] for line in listed.lines[1:]] == ["text", "text"]
    end = cli("results", "-o", "out")
    files = sorted((folder / "out").iterdir())
    assert sorted(file.read_text().strip() for file in files) == sorted([text, *prompts])
    assert all(file.suffix == ".txt" for file in files)
    assert cli("results", "-o", "out").lines == end.lines


def test_text_models_are_listed_cheapest_first(cli, sandbox):
    end = cli("models", "--type", "text")

    assert "per million tokens" in end.lines[1]
    assert len(end.lines) == 111
    line = next(line for line in end.lines if line.startswith("qwen-3-8-27b "))
    assert "sees images" in line
    assert "default_vision" in line
    assert "$0.45 in, $3.20 out" in line
    assert not any(" text " in line for line in cli("models").lines)
