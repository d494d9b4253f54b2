"""POST /image/generate: its rules and its images."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import prices
from .drawing import Scene, clear_surroundings, draw_badge, draw_scene, encoded
from .fields import Schema, boolean, integer, items, null, number, one_of, record, require, text
from .inputs import MAX_REFERENCE_BYTES, open_image
from .models import NOT_FOR_GENERATE, USES_STEPS, Model, all_styles
from .response import Refusal, Response, invalid_field, json_response
from .sizes import Size, sized
from .task import (
    Task,
    check_offered,
    check_prompt,
    check_transparent,
    enhanced_prompt,
    image_headers,
    known_model,
)

SEED_LIMIT = 999_999_999
MAX_SIDE = 1280
PROMPT_LIMIT = 7500

SCHEMA: Schema = {
    "model": text(1),
    "prompt": text(1, PROMPT_LIMIT),
    "negative_prompt": text(0, PROMPT_LIMIT),
    "width": integer(1, MAX_SIDE),
    "height": integer(1, MAX_SIDE),
    "aspect_ratio": text(1),
    "resolution": text(1),
    "quality": one_of("low", "medium", "high"),
    "steps": integer(1, 1000),
    "cfg_scale": number(0, 20, above=True),
    "seed": integer(-SEED_LIMIT, SEED_LIMIT),
    "style_preset": text(1),
    "style_references": items(
        record({"image": text(1), "strength": number(0.1, 1)}, required=("image",))
    ),
    "lora_strength": integer(0, 100),
    "format": one_of("jpeg", "png", "webp"),
    "variants": integer(1, 4),
    "return_binary": boolean(),
    "hide_watermark": boolean(),
    "safe_mode": boolean(),
    "embed_exif_metadata": boolean(),
    "enable_web_search": boolean(),
    "enhance_prompt": boolean(),
    "disable_prompt_optimization_thinking": boolean(),
    "inpaint": null(),
    "transparent_background": boolean(),
}
REQUIRED = ("model", "prompt")

# Fields about the delivery of an image, not its content.
NOT_DRAWN = frozenset(
    {"format", "return_binary", "variants", "embed_exif_metadata", "safe_mode", "hide_watermark"}
)


_numbers = itertools.count(1)


@dataclass(frozen=True)
class _Job:
    """A valid request, ready to draw."""

    payload: Mapping[str, Any]
    model: Model
    format: str
    transparent: bool
    enhanced: str | None

    @property
    def variants(self) -> int:
        return int(self.payload.get("variants", 1))

    def response(self, size: Size, count: int) -> Response:
        """The images, as bytes or in JSON."""
        began = time.monotonic()
        seed = int(self.payload.get("seed", 0))
        # Only the first has the seed in the request.
        seeds = [seed or _random_seed(), *(_random_seed() for _ in range(7))]
        images = [self._image(each, size) for each in seeds[:count]]
        headers = image_headers(self.model, self.enhanced)
        if self.payload.get("return_binary"):
            return Response(200, images[0], f"image/{self.format}", headers)
        took_ms = round((time.monotonic() - began) * 1000, 3)
        told = {
            "id": f"generate-image-{time.time_ns()}-{next(_numbers)}",
            "images": [base64.b64encode(image).decode("ascii") for image in images],
            "timing": {
                "inferenceDuration": took_ms,
                "inferencePreprocessingTime": 0.0,
                "inferenceQueueTime": 0.0,
                "total": took_ms,
            },
            "request": {k: v for k, v in self.payload.items() if k != "style_references"},
        }
        return json_response(told, headers=headers)

    def _image(self, seed: int, size: Size) -> bytes:
        payload = self.payload
        drawn = {name: value for name, value in payload.items() if name not in NOT_DRAWN}
        told = json.dumps([drawn, seed], sort_keys=True)
        count = len(payload.get("style_references", ()))
        scene = Scene(
            prompt=self.enhanced or str(payload["prompt"]),
            model=self.model.id,
            style=payload.get("style_preset"),
            seed=seed,
            size=size,
            digest=hashlib.sha256(told.encode()).digest(),
            extra=(f"{count} style reference{'s'[: count - 1]}",) if count else (),
        )
        image = draw_scene(scene)
        if self.transparent:
            draw_badge(image, "bottom")
            clear_surroundings(image, almost_opaque=True)
        about = {"prompt": payload["prompt"], "model": self.model.id, "seed": seed}
        return encoded(image, self.format, about if payload.get("embed_exif_metadata") else None)


def generate_task(payload: Mapping[str, Any]) -> Task:
    """Check a request. Raises Refusal if the API wouldn't take it."""
    require(payload, SCHEMA, REQUIRED)
    if payload.get("return_binary") and "variants" in payload:
        raise invalid_field("variants", "Only supported when return_binary is false")
    model = known_model(payload["model"], "image")
    if model.id in NOT_FOR_GENERATE:
        raise Refusal(400, "INVALID_MODEL", f"The model {model.id} does not generate images")
    _check_texts(payload, model)
    _check_steps(payload, model)
    check_offered("quality", payload.get("quality"), model.qualities, model)
    size = _size(payload, model)
    _check_references(payload, model)
    format_name = payload.get("format", "webp")
    transparent = check_transparent(payload, model, format_name)
    enhanced = enhanced_prompt(payload)
    job = _Job(payload, model, format_name, transparent, enhanced)
    each = prices.image_price(model, payload.get("resolution"), payload.get("quality"))
    usd = each * job.variants + (prices.ENHANCEMENT_USD if enhanced else 0.0)
    return Task(model.id, usd, size, job.response, payload.get("seed"), job.variants)


