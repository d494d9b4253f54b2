"""Edits: ratios, tiers and sizes as the model has them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from faulty_sandbox import Sandbox
from form_fields import fields_of
from venice_client import EditRequest, UpscaleRequest, VeniceClient
from venice_client.catalogue.lists import bundled_lists
from venice_client.catalogue.model import Model, parse_model
from venice_client.errors import InvalidRequestError
from venice_client.for_nodes import EDIT_RATIOS
from venice_client.request.payload import Payload

LISTED = bundled_lists().models()
EDITS = bundled_lists().listed("inpaint")
UNHEARD_OF = Model("of-tomorrow", "inpaint")
EncodeImage = Callable[[tuple[int, int]], bytes]


@pytest.fixture
def edit(edit_image: bytes) -> Callable[..., EditRequest]:
    def build(model: Model, **changes: Any) -> EditRequest:
        return EditRequest((edit_image,), "night", model.id, **changes)

    return build


def text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def files(built: Payload) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    for name, data in built.files:
        found.setdefault(name, []).append(data)
    return found


@pytest.mark.parametrize("model", EDITS, ids=lambda model: model.id)
def test_every_listed_ratio_is_sent_and_valid(
    edit: Callable[..., EditRequest], judge: ModuleType, model: Model
) -> None:
    for ratio in model.ratios or EDIT_RATIOS:
        for is_multi in (False, True):
            request = edit(model, aspect_ratio=ratio, is_multi=is_multi)
            if model.is_auto_only or model.keeps_single_image_size:
                continue
            built = request.build(model)
            assert built.fields["aspect_ratio"] == ratio
            form = {**{name: [text(v)] for name, v in built.fields.items()}, **files(built)}
            judge.validate_form(built.path, form)


def test_a_ratio_of_its_own_comes_from_the_model(edit: Callable[..., EditRequest]) -> None:
    model = Model("wide", "inpaint", True, ratios=("1:1", "9:21"), tiers=("1.5K",))
    built = edit(model, aspect_ratio="9:21", resolution="1.5K").build(model)
    assert (built.fields["aspect_ratio"], built.fields["resolution"]) == ("9:21", "1.5K")
    with pytest.raises(InvalidRequestError, match=r"closest is 9:21. Choose 1:1, 9:21"):
        edit(model, aspect_ratio="9:16").build(model)


def test_a_ratio_that_the_model_does_not_list_is_refused(edit: Callable[..., EditRequest]) -> None:
    with pytest.raises(InvalidRequestError, match="closest is 3:4"):
        edit(LISTED["grok-imagine-edit"], aspect_ratio="4:5").build(LISTED["grok-imagine-edit"])


def test_what_an_unknown_model_may_take_is_sent_as_typed(edit: Callable[..., EditRequest]) -> None:
    changes = {"aspect_ratio": "9:21", "resolution": "8K", "quality": "ultra"}
    built = edit(UNHEARD_OF, **changes).build(UNHEARD_OF)
    assert changes.items() <= built.fields.items()
    with pytest.raises(InvalidRequestError, match="doesn't offer aspect_ratio wide"):
        edit(UNHEARD_OF, aspect_ratio="wide").build(UNHEARD_OF)


def test_a_model_of_auto_alone_gets_no_ratio(
    client: VeniceClient, sandbox: Sandbox, edit: Callable[..., EditRequest]
) -> None:
    model = LISTED["wan-2-7-pro-edit"]
    assert model.is_auto_only
    result = client.edit(edit(model, aspect_ratio="3:4", resolution="2K"))
    assert "aspect_ratio" not in fields_of(sandbox.paid_requests[0])
    (said,) = result.warnings
    assert said == "wan-2-7-pro-edit chooses the aspect ratio itself, so 3:4 isn't sent."
    assert edit(model, aspect_ratio="3:4").answer_ratio(1, 300, 200, model) == 1.0


@pytest.mark.parametrize("model", [*EDITS, UNHEARD_OF], ids=lambda model: model.id)
def test_auto_is_never_sent(edit: Callable[..., EditRequest], model: Model) -> None:
    assert "auto" not in edit(model).build(model).fields.values()


def test_a_single_image_keeps_its_size_where_the_model_says_so(
    edit: Callable[..., EditRequest], edit_image: bytes
) -> None:
    model = replace(LISTED["flux-2-max-edit"], keeps_single_image_size=True)
    single = edit(model, aspect_ratio="3:4").build(model)
    assert "aspect_ratio" not in single.fields
    assert any("keeps the input's size" in warning for warning in single.warnings)
    two = replace(edit(model, aspect_ratio="3:4"), images=(edit_image, edit_image))
    assert two.build(model).fields["aspect_ratio"] == "3:4"


@pytest.mark.parametrize("place", ["constraints", "capabilities"])
def test_the_number_of_images_is_read_in_either_place(place: str) -> None:
    entry = {"id": "x-edit", "type": "inpaint", "model_spec": {place: {"maxInputImages": 7}}}
    model = parse_model(entry)
    assert model is not None
    assert model.max_input_images == 7


@pytest.mark.parametrize(
    ("model", "most"),
    [
        ("nano-banana-pro-edit", 6),
        ("kling-v4-image-edit", 10),
        ("firered-image-edit", 3),
        ("luma-uni-1-edit", 1),
        ("flux-3-image-edit", None),
    ],
)
def test_how_many_images_a_model_takes(
    edit: Callable[..., EditRequest], edit_image: bytes, model: str, most: int | None
) -> None:
    known = LISTED[model]
    assert known.max_input_images == most
    images = (edit_image,) * ((most or 20) + (most is not None))
    request = replace(edit(known), images=images)
    if most is None:
        assert len(request.build(known).files) == 20
        return
    with pytest.raises(InvalidRequestError, match=f"accepts at most {most} image"):
        request.build(known)


@pytest.mark.parametrize("size", [(63, 1100), (1100, 63), (2000, 40)])
def test_a_side_under_64_pixels_is_refused(
    encode_image: EncodeImage, size: tuple[int, int]
) -> None:
    image = encode_image(size)
    for request in (EditRequest((image,), "night"), UpscaleRequest(image)):
        with pytest.raises(InvalidRequestError, match="at least 64 per side") as caught:
            request.build(UNHEARD_OF)
        assert caught.value.field == "image"


def test_64_pixels_a_side_are_enough(encode_image: EncodeImage) -> None:
    assert UpscaleRequest(encode_image((64, 1024))).build(UNHEARD_OF).fields["scale"] == 2


def test_a_quality_of_its_own_comes_from_the_model(edit: Callable[..., EditRequest]) -> None:
    model = LISTED["grok-imagine-image-2-0-edit"]
    assert edit(model, quality="medium").build(model).fields["quality"] == "medium"
    with pytest.raises(InvalidRequestError, match="Choose low, medium"):
        edit(model, quality="high").build(model)
    without = edit(LISTED["muse-image-edit"], quality="high").build(LISTED["muse-image-edit"])
    assert "has no quality setting" in without.warnings[0]


@pytest.mark.long
def test_three_noise_images_go_out_in_one_request(client: VeniceClient, sandbox: Sandbox) -> None:
    """As base64 in JSON they would be 58 MB, which the API refuses."""
    noise = np.random.default_rng(1).integers(0, 256, (2160, 2160, 3), np.uint8)
    out = io.BytesIO()
    Image.fromarray(noise).save(out, "PNG", compress_level=0)
    assert len(out.getvalue()) > 13_900_000
    model = next(m for m in EDITS if (m.max_input_images or 0) >= 3)
    result = client.multi_edit(EditRequest((out.getvalue(),) * 3, "night", model.id))
    assert result.images
    (request,) = sandbox.paid_requests
    assert [len(each) for each in request.form["images"]] == [len(out.getvalue())] * 3


@pytest.mark.parametrize("creativity", ["0.01", None, True, float("nan"), 0.03])
def test_creativity_is_a_number_in_its_range(edit_image: bytes, creativity: Any) -> None:
    with pytest.raises(InvalidRequestError, match=r"must be a number from 0 to 0\.02"):
        UpscaleRequest(edit_image, creativity=creativity).build(LISTED["upscaler"])


@pytest.mark.parametrize("scale", [2, 2.0])
def test_scale_is_sent_as_a_whole_number(edit_image: bytes, scale: Any) -> None:
    sent = UpscaleRequest(edit_image, scale=scale).build(LISTED["upscaler"]).fields["scale"]
    assert isinstance(sent, int)
