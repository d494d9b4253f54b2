"""The endpoints that take images: their rules and their images."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from PIL import Image

from . import prices, retouch
from .drawing import encoded
from .fields import Schema, anything, boolean, items, nullable, number, one_of, require, text
from .inputs import MAX_CUTOUT_PIXELS, open_image, open_sized_image
from .models import Model
from .response import Refusal, Response, invalid_field, invalid_fields
from .sizes import Size, nearest_ratio, sized
from .task import (
    Task,
    check_offered,
    check_prompt,
    check_transparent,
    enhanced_prompt,
    image_headers,
    known_model,
)

DEFAULT_MODEL = "firered-image-edit"
ALIASES = {"qwen-edit": "qwen-edit-uncensored"}
PROMPT_LIMIT = 32_768
MAX_OUTPUT_PIXELS = 16_777_216

SHARED: Schema = {
    "prompt": text(1, PROMPT_LIMIT),
    "aspect_ratio": text(1),
    "resolution": text(1, 10),
    "output_format": one_of("jpeg", "png", "webp"),
    "safe_mode": boolean(),
    "enhance_prompt": boolean(),
    "disable_prompt_optimization_thinking": boolean(),
    "transparent_background": boolean(),
    "modelId": text(1),
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


def edit_task(payload: Mapping[str, Any]) -> Task:
    """Check a POST /image/edit. Raises Refusal if the API wouldn't take it."""
    require(payload, EDIT_SCHEMA, ("image", "prompt"))
    model = _edit_model(payload.get("model", payload.get("modelId", DEFAULT_MODEL)))
    image = open_sized_image("image", payload["image"])
    keeps_size = model.constraints.get("singleImageAspectRatio") is False
    return _edit_task(payload, model, [image], image.size if keeps_size else None)


def multi_edit_task(payload: Mapping[str, Any]) -> Task:
    """Check a POST /image/multi-edit. Raises Refusal if the API wouldn't take it."""
    require(payload, MULTI_EDIT_SCHEMA, ("images", "prompt"))
    model = _edit_model(payload.get("modelId", DEFAULT_MODEL))
    sent = payload["images"]
    if len(sent) > model.max_input_images:
        message = f"Array must contain at most {model.max_input_images} element(s) for {model.id}"
        raise invalid_field("images", message)
    check_offered("quality", payload.get("quality"), model.qualities, model)
    base = open_sized_image("images.0", sent[0])
    # One by one, so that only the base is in memory at full size.
    layers = [
        retouch.as_layer(open_sized_image(f"images.{index}", image))
        for index, image in enumerate(sent[1:], 1)
    ]
    return _edit_task(payload, model, [base, *layers], None)


def upscale_task(payload: Mapping[str, Any]) -> Task:
    """Check a POST /image/upscale; reduce a 4x that would be too large.

    Like the API, ignore unknown fields. Raises Refusal if the API wouldn't take the rest.
    """
    known = {name: value for name, value in payload.items() if name in UPSCALE_SCHEMA}
    require(known, UPSCALE_SCHEMA, ("image",))
    scale = payload.get("scale", 2)
    if scale not in prices.UPSCALE_USD:
        raise invalid_field("scale", "Scale must be either 2 or 4")
    image = open_sized_image("image", payload["image"], raw_only=True)
    size = _upscaled_size(image.size, int(scale))
    is_reduced = max(size) <= 2 * max(image.size)  # charge for the effective scale
    usd = prices.UPSCALE_USD[2 if is_reduced else 4]
    return _task("upscaler", usd, size, lambda at: retouch.upscaled(image, at))


def cutout_task(payload: Mapping[str, Any]) -> Task:
    """Check a POST /image/background-remove. Raises Refusal if the API wouldn't take it."""
    require(payload, CUTOUT_SCHEMA, ())
    if ("image" in payload) == ("image_url" in payload):
        raise invalid_fields({"": ["Provide either image or image_url"]})
    name = "image" if "image" in payload else "image_url"
    image = open_image(name, payload[name], max_pixels=MAX_CUTOUT_PIXELS)
    usd = prices.BACKGROUND_REMOVAL_USD
    return _task("bria-bg-remover", usd, image.size, lambda at: retouch.cut_out(image, at))


def _task(
    service: str,
    usd: float,
    size: Size,
    draw: Callable[[Size], Image.Image],
    format_name: str = "png",
    headers: Mapping[str, str] | None = None,
) -> Task:
    def make(size: Size, _count: int) -> Response:
        body = encoded(draw(size), format_name)
        return Response(200, body, f"image/{format_name}", headers or {})

    return Task(service, usd, size, make)


def _edit_model(model_id: str) -> Model:
    return known_model(ALIASES.get(model_id, model_id), "inpaint")


def _edit_task(
    payload: Mapping[str, Any], model: Model, images: list[Image.Image], fixed_size: Size | None
) -> Task:
    check_prompt(payload["prompt"], model)
    check_offered("resolution", payload.get("resolution"), model.tiers, model)
    check_offered("aspect_ratio", payload.get("aspect_ratio"), model.ratios, model)
    tier = payload.get("resolution", model.constraints.get("defaultResolution"))
    format_name = payload.get("output_format", "png" if tier in (None, "1K") else "jpeg")
    transparent = check_transparent(payload, model, format_name)
    enhanced = enhanced_prompt(payload)
    shown = enhanced or payload["prompt"]
    usd = prices.image_price(model, tier, payload.get("quality"))
    usd += prices.extra_images_price(model, len(images))
    return _task(
        model.id,
        usd + (prices.ENHANCEMENT_USD if enhanced else 0.0),
        fixed_size or _edit_size(payload, model, tier, images[0].size),
        lambda size: retouch.edited(images, shown, model.id, size, transparent),
        format_name,
        {
            "x-venice-model-id": model.id,
            "x-venice-model-name": model.name,
            **image_headers(model, enhanced),
        },
    )


def _edit_size(payload: Mapping[str, Any], model: Model, tier: str | None, base: Size) -> Size:
    ratio = payload.get("aspect_ratio", "auto")
    if ratio == "auto" and tier is not None:
        ratio = nearest_ratio(base, model.ratios)
    return sized(ratio, tier)


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
