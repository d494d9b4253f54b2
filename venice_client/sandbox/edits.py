"""The endpoints that take pictures: their rules, and what a request comes to."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from PIL import Image

from . import prices, retouch
from .answers import Refusal, invalid_field, invalid_fields
from .drawing import encoded
from .fields import Schema, anything, boolean, items, nullable, number, one_of, require, text
from .generate import check_prompt_length, enhanced_header, enhanced_prompt, known_model, offered
from .inputs import open_picture, open_sized_picture
from .models import Model
from .sizes import nearest_ratio, sized

DEFAULT_MODEL = "firered-image-edit"
# The published enumeration, whatever a model lists.
RATIOS = ("auto", "1:1", "3:2", "16:9", "21:9", "9:16", "2:3", "3:4", "4:3", "4:5")
PROMPT_LIMIT = 32_768
MAX_OUTPUT_PIXELS = 16_777_216

SHARED: Schema = {
    "prompt": text(1, PROMPT_LIMIT),
    "aspect_ratio": one_of(*RATIOS),
    "resolution": text(1, 10),
    "output_format": one_of("jpeg", "png", "webp"),
    "safe_mode": boolean(),
    "enhance_prompt": boolean(),
    "disable_prompt_optimization_thinking": boolean(),
    "modelId": text(1),
    "transparent_background": boolean(),
}
EDIT_SCHEMA: Schema = {**SHARED, "image": anything(), "model": text(1)}
MULTI_EDIT_SCHEMA: Schema = {
    **SHARED,
    "images": items(anything(), minimum=1),
    "quality": one_of("low", "medium", "high"),
}
UPSCALE_SCHEMA: Schema = {
    "image": anything(),
    "scale": number(2, 4),
    "creativity": nullable(number(-math.inf, math.inf)),
}
CUTOUT_SCHEMA: Schema = {"image": anything(), "image_url": text(1)}

Size = tuple[int, int]


@dataclass(frozen=True)
class PictureJob:
    """A request that holds, ready to be made: `make` draws at a size."""

    service: str
    size: Size
    format: str
    usd: float
    make: Callable[[Size], Image.Image]
    headers: Mapping[str, str]

    def picture(self, size: Size | None) -> bytes:
        """The encoded result, at another size where one is given."""
        return encoded(self.make(size or self.size), self.format)


def checked_edit(payload: Mapping[str, Any]) -> PictureJob:
    """The job of a POST /image/edit.

    Raises:
        Refusal: the API would not take it.
    """
    require(payload, EDIT_SCHEMA, ("image", "prompt"))
    model_id = payload.get("model", payload.get("modelId", DEFAULT_MODEL))
    model = known_model(model_id, "inpaint")
    picture = open_sized_picture("image", payload["image"])
    keeps_size = model.constraints.get("singleImageAspectRatio") is False
    return _edit_job(payload, model, [picture], picture.size if keeps_size else None)


def checked_multi_edit(payload: Mapping[str, Any]) -> PictureJob:
    """The job of a POST /image/multi-edit.

    Raises:
        Refusal: the API would not take it.
    """
    require(payload, MULTI_EDIT_SCHEMA, ("images", "prompt"))
    model = known_model(payload.get("modelId", DEFAULT_MODEL), "inpaint")
    sent = payload["images"]
    if len(sent) > model.max_input_images:
        told = f"Array must contain at most {model.max_input_images} element(s) for {model.id}"
        raise invalid_field("images", told)
    if "quality" in payload:
        offered("quality", payload["quality"], model.qualities, model)
    pictures = [open_sized_picture(f"images.{index}", each) for index, each in enumerate(sent)]
    return _edit_job(payload, model, pictures, None)


def checked_upscale(payload: Mapping[str, Any]) -> PictureJob:
    """The job of a POST /image/upscale; a 4x that would be too large is reduced.

    Raises:
        Refusal: the API would not take it.
    """
    require(payload, UPSCALE_SCHEMA, ("image",))
    scale = payload.get("scale", 2)
    if scale not in prices.UPSCALE_USD:
        raise invalid_field("scale", "Scale must be either 2 or 4")
    picture = open_sized_picture("image", payload["image"])
    return PictureJob(
        service="upscaler",
        size=_upscaled_size(picture.size, int(scale)),
        format="png",
        usd=prices.UPSCALE_USD[int(scale)],
        make=lambda size: retouch.upscaled(picture, size),
        headers={},
    )


def checked_cutout(payload: Mapping[str, Any]) -> PictureJob:
    """The job of a POST /image/background-remove, for which no number of pixels is published.

    Raises:
        Refusal: the API would not take it.
    """
    require(payload, CUTOUT_SCHEMA, ())
    if ("image" in payload) == ("image_url" in payload):
        raise invalid_fields({"": ["Provide either image or image_url"]})
    name = "image" if "image" in payload else "image_url"
    picture = open_picture(name, payload[name], max_pixels=None)
    return PictureJob(
        service="bria-bg-remover",
        size=picture.size,
        format="png",
        usd=prices.BACKGROUND_REMOVAL_USD,
        make=lambda size: retouch.cut_out(picture, size),
        headers={},
    )


def _edit_job(
    payload: Mapping[str, Any], model: Model, pictures: list[Image.Image], fixed_size: Size | None
) -> PictureJob:
    prompt = payload["prompt"]
    if not prompt.strip():
        raise invalid_field("prompt", "Prompt must not be blank")
    check_prompt_length("prompt", prompt, model)
    tier = payload.get("resolution", model.constraints.get("defaultResolution"))
    if tier is not None:
        offered("resolution", tier, model.tiers, model)
    asked_size = _edit_size(payload, model, tier, pictures[0].size)
    enhanced = enhanced_prompt(prompt) if payload.get("enhance_prompt") else None
    shown = enhanced or prompt
    usd = prices.picture_price(model, tier, payload.get("quality"))
    usd += prices.extra_images_price(model, len(pictures))
    return PictureJob(
        service=model.id,
        size=fixed_size or asked_size,
        format=payload.get("output_format", "png" if tier in (None, "1K") else "jpeg"),
        usd=usd + (prices.ENHANCEMENT_USD if enhanced else 0.0),
        make=lambda size: retouch.edited(pictures, shown, model.id, size),
        headers=_edit_headers(model, enhanced),
    )


def _edit_headers(model: Model, enhanced: str | None) -> dict[str, str]:
    headers = {"x-venice-model-id": model.id, "x-venice-model-name": model.name}
    return {**headers, **model.deprecation_headers, **enhanced_header(enhanced)}


def _edit_size(payload: Mapping[str, Any], model: Model, tier: str | None, base: Size) -> Size:
    ratio = payload.get("aspect_ratio", "auto")
    if ratio != "auto":
        offered("aspect_ratio", ratio, model.ratios, model)
        return sized(ratio, tier)
    if tier is None:
        return sized("1:1")
    own = tuple(name for name in model.ratios if name in RATIOS and name != "auto")
    return sized(nearest_ratio(*base, own) if own else "1:1", tier)


def _upscaled_size(size: Size, scale: int) -> Size:
    width, height = size
    pixels = width * height
    if scale == 4 and pixels * 16 > MAX_OUTPUT_PIXELS >= pixels:
        factor = math.sqrt(MAX_OUTPUT_PIXELS / pixels)
        return math.floor(width * factor), math.floor(height * factor)
    if pixels * scale * scale > MAX_OUTPUT_PIXELS:
        told = f"Final dimensions after scaling must not exceed {MAX_OUTPUT_PIXELS} pixels"
        raise Refusal(422, "IMAGE_TOO_LARGE", told)
    return width * scale, height * scale
