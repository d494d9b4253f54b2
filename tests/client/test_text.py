"""Texts of others: nothing in them runs, links or breaks, wherever they are shown."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from venice_client import EditRequest, GenerateRequest
from venice_client.catalogue.model import Model
from venice_client.errors import (
    ApiError,
    BatchError,
    InvalidRequestError,
    UnexpectedError,
    VeniceError,
)
from venice_client.image_result import read_images
from venice_client.request.payload import Payload
from venice_client.text import MAX_SHOWN, harmless, printable, shortened
from venice_client.transport.response import Response
from venice_client.transport.status_errors import error_for

HOSTILE = (
    "<img src=x onerror=alert(1)> [[click|https://evil.example]] [renew](https://evil.example/a) "
    "![p](data:text/html,x) javascript:alert(1) www.evil.example a@evil.example \x1b[31mred\x9b1m "
    "\ud800 \x00 \u202e https://api.venice.ai@evil.example https://api.venice.ai.evil.example"
)

LINKS = (
    # what ComfyUI's page, and Markdown of the GitHub kind, make clickable
    r"[a-z][a-z0-9+.-]*://",
    r"www\.",
    r"\b(javascript|data|vbscript|mailto):[^\s…]",
    r"\[\[",
    r"\][(\[:]",
    r"[\w.+-]@\w",
)


def assert_harmless(text: str) -> None:
    assert not set(text) & set("<>\x00\x1b\x9b\u202e"), text
    text.encode()
    for pattern in LINKS:
        assert not re.search(pattern, text, re.IGNORECASE), (pattern, text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<b>bold</b>", "‹b›bold‹/b›"),
        ("[[label|url]]", "[ [label|url]]"),
        ("[[[x", "[ [ [x"),
        ("see https://evil.example/x", "see https: //evil.example/x"),
        ("HTTP://evil.example", "HTTP: //evil.example"),
        ("[here](https://evil.example)", "[here] (https: //evil.example)"),
        ("www.evil.example", "www .evil.example"),
        ("JavaScript:alert(1)", "JavaScript: alert(1)"),
        ("data:text/html,x", "data: text/html,x"),
        ("mail me@evil.example", "mail me@ evil.example"),
        ("a\x1b[31mb\x1b[0mc", "abc"),
        ("a\x1b]8;;https://evil.example\x1b\\b", "ab"),
        ("a\tb\x00c\ud800d", "a b c d"),
        ("as a rule https://api.venice.ai/api/v1).", "as a rule https://api.venice.ai/api/v1)."),
        ("https://api.venice.ai@evil.example", "https: //api.venice.ai@ evil.example"),
        ("https://api.venice.ai.evil.example", "https: //api.venice.ai.evil.example"),
        ("a picture of 3 × 4: [1] (2), 50 % – fine…", "a picture of 3 × 4: [1] (2), 50 % – fine…"),
        ("“Ünïcode” 狐 🦊", "“Ünïcode” 狐 🦊"),
    ],
)
def test_what_becomes_of_a_text(text: str, shown: str) -> None:
    assert harmless(text) == shown
    assert printable(text) == shown


def test_lines_are_kept_or_joined() -> None:
    assert harmless("a\nb\r\nc") == "a\nb \nc"
    assert printable("a\nb\r\nc\u2028d") == "a b c d"


def test_a_long_text_is_cut() -> None:
    assert len(harmless("<" * 100_000)) == MAX_SHOWN
    assert harmless("x" * 100_000).endswith("x…")
    assert printable("x" * 300, 10) == "x" * 9 + "…"


PIECES = st.lists(
    st.sampled_from(
        [
            "<",
            "[",
            "]",
            "(",
            ":",
            "/",
            "//",
            "https",
            "javascript:",
            "data:",
            "www",
            ".",
            "@",
            "a",
            "31m",
        ]
    )
    | st.sampled_from([" ", "\n", "\x1b", "\x1b[", "\x9b", "\ud800", "https://api.venice.ai"])
    | st.text(max_size=3)
).map("".join)


@given(PIECES, st.integers(1, 60))
def test_nothing_is_left_whatever_comes_and_once_is_enough(text: str, maximum: int) -> None:
    for make in (harmless, printable):
        once = make(text, maximum)
        assert_harmless(re.sub(r"(?i)https://api\.venice\.ai(?=[/)\s]|$)", "", once))
        assert len(once) <= maximum
        assert make(once, maximum) == once
    assert "\n" not in printable(text, maximum)


@given(st.text(), st.integers(1, 20))
def test_shortened_is_never_longer(text: str, maximum: int) -> None:
    assert len(shortened(text, maximum)) <= maximum


BODIES: list[Any] = [
    {"error": HOSTILE, "code": HOSTILE, "request_id": HOSTILE, "message": HOSTILE},
    {"error": {"message": HOSTILE, "type": HOSTILE, "code": HOSTILE}},
    {"error": "x", "details": HOSTILE},
    {"error": "x", "details": {HOSTILE: {"_errors": [HOSTILE]}}},
    {"error": "x", "issues": [{"path": [HOSTILE], "message": HOSTILE}]},
    {"error": "Specified model not found"},
    HOSTILE,
]


@pytest.mark.parametrize("status", [302, 400, 401, 402, 403, 404, 410, 422, 429, 500, 502, 599])
@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_nothing_of_an_answer_is_shown_as_it_came(status: int, body: Any) -> None:
    names = ("x-request-id", "cf-ray", "x-venice-deprecated-replacement")
    headers = {"location": f"https://{HOSTILE}/", **dict.fromkeys(names, HOSTILE)}
    response = Response(headers, json.dumps(body).encode(), 0.1, status)
    for text in told(error_for(response, address="host/api", model=HOSTILE)):
        assert_harmless(text)


def told(error: ApiError) -> list[str]:
    """Every text that an error of the API holds."""
    fields = [text for name, texts in error.fields.items() for text in (name, *texts)]
    return [str(error), error.code, error.api_message, error.request_id, *fields]


def test_whatever_an_error_quotes_is_made_harmless_in_it() -> None:
    errors = [
        VeniceError(HOSTILE),
        BatchError(HOSTILE, []),
        InvalidRequestError(HOSTILE, "model"),
        UnexpectedError(ValueError(HOSTILE), is_sent=False),
    ]
    for error in errors:
        error.name_item(HOSTILE)
        assert_harmless(str(error))


def picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (320, 256)).save(out, "PNG")
    return out.getvalue()


GENERATE = {"model": "z-image-turbo", "prompt": "a fox", "seed": 7}
EDIT = {"model": "firered-image-edit", "prompt": "night", "images": (picture(),)}


@pytest.mark.parametrize("field", ["aspect_ratio", "resolution", "quality", "format"])
def test_a_value_of_a_workflow_is_harmless_in_its_refusal(field: str) -> None:
    value = HOSTILE.replace("\ud800", "").replace("\x00", "")  # which are refused before
    model = Model(
        "z-image-turbo", is_known=True, ratios=("1:1",), tiers=("1K",), qualities=("low",)
    )

    with pytest.raises(InvalidRequestError) as caught:
        GenerateRequest(**{**GENERATE, field: value}).build(model)

    assert "‹img" in str(caught.value)
    assert_harmless(str(caught.value))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("a \ud83d fox", r"an unpaired surrogate \(U\+D83D\)"),
        ("a \udcff fox", r"an unpaired surrogate \(U\+DCFF\)"),
        ("a fox\0", "a NUL character"),
    ],
)
@pytest.mark.parametrize(
    ("cls", "given", "field", "name"),
    [
        *[
            (GenerateRequest, GENERATE, name, name)
            for name in ("model", "prompt", "negative_prompt", "style_preset")
        ],
        *[
            (GenerateRequest, GENERATE, name, name)
            for name in ("aspect_ratio", "resolution", "quality")
        ],
        (EditRequest, EDIT, "prompt", "prompt"),
        (EditRequest, EDIT, "model", "model"),
        (EditRequest, {**EDIT, "is_multi": True}, "model", "modelId"),
    ],
)
def test_what_no_request_can_carry_is_refused_with_its_name(
    cls: Any, given: dict[str, Any], field: str, name: str, text: str, what: str
) -> None:
    with pytest.raises(InvalidRequestError, match=f"{name} contains {what}. Remove it.") as caught:
        cls(**{**given, field: text}).build(Model("some-model"))
    assert caught.value.field == name


def test_letters_of_every_kind_can_be_carried() -> None:
    text = "a 🦊, ü and 狐\n\t"
    payload = GenerateRequest(**{**GENERATE, "prompt": text}).build(Model("z-image-turbo"))
    assert payload.fields["prompt"] == text


def test_headers_of_an_answer_are_harmless_in_its_warnings() -> None:
    request = GenerateRequest(**GENERATE)
    headers = {
        "x-venice-model-deprecation-date": HOSTILE,
        "x-venice-model-deprecation-warning": HOSTILE,
        "x-venice-deprecated-replacement": HOSTILE,
        "x-request-id": HOSTILE,
    }

    response = Response(headers, picture(), 0.1)
    result = read_images(request, Payload("", {}), response, key="", from_store=False, cost=None)

    (warning,) = result.warnings
    for text in (warning, str(result.request_id)):
        assert "‹img" in text
        assert_harmless(text)
