"""What /image/generate takes and what it refuses, rule by rule."""

from __future__ import annotations

import pytest

PIXELS = {"width": 64, "height": 64}
NO_PIXELS = {"width": ..., "height": ..., "format": "jpeg"}
RATIO = {**NO_PIXELS, "model": "flux-2-pro"}
TIER = {**NO_PIXELS, "model": "gpt-image-2"}
CLEAR = {**NO_PIXELS, "model": "gpt-image-1-5", "transparent_background": True}
JSON_ANSWER = {"return_binary": False}

# field the refusal names, fields that are taken, fields that are not
RULES = [
    ("model", {}, {"model": ...}),
    ("model", {}, {"model": 7}),
    ("prompt", {}, {"prompt": ...}),
    ("prompt", {"prompt": "x"}, {"prompt": ""}),
    ("prompt", {"prompt": " x "}, {"prompt": "   "}),
    ("prompt", {"prompt": "x" * 7500}, {"prompt": "x" * 7501}),
    (
        "prompt",
        {"model": "venice-sd35", "prompt": "x" * 1500},
        {"model": "venice-sd35", "prompt": "x" * 1501},
    ),
    ("negative_prompt", {"negative_prompt": ""}, {"negative_prompt": None}),
    ("negative_prompt", {"negative_prompt": "x" * 7500}, {"negative_prompt": "x" * 7501}),
    ("width", {"width": 1280}, {"width": 1288}),
    ("width", {"width": 72}, {"width": 0}),
    ("width", {"width": 72}, {"width": 68}),
    ("width", {"width": 72.0}, {"width": 72.5}),
    ("width", {"width": 72}, {"width": True}),
    ("width", {"width": 72}, {"width": "72"}),
    ("height", {"height": 1280}, {"height": 1281}),
    ("height", {"model": "venice-sd35", "height": 80}, {"model": "venice-sd35", "height": 72}),
    ("aspect_ratio", {}, {"aspect_ratio": "1:1"}),
    ("resolution", {}, {"resolution": "1K"}),
    ("width", RATIO, {**RATIO, "width": 64}),
    ("width", {**RATIO, "model": "qwen-image"}, {**RATIO, "model": "qwen-image", "width": 1024}),
    ("height", RATIO, {**RATIO, "height": 64}),
    ("aspect_ratio", {**RATIO, "aspect_ratio": "16:9"}, {**RATIO, "aspect_ratio": "7:3"}),
    ("aspect_ratio", {**RATIO, "aspect_ratio": "1:1"}, {**RATIO, "aspect_ratio": "2:2"}),
    ("resolution", RATIO, {**RATIO, "resolution": "1K"}),
    ("resolution", {**TIER, "resolution": "1K"}, {**TIER, "resolution": "8K"}),
    ("resolution", {**TIER, "resolution": "1K"}, {**TIER, "resolution": "1k"}),
    ("width", TIER, {**TIER, "width": 64}),
    ("quality", {**TIER, "quality": "high"}, {**TIER, "quality": "best"}),
    ("quality", {}, {"quality": "high"}),
    ("quality", RATIO, {**RATIO, "quality": "high"}),
    ("steps", {"steps": 50}, {"steps": 0}),
    ("steps", {"steps": 1}, {"steps": 0}),
    ("steps", {"model": "venice-sd35", "steps": 30}, {"model": "venice-sd35", "steps": 31}),
    ("cfg_scale", {"cfg_scale": 0.1}, {"cfg_scale": 0}),
    ("cfg_scale", {"cfg_scale": 20}, {"cfg_scale": 20.1}),
    ("seed", {"seed": 999_999_999}, {"seed": 1_000_000_000}),
    ("seed", {"seed": -999_999_999}, {"seed": -1_000_000_000}),
    ("seed", {"seed": 0}, {"seed": "0"}),
    ("seed", {"seed": 1}, {"seed": 2**64}),
    ("style_preset", {"style_preset": "Anime"}, {"style_preset": "anime"}),
    ("style_preset", {"style_preset": "Neon Punk"}, {"style_preset": "None"}),
    ("lora_strength", {"lora_strength": 0}, {"lora_strength": -1}),
    ("lora_strength", {"lora_strength": 100}, {"lora_strength": 101}),
    ("lora_strength", {"lora_strength": 50}, {"lora_strength": 50.5}),
    ("format", {"format": "jpeg"}, {"format": "jpg"}),
    ("variants", {**JSON_ANSWER, "variants": 4}, {**JSON_ANSWER, "variants": 5}),
    ("variants", {**JSON_ANSWER, "variants": 1}, {**JSON_ANSWER, "variants": 0}),
    ("variants", JSON_ANSWER, {"variants": 1}),
    ("hide_watermark", {"hide_watermark": True}, {"hide_watermark": 1}),
    ("safe_mode", {"safe_mode": False}, {"safe_mode": "false"}),
    ("return_binary", {"return_binary": True}, {"return_binary": None}),
    ("embed_exif_metadata", {"embed_exif_metadata": True}, {"embed_exif_metadata": 0}),
    ("enable_web_search", {"enable_web_search": True}, {"enable_web_search": "yes"}),
    ("enhance_prompt", {"enhance_prompt": True}, {"enhance_prompt": []}),
    (
        "disable_prompt_optimization_thinking",
        {"disable_prompt_optimization_thinking": True},
        {"disable_prompt_optimization_thinking": {}},
    ),
    ("transparent_background", {"transparent_background": False}, {"transparent_background": True}),
    ("transparent_background", {**CLEAR, "format": "png"}, {**CLEAR, "format": "jpeg"}),
    ("inpaint", {"inpaint": None}, {"inpaint": {"strength": 1}}),
]


