"""Venice Describe Image: a text per image, paid once, with what Venice charged."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch

from bench import Bench, End
from faulty_sandbox import Fault
from node_calls import call_with_lists

NODE = "VeniceDescribeImage"
CHAT = "/chat/completions"
Pictures = Callable[..., torch.Tensor]


def describe(bench: Bench, image: torch.Tensor, **inputs: Any) -> End:
    return bench.run(
        NODE, **{"image": image, "task": "prompt", "model": "default_vision", **inputs}
    )


def texts(end: End) -> list[str]:
    found: list[str] = end.shown[0]
    return found


def info(end: End) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(end.shown[1])
    return told


def test_each_image_of_a_batch_has_its_text_in_order(bench: Bench, pictures: Pictures) -> None:
    batch = pictures(count=3)
    end = describe(bench, batch)
    alone = [texts(describe(bench, batch[i : i + 1])) for i in range(3)]
    assert len(end.sent) == 3
    assert texts(end) == [text for own in alone for text in own]


def test_the_answer_costs_what_venice_says_and_a_second_run_nothing(
    bench: Bench, pictures: Pictures
) -> None:
    end = describe(bench, pictures())
    again = describe(bench, pictures())
    other = describe(bench, pictures(), variation=1)

    assert end.charged > 0
    assert info(end)["cost_usd"] == pytest.approx(end.charged, abs=1e-6)
    assert (again.charged, len(again.sent)) == (0, 0)
    assert (texts(again), info(again)["cost_usd"]) == (texts(end), 0)
    assert len(other.sent) == 1


def test_the_node_says_at_most_before_and_exactly_after(bench: Bench, pictures: Pictures) -> None:
    end = describe(bench, pictures())
    assert any("up to $0.00" in text for text in end.texts)
    assert end.texts[-1].startswith("1 text · $0.00")


@pytest.mark.parametrize("task", ["prompt", "caption", "tags"])
def test_each_task_has_its_own_words(bench: Bench, pictures: Pictures, task: str) -> None:
    end = describe(bench, pictures(), task=task, instructions="the light")
    (sent,) = end.sent
    system, user = sent["messages"]
    assert task in system["content"]
    assert "the light" in user["content"][0]["text"]
    assert sent["max_completion_tokens"] == 500
    assert sent["model"] != "default_vision"  # the trait's model, so that repeating it is free


def test_a_question_needs_its_text(bench: Bench, pictures: Pictures) -> None:
    end = describe(bench, pictures(), task="question")
    assert end.first_line.startswith("Enter a question.")
    assert not end.sent
    asked = describe(bench, pictures(), task="question", instructions="What color is it?")
    assert asked.sent[0]["messages"][1]["content"][0]["text"] == "What color is it?"


def test_a_large_image_is_sent_smaller_and_the_node_says_so(
    bench: Bench, pictures: Pictures
) -> None:
    end = describe(bench, pictures(width=4096, height=512))
    said = "The image is 4096 × 512 and is sent as 2048 × 256."
    assert said in info(end)["warnings"]
    assert said in end.texts[-1]


def test_what_is_sent_is_in_info_without_the_image(bench: Bench, pictures: Pictures) -> None:
    told = describe(bench, pictures())
    (request,) = info(told)["requests"]
    assert "base64" not in json.dumps(request)
    assert "(left out)" in json.dumps(request)
    assert info(told)["texts"] == texts(told)


def test_a_model_that_cannot_see_is_refused_unsent(bench: Bench, pictures: Pictures) -> None:
    blind = next(
        model.id
        for model in bench.pack.venice_client.VeniceClient().catalogue.text_models()
        if model.sees is False
    )
    end = describe(bench, pictures(), model=blind)
    assert end.first_line.startswith(f"{blind} doesn't accept images. Choose one that does")
    assert not end.sent


def test_a_list_of_tasks_runs_for_each(bench: Bench, pictures: Pictures) -> None:
    node = bench.pack.NODE_CLASS_MAPPINGS[NODE]()
    columns = call_with_lists(
        node, image=[pictures()], task=["caption", "tags"], model=["default_vision"]
    )
    assert [len(column) for column in columns] == [2, 2]
    assert len(bench.sandbox.paid_requests) == 2


@pytest.mark.parametrize(
    "fault",
    [Fault.status(500), Fault.status(429, headers={"Retry-After": "0"})],
    ids=lambda fault: fault.name,
)
def test_what_was_surely_not_answered_is_tried_again(
    bench: Bench, pictures: Pictures, fault: Any
) -> None:
    bench.sandbox.add_fault(fault, CHAT)
    assert len(texts(describe(bench, pictures()))) == 1


def test_a_list_of_models_runs_for_each_and_a_wrong_name_ends_it_unsent(
    bench: Bench, pictures: Pictures
) -> None:
    node = bench.pack.NODE_CLASS_MAPPINGS[NODE]()
    models = bench.pack.venice_client.VeniceClient().catalogue.text_models(sees=True)
    given = {"image": [pictures()], "task": ["caption"]}
    texts_, _ = call_with_lists(node, **given, model=["default_vision", models[0].id])
    assert len(texts_) == 2
    before = len(bench.sandbox.paid_requests)
    with pytest.raises(bench.pack.venice_client.InvalidRequestError, match="no model"):
        call_with_lists(node, **given, model=["default_vision", "no-such-model-at-all"])
    assert len(bench.sandbox.paid_requests) == before


def test_an_id_newer_than_the_list_is_sent_as_it_is(bench: Bench, pictures: Pictures) -> None:
    end = describe(bench, pictures(), model="a-model-of-tomorrow")
    assert [sent["model"] for sent in end.sent] == ["a-model-of-tomorrow"]
    assert end.error_name == "NotFoundError"
    assert end.charged == 0


def test_one_failing_image_leaves_the_others_saved(bench: Bench, pictures: Pictures) -> None:
    bench.sandbox.add_fault(Fault.close(charge=True), CHAT)
    end = describe(bench, pictures(count=3))
    again = describe(bench, pictures(count=3))
    assert end.error is not None
    assert "2 of 3 texts are saved" in str(end.error)
    assert (len(end.sent), len(again.sent)) == (3, 1)
    assert len(texts(again)) == 3
