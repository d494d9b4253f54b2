"""Requests drawn from the published document: none breaks the sandbox, and it judges as that does.

schemathesis draws them, always the same ones: valid by the document in one half, and not in the
other. What the sandbox takes must be valid; what is valid it takes, or refuses for one of the
reasons named here.
"""

from __future__ import annotations

import base64
import io
import json
import re
from functools import cache
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import sampled_from
from jsonschema import Draft202012Validator
from PIL import Image

from openapi import FORM_TYPE, JSON_TYPE, RequestRefused

pytestmark = pytest.mark.long

KEY = "canary-key-5d41"
EXAMPLES = 30
CHAT = "/chat/completions"
PAID = (
    "/image/generate",
    "/image/edit",
    "/image/multi-edit",
    "/image/upscale",
    "/image/background-remove",
    CHAT,
)
FREE = (
    "/models",
    "/image/styles",
    "/api_keys/rate_limits",
    "/billing/balance",
)
OPERATIONS = [*(("POST", path) for path in PAID), *(("GET", path) for path in FREE)]

# Statuses that the guides name and the document does not: an unknown model, a method, an image.
UNDOCUMENTED = {404, 405, 413, 422}

# Why a request is refused though its schema allows it: codes, or texts by field.
CODES = {
    "MODEL_NOT_FOUND",
    "INVALID_MODEL",
    "CORRUPTED_IMAGE",
    "IMAGE_TOO_SMALL",
    "IMAGE_TOO_LARGE",
}
OF_THE_MODEL = "for [a-z]|Not supported by the model|is not one of"
FIELDS = {
    "": "Provide either image or image_url",
    "prompt": f"must not be blank|not valid Unicode|{OF_THE_MODEL}",
    "negative_prompt": f"not valid Unicode|{OF_THE_MODEL}",
    "model": "at least 1 character|not valid Unicode",
    "modelId": "not valid Unicode",
    "user": "not valid Unicode",
    "width": "sized by aspect_ratio|multiple of",
    "height": "sized by aspect_ratio|multiple of",
    "steps": f"greater than or equal to 1|between 1 and|less than|{OF_THE_MODEL}",
    "aspect_ratio": f"sized by width|at least 1 character|not valid Unicode|{OF_THE_MODEL}",
    "resolution": f"sized by width|at least 1 character|not valid Unicode|{OF_THE_MODEL}",
    "quality": OF_THE_MODEL,
    "style_preset": "Unknown style preset|at least 1 character|not valid Unicode",
    "style_references": f"at least 1 char|not valid Unicode|Expected an image|{OF_THE_MODEL}",
    "variants": "Only supported when return_binary is false",
    "transparent_background": f"Only supported with|{OF_THE_MODEL}",
    "image": "Expected an image|fetches no URLs|data URI",
    "image_url": "Expected an image|fetches no URLs|data URI|at least 1 char|not valid Unicode",
    "images": f"Only file uploads|Expected an image|fetches no URLs|data URI|{OF_THE_MODEL}",
    "inpaint": "This feature is disabled",
    "scale": "either 2 or 4",
    # Of a chat: what the document leaves open, and the guides say.
    "messages": "at least 1|not supported by|does not support|not valid Unicode|URLs|Invalid url",
    "response_format": f"name and a schema|strict must be|{OF_THE_MODEL}",
    "stream": "doesn't stream",
    "stop": "Expected string|at least 1|not valid Unicode",  # to the letter, anything
    "n": "less than or equal|between|greater than",
    "seed": "between",
    "fallbacks": "at least 1|not valid Unicode",
    **dict.fromkeys(
        ("venice_parameters", "metadata", "include", "tools", "prompt_cache_key"),
        "not valid Unicode",
    ),
}


def png(side: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (side, side), (200, 90, 40)).save(out, "PNG")
    return out.getvalue()


