"""Models, styles and the account."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("asked", "count"),
    [("image", 53), ("inpaint", 35), ("upscale", 1), ("text", 110), ("all", 199), ("video", 0)],
)
def test_models_by_type(api, asked, count):
    told = api.get(f"/models?type={asked}").json()

    assert (told["object"], told["type"], len(told["data"])) == ("list", asked, count)
    assert all(model["object"] == "model" for model in told["data"])


def test_an_unknown_type_is_refused(api):
    assert api.get("/models?type=pictures").status_code == 400


def test_models_come_in_all_three_sizing_kinds(api):
    models = api.get("/models?type=image").json()["data"]
    limits = {m["id"]: m["model_spec"].get("constraints") for m in models}

    assert limits["venice-sd35"]["widthHeightDivisor"] == 16
    assert limits["z-image-turbo"]["steps"] == {"default": 8, "max": 8}
    assert "resolutions" not in limits["flux-2-pro"]
    assert limits["gpt-image-2"]["resolutions"] == ["1K", "2K", "4K"]
    assert limits["gpt-image-2"]["qualities"] == ["low", "medium", "high"]
    assert limits["grok-imagine-image-2-0"]["qualities"] == ["low", "medium"]


def test_what_has_a_price_is_offered_and_the_defaults_are(api):
    for model in api.get("/models?type=all").json()["data"]:
        spec = model["model_spec"]
        limits, pricing = spec.get("constraints", {}), spec["pricing"]
        assert set(pricing.get("resolutions", {})) <= set(limits.get("resolutions", []))
        priced = pricing.get("quality", {}).get("1K", {})
        assert set(priced) <= set(limits.get("qualities", []))
        for default, offered in (("Resolution", "resolutions"), ("Quality", "qualities")):
            assert limits.get(f"default{default}") in (None, *limits.get(offered, []))


def test_some_models_take_style_references_with_and_without_strength(api):
    models = api.get("/models?type=image").json()["data"]
    honoured = {
        m["model_spec"]["constraints"]["supportsStyleReferenceStrength"]
        for m in models
        if m["model_spec"].get("supportsStyleReferences")
    }

    assert honoured == {True, False}


def test_edit_models_tell_how_many_images_they_take(api):
    models = {m["id"]: m["model_spec"] for m in api.get("/models?type=inpaint").json()["data"]}

    assert models["nano-banana-pro-edit"]["constraints"]["maxInputImages"] == 6
    assert "maxInputImages" not in models["firered-image-edit"]["constraints"]
    assert models["luma-uni-1-edit"]["constraints"]["combineImages"] is False


def test_styles(api):
    told = api.get("/image/styles").json()

    assert told["object"] == "list"
    assert len(told["data"]) == 76
    assert "Anime" in told["data"]


def test_the_account_tells_what_is_left(connect):
    api = connect(balance_usd=1.0, rate_limit=20)
    api.generate()

    limits = api.get("/api_keys/rate_limits").json()["data"]
    balance = api.get("/billing/balance").json()

    assert limits["balances"]["USD"] == pytest.approx(0.99)
    assert limits["rateLimits"][0]["rateLimits"] == [{"amount": 20, "type": "RPM"}]
    assert balance["balances"]["usd"] == pytest.approx(0.99)
    assert balance["canConsume"] is True
