"""What a model ignores without a word is a warning where the user set it, and only there."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from venice_client import GenerateRequest, VeniceClient
from venice_client.catalogue import ignored_fields
from venice_client.catalogue.ignored_fields import is_ignored
from venice_client.catalogue.lists import bundled_lists
from venice_client.catalogue.model import Model
from venice_client.request.generate import ignored_warnings

LISTED = bundled_lists().models()
IDS = {model.id for model in bundled_lists().listed("image")}
RequestFor = Callable[..., GenerateRequest]


def warned(model: str | Model, **changes: Any) -> tuple[str, ...]:
    known = LISTED[model] if isinstance(model, str) else model
    return ignored_warnings(GenerateRequest(known.id, "a fox", **changes), known)


NEGATIVE = {"negative_prompt": "rain"}
SEARCH = {"enable_web_search": True}
UNSIGNED = {"hide_watermark": False}


@pytest.mark.parametrize(
    ("model", "changes", "said"),
    [
        ("z-image-turbo", NEGATIVE, "z-image-turbo doesn't use negative prompts."),
        ("chroma", NEGATIVE, "chroma doesn't use negative prompts."),
        ("z-image-turbo", {"steps": 8}, "z-image-turbo doesn't use steps."),
        ("nano-banana-2", {"steps": 20}, "nano-banana-2 doesn't use steps."),
        ("ideogram-v4-6", {"steps": 20}, "ideogram-v4-6 doesn't use steps."),
        ("gpt-image-2", {"seed": 7}, "gpt-image-2 doesn't use seeds."),
        ("gpt-image-2-6-flare", {"seed": 7}, "gpt-image-2-6-flare doesn't use seeds."),
        ("seedream-v5-pro", {"seed": 7}, "seedream-v5-pro doesn't use seeds."),
        ("grok-imagine-image", {"seed": 7}, "grok-imagine-image doesn't use seeds."),
        ("z-image-turbo", SEARCH, "z-image-turbo can't search the web."),
        ("flux-2-pro", UNSIGNED, "flux-2-pro doesn't add watermarks."),
    ],
)
def test_what_is_ignored_is_said(model: str, changes: dict[str, Any], said: str) -> None:
    assert warned(model, **changes) == (said,)


@pytest.mark.parametrize(
    ("model", "changes"),
    [
        ("venice-sd35", {**NEGATIVE, "steps": 20, **UNSIGNED}),
        ("lustify-v8", {**NEGATIVE, "steps": 20}),
        ("qwen-image-3-pro", NEGATIVE),
        ("wan-2-7-text-to-image", NEGATIVE),
        ("nano-banana-pro", SEARCH),
        ("z-image-turbo", {"seed": 7, **UNSIGNED}),
        ("nano-banana-2", {"seed": 7}),
        ("seedream-v4", {"seed": 7}),
        ("gpt-image-2", {"seed": 1}),
        ("gpt-image-2", {"seed": None}),
        ("z-image-turbo", {"negative_prompt": " \n", "enable_web_search": False}),
        ("flux-2-pro", {"hide_watermark": True}),
        ("krea-3", NEGATIVE),  # newer than what is published of this
    ],
)
def test_what_counts_or_was_not_set_is_not_said(model: str, changes: dict[str, Any]) -> None:
    assert warned(model, **changes) == ()


def test_of_a_model_that_nobody_knows_nothing_is_said() -> None:
    changes = {**NEGATIVE, **SEARCH, "steps": 20, "seed": 7}
    assert warned(Model("a-model-of-tomorrow"), **changes) == ()


def test_what_the_live_list_says_goes_before_what_was_published() -> None:
    finds = Model("flux-2-pro", abilities={"supportsWebSearch": True})
    finds_no_more = Model("nano-banana-2", abilities={"supportsWebSearch": False})
    assert not is_ignored("enable_web_search", finds)
    assert is_ignored("enable_web_search", finds_no_more)
    thinks = {"disable_prompt_optimization_thinking": True}
    name = "supportsOptimizePromptThinking"
    assert warned(Model("m", abilities={name: True}), **thinks) == ()
    assert warned(Model("m"), **thinks) == ()
    (said,) = warned(Model("m", abilities={name: False}), **thinks)
    assert "thinking" in said


def test_of_variants_only_the_first_has_the_seed() -> None:
    (said,) = warned("z-image-turbo", seed=7, variants=4)
    assert "only the first image of each request uses the seed" in said
    assert "rate limit" in said
    assert warned("z-image-turbo", seed=7, variants=1) == ()
    assert warned("z-image-turbo", seed=None, variants=4) == ()
    assert warned("gpt-image-2", seed=7, variants=4) == ("gpt-image-2 doesn't use seeds.",)


def test_it_is_among_the_warnings_of_the_answer_and_sent_all_the_same(
    client: VeniceClient, request_for: RequestFor
) -> None:
    result = client.generate_images(request_for(negative_prompt="rain"))
    assert "z-image-turbo doesn't use negative prompts." in result.warnings
    assert result.sent["negative_prompt"] == "rain"


def test_a_batch_says_it_once(request_for: RequestFor) -> None:
    model = LISTED["gpt-image-2"]
    requests = [request_for(model="gpt-image-2", seed=seed) for seed in (7, 8, 9)]
    said = {warning for each in requests for warning in ignored_warnings(each, model)}
    assert said == {"gpt-image-2 doesn't use seeds."}


def test_the_data_has_its_source_and_speaks_of_listed_models_only() -> None:
    data = json.loads(ignored_fields.DATA.read_text(encoding="utf-8"))
    assert data["source"]
    assert data["date"] == "2026-10-02"
    assert set(data["models"]) <= IDS
    fields = GenerateRequest.__dataclass_fields__
    for name, said in data["fields"].items():
        assert name in fields
        for pattern in (*said.get("used_by", ()), *said.get("ignored_by", ())):
            assert any(ignored_fields._is_among(id, [pattern]) for id in IDS), pattern
