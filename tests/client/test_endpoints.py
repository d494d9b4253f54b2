"""One method of the client an endpoint: what it sends, what comes back, what it costs."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from typing import Any

import pytest
from PIL import Image

from faulty_sandbox import Fault, Sandbox
from venice_client import (
    EditRequest,
    GenerateRequest,
    RemoveBackgroundRequest,
    UpscaleRequest,
    VeniceClient,
)
from venice_client.errors import PaymentRequiredError


def picture(colour: str = "red") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (320, 256), colour).save(out, "PNG")
    return out.getvalue()


@dataclass(frozen=True)
class Call:
    """A method with its request; the path, size, mode and USD of what comes of it."""

    method: str
    request: Any
    path: str
    size: tuple[int, int]
    usd: float
    mode: str = "RGB"


EDIT = EditRequest((picture(),), "make it night")
LAYERS = replace(EDIT, images=(picture(), picture("blue")), model="flux-2-max-edit")
CALLS = [
    Call(
        "generate_images",
        GenerateRequest("z-image-turbo", "a fox", width=64, height=128, seed=7),
        "/image/generate",
        (64, 128),
        0.01,
    ),
    Call("edit", EDIT, "/image/edit", (1024, 1024), 0.04),
    Call("multi_edit", LAYERS, "/image/multi-edit", (1024, 1024), 0.12 + 0.0345),
    Call("upscale", UpscaleRequest(picture()), "/image/upscale", (640, 512), 0.02),
    Call(
        "remove_background",
        RemoveBackgroundRequest(picture()),
        "/image/background-remove",
        (320, 256),
        0.03,
        mode="RGBA",
    ),
]
each = pytest.mark.parametrize("call", CALLS, ids=[call.method for call in CALLS])


@each
def test_an_image_comes_back_at_its_price(
    client: VeniceClient, sandbox: Sandbox, call: Call
) -> None:
    result = getattr(client, call.method)(call.request)

    (sent,) = sandbox.paid_requests
    assert (sent.path, sent.status) == (call.path, 200)
    (image,) = (Image.open(io.BytesIO(each.data)) for each in result.images)
    assert (image.size, image.mode) == (call.size, call.mode)
    assert result.cost == pytest.approx(call.usd)
    assert sandbox.charged_usd == pytest.approx(call.usd)


@each
def test_a_refusal_is_an_error_and_costs_nothing(
    client: VeniceClient, sandbox: Sandbox, call: Call
) -> None:
    sandbox.add_fault(Fault.status(402), path=call.path)

    with pytest.raises(PaymentRequiredError):
        getattr(client, call.method)(call.request)

    assert [request.path for request in sandbox.paid_requests] == [call.path]
    assert sandbox.charges == []
