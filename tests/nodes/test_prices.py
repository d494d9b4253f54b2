"""What a request is said to cost is what it costs, for every model, tier, quality and extra."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from bench import Bench
from faulty_sandbox import Fault
from venice_client.catalogue.lists import bundled_lists
from venice_client.catalogue.model import Model
from venice_client.catalogue.prices import (
    estimate_cutout,
    estimate_edit,
    estimate_generate,
    estimate_upscale,
    highest_price,
)
from venice_client.sandbox.models import all_models

LISTED = bundled_lists().models()


def choices(type: str) -> Iterator[tuple[str, str, str]]:
    """Every listed model × tier × quality that the sandbox sells; auto is not sent."""
    for model in all_models().values():
        if model.type != type or model.id == "bria-bg-remover":
            continue
        for tier in ("auto", *model.tiers):
            for quality in ("auto", *model.qualities):
                yield model.id, tier, quality


# By hand, from the published list.
GENERATED: list[tuple[str, dict[str, Any], float]] = [
    ("z-image-turbo", {}, 0.01),
    ("z-image-turbo", {"variants": 4}, 0.04),
    ("z-image-turbo", {"enhance_prompt": True}, 0.05),
    ("z-image-turbo", {"variants": 4, "enhance_prompt": True}, 0.08),
    ("z-image-turbo", {"enable_web_search": True}, 0.01),
    ("z-image-turbo", {"enhance_prompt": False, "enable_web_search": False}, 0.01),
    ("z-image-turbo", {"quality": "high", "resolution": "4K"}, 0.01),
    ("nano-banana-pro", {"resolution": "1K"}, 0.18),
    ("nano-banana-pro", {"resolution": "2K"}, 0.23),
    ("nano-banana-pro", {"resolution": "4K"}, 0.35),
    ("nano-banana-pro", {}, 0.18),
    ("gpt-image-2", {"resolution": "2K", "quality": "low"}, 0.03),
    ("gpt-image-2", {"resolution": "4K", "quality": "high"}, 0.83),
    ("gpt-image-2", {"quality": "medium"}, 0.07),
    ("gpt-image-2", {"resolution": "4K"}, 0.83),
    ("gpt-image-2", {}, 0.26),
    ("gpt-image-2-5-flare", {"resolution": "4K"}, 0.23),
    ("kling-v4-text-to-image", {}, 0.08),
    ("kling-v4-text-to-image", {"resolution": "4K", "variants": 2}, 0.24),
    ("ideogram-v4-6", {"quality": "medium", "resolution": "4K"}, 0.15),
    ("ideogram-v4-6", {}, 0.13),
    ("muse-image", {}, 0.02),
    ("krea-2-turbo", {"resolution": "2K", "variants": 3}, 0.18),
]
EDITED: list[tuple[str, dict[str, Any], int, float]] = [
    ("firered-image-edit", {}, 1, 0.04),
    ("firered-image-edit", {}, 3, 0.04),
    ("firered-image-edit", {"enhance_prompt": True}, 2, 0.08),
    ("flux-2-max-edit", {}, 1, 0.12),
    ("flux-2-max-edit", {}, 3, 0.189),
    ("grok-imagine-edit", {"resolution": "2K"}, 1, 0.0423),
    ("grok-imagine-edit", {}, 2, 0.0346),
    ("gpt-image-2-edit", {"resolution": "2K", "quality": "medium"}, 2, 0.1492),
    ("gpt-image-2-edit", {"quality": "low"}, 1, 0.03),
    ("gpt-image-2-edit", {"resolution": "4K"}, 4, 0.8676),
    ("wan-2-7-pro-edit", {}, 1, 0.094),
    ("qwen-image-3-edit", {}, 1, 0.04345),
    ("gpt-image-2-5-flare-edit", {}, 1, 0.08),
    ("gpt-image-2-5-flare-edit", {"resolution": "2K"}, 3, 0.16932),
]


@pytest.mark.parametrize(("model", "payload", "usd"), GENERATED)
def test_generate_costs_what_the_list_says(model: str, payload: dict[str, Any], usd: float) -> None:
    assert estimate_generate(payload, LISTED[model]) == pytest.approx(usd, abs=1e-9)


@pytest.mark.parametrize(("model", "payload", "images", "usd"), EDITED)
def test_edit_costs_what_the_list_says(
    model: str, payload: dict[str, Any], images: int, usd: float
) -> None:
    assert estimate_edit(payload, images, LISTED[model]) == pytest.approx(usd, abs=1e-9)


def test_upscale_and_cutout_cost_what_the_list_says() -> None:
    for model in (LISTED["upscaler"], Model("upscaler")):
        assert (estimate_upscale(2, model), estimate_upscale(4, model)) == (0.02, 0.08)
    assert estimate_cutout(LISTED["bria-bg-remover"]) == 0.03
    assert estimate_cutout(Model("bria-bg-remover")) == 0.03


@pytest.mark.parametrize(
    "pricing",
    [
        {},
        {"generation": None, "inpaint": None},
        {"generation": {"usd": "1"}, "inpaint": {"usd": "1"}},
        {"generation": {"usd": True}, "inpaint": {"usd": True}},
        {"generation": {"usd": -1}, "inpaint": {"usd": -1}},
        {"generation": {"usd": float("nan")}, "inpaint": {"usd": float("nan")}},
        {"generation": {"usd": float("inf")}, "inpaint": {"usd": float("inf")}},
        {"generation": {"diem": 1}, "inpaint": {"diem": 1}},
        {"resolutions": [], "quality": 3, "inputImages": "many"},
    ],
)
def test_an_odd_price_is_unknown(pricing: dict[str, Any]) -> None:
    model = Model("odd", pricing=pricing)
    assert estimate_generate({"enhance_prompt": True}, model) is None
    assert estimate_edit({}, 2, model) is None


@pytest.mark.parametrize("extra", [None, 3, {}, {"included": "all"}, {"included": None}])
def test_odd_prices_of_input_images_add_nothing(extra: Any) -> None:
    model = Model("odd", pricing={"inpaint": {"usd": 0.5}, "inputImages": extra})
    assert estimate_edit({}, 3, model) == 0.5


def test_the_dearest_is_that_of_the_same_endpoint() -> None:
    models = list(LISTED.values())
    assert highest_price(models, "inpaint") == 0.84
    assert highest_price(models, "image") == 0.84
    assert highest_price([], "inpaint") is None
    assert highest_price([Model("free", "image", pricing={"generation": {"usd": 0}})], "image") == 0


@pytest.fixture
def small(bench: Bench) -> Bench:
    """The sandbox charges as ever, but draws small images: only the price is looked at."""
    bench.sandbox.add_fault(Fault.size(64, 64), path=None, times=None)
    return bench


def is_as_estimated(planned: Any, result: Any, charged: float) -> bool:
    """Whether so much was charged, or not less where only that is known."""
    if type(planned.estimate) is float:
        return bool(planned.estimate == result.cost == charged)
    return bool((planned.estimate or 0.0) <= charged <= planned.max_price)


@pytest.mark.long
def test_every_generation_is_charged_as_estimated(small: Bench, client: Any) -> None:
    request = small.pack.venice_client.request.generate.GenerateRequest
    wrong = []
    for model, tier, quality in choices("image"):
        asked = {"resolution": tier, "quality": quality, "format": "jpeg"}
        if tier == "auto":
            asked |= {"width": None, "height": None}
        before = small.sandbox.charged_usd
        batch = client.start([request(model, "a fox", seed=7, **asked)])
        batch.wait()
        (planned,), (result,) = batch.planned, batch.outcomes
        charged = round(small.sandbox.charged_usd - before, 6)
        if not is_as_estimated(planned, result, charged):
            wrong.append((model, tier, quality, planned.estimate, charged))
        small.sandbox.forget()
    assert wrong == []


@pytest.mark.long
def test_every_edit_is_charged_as_estimated(
    small: Bench, client: Any, encoded: Callable[..., bytes]
) -> None:
    request = small.pack.venice_client.request.edit.EditRequest
    image = encoded((256, 256))
    wrong = []
    for model, tier, quality in choices("inpaint"):
        for count in (1, min(2, all_models()[model].max_input_images)):
            before = small.sandbox.charged_usd
            asked = request((image,) * count, "night", model, resolution=tier, quality=quality)
            batch = client.start([asked])
            batch.wait()
            (planned,), (result,) = batch.planned, batch.outcomes
            charged = round(small.sandbox.charged_usd - before, 6)
            if result.from_store:
                continue
            if not is_as_estimated(planned, result, charged):
                wrong.append((model, tier, quality, count, planned.estimate, charged))
            small.sandbox.forget()
    assert wrong == []


@pytest.mark.parametrize(
    ("inputs", "usd"),
    [
        ({}, 0.01),
        ({"enhance_prompt": True}, 0.05),
        ({"enable_web_search": True}, 0.01),
        ({"batch_size": 3, "enhance_prompt": True}, 0.15),
        ({"batch_size": 4, "batch_mode": "variants", "enhance_prompt": True}, 0.08),
        ({"batch_size": 5, "batch_mode": "variants", "enhance_prompt": True}, 0.13),
    ],
)
def test_extras_are_charged_as_estimated(bench: Bench, inputs: dict[str, Any], usd: float) -> None:
    end = bench.generate(**inputs)
    assert end.info["estimated_cost_usd"] == end.charged == usd
    assert any(f"about ${usd:.2f}" in text for text in end.texts)


def test_a_mask_counts_as_an_input_image(bench: Bench, pictures: Any) -> None:
    end = bench.run(
        "VeniceEditImage",
        image=pictures(),
        prompt="night",
        model="flux-2-max-edit",
        mask=torch.ones(1, 240, 320),
    )
    assert end.info["estimated_cost_usd"] == end.charged == pytest.approx(0.1545)


def test_an_unknown_price_is_said_and_counts_as_the_highest_price(
    bench: Bench, pictures: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENICE_MAX_USD_PER_RUN", "0.8")
    inputs = {"image": pictures(), "prompt": "night", "model": "of-next-year"}
    end = bench.run("VeniceEditImage", **inputs)
    assert end.error_name == "SpendingLimitError"
    assert "0.84" in end.first_line
    assert "No price is published" in str(end.error)
    assert end.sent == ()
    monkeypatch.setenv("VENICE_MAX_USD_PER_RUN", "1")
    end = bench.run("VeniceEditImage", **inputs)
    assert len(end.sent) == 1
    assert any("price unknown" in text for text in end.texts)


def test_a_batch_over_the_limit_is_not_sent_at_all(
    bench: Bench, pictures: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENICE_MAX_USD_PER_RUN", "0.15")
    inputs = {"scale": "4x", "creativity": 0.01}
    end = bench.run("VeniceUpscaleImage", image=pictures(count=2), **inputs)
    assert end.error_name == "SpendingLimitError"
    assert "$0.16" in end.first_line
    assert "VENICE_MAX_USD_PER_RUN sets this limit." in str(end.error)
    assert end.sent == ()
    assert bench.run("VeniceUpscaleImage", image=pictures(count=1), **inputs).error is None
