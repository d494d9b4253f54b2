"""Requests for images: only what the model takes is sent, and the service takes what is sent."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from faulty_sandbox import Fault, Sandbox
from venice_client import GenerateRequest, StyleReference, VeniceClient, plan_batch
from venice_client.catalogue.lists import bundled_lists
from venice_client.catalogue.model import Model, parse_model
from venice_client.errors import BadRequestError, InvalidRequestError, NotFoundError
from venice_client.request.edit import EditRequest
from venice_client.sandbox.models import all_models, all_styles

RequestFor = Callable[..., GenerateRequest]
LIVE = {
    m.id: m for m in (parse_model(e.entry) for e in all_models().values()) if m and m.type != "text"
}
MAKERS = [m for m in LIVE.values() if m.makes_images]
BUNDLED = bundled_lists().models()
UNHEARD_OF = Model("a-model-of-tomorrow")
SIZES = ((64, 64), (1024, 1024), (1344, 768), (768, 1344), (1000, 333), (4096, 2304), (4096, 64))


def picture(side: int = 16) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (side, side), "red").save(file, "PNG")
    return file.getvalue()


def fields(request: GenerateRequest, model: Model) -> dict[str, Any]:
    return request.build(model).fields


requests_of_every_kind = st.builds(
    GenerateRequest,
    model=st.sampled_from([*LIVE, *BUNDLED, UNHEARD_OF.id]),
    prompt=st.text(min_size=1, max_size=50).filter(str.strip),
    negative_prompt=st.text(max_size=20),
    width=st.none() | st.integers(1, 5000),
    height=st.none() | st.integers(1, 5000),
    aspect_ratio=st.sampled_from(["auto", "1:1", "16:9", "21:9"]),
    resolution=st.sampled_from(["auto", "1K", "2K", "4K"]),
    quality=st.sampled_from(["auto", "low", "medium", "high"]),
    steps=st.none() | st.integers(1, 50),
    cfg_scale=st.none() | st.floats(0.1, 20),
    seed=st.none() | st.integers(1, 999_999_999),
    style_preset=st.sampled_from(["", "Anime", "A Style of Tomorrow"]),
    style_references=st.just(()) | st.just((StyleReference(picture()),)),
    lora_strength=st.none() | st.integers(0, 100),
    format=st.sampled_from(["png", "webp", "jpeg"]),
    variants=st.integers(1, 4),
    hide_watermark=st.none() | st.booleans(),
    safe_mode=st.none() | st.booleans(),
    embed_exif_metadata=st.none() | st.booleans(),
    enable_web_search=st.none() | st.booleans(),
    enhance_prompt=st.none() | st.booleans(),
    disable_prompt_optimization_thinking=st.none() | st.booleans(),
)


@given(requests_of_every_kind, st.booleans())
def test_what_is_built_is_as_published(
    judge: ModuleType, request_: GenerateRequest, is_live: bool
) -> None:
    known = LIVE if is_live else BUNDLED
    model = known.get(request_.model, Model(request_.model))
    try:
        built = fields(request_, model)
    except InvalidRequestError:
        return
    judge.validate_request("/image/generate", built)


@given(requests_of_every_kind)
def test_only_what_the_model_takes_is_sent(request_: GenerateRequest) -> None:
    model = LIVE.get(request_.model, Model(request_.model))
    try:
        built = fields(request_, model)
    except InvalidRequestError:
        return
    chosen = {name: value for name, value in built.items() if name != "prompt"}
    assert not any(value in (None, "", "auto") for value in chosen.values())
    if not model.is_known or model.kind != "image":
        return
    if model.ratios:
        assert not {"width", "height"} & set(built)
    else:
        assert not {"aspect_ratio", "resolution"} & set(built)
    assert model.tiers or "resolution" not in built
    assert built.get("quality") in (None, *model.qualities)
    if model.max_steps is not None:
        assert built.get("steps", 0) <= model.max_steps
    assert not ("variants" in built and "return_binary" in built)


@pytest.mark.long
@pytest.mark.parametrize("model", MAKERS, ids=lambda model: model.id)
def test_every_model_takes_every_size_at_the_first_try(
    client: VeniceClient, sandbox: Sandbox, request_for: RequestFor, model: Model
) -> None:
    sizes = SIZES if not model.tiers else SIZES[::3]  # large images take their time
    for seed, (width, height) in enumerate(sizes, start=1):
        client.generate_images(
            request_for(model=model.id, width=width, height=height, seed=seed, format="jpeg")
        )
    assert [request.status for request in sandbox.paid_requests] == [200] * len(sizes)


@pytest.mark.parametrize("model", ["z-image-turbo", "seedream-v4", "nano-banana-pro"])
def test_every_size_is_taken_without_knowing_the_constraints(
    sandbox: Sandbox, make_client: Callable[..., VeniceClient], request_for: RequestFor, model: str
) -> None:
    client = make_client(sandbox.base_url)
    client.catalogue.model_when_known = lambda name, _: BUNDLED[name]  # type: ignore[method-assign]
    for seed, (width, height) in enumerate(SIZES[:5], start=1):
        request = request_for(model=model, width=width, height=height, seed=seed, format="jpeg")
        assert client.generate_images(request).images
    assert {request.status for request in sandbox.paid_requests} == {200}


def test_every_field_of_the_schema_can_be_sent(
    client: VeniceClient, sandbox: Sandbox, request_for: RequestFor
) -> None:
    pixels = request_for(
        negative_prompt="rain",
        steps=4,
        cfg_scale=7.5,
        style_preset="Anime",
        lora_strength=50,
        format="webp",
        hide_watermark=True,
        safe_mode=False,
        embed_exif_metadata=True,
        enable_web_search=False,
        enhance_prompt=True,
        disable_prompt_optimization_thinking=True,
    )
    tiers = request_for(
        model="nano-banana-pro", aspect_ratio="21:9", resolution="2K", quality="auto", variants=2
    )
    quality = request_for(model="gpt-image-2", quality="low")
    styled = request_for(model="luma-uni-1", style_references=(StyleReference(picture(), 0.7),))
    for request in (pixels, tiers, quality, styled):
        client.generate_images(request)

    first, second, third, fourth = (request.json for request in sandbox.paid_requests)
    assert first == {
        "model": "z-image-turbo",
        "prompt": "a fox",
        "negative_prompt": "rain",
        "width": 64,
        "height": 64,
        "steps": 4,
        "cfg_scale": 7.5,
        "seed": 7,
        "style_preset": "Anime",
        "lora_strength": 50,
        "format": "webp",
        "return_binary": True,
        "hide_watermark": True,
        "safe_mode": False,
        "embed_exif_metadata": True,
        "enable_web_search": False,
        "enhance_prompt": True,
        "disable_prompt_optimization_thinking": True,
    }
    assert (second["aspect_ratio"], second["resolution"], second["variants"]) == ("21:9", "2K", 2)
    assert list(fourth["style_references"][0]) == ["image"]  # it ignores the strength
    assert third["quality"] == "low"


def test_several_variants_come_as_json_and_one_as_binary(
    client: VeniceClient, sandbox: Sandbox, request_for: RequestFor
) -> None:
    assert len(client.generate_images(request_for(variants=3)).images) == 3
    assert len(client.generate_images(request_for(variants=1)).images) == 1
    assert len(client.generate_images(request_for(seed=8, return_binary=False)).images) == 1
    several, one, one_as_json = (request.json for request in sandbox.paid_requests)
    assert several["variants"] == 3
    assert "return_binary" not in several
    assert one["return_binary"] is True
    assert not {"variants", "return_binary"} & set(one_as_json)


@pytest.mark.parametrize(
    ("change", "field", "named"),
    [
        ({"prompt": ""}, "prompt", "Enter a prompt"),
        ({"prompt": " \n"}, "prompt", "Enter a prompt"),
        ({"prompt": "x" * 7501}, "prompt", "7,501"),
        ({"negative_prompt": "x" * 7501}, "negative_prompt", "7,500"),
        ({"width": 0}, "width", "width"),
        ({"height": -8}, "height", "height"),
        ({"seed": 0}, "seed", "seed can't be 0. Use 1 to 999999999."),
        ({"seed": 1_000_000_000}, "seed", "999999999"),
        ({"seed": 7.5}, "seed", "7.5"),
        ({"seed": True}, "seed", "True"),
        ({"steps": 0}, "steps", "1"),
        ({"steps": 9}, "steps", "at most 8"),
        ({"cfg_scale": 0}, "cfg_scale", "above 0"),
        ({"cfg_scale": 20.5}, "cfg_scale", "20.5"),
        ({"cfg_scale": float("nan")}, "cfg_scale", "nan"),
        ({"cfg_scale": "7"}, "cfg_scale", "7"),
        ({"lora_strength": 101}, "lora_strength", "101"),
        ({"lora_strength": -1}, "lora_strength", "-1"),
        ({"format": "jpg"}, "format", "jpeg"),
        ({"variants": 0}, "variants", "0"),
        ({"variants": 5}, "variants", "4"),
        ({"variants": 2, "return_binary": True}, "return_binary", "binary"),
        ({"model": " "}, "model", "model"),
        ({"aspect_ratio": "wide"}, "aspect_ratio", "16:9"),
        ({"model": "seedream-v4", "aspect_ratio": "16:10"}, "aspect_ratio", "16:9"),
        ({"model": "nano-banana-pro", "resolution": "3K"}, "resolution", "2K"),
        ({"model": "gpt-image-2", "quality": "hihg"}, "quality", "high"),
        ({"style_references": (StyleReference(b"x"),)}, "style_references", "style references"),
        ({"width": "64"}, "width", "'64'"),
        ({"height": 64.0}, "height", "64.0"),
        ({"width": 10**400}, "width", "100000"),
        ({"style_preset": 5}, "style_preset", "text"),
        ({"style_preset": None}, "style_preset", "text"),
        ({"model": 5}, "model", "text"),
        ({"aspect_ratio": 1.5}, "aspect_ratio", "text"),
        ({"resolution": 2}, "resolution", "text"),
        ({"quality": ("high",)}, "quality", "text"),
        ({"format": ["png"]}, "format", "png, webp or jpeg"),
        ({"hide_watermark": "yes"}, "hide_watermark", "'yes'"),
        ({"safe_mode": 0}, "safe_mode", "true or false"),
        ({"enable_web_search": "on"}, "enable_web_search", "true or false"),
        ({"return_binary": 1}, "return_binary", "true or false"),
    ],
    ids=str,
)
def test_what_is_known_to_be_wrong_is_refused_before_it_is_sent(
    client: VeniceClient,
    sandbox: Sandbox,
    request_for: RequestFor,
    change: dict[str, Any],
    field: str,
    named: str,
) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        client.generate_images(request_for(**change))
    assert caught.value.field == field
    assert named in str(caught.value).partition("\n")[0]
    assert sandbox.paid_requests == []


@pytest.mark.parametrize(
    ("references", "named"),
    [
        ((StyleReference(b"no picture"),), "PNG, JPEG or WebP"),
        ((StyleReference(picture(), 0.05),), "0.05"),
        ((StyleReference(picture(), float("nan")),), "nan"),
        ((StyleReference(picture(), "0.7"),), "0.7"),
        ((StyleReference(picture() + bytes(8_000_000)),), "8 MB"),
        ((StyleReference(picture()),) * 4, "at most 3"),
    ],
    ids=range(6),
)
def test_style_references_that_the_model_does_not_take_are_refused(
    client: VeniceClient, sandbox: Sandbox, request_for: RequestFor, references: Any, named: str
) -> None:
    with pytest.raises(InvalidRequestError, match=named) as caught:
        client.generate_images(request_for(model="krea-v2-large", style_references=references))
    assert caught.value.field == "style_references"
    assert sandbox.paid_requests == []


def test_what_a_model_has_no_setting_for_is_left_out_and_said(request_for: RequestFor) -> None:
    model = LIVE["z-image-turbo"]
    built = request_for(quality="high", resolution="2K").build(model)
    assert not {"quality", "resolution"} & set(built.fields)
    assert any("so high isn't sent" in note for note in built.warnings)
    assert any("so 2K isn't sent" in note for note in built.warnings)
    no_steps = request_for(steps=4).build(replace(model, max_steps=0))
    assert "steps" not in no_steps.fields
    assert any("so 4 isn't sent" in note for note in no_steps.warnings)


def test_an_unknown_model_is_sent_as_typed_and_the_refusal_names_the_nearest(
    client: VeniceClient, sandbox: Sandbox, request_for: RequestFor
) -> None:
    with pytest.raises(NotFoundError) as caught:
        client.generate_images(request_for(model="z-image-turboo"))
    assert sandbox.paid_requests[0].json["model"] == "z-image-turboo"
    assert "is z-image-turbo" in str(caught.value).partition("\n")[0]


def test_an_unknown_style_is_sent_as_typed_and_the_refusal_names_the_nearest(
    client: VeniceClient, sandbox: Sandbox, request_for: RequestFor
) -> None:
    with pytest.raises(BadRequestError) as caught:
        client.generate_images(request_for(style_preset="neon punks"))
    assert sandbox.paid_requests[0].json["style_preset"] == "neon punks"
    assert "is Neon Punk" in str(caught.value).partition("\n")[0]
    assert "style_preset" in caught.value.fields


def test_every_style_is_taken(client: VeniceClient, sandbox: Sandbox) -> None:
    styles = all_styles()
    for seed, style in enumerate(styles[::8], start=1):
        request = GenerateRequest("z-image-turbo", "x", width=64, height=64, seed=seed)
        client.generate_images(replace(request, style_preset=style))
    assert {request.status for request in sandbox.paid_requests} == {200}


def test_a_batch_has_a_request_an_image_with_a_seed_of_its_own(request_for: RequestFor) -> None:
    planned = plan_batch(request_for(seed=100), 5)
    assert [(r.seed, r.variants) for r in planned] == [(s, 1) for s in range(100, 105)]


@pytest.mark.parametrize(
    ("count", "planned"),
    [
        (1, [(100, 1)]),
        (4, [(100, 4)]),
        (5, [(100, 4), (104, 1)]),
        (16, [(100, 4), (104, 4), (108, 4), (112, 4)]),
    ],
)
def test_variants_go_four_to_a_request(
    request_for: RequestFor, count: int, planned: list[tuple[int, int]]
) -> None:
    requests = plan_batch(request_for(seed=100), count, variants=True)
    assert [(request.seed, request.variants) for request in requests] == planned


@pytest.mark.parametrize("left_alone", ["aspect_ratio", "resolution", "quality"])
@pytest.mark.parametrize("model", ["z-image-turbo", "gpt-image-2", "a-model-of-tomorrow"])
def test_an_empty_choice_means_what_auto_means(
    request_for: RequestFor, left_alone: str, model: str
) -> None:
    known = LIVE.get(model, UNHEARD_OF)
    built = request_for(model=model).build(known)
    assert request_for(model=model, **{left_alone: ""}).build(known) == built


def test_an_edit_names_its_own_field_for_the_format(client: VeniceClient, sandbox: Sandbox) -> None:
    request = EditRequest(images=(picture(256),), prompt="snow", output_format="jpg")
    with pytest.raises(InvalidRequestError, match="must be png, webp or jpeg, not 'jpg'") as caught:
        client.edit(request)
    assert caught.value.field == "output_format"
    assert sandbox.paid_requests == []


@pytest.mark.parametrize("count", [0, -1, "4", 2.0, True, None])
def test_a_batch_of_none_is_refused(request_for: RequestFor, count: Any) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        plan_batch(request_for(), count)
    assert caught.value.field == "batch_size"


def test_an_edit_model_is_refused_with_the_nearest_one_that_makes_images(
    client: VeniceClient, sandbox: Sandbox, request_for: RequestFor
) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        client.generate_images(request_for(model="nano-banana-2-edit"))
    named = re.findall(r"such as (.+?)\.", str(caught.value).partition("\n")[0])
    assert named == ["nano-banana-2"]
    assert client.catalogue.model(named[0]).makes_images
    assert sandbox.paid_requests == []


@pytest.mark.parametrize("name", ["prompt", "negative_prompt"])
def test_a_text_too_long_by_one_count_alone_is_sent_and_a_refusal_says_both(
    make_client: Any, strict_sandbox: Sandbox, name: str
) -> None:
    """Venice doesn't say whether it counts characters or UTF-16 units."""
    client = make_client(strict_sandbox.base_url)
    foxes = {"model": "z-image-turbo", "prompt": "a fox", name: "🦊" * 4000}
    client.generate_images(GenerateRequest(**foxes, seed=1))
    strict_sandbox.add_fault(Fault.status(400, {"error": "Too long"}))
    with pytest.raises(BadRequestError) as refused:
        client.generate_images(GenerateRequest(**foxes, seed=2))
    said = (
        f"The {name.replace('_', ' ')} has 4,000 characters, or 8,000 if Venice counts UTF-16 "
        "units; z-image-turbo takes 7,500."
    )
    assert str(refused.value).splitlines()[-1] == said
    strict_sandbox.add_fault(Fault.status(400, {"error": "No"}))
    with pytest.raises(BadRequestError) as other:
        client.generate_images(GenerateRequest("z-image-turbo", "a fox", seed=3))
    assert "UTF-16" not in str(other.value)


def test_a_text_too_long_by_both_counts_is_not_sent() -> None:
    with pytest.raises(
        InvalidRequestError, match=r"has 7,501 characters; a-model-of-.* takes 7,500"
    ):
        GenerateRequest(UNHEARD_OF.id, "x" * 7501).build(UNHEARD_OF)
