"""POST /image/generate: the rules of a request, and what it comes to."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from . import prices
from .answers import Refusal, invalid_field
from .drawing import Scene
from .fields import Schema, boolean, items, null, number, one_of, record, require, text, whole
from .inputs import MAX_REFERENCE_BYTES, open_picture
from .models import NOT_FOR_GENERATE, Model, all_models, all_styles
from .sizes import sized

SEED_LIMIT = 999_999_999
MAX_SIDE = 1280
PROMPT_LIMIT = 7500
# Prompts longer than this are detailed enough: enhancing leaves them as they are.
ENOUGH_DETAIL = 600

SCHEMA: Schema = {
    "model": text(1),
    "prompt": text(1, PROMPT_LIMIT),
    "negative_prompt": text(0, PROMPT_LIMIT),
    "width": whole(1, MAX_SIDE),
    "height": whole(1, MAX_SIDE),
    "aspect_ratio": text(1),
    "resolution": text(1),
    "quality": one_of("low", "medium", "high"),
    "steps": whole(1, 1000),
    "cfg_scale": number(0, 20, above=True),
    "seed": whole(-SEED_LIMIT, SEED_LIMIT),
    "style_preset": text(1),
    "style_references": items(
        record({"image": text(1), "strength": number(0.1, 1)}, required=("image",))
    ),
    "lora_strength": whole(0, 100),
    "format": one_of("jpeg", "png", "webp"),
    "variants": whole(1, 4),
    "return_binary": boolean(),
    "hide_watermark": boolean(),
    "safe_mode": boolean(),
    "embed_exif_metadata": boolean(),
    "enable_web_search": boolean(),
    "enhance_prompt": boolean(),
    "disable_prompt_optimization_thinking": boolean(),
    "transparent_background": boolean(),
    "inpaint": null(),
}
REQUIRED = ("model", "prompt")

# What changes how a picture is delivered, not what is on it.
NOT_DRAWN = frozenset(
    {"format", "return_binary", "variants", "embed_exif_metadata", "safe_mode", "hide_watermark"}
)


@dataclass(frozen=True)
class GenerateJob:
    """A request that holds, ready to be drawn."""

    payload: Mapping[str, Any]
    model: Model
    size: tuple[int, int]
    seed: int
    variants: int
    format: str
    binary: bool
    enhanced_prompt: str | None
    usd: float

    def scene(self, variant: int, size: tuple[int, int] | None) -> Scene:
        """What to draw for one of the variants, at another size where one is given."""
        drawn = {name: value for name, value in self.payload.items() if name not in NOT_DRAWN}
        told = json.dumps([drawn, self.seed, variant], sort_keys=True)
        return Scene(
            prompt=self.enhanced_prompt or str(self.payload["prompt"]),
            model=self.model.id,
            style=self.payload.get("style_preset"),
            seed=self.seed,
            size=size or self.size,
            digest=hashlib.sha256(told.encode()).digest(),
            notes=self._notes(),
        )

    def _notes(self) -> tuple[str, ...]:
        count = len(self.payload.get("style_references", ()))
        return (f"{count} style reference{'s'[: count - 1]}",) if count else ()


def checked_generate(payload: Mapping[str, Any]) -> GenerateJob:
    """The job a payload asks for.

    Raises:
        Refusal: the API would not take it.
    """
    require(payload, SCHEMA, REQUIRED)
    if payload.get("return_binary") and "variants" in payload:
        raise invalid_field("variants", "Only supported when return_binary is false")
    model = _image_model(str(payload["model"]))
    _check_texts(payload, model)
    _check_steps(payload, model)
    _check_references(payload, model)
    size = _size(payload, model)
    enhanced = _enhanced(payload)
    variants = int(payload.get("variants", 1))
    each = prices.picture_price(model, payload.get("resolution"), payload.get("quality"))
    return GenerateJob(
        payload=payload,
        model=model,
        size=size,
        seed=int(payload.get("seed", 0)) or 1 + secrets.randbelow(SEED_LIMIT),
        variants=variants,
        format=payload.get("format", "webp"),
        binary=bool(payload.get("return_binary", False)),
        enhanced_prompt=enhanced,
        usd=each * variants + (prices.ENHANCEMENT_USD if enhanced else 0.0),
    )


def known_model(model_id: str, model_type: str) -> Model:
    """The model of that id and type.

    Raises:
        Refusal: 404 where nobody knows it, 400 where it does something else.
    """
    model = all_models().get(model_id)
    if model is None:
        raise Refusal(404, "MODEL_NOT_FOUND", f"Specified model not found: {model_id}")
    if model.type != model_type:
        told = f"The model {model_id} is of type {model.type}, not {model_type}"
        raise Refusal(400, "INVALID_MODEL", told)
    return model


def check_prompt_length(name: str, prompt: str, model: Model) -> None:
    """Refuse a prompt longer than the model takes."""
    if len(prompt) > model.prompt_limit:
        told = f"String must contain at most {model.prompt_limit} character(s) for {model.id}"
        raise invalid_field(name, told)


def enhanced_prompt(prompt: str) -> str | None:
    """The prompt with more detail, or None where it has enough."""
    if len(prompt) > ENOUGH_DETAIL:
        return None
    return f"{prompt}, in rich detail, with soft natural light and a balanced composition"


def enhanced_header(prompt: str | None) -> dict[str, str]:
    """The header that tells which prompt was used; {} where nothing was rewritten."""
    return {} if prompt is None else {"x-venice-enhanced-prompt": quote(prompt)}


def offered(name: str, value: str, choices: tuple[str, ...], model: Model) -> None:
    """Refuse a value the model does not offer, exactly as spelled."""
    if not choices:
        raise invalid_field(name, f"Not supported by the model {model.id}")
    if value not in choices:
        raise invalid_field(name, f"{value!r:.60} is not one of: {', '.join(choices)}")


def _image_model(model_id: str) -> Model:
    model = known_model(model_id, "image")
    if model_id in NOT_FOR_GENERATE:
        raise Refusal(400, "INVALID_MODEL", f"The model {model_id} does not generate images")
    return model


def _enhanced(payload: Mapping[str, Any]) -> str | None:
    return enhanced_prompt(payload["prompt"]) if payload.get("enhance_prompt") else None


def _check_texts(payload: Mapping[str, Any], model: Model) -> None:
    for name in ("prompt", "negative_prompt"):
        check_prompt_length(name, payload.get(name, ""), model)
    if not payload["prompt"].strip():
        raise invalid_field("prompt", "Prompt must not be blank")
    style = payload.get("style_preset")
    if style is not None and style not in all_styles():
        raise invalid_field("style_preset", f"Unknown style preset: {style!r:.80}")


def _check_steps(payload: Mapping[str, Any], model: Model) -> None:
    maximum = model.constraints["steps"]["max"]
    if payload.get("steps", 0) > maximum:
        raise invalid_field(
            "steps", f"Number must be less than or equal to {maximum} for {model.id}"
        )


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
        place = f"{name}.{index}.image"
        open_picture(place, reference["image"], max_bytes=MAX_REFERENCE_BYTES)


def _size(payload: Mapping[str, Any], model: Model) -> tuple[int, int]:
    if payload.get("quality") is not None:
        offered("quality", payload["quality"], model.qualities, model)
    if not model.ratios:
        return _pixel_size(payload, model)
    for name in ("width", "height"):
        if name in payload:
            raise invalid_field(name, f"{model.id} is sized by aspect_ratio")
    ratio = payload.get("aspect_ratio", model.constraints["defaultAspectRatio"])
    offered("aspect_ratio", ratio, model.ratios, model)
    tier = payload.get("resolution", model.constraints.get("defaultResolution"))
    if tier is not None:
        offered("resolution", tier, model.tiers, model)
    return sized(ratio, tier)


def _pixel_size(payload: Mapping[str, Any], model: Model) -> tuple[int, int]:
    for name in ("aspect_ratio", "resolution"):
        if name in payload:
            raise invalid_field(name, f"{model.id} is sized by width and height")
    divisor = model.constraints["widthHeightDivisor"]
    sides = []
    for name in ("width", "height"):
        side = int(payload.get(name, 1024))
        if side % divisor:
            raise invalid_field(name, f"Number must be a multiple of {divisor} for {model.id}")
        sides.append(side)
    return sides[0], sides[1]
