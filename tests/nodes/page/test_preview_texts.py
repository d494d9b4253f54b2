"""What a graph with text nodes will cost: at most so much, and how many texts it makes."""

from __future__ import annotations

from typing import Any

import pytest

from bench import GENERATE


def node(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}


def write(**inputs: Any) -> dict[str, Any]:
    return node("VeniceWritePrompt", **{"idea": "a fox", "model": "default", "count": 3, **inputs})


def describe(**inputs: Any) -> dict[str, Any]:
    asked = {"image": ["1", 0], "task": "prompt", "model": "default_vision"}
    return node("VeniceDescribeImage", **{**asked, **inputs})


EMPTY = node("EmptyImage", width=1024, height=1024, batch_size=4)


def test_a_text_costs_up_to_so_much_and_names_its_model(preview: Any) -> None:
    told = preview.of({"1": write()})
    price = told["nodes"]["1"]["price"]
    assert price["text"].startswith("up to $0.0")
    assert (price["usd"], price["from"], price["is_bounded"]) == (None, 0.0, True)
    assert told["total"]["text"].startswith("3 texts with ")
    assert told["nodes"]["1"]["images"] == 0
    assert told["nodes"]["1"]["sent"].startswith("default: ")
    assert told["total"]["reserved_usd"] == price["to"]
    assert not told["total"]["must_ask"]


def test_each_image_of_a_batch_is_a_text(preview: Any) -> None:
    one = preview.of(
        {"1": {**EMPTY, "inputs": {**EMPTY["inputs"], "batch_size": 1}}, "2": describe()}
    )
    four = preview.of({"1": EMPTY, "2": describe()})
    assert "4 texts with " in four["total"]["text"]
    assert four["total"]["to"] == pytest.approx(4 * one["total"]["to"])


def test_what_runs_for_each_text_is_counted(preview: Any) -> None:
    generate = node("VeniceGenerateImage", **{**GENERATE, "prompt": ["2", 0]})
    told = preview.of({"1": EMPTY, "2": describe(), "3": generate})
    assert told["nodes"]["3"]["count"] == 4
    assert told["nodes"]["3"]["price"]["usd"] == pytest.approx(0.04)
    assert told["total"]["from"] == pytest.approx(0.04)
    assert told["total"]["to"] > 0.04
    assert told["total"]["text"].startswith("4 images and 4 texts, ")

    generate["inputs"]["prompt"] = ["4", 0]
    told = preview.of({"3": generate, "4": write()})
    assert told["nodes"]["3"]["count"] == 3


def test_a_larger_image_costs_more_and_an_unknown_one_the_most(preview: Any) -> None:
    small, large = (
        preview.of({"1": node("EmptyImage", width=n, height=n, batch_size=1), "2": describe()})
        for n in (256, 2048)
    )
    loaded = preview.of({"1": node("LoadImage", image="a.png"), "2": describe()})
    assert small["total"]["to"] < large["total"]["to"] == loaded["total"]["to"]


def test_a_question_that_comes_over_a_link_has_a_price(preview: Any) -> None:
    asked = describe(task="question", instructions=["9", 0])
    told = preview.of({"1": EMPTY, "2": asked, "9": node("SomeOtherNode")})
    assert told["nodes"]["2"]["error"] is None
    assert told["nodes"]["2"]["price"]["text"].startswith("from $") or told["total"]["to"] > 0


def test_a_text_that_comes_over_a_link_may_be_the_longest(preview: Any) -> None:
    """It counts against no limit before it's there."""
    idea = preview.of({"1": write(idea=["9", 0]), "9": node("SomeOtherNode")})["total"]
    short, longest = (preview.of({"1": write(idea=text)})["total"] for text in ("?", "狐" * 32_768))
    assert idea["to"] >= longest["to"] > short["to"]
    assert idea["reserved_usd"] == short["reserved_usd"]
    asked = describe(instructions=["9", 0])
    told = preview.of({"1": EMPTY, "2": asked, "9": node("SomeOtherNode")})["total"]
    assert (
        told["to"]
        >= preview.of({"1": EMPTY, "2": describe(instructions="狐" * 32_768)})["total"]["to"]
    )


@pytest.mark.parametrize(
    ("graph", "why"),
    [
        ({"1": EMPTY, "2": describe(task="question")}, "Enter a question."),
        ({"2": write(idea="")}, "Enter an idea."),
        (
            {"2": node("VeniceDescribeImage", task="prompt", model="default_vision")},
            "Connect an image.",
        ),
    ],
)
def test_what_is_missing_is_said_before_run(preview: Any, graph: Any, why: str) -> None:
    told = preview.of(graph)["nodes"]["2"]
    assert (told["price"]["text"], told["level"]) == ("Needs input", "input")
    assert told["error"].startswith(why)


def test_an_image_that_is_sent_smaller_is_said_before_run(preview: Any) -> None:
    large = node("EmptyImage", width=4096, height=512, batch_size=1)
    told = preview.of({"1": large, "2": describe()})["nodes"]["2"]
    assert told["warnings"] == ["The image is 4096 × 512 and is sent as 2048 × 256."]