def _random_seed() -> int:
    return 1 + secrets.randbelow(SEED_LIMIT)


def _check_texts(payload: Mapping[str, Any], model: Model) -> None:
    for name in ("prompt", "negative_prompt"):
        check_prompt(payload.get(name, ""), model, name)
    style = payload.get("style_preset")
    if style is not None and style not in all_styles():
        raise invalid_field("style_preset", f"Unknown style preset: {style!r:.80}")


def _check_steps(payload: Mapping[str, Any], model: Model) -> None:
    maximum = model.constraints["steps"]["max"]
    if model.id in USES_STEPS and payload.get("steps", 0) > maximum:
        told = f"Number must be less than or equal to {maximum} for {model.id}"
        raise invalid_field("steps", told)


def _check_references(payload: Mapping[str, Any], model: Model) -> None:
    references = payload.get("style_references")
    if references is None:
        return
    name = "style_references"
    if not model.spec.get("supportsStyleReferences"):
        raise invalid_field(name, f"Not supported by the model {model.id}")
    maximum = model.constraints["maxStyleReferences"]
    if len(references) > maximum:
        raise invalid_field(name, f"Array must contain at most {maximum} element(s) for {model.id}")
    for index, reference in enumerate(references):
        open_image(f"{name}.{index}.image", reference["image"], MAX_REFERENCE_BYTES)


def _size(payload: Mapping[str, Any], model: Model) -> Size:
    if not model.ratios:
        return _pixel_size(payload, model)
    for name in ("width", "height"):
        if name in payload:
            raise invalid_field(name, f"{model.id} is sized by aspect_ratio")
    check_offered("aspect_ratio", payload.get("aspect_ratio"), model.ratios, model)
    check_offered("resolution", payload.get("resolution"), model.tiers, model)
    ratio = payload.get("aspect_ratio", model.constraints["defaultAspectRatio"])
    return sized(ratio, payload.get("resolution", model.constraints.get("defaultResolution")))


def _pixel_size(payload: Mapping[str, Any], model: Model) -> Size:
    for name in ("aspect_ratio", "resolution"):
        if name in payload:
            raise invalid_field(name, f"{model.id} is sized by width and height")
    divisor = model.constraints["widthHeightDivisor"]
    for name in ("width", "height"):
        if int(payload.get(name, 1024)) % divisor:
            raise invalid_field(name, f"Number must be a multiple of {divisor} for {model.id}")
    return int(payload.get("width", 1024)), int(payload.get("height", 1024))
