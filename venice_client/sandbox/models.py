"""The models of the sandbox: the published list, completed with constraints of every kind.

What the published list leaves out of the constraints is plausible here, not the API's own.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parent.parent / "catalogue" / "data"

DEPRECATED_MODEL = "lustify-sdxl"
DEPRECATION = {
    "autoRemap": False,
    "date": "2027-01-31T00:00:00.000Z",
    "removesAt": "2027-01-31T00:00:00.000Z",
    "startsAt": "2026-08-01T00:00:00.000Z",
    "replacementModelId": "lustify-v8",
}

# id: (divisor, default steps, most steps, prompt limit)
PIXEL_MODELS = {
    "venice-sd35": (16, 25, 30, 1500),
    "wai-Illustrious": (16, 25, 30, 1500),
    "lustify-v8": (8, 25, 50, 1500),
    "lustify-v7": (8, 20, 50, 1500),
    "lustify-sdxl": (8, 20, 50, 1500),
    "z-image-turbo": (8, 8, 8, 7500),
    "chroma": (8, 10, 10, 7500),
}

COMMON_RATIOS = ("1:1", "3:2", "2:3", "4:3", "3:4", "16:9", "9:16")
RATIOS = {
    "nano-banana-pro": (*COMMON_RATIOS, "5:4", "4:5", "21:9"),
    "nano-banana-2": (*COMMON_RATIOS, "5:4", "4:5", "21:9"),
    "seedream-v4": (*COMMON_RATIOS, "21:9"),
    "seedream-v5-pro": (*COMMON_RATIOS, "21:9"),
    "flux-2-max": (*COMMON_RATIOS, "21:9"),
    "gpt-image-1-5": ("1:1", "3:2", "2:3"),
    "imagineart-1.5-pro": ("1:1", "4:3", "3:4", "16:9", "9:16"),
}
PROMPT_LIMITS = {"hunyuan-image-v3": 2048, "luma-uni-1": 6000, "recraft-v4": 1000}
DEFAULT_PROMPT_LIMIT = 7500

# id: (most references, whether their strength is honoured)
STYLE_REFERENCES = {
    "nano-banana-pro": (3, False),
    "nano-banana-2": (3, False),
    "gpt-image-2": (4, False),
    "krea-v2-large": (3, True),
    "krea-v2-medium": (3, True),
    "krea-2-turbo": (1, True),
    "luma-uni-1": (2, True),
}

NOT_FOR_GENERATE = ("bria-bg-remover",)

EDIT_RATIOS = ("auto", "1:1", "3:2", "16:9", "21:9", "9:16", "2:3", "3:4", "4:5")
# These list more than the request schema takes, as the live list does.
WIDE_EDIT_RATIOS = (*EDIT_RATIOS, "4:3", "5:4")
EDIT_PROMPT_LIMITS = {"firered-image-edit": 1500, "qwen-edit-uncensored": 1500}
DEFAULT_EDIT_PROMPT_LIMIT = 32768
NO_COMBINING = ("luma-uni-1-edit", "luma-uni-1-max-edit")
KEEPS_INPUT_SIZE = ("qwen-edit-uncensored",)
MAX_INPUT_IMAGES = {
    "nano-banana-pro-edit": 14,
    "nano-banana-2-edit": 14,
    "gpt-image-2-edit": 10,
    "flux-2-max-edit": 8,
    "seedream-v5-lite-edit": 10,
    "grok-imagine-edit": 2,
}
MAX_INPUT_IMAGES_AS_CAPABILITY = {"seedream-v4-edit": 6, "wan-2-7-pro-edit": 9}


@dataclass(frozen=True)
class Model:
    """One model with what the rules need to know of it."""

    entry: dict[str, Any]

    @property
    def id(self) -> str:
        return str(self.entry["id"])

    @property
    def type(self) -> str:
        return str(self.entry["type"])

    @property
    def spec(self) -> dict[str, Any]:
        spec: dict[str, Any] = self.entry["model_spec"]
        return spec

    @property
    def name(self) -> str:
        return str(self.spec.get("name", self.id))

    @property
    def pricing(self) -> dict[str, Any]:
        pricing: dict[str, Any] = self.spec["pricing"]
        return pricing

    @property
    def constraints(self) -> dict[str, Any]:
        constraints: dict[str, Any] = self.spec.get("constraints", {})
        return constraints

    @property
    def ratios(self) -> tuple[str, ...]:
        return tuple(self.constraints.get("aspectRatios", ()))

    @property
    def tiers(self) -> tuple[str, ...]:
        return tuple(self.constraints.get("resolutions", ()))

    @property
    def qualities(self) -> tuple[str, ...]:
        return tuple(self.constraints.get("qualities", ()))

    @property
    def prompt_limit(self) -> int:
        return int(self.constraints["promptCharacterLimit"])

    @property
    def max_input_images(self) -> int:
        """How many images an edit takes: as published, else 3, or 1 where none are combined."""
        capability = self.spec.get("capabilities", {}).get("maxInputImages")
        fallback = 3 if self.constraints.get("combineImages", True) else 1
        return int(self.constraints.get("maxInputImages", capability or fallback))

    @property
    def deprecation_headers(self) -> dict[str, str]:
        """The headers by which the API announces that the model goes away; {} where it stays."""
        plan = self.spec.get("deprecation")
        if plan is None:
            return {}
        replacement = plan["replacementModelId"]
        warning = f"{self.id} is retired on {plan['date'][:10]}. Use {replacement} instead."
        return {
            "x-venice-deprecated": "true",
            "x-venice-deprecated-replacement": replacement,
            "x-venice-model-deprecation-warning": warning,
            "x-venice-model-deprecation-date": plan["date"],
        }


@lru_cache(maxsize=1)
def all_models() -> dict[str, Model]:
    """Every model by id, with its constraints."""
    listed = json.loads((DATA / "models.json").read_text(encoding="utf-8"))
    return {entry["id"]: Model(_completed(entry)) for entry in listed}


@lru_cache(maxsize=1)
def all_styles() -> tuple[str, ...]:
    """The names of the style presets."""
    return tuple(json.loads((DATA / "styles.json").read_text(encoding="utf-8")))


def _completed(entry: dict[str, Any]) -> dict[str, Any]:
    model_id: str = entry["id"]
    spec = dict(entry["model_spec"])
    published = spec.get("constraints", {})
    spec.pop("constraintsArePartial", None)
    if extra := spec["pricing"].get("inputImages"):
        spec["pricing"] = {**spec["pricing"], "inputImages": {"included": 1, **extra}}
    if entry["type"] == "inpaint":
        spec["constraints"] = {**_edit_constraints(model_id, spec["pricing"]), **published}
        if model_id in MAX_INPUT_IMAGES_AS_CAPABILITY:
            spec["capabilities"] = {"maxInputImages": MAX_INPUT_IMAGES_AS_CAPABILITY[model_id]}
    elif entry["type"] == "image" and model_id not in NOT_FOR_GENERATE:
        spec["constraints"] = {**_image_constraints(model_id, spec["pricing"]), **published}
        spec["supportsStyleReferences"] = "maxStyleReferences" in spec["constraints"]
    if model_id == DEPRECATED_MODEL:
        spec["deprecation"] = DEPRECATION
    spec["offline"] = False
    return {**entry, "model_spec": spec, "object": "model", "owned_by": "venice.ai"}


def _image_constraints(model_id: str, pricing: dict[str, Any]) -> dict[str, Any]:
    if model_id in PIXEL_MODELS:
        divisor, steps, maximum, limit = PIXEL_MODELS[model_id]
        return {
            "promptCharacterLimit": limit,
            "steps": {"default": steps, "max": maximum},
            "widthHeightDivisor": divisor,
        }
    constraints: dict[str, Any] = {
        "promptCharacterLimit": PROMPT_LIMITS.get(model_id, DEFAULT_PROMPT_LIMIT),
        "steps": {"default": 20, "max": 50},
        "widthHeightDivisor": 1,
        "aspectRatios": list(RATIOS.get(model_id, COMMON_RATIOS)),
        "defaultAspectRatio": "1:1",
        **_tiers_and_qualities(pricing),
    }
    if model_id in STYLE_REFERENCES:
        maximum, honoured = STYLE_REFERENCES[model_id]
        constraints["maxStyleReferences"] = maximum
        constraints["supportsStyleReferenceStrength"] = honoured
    return constraints


def _edit_constraints(model_id: str, pricing: dict[str, Any]) -> dict[str, Any]:
    wide = model_id.startswith("nano-banana")
    constraints: dict[str, Any] = {
        "aspectRatios": list(WIDE_EDIT_RATIOS if wide else EDIT_RATIOS),
        "promptCharacterLimit": EDIT_PROMPT_LIMITS.get(model_id, DEFAULT_EDIT_PROMPT_LIMIT),
        "combineImages": model_id not in NO_COMBINING,
        **_tiers_and_qualities(pricing),
    }
    if model_id in MAX_INPUT_IMAGES:
        constraints["maxInputImages"] = MAX_INPUT_IMAGES[model_id]
    if model_id in KEEPS_INPUT_SIZE:
        constraints["singleImageAspectRatio"] = False
    return constraints


def _tiers_and_qualities(pricing: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "resolutions" in pricing:
        found["resolutions"] = list(pricing["resolutions"])
        found["defaultResolution"] = next(iter(pricing["resolutions"]))
    if "quality" in pricing:
        priced = pricing["quality"]["1K"]
        found["qualities"] = [name for name in ("low", "medium", "high") if name in priced]
        found["defaultQuality"] = found["qualities"][-1]
    return found
