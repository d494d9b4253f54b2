"""Errors: cause and remedy in the first line, then the API's own words, field by field."""

from __future__ import annotations

import json
from typing import Any

import pytest

from venice_client import errors
from venice_client.errors import ApiError, VeniceError
from venice_client.transport.status_errors import error_for, with_hint

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
    "run it once more",
    "top up",
    "see venice.ai",
    "send",
    "change",
    "report",
)


def error(status: int, body: Any = b"", **headers: str) -> ApiError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return error_for(status, {k.replace("_", "-"): v for k, v in headers.items()}, raw)


def first_line(found: VeniceError) -> str:
    return str(found).partition("\n")[0]


@pytest.mark.parametrize(("status", "kind"), KINDS.items())
def test_each_status_has_its_error_with_a_remedy(status: int, kind: type[ApiError]) -> None:
    found = error(status)
    assert type(found) is kind
    assert found.status == status
    assert any(remedy in first_line(found) for remedy in REMEDIES), first_line(found)


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (400, "INVALID_MODEL", "another one"),
        (400, "CORRUPTED_IMAGE", "cannot read the image"),
        (400, "IMAGE_TOO_SMALL", "65,536"),
        (401, "AUTHENTICATION_FAILED", "VENICE_API_KEY"),
        (401, "AUTHENTICATION_FAILED_INACTIVE_KEY", "key"),
        (401, "PRO_ONLY_MODEL", "Pro"),
        (402, "INSUFFICIENT_BALANCE", "top up"),
        (402, "API_KEY_USD_SPEND_LIMIT_EXCEEDED", "raise it"),
        (402, "API_KEY_DIEM_SPEND_LIMIT_EXCEEDED", "raise it"),
        (403, "API_ACCESS_DISABLED", "switched off"),
        (422, "CONTENT_POLICY_VIOLATION", "prompt"),
        (422, "IMAGE_TOO_LARGE", "smaller"),
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
    assert "VENICE_API_BASE" in first_line(found)


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
    """The picture may have been made behind it. A free call has nothing to pay."""
    told = {"error": "x", **({"code": code} if code else {})}
    paid = error(status, told)
    assert paid.may_have_been_charged
    assert isinstance(paid, errors.ServerError)
    assert "not sent again" in first_line(paid)
    assert "may have been charged" in first_line(paid)
    assert "run it once more" in first_line(paid)
    free = error_for(status, {}, json.dumps(told).encode(), is_paid=False)
    assert type(free) is errors.ServerError
    assert not free.may_have_been_charged
    assert "charged" not in str(free)


def test_a_body_of_nothing_but_fields_is_cut() -> None:
    details = {f"field{i}": {"_errors": ["x" * 10_000] * 50} for i in range(500)}
    assert len(str(error(400, {"error": "y" * 100_000, "details": details}))) < 20_000


def test_control_characters_stay_out() -> None:
    for body in (b"a\x1b[31mb\x00c\rd", {"error": "a\x1b[31mb\x00c\rd"}):
        told = str(error(400, body))
        assert not set(told) & set("\x1b\x00\r")


def test_a_hint_goes_to_the_end_of_the_first_line() -> None:
    before = error(400, {"error": "x", "code": "INVALID_MODEL"}, x_request_id="7")
    after = with_hint(before, "The nearest is `y`.")
    assert type(after) is type(before)
    assert first_line(after).endswith("another one. The nearest is `y`.")
    assert str(after).partition("\n")[2] == str(before).partition("\n")[2]
    assert (after.status, after.code, after.request_id) == (400, "INVALID_MODEL", "7")


def test_no_text_sets_off_a_dialog_of_comfyuis_own() -> None:
    """ComfyUI's page reads these as its own errors and asks for a sign-in or credits."""
    for status in KINDS:
        told = str(error(status))
        assert not told.startswith(("Unauthorized: Please login first", "Rate Limit Exceeded:"))
        assert type(error(status)).__name__ != "InsufficientFundsError"
