"""Prices that are published in part: shown as a bound, and reserved by the model's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venice_client import EditRequest, GenerateRequest, UpscaleRequest, VeniceClient
from venice_client.catalogue.lists import bundled_lists
from venice_client.catalogue.model import Model, parse_model
from venice_client.catalogue.prices import (
    estimate_edit,
    estimate_generate,
    estimate_upscale,
    highest_price,
    max_price,
    price_range,
)
from venice_client.money import LowerBound, cost_text

LISTED = bundled_lists().models()
MODELS = bundled_lists().listed()
RequestFor = Callable[..., GenerateRequest]


def priced(pricing: dict[str, Any], **constraints: Any) -> Model:
    spec = {"pricing": pricing, "constraints": constraints}
    model = parse_model({"id": "one", "type": "image", "model_spec": spec})
    assert model is not None
    return model


def tiers(**usd: float) -> dict[str, Any]:
    return {name: {"usd": price} for name, price in usd.items()}


TWO_TIERS = {"resolutions": {"2K": {"usd": 0.08}, "4K": {"usd": 0.12}}}


@pytest.mark.parametrize(
    ("model", "payload", "usd"),
    [
        ("krea-3", {}, 0.07),
        ("krea-3", {"resolution": "1K", "variants": 3}, 0.21),
        ("gpt-image-2-6-flare", {"resolution": "4K", "enhance_prompt": True}, 0.13),
        ("seedream-v5-5", {"resolution": "1.5K"}, 0.03),
        ("mai-image-2-7-flash", {"resolution": "1K"}, 0.02),
        ("krea-v2-large", {"style_references": [{}]}, 0.07),
    ],
)
def test_a_price_of_one_tier_alone_is_a_bound(
    model: str, payload: dict[str, Any], usd: float
) -> None:
    price = estimate_generate(payload, LISTED[model])
    assert isinstance(price, LowerBound)
    assert price == pytest.approx(usd)


@pytest.mark.parametrize("model", ["flux-3-image-edit", "seedream-v5-5-edit", "mai-image-2-7-edit"])
def test_the_price_of_an_edit_whose_tiers_nobody_published_is_a_bound(model: str) -> None:
    price = estimate_edit({"enhance_prompt": True}, 1, LISTED[model])
    assert isinstance(price, LowerBound)


@pytest.mark.parametrize(
    ("model", "payload"),
    [
        ("z-image-turbo", {}),
        ("krea-v2-large", {}),
        ("luma-uni-1", {"style_references": [{}]}),
        ("ideogram-v4-5", {"resolution": "1K"}),
        ("kling-v4-text-to-image", {}),
        ("ideogram-v4-6", {"quality": "low", "resolution": "2K"}),
    ],
)
def test_a_published_price_is_no_bound(model: str, payload: dict[str, Any]) -> None:
    assert type(estimate_generate(payload, LISTED[model])) is float


@pytest.mark.parametrize(
    ("model", "payload"),
    [
        ("ideogram-v4-5", {"resolution": "2K"}),
        ("flux-3-image", {"resolution": "4K"}),
        ("gpt-image-2-5-flare", {"quality": "low", "resolution": "1K"}),
        ("gpt-image-2", {"resolution": "8K"}),
        ("of-tomorrow", {}),
    ],
)
def test_a_tier_or_quality_without_a_price_is_unknown(model: str, payload: dict[str, Any]) -> None:
    assert estimate_generate(payload, LISTED.get(model, Model(model))) is None


def test_what_is_made_unless_something_is_sent_is_what_is_estimated() -> None:
    known = {"promptCharacterLimit": 9, "resolutions": ["2K", "4K"]}
    assert estimate_generate({}, priced(TWO_TIERS, defaultResolution="4K", **known)) == 0.12
    unsaid = estimate_generate({}, priced(TWO_TIERS, **known))
    assert (unsaid, type(unsaid)) == (0.08, LowerBound)
    qualities = {"quality": {"1K": tiers(low=0.02, high=0.2)}, "resolutions": tiers(**{"1K": 0.1})}
    assert estimate_generate({}, priced(qualities, defaultQuality="high")) == 0.2
    assert estimate_generate({}, priced(qualities)) == 0.1
    assert estimate_generate({"quality": "low"}, priced(qualities, defaultQuality="high")) == 0.02


@pytest.mark.parametrize(("included", "usd"), [(0, 0.16), (1, 0.15), (2, 0.14), (None, 0.15)])
def test_input_images_beyond_the_included_ones_are_charged(included: Any, usd: float) -> None:
    extra = {"included": included, "additional": {"usd": 0.01}}
    model = Model("one", "inpaint", True, pricing={"inpaint": {"usd": 0.14}, "inputImages": extra})
    assert estimate_edit({}, 2, model) == pytest.approx(usd)


@pytest.mark.parametrize(("scale", "usd"), [(2, 0.02), (1.5, 0.02), (2.01, 0.08), (4, 0.08)])
def test_upscaling_is_priced_by_the_effective_scale(scale: float, usd: float) -> None:
    assert estimate_upscale(scale, LISTED["upscaler"]) == usd


@pytest.mark.parametrize(
    ("size", "usd"), [((512, 512), 0.08), ((2048, 2048), 0.02), ((3000, 1500), 0.02)]
)
def test_a_reduced_4x_costs_what_it_comes_to(
    encode_image: Callable[..., bytes], size: tuple[int, int], usd: float
) -> None:
    request = UpscaleRequest(encode_image(size), 4)
    model = LISTED["upscaler"]
    assert request.price(request.build(model), model) == usd


def reserved(model: Model, images: int = 0, **payload: Any) -> float | None:
    estimate = estimate_edit(payload, images, model) if images else None
    price = estimate if images else estimate_generate(payload, model)
    return max_price(price, payload, images, model, MODELS)


def test_a_price_that_is_known_is_what_is_reserved() -> None:
    assert reserved(LISTED["z-image-turbo"], variants=3) == 0.03
    assert reserved(LISTED["gpt-image-2"], resolution="4K") == 0.83


def test_a_model_with_a_price_of_its_own_is_never_the_dearest_of_all() -> None:
    for model in MODELS:
        if model.kind in ("image", "inpaint"):
            images = int(model.kind == "inpaint")
            own = price_range(model)
            assert own is not None, model.id
            assert (reserved(model, images) or 0) <= own[1] + 0.04, model.id
    assert reserved(LISTED["flux-3-image-edit"], 1) == 0.12


def test_a_larger_tier_is_reserved_in_proportion_up_to_the_highest_price() -> None:
    assert reserved(LISTED["flux-3-image"], resolution="2K") == pytest.approx(0.48)
    assert reserved(LISTED["flux-3-image"], resolution="4K") == 0.84
    assert reserved(LISTED["seedream-v5-5"], resolution="1.5K") == pytest.approx(0.0675)
    assert reserved(LISTED["gpt-image-2-5-flare"], quality="low", resolution="2K") == 0.15


def test_without_any_price_of_its_own_a_model_is_reserved_as_the_highest_price() -> None:
    assert reserved(Model("of-tomorrow"), variants=2, enhance_prompt=True) == 1.72
    assert max_price(None, {}, 0, Model("of-tomorrow"), []) is None


TIERS = st.sampled_from(["1K", "1.5K", "2K", "4K", "huge"])


@given(
    st.sampled_from([m for m in MODELS if m.kind in ("image", "inpaint")]),
    st.fixed_dictionaries(
        {},
        optional={
            "resolution": TIERS,
            "quality": st.sampled_from(["low", "high"]),
            "variants": st.integers(1, 4),
            "enhance_prompt": st.booleans(),
        },
    ),
    st.integers(1, 6),
)
def test_what_is_reserved_is_never_less_than_the_estimate(
    model: Model, payload: dict[str, Any], images: int
) -> None:
    if model.kind == "image":
        price, images = estimate_generate(payload, model), 0
    else:
        price = estimate_edit({**payload, "variants": 1}, images, model)
    most = max_price(price, payload, images, model, MODELS)
    assert most is not None
    assert most >= (price or 0.0)
    assert price is None or price > 0


ODD = st.recursive(
    st.none() | st.integers() | st.just(10**400) | st.floats() | st.text(max_size=3),
    lambda inner: st.dictionaries(st.sampled_from(["1K", "low", "usd", "2K"]), inner, max_size=3),
    max_leaves=10,
)


@given(
    st.fixed_dictionaries({}, optional=dict.fromkeys(("resolutions", "quality", "generation"), ODD))
)
def test_odd_prices_break_nothing(pricing: dict[str, Any]) -> None:
    model = Model("odd", pricing=pricing, tiers=("1K", "2K"))
    for payload in ({}, {"resolution": "2K"}, {"quality": "low", "resolution": "4K"}):
        price = estimate_generate(payload, model)
        most = max_price(price, payload, 0, model, [model])
        assert price is None or 0 <= price <= (most or 0)
    price_range(model)
    highest_price([model], "image")


def test_a_bound_is_shown_as_one_from_plan_to_answer(
    client: VeniceClient, request_for: RequestFor
) -> None:
    (planned,) = client.prepare([request_for(model="krea-3", width=1024, height=1024)]).planned
    assert cost_text([planned.estimate]).startswith("from $0.07")
    result = client.generate_images(request_for(model="krea-3", width=1024, height=1024))
    assert isinstance(result.cost, LowerBound)


def test_a_list_is_reserved_by_the_models_own_prices(
    make_client: Callable[..., VeniceClient], sandbox: Any, edit_image: bytes
) -> None:
    client = make_client(sandbox.base_url, max_usd_per_run=1.0)
    client.catalogue.refresh()
    request = EditRequest((edit_image,), "night", "flux-3-image-edit")
    planned = client.prepare([replace(request, variation=i) for i in range(8)]).planned
    assert sum(each.reservation.usd for each in planned if each.reservation) == pytest.approx(0.96)