FILES = [png(256), png(64), b"no image"]
IMAGES = [base64.b64encode(FILES[0]).decode(), base64.b64encode(FILES[1]).decode(), "é"]
# Random texts would never get far, so valid requests are drawn from these.
DRAWN: dict[str, list[Any]] = {
    "model": ["z-image-turbo", "flux-2-pro", "gpt-image-1-5", "firered-image-edit", "gpt-4"],
    "modelId": ["firered-image-edit", "gpt-image-2-edit", "z-image-turbo"],
    "prompt": ["a fox", "é" * 1501, " "],
    "width": [64, 72, 1280, 65],
    "height": [64, 80],
    "aspect_ratio": ["1:1", "3:2", "auto", "4:3"],
    "resolution": ["1K", "2K"],
    "style_preset": ["Anime", "None"],
    "image": IMAGES,
    "scale": [2, 4, 3],
    "steps": [1, 8, 51],
}
# And from these, without the fields that go with other models, so that most are taken.
FINE: dict[str, list[Any]] = {
    "model": ["z-image-turbo"],
    "modelId": ["gpt-image-2-5-flare-edit"],
    "prompt": ["a fox", "é" * 1500],
    "width": [64, 72, 1280],
    "height": [64, 80],
    "aspect_ratio": ["1:1", "3:2"],
    "resolution": ["1K"],
    "style_preset": ["Anime", "3D Model"],
    "image": IMAGES[:1],
    "scale": [2, 4],
    "steps": [1, 8, 51],
}
DATA_URL = f"data:image/png;base64,{IMAGES[0]}"
SAID = [{"role": "user", "content": "The idea: a fox"}]
SEEN = [
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "Describe it."},
            {"type": "image_url", "image_url": {"url": DATA_URL}},
        ],
    }
]
CHATS: dict[str, dict[str, list[Any]]] = {
    "taken": {
        "model": ["google-gemma-3-27b-it"],
        "messages": [SAID, SEEN],
        "n": [1, 2],
        "stream": [False],
        "response_format": [{"type": "text"}, {"type": "json_object"}],
    },
    "invalid": {},
}
"""What chats are drawn from."""

OF_OTHERS = {
    "/image/generate": {
        "aspect_ratio",
        "resolution",
        "quality",
        "style_references",
        "transparent_background",
        "return_binary",
    },
    "/image/edit": {"model", "transparent_background"},
    "/image/multi-edit": {"transparent_background"},
    "/image/background-remove": {"image_url"},
}


def narrowed(path: str, properties: dict[str, Any], media_type: str, mode: str) -> dict[str, Any]:
    """The properties of a request, as far as they are drawn in this mode."""
    drawn = dict(properties)
    values = {"valid": DRAWN, "taken": FINE, "invalid": {}}[mode]
    values = CHATS.get(mode, {}) if path == CHAT else values
    if media_type == FORM_TYPE and "image" in drawn:
        drawn["image"] = {"type": "string", "format": "binary"}
        values = {name: choices for name, choices in values.items() if name != "image"}
    elif values and "images" in drawn:
        drawn["images"] = {**drawn["images"], "items": {"enum": values["image"]}, "maxItems": 4}
    drawn |= {name: {"enum": values[name]} for name in values.keys() & drawn.keys()}
    left_out = OF_OTHERS.get(path, set()) if mode == "taken" else set()
    return {name: schema for name, schema in drawn.items() if name not in left_out}


def with_integers(node: Any) -> Any:
    """The schema with 1 in place of 1.0, which is the same, but not to schemathesis."""
    if isinstance(node, dict):
        return {name: with_integers(inner) for name, inner in node.items()}
    if isinstance(node, list):
        return [with_integers(inner) for inner in node]
    return int(node) if isinstance(node, float) and node.is_integer() else node


@cache
def document(judge: ModuleType, mode: str) -> dict[str, Any]:
    """The published document as OpenAPI 3.1, with what was added since."""
    paths: dict[str, Any] = {}
    for method, path in OPERATIONS:
        if not judge.describes(path):
            continue
        published = judge.document_with(path)
        operation = published["paths"][path][method.lower()]
        drawn: dict[str, Any] = {"responses": {"200": {"description": "OK"}}}
        drawn["parameters"] = judge.to_json_schema(operation.get("parameters", []), published)
        content = {}
        for media_type in operation.get("requestBody", {}).get("content", {}):
            schema = judge.request_schema(path, media_type)
            properties = narrowed(path, schema["properties"], media_type, mode)
            content[media_type] = {"schema": with_integers({**schema, "properties": properties})}
        if content:
            drawn["requestBody"] = {"required": True, "content": content}
        paths[path] = {method.lower(): drawn}
    return {"openapi": "3.1.0", "info": {"title": "Venice", "version": "1"}, "paths": paths}


