"""The sandbox against the published OpenAPI document, where that is at hand."""

from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator

MULTI_EDIT = "/image/multi-edit"


@pytest.fixture
def matches(judge):
    """Checks an answer's status, type and body against what the document says of them."""
    document = judge.load(judge.document_path())

    def check(method, path, answer):
        described = document["paths"][path][method]["responses"][str(answer.status_code)]
        content = described["content"]
        content_type = answer.headers["Content-Type"]
        assert content_type in content
        if content_type == "application/json":
            schema = judge.to_json_schema(content[content_type]["schema"], document)
            Draft202012Validator(schema).validate(answer.json())

    return check


@pytest.mark.parametrize("path", ["/image/styles", "/api_keys/rate_limits", "/billing/balance"])
def test_lists_and_account(api, matches, path):
    matches("get", path, api.get(path))


def test_models(api, judge):
    document = judge.load(judge.document_path())
    schema = judge.to_json_schema(document["components"]["schemas"]["ModelResponse"], document)
    validator = Draft202012Validator(schema)
    models = api.get("/models?type=all").json()["data"]

    refused = {model["id"] for model in models if not validator.is_valid(model)}

    assert refused == set()


@pytest.mark.parametrize("fields", [{}, {"return_binary": False}, {"format": "webp"}])
def test_generate(api, matches, fields):
    matches("post", "/image/generate", api.generate(**fields))


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/image/edit", {"prompt": "x"}),
        ("/image/edit", {"prompt": "x", "model": "nano-banana-pro-edit", "resolution": "2K"}),
        ("/image/upscale", {}),
        ("/image/background-remove", {}),
    ],
)
def test_images(api, matches, encoded_picture, path, fields):
    matches("post", path, api.post(path, {"image": encoded_picture(), **fields}))


def test_multi_edit(api, matches, encoded_picture):
    payload = {"prompt": "x", "images": [encoded_picture()] * 2}

    matches("post", MULTI_EDIT, api.post(MULTI_EDIT, payload))


@pytest.mark.parametrize(
    "path",
    ["/image/generate", "/image/edit", MULTI_EDIT, "/image/upscale", "/image/background-remove"],
)
def test_refusals(connect, matches, path):
    api = connect(rate_limit=2)

    answers = [api.post(path, {"stray": 1}), api.post(path, data=b"x"), api.post(path, {})]
    api.session.headers["Authorization"] = "Bearer wrong"
    answers.append(api.post(path, {}))

    assert [answer.status_code for answer in answers] == [400, 415, 429, 401]
    for answer in answers:
        matches("post", path, answer)


def test_what_the_sandbox_takes_the_document_takes(api, judge, encoded_picture):
    """Every field at once: the sandbox is nowhere looser than the document."""
    api.generate(
        negative_prompt="blur",
        steps=8,
        cfg_scale=7.5,
        style_preset="Anime",
        lora_strength=50,
        hide_watermark=True,
        safe_mode=False,
        embed_exif_metadata=True,
        enable_web_search=True,
        enhance_prompt=True,
        disable_prompt_optimization_thinking=True,
        inpaint=None,
    )
    payload = {
        "prompt": "x",
        "modelId": "gpt-image-2-edit",
        "images": [encoded_picture()],
        "aspect_ratio": "21:9",
        "resolution": "1K",
        "quality": "low",
        "output_format": "jpeg",
        "safe_mode": False,
        "enhance_prompt": False,
        "disable_prompt_optimization_thinking": True,
    }
    api.post(MULTI_EDIT, payload)
    api.post("/image/upscale", {"image": encoded_picture(), "scale": 4, "creativity": None})

    assert [request.status for request in api.sandbox.requests] == [200, 200, 200]
    for request in api.sandbox.requests:
        judge.validate_request(request.path, request.json)
