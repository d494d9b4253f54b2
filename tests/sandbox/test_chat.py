"""Chats of the sandbox: strict by the document, and an answer made of what it sees and reads."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from PIL import Image

import openapi

PATH = "/chat/completions"
SEES, BLIND, NO_SCHEMA = "google-gemma-3-27b-it", "zai-org-glm-5-2", "qwen-3-7-max"
FORMAT = {
    "type": "json_schema",
    "json_schema": {
        "name": "prompts",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {"prompts": {"type": "array", "items": {"type": "string"}}},
            "required": ["prompts"],
            "additionalProperties": False,
        },
    },
}


def data_url(color: str = "blue", size: tuple[int, int] = (640, 320)) -> str:
    out = io.BytesIO()
    Image.new("RGB", size, color).save(out, "PNG")
    return f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}"


def body(
    *urls: str, text: str = "The idea: a fox", system: str = "", **more: Any
) -> dict[str, Any]:
    images = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    content: Any = [{"type": "text", "text": text}, *images] if images else text
    messages = [{"role": "system", "content": system}] if system else []
    return {"model": SEES, "messages": [*messages, {"role": "user", "content": content}], **more}


def said(response: Any) -> str:
    assert response.status_code == 200, response.text
    return str(response.json()["choices"][0]["message"]["content"])


def test_an_answer_has_the_form_of_the_document(api, chat_judge):
    answer = api.post(PATH, body(data_url())).json()

    document = openapi.document_with(PATH)
    published = document["paths"][PATH]["post"]["responses"]["200"]["content"]
    schema = openapi.to_json_schema(published["application/json"]["schema"], document)
    assert list(Draft202012Validator(schema).iter_errors(answer)) == []


@pytest.mark.parametrize(
    ("color", "size", "words"),
    [
        ("navy", (640, 320), ("landscape", "640 by 320", "dark blue", "very dark")),
        ("white", (200, 400), ("portrait", "200 by 400", "white", "very bright")),
        ((128, 128, 128), (300, 300), ("square", "gray", "evenly lit")),
    ],
)
def test_it_says_what_it_sees(api, color, size, words):
    text = said(api.post(PATH, body(data_url(color, size), text="Describe it.")))

    assert [word for word in words if word not in text] == []


@pytest.mark.parametrize(
    ("system", "begins"),
    [
        ("You tag an image", "blue, "),
        ("You write the caption of an image", "Very dark"),
        ("You answer a question about an image", "The sandbox only sees"),
        ("You turn an image into a prompt", "A landscape composition"),
    ],
)
def test_it_follows_the_task(api, system, begins):
    assert said(api.post(PATH, body(data_url(), text="Do it.", system=system))).startswith(begins)


def test_equal_requests_get_equal_texts_and_others_do_not(api):
    one, two, other = (
        said(api.post(PATH, body(text=f"The idea: {idea}")))
        for idea in ("a fox", "a fox", "an owl")
    )

    assert one == two != other
    assert "a fox" in one


def test_several_prompts_come_in_the_schema(api):
    asked = body(system="A list of exactly 3 texts.", response_format=FORMAT)

    prompts = json.loads(said(api.post(PATH, asked)))["prompts"]

    assert len(set(prompts)) == 3
    assert all("a fox" in prompt for prompt in prompts)


def test_a_long_answer_is_cut(api):
    answer = api.post(PATH, body(max_completion_tokens=5)).json()

    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["usage"]["completion_tokens"] == 5


@pytest.mark.parametrize("model", ["default", "default_vision", SEES])
def test_the_cost_is_usage_at_the_listed_price(api, model):
    answer = api.post(PATH, {**body(), "model": model}).json()

    listed = {m["id"]: m for m in api.get("/models?type=text").json()["data"]}
    pricing = listed[answer["model"]]["model_spec"]["pricing"]
    usage = answer["usage"]
    usd = usage["prompt_tokens"] * pricing["input"]["usd"]
    usd += usage["completion_tokens"] * pricing["output"]["usd"]
    assert answer["cost"] == {"usd": pytest.approx(usd / 1e6, abs=1e-9), "diem": 0}
    (charge,) = api.sandbox.charges
    assert charge[:3] == (PATH, answer["model"], answer["cost"]["usd"])


@pytest.mark.parametrize(
    ("asked", "status", "says"),
    [
        (body(variation=1), 400, "variation"),
        (body(seed=0), 400, "seed"),
        (body(temperature=2.5), 400, "temperature"),
        (body(stream=True), 400, "stream"),
        ({"model": SEES}, 400, "messages"),
        ({"model": SEES, "messages": []}, 400, "messages"),
        ({**body(), "messages": [{"role": "robot", "content": "x"}]}, 400, "role"),
        ({**body(), "messages": [{"role": "user", "content": [{"type": "text"}]}]}, 400, "text"),
        ({**body(), "model": "no-such-model"}, 404, "not found"),
        ({**body(), "model": "z-image-turbo"}, 400, "type image"),
        ({**body(data_url()), "model": BLIND}, 400, "does not support images"),
        (body(data_url(size=(63, 100))), 400, "64 pixels"),
        (body("data:image/png;base64,AAAA"), 400, "decoded"),
        (body("https://example.com/a.png"), 400, "fetches no URLs"),
        (body(*[data_url(size=(64, 64))] * 11), 400, "At most 10"),
        ({**body(response_format=FORMAT), "model": NO_SCHEMA}, 400, "response_format"),
        (body(response_format={"type": "json_schema", "json_schema": {}}), 400, "json_schema"),
        (body(response_format={"type": "xml"}), 400, "response_format"),
        (body(venice_parameters={"disable_thinking": "yes"}), 400, "disable_thinking"),
    ],
)
def test_what_the_api_would_not_take_is_refused(api, asked, status, says):
    response = api.post(PATH, asked)

    assert response.status_code == status
    assert says in response.text
    assert api.sandbox.charges == []


def test_refusals_and_text_models_have_the_form_of_the_document(api, chat_judge):
    document = openapi.document_with(PATH)
    responses = document["paths"][PATH]["post"]["responses"]
    answers = [api.post(PATH, {"stray": 1}), api.post(PATH, data=b"x")]
    api.session.headers["Authorization"] = "Bearer wrong"
    answers.append(api.post(PATH, {}))

    assert [answer.status_code for answer in answers] == [400, 415, 401]
    for answer in answers:
        content = responses[str(answer.status_code)]["content"]["application/json"]
        schema = openapi.to_json_schema(content["schema"], document)
        Draft202012Validator(schema).validate(answer.json())


def test_a_loose_schema_is_refused(api):
    for change in ({"strict": False}, {"schema": {"type": "object"}}):
        form = {**FORMAT, "json_schema": {**FORMAT["json_schema"], **change}}
        assert api.post(PATH, body(response_format=form)).status_code == 400


def test_every_top_level_field_of_the_document_is_known(api, chat_judge):
    fields = openapi.request_schema(PATH, openapi.JSON_TYPE)["properties"]

    response = api.post(PATH, dict.fromkeys(fields, "x"))

    assert "Unrecognized key(s) in object: " not in response.text
