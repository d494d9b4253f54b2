"""What the API refuses: the first line says what is wrong, as the API put it, and what to do."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from faulty_sandbox import Fault, Sandbox
from scripted_server import ScriptedServer, saying
from venice_client import GenerateRequest, VeniceClient
from venice_client.errors import ApiError, BadRequestError, NotFoundError

RequestFor = Callable[..., GenerateRequest]
MakeClient = Callable[..., VeniceClient]
CHECK_ADDRESS = "Check the API address."
HINT = "VENICE_API_BASE sets it; normally it is https://api.venice.ai/api/v1."


def first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]


def refused(client: VeniceClient, request: GenerateRequest) -> ApiError:
    with pytest.raises(ApiError) as caught:
        client.generate_images(request)
    return caught.value


@pytest.fixture
def refusal(make_client: MakeClient, request_for: RequestFor) -> Callable[..., ApiError]:
    """The error that an answer becomes, whatever was asked: `refusal(400, {"error": "no"})`."""

    def refuse(status: int, body: Any, **asked: Any) -> ApiError:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        length = f"Content-Length: {len(raw)}\r\nConnection: close"
        head = f"HTTP/1.1 {status} No\r\n{length}\r\n\r\n".encode()
        with ScriptedServer(saying(head, raw)) as server:
            return refused(make_client(server.base_url), request_for(**asked))

    return refuse


def details(**complaints: list[str]) -> dict[str, Any]:
    named = {name: {"_errors": texts} for name, texts in complaints.items()}
    return {"error": "Invalid request parameters", "details": {"_errors": [], **named}}


def test_a_field_that_the_api_refuses_is_named_with_its_complaint(
    client: VeniceClient, request_for: RequestFor
) -> None:
    error = refused(client, request_for(style_preset="Anime of tomorrow"))
    assert first_line(error).startswith(
        "Venice rejected `style_preset`: Unknown style preset: 'Anime of tomorrow'. Change it."
    )
    assert "\nVenice says (HTTP 400, INVALID_REQUEST): Invalid request parameters\n" in str(error)


@pytest.mark.parametrize("status", [400, 422])
def test_of_several_complaints_the_first_is_told_and_the_others_counted(
    refusal: Callable[..., ApiError], status: int
) -> None:
    body = details(prompt=["String must contain at most 100 character(s)", "Odd"], width=["Odd"])
    error = refusal(status, body)
    assert first_line(error) == (
        "Venice rejected `prompt`: String must contain at most 100 character(s) (and 2 more). "
        "Change it."
    )
    assert str(error).splitlines()[2:4] == [
        "- prompt: String must contain at most 100 character(s); Odd",
        "- width: Odd",
    ]


def test_a_field_goes_before_the_request_as_a_whole(refusal: Callable[..., ApiError]) -> None:
    body = details(width=["Too large"])
    body["details"]["_errors"] = ["Unrecognized key(s) in object: 'colour'"]
    assert first_line(refusal(400, body)) == (
        "Venice rejected `width`: Too large (and 1 more). Change it."
    )


@pytest.mark.parametrize(
    ("body", "first"),
    [
        (
            {"error": "No foxes, please."},
            "Venice rejected the request: No foxes, please. Change the prompt,",
        ),
        (
            {"details": {"_errors": ["Unrecognized key(s) in object: 'colour'"]}},
            "Venice rejected the request: Unrecognized key(s) in object: 'colour'. Change the "
            "prompt, the images or the settings.",
        ),
        (
            {"issues": [{"path": ["seed"]}]},
            "Venice rejected `seed`. Change it.",
        ),
        ({"error": "two\nlines"}, "Venice rejected the request: two lines. Change the prompt"),
        (b"", "Venice rejected the request without a reason. Change the prompt"),
    ],
    ids=["words", "whole", "no complaint", "lines", "nothing"],
)
def test_a_refusal_without_fields_tells_the_apis_own_words(
    refusal: Callable[..., ApiError], body: Any, first: str
) -> None:
    assert first_line(refusal(400, body)).startswith(first)


@pytest.mark.parametrize("place", ["words", "field"])
def test_a_prompt_that_comes_back_does_not_flood_the_first_line(
    refusal: Callable[..., ApiError], place: str
) -> None:
    prompt = "a fox in snow, " * 60
    told = f"Prompt refused: {prompt}"
    error = refusal(400, {"error": told} if place == "words" else details(prompt=[told]))
    assert "Prompt refused: a fox in snow" in first_line(error)
    assert "…" in first_line(error)
    remedy = "Change it." if place == "field" else "Change the prompt, the images or the settings."
    assert first_line(error).endswith(remedy)
    assert len(first_line(error)) < 250


@pytest.mark.parametrize("status", [404, 410])
@pytest.mark.parametrize(
    "body",
    [
        {"error": "gone", "code": "MODEL_NOT_FOUND"},
        {"error": {"message": "gone", "code": "MODEL_NOT_FOUND"}},
        {"error": "Specified model not found"},
        {"error": "No.", "details": {"model": {"_errors": ["Unknown"]}}},
    ],
    ids=["code", "nested code", "words", "field"],
)
def test_a_missing_model_is_told_as_one(
    refusal: Callable[..., ApiError], status: int, body: Any
) -> None:
    error = refusal(status, body, model="z-image-turboo")
    assert isinstance(error, NotFoundError)
    assert "model" in first_line(error)
    assert "Choose another model" in first_line(error)
    assert "The nearest known model is z-image-turbo." in first_line(error)


@pytest.mark.parametrize("body", [{"error": "Not found"}, b"<html>nginx</html>", b""])
def test_a_404_that_speaks_of_no_model_is_blamed_on_the_address(
    refusal: Callable[..., ApiError], body: Any
) -> None:
    error = refusal(404, body, model="z-image-turboo")
    told = first_line(error)
    assert re.fullmatch(
        rf"No API at 127\.0\.0\.1:\d+/api/v1/image/generate\. {CHECK_ADDRESS}", told
    )
    assert error.hint == HINT


def test_a_wrong_address_is_named_by_paid_and_by_free_calls(
    sandbox: Sandbox, make_client: MakeClient, request_for: RequestFor
) -> None:
    base = sandbox.base_url.removesuffix("/api/v1") + "/models/v2"
    host = base.partition("://")[2]
    client = make_client(base)
    for path, call in (
        ("/image/generate", lambda: client.generate_images(request_for())),
        ("/api_keys/rate_limits", client.account),
        ("/models", client.list_models),
    ):
        with pytest.raises(NotFoundError) as caught:
            call()
        assert first_line(caught.value) == f"No API at {host}{path}. {CHECK_ADDRESS}"
        assert str(caught.value).splitlines()[1] == HINT


def test_a_free_call_that_is_gone_is_not_blamed_on_a_model(
    client: VeniceClient, sandbox: Sandbox
) -> None:
    fault = Fault.status(410, {"error": "This model list has moved"})
    sandbox.add_fault(fault, path="/billing/balance")
    with pytest.raises(NotFoundError) as caught:
        client.account()
    assert first_line(caught.value).startswith("No API at 127.0.0.1:")


def test_a_model_of_another_kind_is_not_called_unknown(refusal: Callable[..., ApiError]) -> None:
    told = "The model chroma is of type image, not inpaint"
    error = refusal(400, {"error": told, "code": "INVALID_MODEL"})
    assert "or can't handle this kind of request. Choose another model" in first_line(error)


@pytest.mark.parametrize(
    "body",
    [
        {"error": "Try later", "code": "MODEL_NOT_FOUND"},
        details(model=["Not available"]),
        details(style_preset=["Not available"]),
    ],
    ids=["code", "model", "style"],
)
def test_a_name_that_is_known_gets_no_hint(refusal: Callable[..., ApiError], body: Any) -> None:
    error = refusal(404 if "code" in body else 400, body, style_preset="Anime")
    assert "nearest" not in str(error)


@pytest.mark.parametrize(
    "body",
    [
        details(style_references=["Too many"]),
        {"error": "This lifestyle is not for us"},
        details(prompt=["Too long for this model"]),
    ],
    ids=["style_references", "lifestyle", "prompt"],
)
def test_a_complaint_about_something_else_gets_no_hint(
    refusal: Callable[..., ApiError], body: Any
) -> None:
    error = refusal(400, body, style_preset="Animee", model="z-image-turboo")
    assert isinstance(error, BadRequestError)
    assert "nearest" not in str(error)


@pytest.mark.parametrize(
    "body",
    [
        details(style_preset=["Invalid"]),
        {"error": "Unknown style preset"},
        {"error": "style_preset is invalid"},
    ],
    ids=["field", "words", "name"],
)
def test_an_unknown_style_gets_the_nearest(refusal: Callable[..., ApiError], body: Any) -> None:
    error = refusal(400, body, style_preset="Animee")
    assert first_line(error).endswith("The nearest known style is Anime.")
