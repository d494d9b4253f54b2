"""Venice Write Prompt: as many prompts as asked for, in one request where the model can."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch

from bench import Bench, End

NODE = "VeniceWritePrompt"
Pictures = Callable[..., torch.Tensor]


def write(bench: Bench, **inputs: Any) -> End:
    return bench.run(NODE, **{"idea": "a lighthouse", "model": "default", "count": 1, **inputs})


def prompts(end: End) -> list[str]:
    found: list[str] = end.shown[0]
    return found


def models(bench: Bench, **abilities: bool) -> list[str]:
    """The ids of models with these abilities."""
    catalogue = bench.pack.venice_client.VeniceClient().catalogue
    return [
        model.id
        for model in catalogue.text_models()
        if all(model.abilities.get(name) is value for name, value in abilities.items())
    ]


def test_several_come_from_one_request_and_differ(bench: Bench) -> None:
    end = write(bench, count=3)
    assert len(set(prompts(end))) == 3
    (sent,) = end.sent
    assert sent["response_format"]["json_schema"]["strict"] is True
    assert sent["max_completion_tokens"] == 3 * 800


def test_a_model_without_schemas_gets_a_request_for_each(bench: Bench) -> None:
    model = models(bench, supportsResponseSchema=False)[0]
    end = write(bench, count=3, model=model)
    assert len(prompts(end)) == len(end.sent) == 3
    assert {sent["model"] for sent in end.sent} == {model}


def test_the_same_idea_is_free_and_another_variation_is_not(bench: Bench) -> None:
    first, again, other = write(bench), write(bench), write(bench, variation=2)
    assert first.charged > 0
    assert (again.charged, prompts(again)) == (0, prompts(first))
    assert other.charged > 0


def test_an_image_goes_along_and_a_batch_is_a_request_for_each(
    bench: Bench, pictures: Pictures
) -> None:
    model = models(bench, supportsVision=True, supportsResponseSchema=True)[0]
    end = write(bench, image=pictures(count=2), count=2, model=model)
    assert len(end.sent) == 2
    assert len(prompts(end)) == 4


def test_a_model_that_cannot_see_takes_no_image(bench: Bench, pictures: Pictures) -> None:
    model = models(bench, supportsVision=False)[0]
    end = write(bench, image=pictures(), model=model)
    assert "doesn't accept images" in end.first_line
    assert not end.sent


def test_without_an_idea_nothing_is_sent(bench: Bench) -> None:
    end = write(bench, idea=" ")
    assert end.first_line.startswith("Enter an idea.")
    assert not end.sent


def test_what_was_written_is_in_info(bench: Bench) -> None:
    end = write(bench, count=2)
    told = json.loads(end.shown[1])
    assert told["texts"] == prompts(end)
    assert told["cost_usd"] == pytest.approx(end.charged, abs=1e-6)
    assert told["requests"][0]["messages"][1]["content"][0]["text"] == "The idea: a lighthouse"
