"""Errors: cause and remedy in the first line, then the API's own words, field by field."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest

from venice_client import errors
from venice_client.errors import ApiError, VeniceError
from venice_client.transport.response import Response
from venice_client.transport.status_errors import error_for

KINDS = {
    307: errors.RedirectError,
    400: errors.BadRequestError,
    401: errors.AuthenticationError,
    402: errors.PaymentRequiredError,
    403: errors.PermissionDeniedError,
    404: errors.NotFoundError,
    410: errors.NotFoundError,
    413: errors.PayloadTooLargeError,
    415: errors.UnsupportedContentError,
    422: errors.UnprocessableError,
    429: errors.RateLimitError,
    500: errors.ServerError,
    502: errors.GatewayError,
    503: errors.ServerError,
    504: errors.GatewayError,
    520: errors.GatewayError,
    524: errors.GatewayError,
    599: errors.ServerError,
    418: ApiError,
}
REMEDIES = (
    "check",
    "choose",
    "try again",
    "running again",
    "add credit",
    "send",
    "change",
    "report",
)


def error(
    status: int,
    body: Any = b"",
    path: str = "",
    model: str = "",
    suggest: Mapping[str, Any] = MappingProxyType({}),
    **headers: str,
) -> ApiError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return error_for(Response(named, raw, 0.1, status), path=path, model=model, **suggest)


def first_line(found: VeniceError) -> str:
    return str(found).partition("\n")[0]


@pytest.mark.parametrize(("status", "kind"), KINDS.items())
def test_each_status_has_its_error_with_a_remedy(status: int, kind: type[ApiError]) -> None:
    found = error(status)
    assert type(found) is kind
    assert found.status == status
    assert any(remedy in first_line(found).lower() for remedy in REMEDIES), first_line(found)


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (400, "INVALID_MODEL", "another model"),
        (400, "CORRUPTED_IMAGE", "can't read this image"),
        (400, "IMAGE_TOO_SMALL", "65,536"),
        (401, "AUTHENTICATION_FAILED", "copied"),
        (401, "AUTHENTICATION_FAILED_INACTIVE_KEY", "key"),
        (401, "PRO_ONLY_MODEL", "Pro"),
        (402, "INSUFFICIENT_BALANCE", "Add credit"),
        (402, "API_KEY_USD_SPEND_LIMIT_EXCEEDED", "Raise it"),
        (402, "API_KEY_DIEM_SPEND_LIMIT_EXCEEDED", "Raise it"),
        (403, "API_ACCESS_DISABLED", "API access is off"),
        (422, "CONTENT_POLICY_VIOLATION", "prompt"),
        (422, "IMAGE_TOO_LARGE", "Resize it"),
        (503, "MODEL_OFFLINE", "offline"),
        (503, "MODEL_AT_CAPACITY", "capacity"),
    ],
)
@pytest.mark.parametrize("form", ["flat", "nested", "code alone"])
def test_documented_codes_say_what_to_do(status: int, code: str, said: str, form: str) -> None:
    bodies = {
        "flat": {"error": "Something", "code": code},
        "nested": {"error": {"message": "Something", "type": "x", "code": code}},
        "code alone": {"error": code},
    }
    found = error(status, bodies[form])
    assert said in first_line(found)
    assert found.code == code
    assert code in str(found)


def test_the_apis_words_fields_and_id_come_after_the_first_line() -> None:
    body = {
        "error": "Invalid request parameters",
        "details": {
            "_errors": ["Stray key"],
            "width": {"_errors": ["Too large", "Odd"]},
            "style_references": {"0": {"strength": {"_errors": ["Too small"]}}},
        },
        "issues": [
            {"path": ["width"], "message": "Too large"},
            {"path": ["seed"], "message": "Expected number"},
        ],
    }
    found = error(400, body, x_request_id="req-7")
    assert found.fields == {
        "request": ("Stray key",),
        "width": ("Too large", "Odd"),
        "style_references.0.strength": ("Too small",),
        "seed": ("Expected number",),
    }
    assert found.request_id == "req-7"
    assert str(found).splitlines()[1:] == [
        "Venice says (HTTP 400): Invalid request parameters",
        "- request: Stray key",
        "- width: Too large; Odd",
        "- style_references.0.strength: Too small",
        "- seed: Expected number",
        "Request id: req-7",
    ]


@pytest.mark.parametrize(
    ("body", "first", "said"),
    [
        ({"error": "Invalid", "details": "seed must not be 0"}, "seed must not be 0", "Invalid"),
        ({"error": {"message": "No", "details": "seed is 0"}}, "seed is 0", "No"),
        ({"error": "Invalid", "details": {"seed": "is 0"}}, "`seed`: is 0", "Invalid"),
        (
            {"error": {"message": "Odd", "type": "invalid_request_error", "code": None}},
            "Odd",
            "Odd",
        ),
        ({"error": {"type": "x", "code": "y"}, "message": "Odd"}, "Odd", "Odd"),
        ({"message": "Odd"}, "Odd", "Odd"),
    ],
)
def test_what_is_wrong_is_read_from_each_form(body: Any, first: str, said: str) -> None:
    found = error(400, body)
    assert first in first_line(found)
    assert found.api_message == said
    assert said in str(found)


@pytest.mark.parametrize(
    ("headers", "request_id"),
    [
        ({}, "body-1"),
        ({"cf_ray": "ray-1"}, "body-1"),
        ({"x_request_id": "head-1"}, "head-1"),
    ],
)
def test_the_request_id_may_be_in_the_body(headers: dict[str, str], request_id: str) -> None:
    found = error(400, {"error": "The provider refused it", "request_id": "body-1"}, **headers)
    assert found.request_id == request_id
    assert str(found).endswith(f"\nRequest id: {request_id}")


def test_the_request_id_stays_however_long_the_rest_is() -> None:
    details = {f"field{i}": {"_errors": ["x" * 500] * 5} for i in range(50)}
    found = error(400, {"error": "y" * 5000, "details": details}, x_request_id="req-7")
    assert str(found).endswith("\nRequest id: req-7")


def test_a_wrong_key_names_the_ways_of_a_terminal() -> None:
    found = error(401, {"error": "Authentication failed"})
    assert first_line(found) == (
        "Venice didn't accept your API key. Check that you copied all of it."
    )
    assert found.hint.startswith("Set VENICE_API_KEY, or run `")
    assert "server" not in str(found)


def test_a_402_that_offers_x402_says_that_no_key_arrived() -> None:
    found = error(402, {"x402Version": 1, "accepts": [], "error": "X-PAYMENT is required"})
    assert type(found) is errors.PaymentRequiredError
    assert first_line(found).startswith("Venice received no API key. Check")
    assert "VENICE_API_KEY" in found.hint
    assert "credit" not in str(found)


def test_a_403_names_what_may_keep_a_key_from_a_model() -> None:
    said = first_line(error(403, {"error": "Forbidden"}, model="flux-x"))
    assert said.startswith("Your API key can't use the model `flux-x` (privacy setting or region).")
    switched_off = error(403, {"error": "No", "code": "API_ACCESS_DISABLED"}, model="flux-x")
    assert "API access is off" in first_line(switched_off)
    assert "model" not in first_line(error_for(Response({}, b"{}", 0.1, 403), is_paid=False))


@pytest.mark.parametrize("path", ["/image/edit", "/image/multi-edit"])
@pytest.mark.parametrize("code", ["", "CONTENT_POLICY_VIOLATION"])
def test_a_refused_edit_may_have_been_charged(path: str, code: str) -> None:
    """Venice's own moderation looks at the finished image, which the provider has made."""
    found = error(422, {"error": "Blocked", "code": code}, path=path)
    assert type(found) is errors.RefusedEditError
    assert isinstance(found, errors.UnprocessableError)
    assert found.may_have_been_charged
    assert "may have been charged" in first_line(found)
    assert "Change the prompt or the images" in first_line(found)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/image/edit", "IMAGE_TOO_LARGE"),
        ("/image/generate", "CONTENT_POLICY_VIOLATION"),
        ("/image/upscale", ""),
    ],
)
def test_other_422_are_not_charged(path: str, code: str) -> None:
    found = error(422, {"error": "Blocked", "code": code}, path=path)
    assert type(found) is errors.UnprocessableError
    assert not found.may_have_been_charged
    assert "charged" not in str(found)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, {"error": "Specified model not found"}),
        (404, {"error": "x", "code": "MODEL_NOT_FOUND"}),
        (400, {"error": "x", "code": "INVALID_MODEL"}),
        (410, {"error": "gone"}),
    ],
)
def test_an_unknown_model_is_named_first(status: int, body: Any) -> None:
    assert "`no-such-model`" in first_line(error(status, body, model="no-such-model"))