@pytest.mark.parametrize(("name", "taken", "refused"), RULES)
def test_a_rule_takes_one_value_and_refuses_another(api, name, taken, refused):
    assert api.generate(**taken).status_code == 200

    answer = api.generate(**refused)

    assert answer.status_code == 400
    told = answer.json()
    assert told["error"] == "Invalid request parameters"
    assert told["details"][name]["_errors"]


def test_a_stray_field_is_refused_by_name(api):
    answer = api.generate(image_strength=3)

    assert answer.status_code == 400
    assert "image_strength" in answer.json()["details"]["_errors"][0]


def test_every_wrong_field_is_named(api):
    details = api.generate(width=-1, seed="x", extra=1).json()["details"]

    assert set(details) == {"_errors", "width", "seed"}
    assert "extra" in details["_errors"][0]


@pytest.mark.parametrize(
    ("model", "status", "code"),
    [
        ("no-such-model", 404, "MODEL_NOT_FOUND"),
        ("firered-image-edit", 400, "INVALID_MODEL"),
        ("upscaler", 400, "INVALID_MODEL"),
        ("bria-bg-remover", 400, "INVALID_MODEL"),
    ],
)
def test_a_model_must_be_one_that_generates(api, model, status, code):
    answer = api.generate(model=model)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert model in answer.json()["error"]


def test_style_references_need_a_model_that_takes_them(api, encoded_picture):
    references = [{"image": encoded_picture(), "strength": 0.5}]

    taken = api.generate(**NO_PIXELS, model="krea-v2-large", style_references=references)
    refused = api.generate(style_references=references)

    assert taken.status_code == 200
    assert refused.status_code == 400
    assert "z-image-turbo" in refused.json()["details"]["style_references"]["_errors"][0]


@pytest.mark.parametrize("strength", [0.09, 1.01, "0.5", True])
def test_the_strength_of_a_reference_is_checked(api, encoded_picture, strength):
    references = [{"image": encoded_picture(), "strength": strength}]

    answer = api.generate(**NO_PIXELS, model="krea-v2-large", style_references=references)

    place = answer.json()["details"]["style_references"]["0"]["strength"]
    assert place["_errors"]


def test_no_more_references_than_the_model_takes(api, encoded_picture):
    references = [{"image": encoded_picture()}]

    def sent(count):
        fields = {"model": "krea-v2-large", "style_references": references * count}
        return api.generate(**NO_PIXELS, **fields).status_code

    assert [sent(3), sent(4)] == [200, 400]


@pytest.mark.parametrize(
    ("image", "status", "code"),
    [
        ("*not base64*", 400, "CORRUPTED_IMAGE"),
        ("bm8gcGljdHVyZQ==", 400, "CORRUPTED_IMAGE"),
        ("https://example.com/a.png", 400, "INVALID_REQUEST"),
        pytest.param("A" * 10_666_668, 422, "IMAGE_TOO_LARGE", id="8 MB"),
    ],
)
def test_a_reference_must_be_an_image_under_8_mb(api, image, status, code):
    fields = {"model": "krea-v2-large", "style_references": [{"image": image}]}

    answer = api.generate(**NO_PIXELS, **fields)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_every_pixel_model_takes_its_own_divisor(api):
    models = api.get("/models?type=image").json()["data"]
    limits = {m["id"]: m["model_spec"].get("constraints", {}) for m in models}
    pixel_models = [name for name, limit in limits.items() if limit and "aspectRatios" not in limit]

    assert len(pixel_models) == 7
    for name in pixel_models:
        divisor = limits[name]["widthHeightDivisor"]
        assert api.generate(model=name, width=divisor * 5).status_code == 200
        assert api.generate(model=name, width=divisor * 5 + divisor // 2).status_code == 400
        api.sandbox.forget()