@pytest.fixture
def operation(judge):
    """One operation of the document, for schemathesis to draw from."""
    schemathesis = pytest.importorskip("schemathesis", reason="schemathesis needs Python 3.11")

    def find(method, path, mode):
        if not judge.describes(path):
            pytest.skip(f"the published API document at hand has no {path}")
        files = FILES[:1] if mode == "taken" else FILES
        schemathesis.openapi.format("binary", sampled_from(files))
        return schemathesis.openapi.from_dict(document(judge, mode))[path][method]

    return find


@pytest.mark.parametrize(
    ("method", "path", "mode"),
    [
        # Messages have so many forms that drawing any of them takes minutes.
        *((method, path, "valid") for method, path in OPERATIONS if path != CHAT),
        *(("POST", path, "taken") for path in PAID),
        # What takes no parameter cannot be asked wrongly.
        *(("POST", path, "invalid") for path in PAID),
        *(("GET", path, "invalid") for path in FREE[:1]),
    ],
)
def test_the_sandbox_judges_as_the_document_does(connect, judge, operation, method, path, mode):
    from schemathesis import GenerationMode

    api = connect(max_failures=10**9, balance_usd=10**9)
    kind = GenerationMode.NEGATIVE if mode == "invalid" else GenerationMode.POSITIVE
    headers = {"Authorization": f"Bearer {KEY}"}
    seen = {"taken": 0, "refused": 0}

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation(method, path, mode).as_strategy(generation_mode=kind))
    def check(case):
        api.sandbox.forget()
        answer = case.call(base_url=api.sandbox.base_url, headers=headers, session=api.session)
        [request] = api.sandbox.requests
        check_answer(judge, request, answer)
        seen["taken" if answer.status_code == 200 else "refused"] += 1

    check()
    if mode == "taken":
        assert seen["taken"] >= 3, seen
    print(path, mode, seen)


def check_answer(judge: ModuleType, request: Any, answer: Any) -> None:
    """Fails unless the answer is what the document and the reasons above allow."""
    assert answer.status_code < 500
    check_form(judge, request, answer)
    if request.method != "POST" or request.path not in PAID:
        return
    invalid = ""
    try:
        if request.form is not None:
            judge.validate_form(request.path, request.form)
        else:
            judge.validate_request(request.path, request.json)
    except RequestRefused as refused:
        invalid = str(refused)
    if answer.status_code == 200:
        assert not invalid, f"took what is not valid: {invalid}"
    elif not invalid:
        reasons = unnamed(answer.json())
        assert not reasons, f"refused what is valid: {reasons} of {request.json or request.form}"


def check_form(judge: ModuleType, request: Any, answer: Any) -> None:
    """Fails unless status, type and body of the answer are as the document says."""
    published = judge.document_with(request.path)
    responses = (
        published["paths"][request.path].get(request.method.lower(), {}).get("responses", {})
    )
    described = responses.get(str(answer.status_code))
    if described is None:
        assert answer.status_code in UNDOCUMENTED | {400, 401, 415}
        described = {"content": {JSON_TYPE: {"schema": {"required": ["error"]}}}}
    media_type = answer.headers["content-type"][0]
    assert media_type in described["content"]
    if media_type == JSON_TYPE:
        schema = judge.to_json_schema(described["content"][media_type]["schema"], published)
        Draft202012Validator(schema).validate(json.loads(answer.content))


def unnamed(refusal: Any, place: str = "") -> list[str]:
    """The reasons of a refusal that are not named above."""
    if refusal.get("code") in CODES:
        return []
    if not place and "details" not in refusal and "_errors" not in refusal:
        return [refusal["error"]]
    found = []
    details = refusal.get("details", refusal)
    for text in details.get("_errors", ()):
        if not re.search(FIELDS.get(place, "$^"), text):
            found.append(f"{place or 'body'}: {text}")
    for name, inner in details.items():
        if name != "_errors":
            found += unnamed(inner, place or name)
    return found