@pytest.mark.parametrize("status", [404, 410])
def test_a_retired_model_names_its_replacement(status: int) -> None:
    assert "`new`" in first_line(error(status, x_venice_deprecated_replacement="new"))


@pytest.mark.parametrize(
    ("location", "host"),
    [
        ("https://login.example/x?y", "login.example"),
        ("//evil.example", "evil.example"),
        ("/x", "nowhere"),
        ("https://[::1", "nowhere"),
        ("", "nowhere"),
    ],
)
def test_a_redirect_names_the_host(location: str, host: str) -> None:
    found = error(302, location=location)
    assert host in first_line(found)
    assert "VENICE_API_BASE" in found.hint
    assert found.hint in str(found)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<!doctype html><h1>Bad gateway</h1>",
        b"\xff\xfe\x00\x01",
        b"null",
        b"[]",
        b"5",
        b'"text"',
        b"[" * 100_000,
        b'{"error": NaN}',
        b'{"error": ' + b"9" * 5000 + b"}",
        b'{"error": {"message": {"a": 1}, "code": 5}}',
        b'{"error": null, "details": 5, "issues": 5}',
        b'{"error": "x", "details": {"a": {"_errors": 5}}, "issues": [5, {"path": 5}]}',
        b'{"error": "x", "code": ["y"], "details": []}',
        json.dumps({"error": "x", "details": {"a": {"_errors": [{"b": 1}]}}}).encode(),
    ],
    ids=range(15),
)
def test_whatever_comes_instead_is_an_error_all_the_same(body: bytes) -> None:
    found = error(502, body)
    assert "gateway" in first_line(found)
    assert len(str(found)) < 3_000
    assert "<h1>" not in str(found)


