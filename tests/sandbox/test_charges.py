"""What each request would have cost."""

from __future__ import annotations

import pytest

from faulty_sandbox import Charge, Fault

FREE_SIZE = {"width": ..., "height": ..., "format": "jpeg"}
GPT = {**FREE_SIZE, "model": "gpt-image-2"}


@pytest.mark.parametrize(
    ("fields", "usd"),
    [
        ({}, 0.01),
        ({**FREE_SIZE, "model": "flux-2-pro"}, 0.03),
        ({**FREE_SIZE, "model": "nano-banana-2-lite"}, 0.06),
        (GPT, 0.26),
        ({**FREE_SIZE, "model": "kling-v4-text-to-image"}, 0.08),
        ({**GPT, "quality": "low"}, 0.02),
        ({**GPT, "quality": "medium", "resolution": "1K"}, 0.07),
        ({**FREE_SIZE, "model": "grok-imagine-image", "resolution": "2K"}, 0.04),
        ({"return_binary": False, "variants": 3}, 0.03),
        ({"enhance_prompt": True}, 0.05),
        ({"enhance_prompt": True, "return_binary": False, "variants": 4}, 0.08),
        ({"enable_web_search": True}, 0.01),
    ],
)
def test_generate(api, fields, usd):
    assert api.generate(**fields).status_code == 200

    model = fields.get("model", "z-image-turbo")
    assert api.sandbox.charges == [Charge("/image/generate", model, pytest.approx(usd), 7)]
    assert api.sandbox.charged_usd == pytest.approx(usd)


@pytest.mark.parametrize(
    ("path", "fields", "model", "usd"),
    [
        ("/image/upscale", {}, "upscaler", 0.02),
        ("/image/upscale", {"scale": 4}, "upscaler", 0.08),
        ("/image/background-remove", {}, "bria-bg-remover", 0.03),
        ("/image/edit", {"prompt": "x"}, "firered-image-edit", 0.04),
        (
            "/image/edit",
            {"prompt": "x", "model": "grok-imagine-edit", "resolution": "2K"},
            "grok-imagine-edit",
            0.0423,
        ),
        ("/image/edit", {"prompt": "x", "enhance_prompt": True}, "firered-image-edit", 0.08),
    ],
)
def test_images(api, encoded_picture, path, fields, model, usd):
    assert api.post(path, {"image": encoded_picture(), **fields}).status_code == 200

    assert api.sandbox.charges == [Charge(path, model, pytest.approx(usd), None)]


@pytest.mark.parametrize(
    ("model", "quality", "images", "usd"),
    [
        ("flux-2-max-edit", ..., 1, 0.12),
        ("flux-2-max-edit", ..., 3, 0.12 + 2 * 0.0345),
        ("gpt-image-2-edit", "low", 2, 0.03 + 0.0092),
        ("firered-image-edit", ..., 3, 0.04),
    ],
)
def test_extra_input_images(api, encoded_picture, model, quality, images, usd):
    payload = {"modelId": model, "prompt": "x", "images": [encoded_picture()] * images}
    if quality is not ...:
        payload["quality"] = quality

    assert api.post("/image/multi-edit", payload).status_code == 200

    assert api.sandbox.charged_usd == pytest.approx(usd)


def test_the_seed_is_the_one_that_was_sent(api):
    api.generate(seed=...)
    api.generate(seed=-5)

    assert [charge.seed for charge in api.sandbox.charges] == [None, -5]


def test_a_charge_is_a_plain_tuple(api):
    api.generate()

    assert api.sandbox.charges == [("/image/generate", "z-image-turbo", 0.01, 7)]


def test_failures_cost_nothing(api):
    api.sandbox.add_fault(Fault.status(500))
    api.generate()
    api.generate(seed="x")
    api.generate(model="nobody")

    assert api.sandbox.charges == []
    assert {request.charged_usd for request in api.sandbox.paid_requests} == {0.0}


def test_an_empty_balance_pays_for_nothing_more(connect):
    api = connect(balance_usd=0.015)

    assert api.generate().status_code == 200
    answer = api.generate()

    assert (answer.status_code, answer.json()["code"]) == (402, "INSUFFICIENT_BALANCE")
    assert api.sandbox.charged_usd == 0.01
