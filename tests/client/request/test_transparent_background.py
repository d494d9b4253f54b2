"""`transparent_background`: sent where it is wanted and can be had, refused where it cannot."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from faulty_sandbox import Sandbox
from form_fields import fields_of
from venice_client import EditRequest, GenerateRequest, VeniceClient
from venice_client.catalogue.lists import bundled_lists
from venice_client.catalogue.model import Model
from venice_client.errors import InvalidRequestError

RequestFor = Callable[..., GenerateRequest]
LISTED = bundled_lists().models()


@pytest.fixture
def edit_for(edit_image: bytes) -> Callable[..., EditRequest]:
    def build(**changes: Any) -> EditRequest:
        given = {"images": (edit_image,), "prompt": "cut out", "model": "gpt-image-1-5-edit"}
        return EditRequest(**{**given, "transparent_background": True, **changes})

    return build


@pytest.mark.parametrize("format", ["png", "webp"])
def test_it_is_sent_where_the_model_makes_it(
    client: VeniceClient, sandbox: Sandbox, request_for: RequestFor, format: str
) -> None:
    asked = {"model": "gpt-image-1-5", "format": format, "transparent_background": True}
    client.generate_images(request_for(**asked))
    assert fields_of(sandbox.paid_requests[0])["transparent_background"] is True


@pytest.mark.parametrize("is_multi", [False, True])
def test_it_is_sent_with_edits(
    client: VeniceClient, sandbox: Sandbox, edit_for: Callable[..., EditRequest], is_multi: bool
) -> None:
    send = client.multi_edit if is_multi else client.edit
    send(edit_for())
    assert fields_of(sandbox.paid_requests[0])["transparent_background"] is True


def test_it_is_not_sent_unless_it_is_wanted(
    request_for: RequestFor, edit_for: Callable[..., EditRequest]
) -> None:
    for request in (request_for(), edit_for(transparent_background=False)):
        assert "transparent_background" not in request.build(LISTED[request.model]).fields


def test_a_jpeg_is_refused(
    request_for: RequestFor, edit_for: Callable[..., EditRequest], sandbox: Sandbox, client: Any
) -> None:
    generate = request_for(model="gpt-image-1-5", format="jpeg", transparent_background=True)
    for request, field in ((generate, "format"), (edit_for(output_format="jpeg"), "output_format")):
        with pytest.raises(InvalidRequestError, match="Choose png or webp") as caught:
            client.prepare([request])
        assert caught.value.field == field
    assert sandbox.paid_requests == []


def test_other_models_are_refused_with_the_names_of_those_that_can(
    client: VeniceClient, request_for: RequestFor, edit_for: Callable[..., EditRequest]
) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        client.prepare([request_for(transparent_background=True)])
    assert caught.value.field == "transparent_background"
    text = str(caught.value)
    assert text.startswith(
        "z-image-turbo can't generate a transparent background. Choose gpt-image-1-5, "
    )
    assert "mai-image-2-7" in text
    assert "edit" not in text
    with pytest.raises(InvalidRequestError) as caught:
        client.prepare([edit_for(model="flux-2-max-edit")])
    assert (
        "gpt-image-1-5-edit, gpt-image-2-5-flare-edit, gpt-image-2-5-sunburst-edit, or turn"
        in str(caught.value)
    )


@pytest.mark.parametrize(
    "model", [Model("a-model-of-tomorrow"), LISTED["krea-3"]], ids=lambda model: model.id
)
def test_a_model_of_which_that_is_not_known_is_not_refused(
    request_for: RequestFor, judge: ModuleType, model: Model
) -> None:
    built = request_for(model=model.id, transparent_background=True).build(model)
    assert built.fields["transparent_background"] is True
    judge.validate_request("/image/generate", built.fields)


@pytest.mark.parametrize("value", ["yes", 1, None])
def test_what_is_neither_true_nor_false_is_refused(
    request_for: RequestFor, edit_for: Callable[..., EditRequest], value: Any
) -> None:
    with pytest.raises(InvalidRequestError, match="transparent_background must be true"):
        request_for(transparent_background=value).build(Model("any"))
    with pytest.raises(InvalidRequestError, match="transparent_background must be true"):
        edit_for(transparent_background=value).build(Model("any", "inpaint"))