@pytest.mark.parametrize("status", [502, 504, 520, 524])
@pytest.mark.parametrize("code", ["", "REQUEST_TIMEOUT", "MODEL_OFFLINE"])
def test_a_gateway_that_gave_up_may_hide_a_charge(status: int, code: str) -> None:
    """The image may have been made behind it. A free call has nothing to pay."""
    told = {"error": "x", **({"code": code} if code else {})}
    paid = error(status, told)
    assert paid.may_have_been_charged
    assert isinstance(paid, errors.ServerError)
    assert "not sent again" in first_line(paid)
    assert "may have been charged" in first_line(paid)
    assert "Running again" in first_line(paid)
    free = error_for(Response({}, json.dumps(told).encode(), 0.1, status), is_paid=False)
    assert type(free) is errors.ServerError
    assert not free.may_have_been_charged
    assert "charged" not in str(free)


@pytest.mark.long
def test_a_body_of_nothing_but_fields_is_cut() -> None:
    details = {f"field{i}": {"_errors": ["x" * 10_000] * 50} for i in range(500)}
    assert len(str(error(400, {"error": "y" * 100_000, "details": details}))) < 20_000


def test_control_characters_stay_out() -> None:
    for body in (b"a\x1b[31mb\x00c\rd", {"error": "a\x1b[31mb\x00c\rd"}):
        told = str(error(400, body))
        assert not set(told) & set("\x1b\x00\r")


def test_the_nearest_model_goes_to_the_end_of_the_first_line() -> None:
    suggest = {"nearest_model": lambda: "y", "nearest_style": lambda: "z"}
    about_model = error(400, {"error": "x", "code": "INVALID_MODEL"}, suggest=suggest)
    told = first_line(about_model)
    assert "another model. The nearest known model is y. `" in told
    assert told.endswith(" models` lists all models.")
    suggest["nearest_model"] = lambda: ""
    assert " models` lists all" in first_line(
        error(404, {"error": "no such model"}, suggest=suggest)
    )
    suggest["nearest_model"] = lambda: "y"
    about_style = error(400, {"error": "Unknown style preset"}, suggest=suggest)
    assert first_line(about_style).endswith("The nearest known style is z.")
    assert "nearest" not in str(error(400, {"error": "x"}, suggest=suggest))


def test_no_text_sets_off_a_dialog_of_comfyuis_own() -> None:
    """ComfyUI's page reads these as its own errors and asks for a sign-in or credits."""
    for status in KINDS:
        told = str(error(status))
        assert not told.startswith(("Unauthorized: Please login first", "Rate Limit Exceeded:"))
        assert type(error(status)).__name__ != "InsufficientFundsError"
