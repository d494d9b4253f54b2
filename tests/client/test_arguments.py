"""Arguments of another type than the client's methods take: nothing is reserved or sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from faulty_sandbox import Sandbox
from venice_client import (
    DescribeRequest,
    EditRequest,
    GenerateRequest,
    RemoveBackgroundRequest,
    UpscaleRequest,
    WritePromptsRequest,
)
from venice_client.errors import InvalidRequestError, SpendingLimitError

MakeClient = Callable[..., Any]
RequestFor = Callable[..., GenerateRequest]


def test_none_is_a_run_without_a_name(
    make_client: MakeClient, sandbox: Sandbox, request_for: RequestFor
) -> None:
    client = make_client(sandbox.base_url, max_usd_per_day=0.01)
    assert client.start([request_for()], run=None).wait(60)
    (charge,) = client.spending.ledger.since(0)
    assert charge.run == ""
    with pytest.raises(SpendingLimitError):
        client.start([request_for(seed=8)], run=None)
    assert len(sandbox.charges) == 1


@pytest.mark.parametrize("run", [7, b"night", object(), ["night"]])
def test_the_name_of_a_run_is_text(
    make_client: MakeClient, sandbox: Sandbox, request_for: RequestFor, run: object
) -> None:
    client = make_client(sandbox.base_url, max_usd_per_day=0.01)
    with pytest.raises(InvalidRequestError, match="run") as caught:
        client.start([request_for()], run=run)
    assert caught.value.field == "run"
    assert sandbox.requests == []
    assert client.start([request_for()]).wait(60), "nothing was reserved"


@pytest.mark.parametrize(
    ("method", "takes"),
    [
        ("generate_images", GenerateRequest),
        ("edit", EditRequest),
        ("multi_edit", EditRequest),
        ("upscale", UpscaleRequest),
        ("remove_background", RemoveBackgroundRequest),
        ("describe", DescribeRequest),
        ("write_prompts", WritePromptsRequest),
    ],
)
def test_each_method_takes_its_own_requests(
    make_client: MakeClient, sandbox: Sandbox, edit_image: bytes, method: str, takes: type
) -> None:
    client = make_client(sandbox.base_url)
    for request in (
        GenerateRequest("z-image-turbo", "a fox"),
        EditRequest((edit_image,), "a fox"),
        UpscaleRequest(edit_image),
        RemoveBackgroundRequest(edit_image),
        DescribeRequest(edit_image),
        WritePromptsRequest("a fox"),
        "a fox",
        None,
    ):
        if not isinstance(request, takes):
            with pytest.raises(InvalidRequestError, match=f"takes {takes.__name__}, not"):
                getattr(client, method)(request)
    assert sandbox.requests == []
