"""POST /images/generations: generate, in the form that OpenAI's clients speak."""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .fields import Schema, integer, nullable, one_of, require, text
from .generate import generate_task
from .models import NOT_FOR_GENERATE, Model, all_models, model_traits
from .response import Response, json_response
from .sizes import Size, nearest_ratio
from .task import Task

SIZES = ("256x256", "512x512", "1024x1024", "1536x1024", "1024x1536", "1792x1024", "1024x1792")
MAX_SIDE = 1280

SCHEMA: Schema = {
    "prompt": text(1, 1500),
    "model": text(),
    "background": nullable(one_of("transparent", "opaque", "auto")),
    "moderation": nullable(one_of("low", "auto")),
    "n": nullable(integer(1, 1)),
    "output_compression": nullable(integer(0, 100)),
    "output_format": one_of("jpeg", "png", "webp"),
    "quality": nullable(one_of("auto", "high", "medium", "low", "hd", "standard")),
    "response_format": nullable(one_of("b64_json", "url")),
    "size": nullable(one_of("auto", *SIZES)),
    "style": nullable(one_of("vivid", "natural")),
    "user": text(),
}


def generations_task(payload: Mapping[str, Any]) -> Task:
    """What a payload comes to. Raises Refusal unless the API takes it."""
    require(payload, SCHEMA, ("prompt",))
    task = generate_task(_translated(payload))

    def make(size: Size | None, _count: int | None) -> Response:
        image = task.make(size, None)
        text = base64.b64encode(image.body).decode("ascii")
        if payload.get("response_format") == "url":
            data = {"url": f"data:{image.content_type};base64,{text}"}
        else:
            data = {"b64_json": text}
        return json_response({"created": int(time.time()), "data": [data]}, headers=image.headers)

    return replace(task, make=make)


def _translated(payload: Mapping[str, Any]) -> dict[str, Any]:
    """The same for /image/generate; an unknown model, such as one of OpenAI's, is the default."""
    model = all_models().get(payload.get("model", ""))
    if model is None or model.type != "image" or model.id in NOT_FOR_GENERATE:
        model = all_models()[model_traits("image")["default"]]
    format_name = payload.get("output_format", "png")
    can_be_clear = model.constraints.get("supportsTransparentBackground") and format_name != "jpeg"
    return {
        "model": model.id,
        "prompt": payload["prompt"],
        "format": format_name,
        "safe_mode": payload.get("moderation") != "low",
        "return_binary": True,
        "transparent_background": bool(can_be_clear) and payload.get("background") == "transparent",
        **_sizing(payload.get("size") or "auto", model),
    }


def _sizing(asked: str, model: Model) -> dict[str, Any]:
    sides = [1024, 1024] if asked == "auto" else [int(side) for side in asked.split("x")]
    if ratios := model.ratios:
        return {"aspect_ratio": nearest_ratio((sides[0], sides[1]), ratios)}
    shrink = min(1.0, MAX_SIDE / max(sides))
    width, height = (round(side * shrink / 16) * 16 for side in sides)
    return {"width": width, "height": height}
