"""The sandbox's models: as published, with plausible values for the rest."""

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

DIVISORS = {
    "venice-sd35": 16,
    "wai-Illustrious": 16,
    "lustify-v8": 8,
    "lustify-v7": 8,
    "lustify-sdxl": 8,
    "z-image-turbo": 8,
    "chroma": 8,
}
"""The models sized in pixels, and the divisor of their sides."""

USES_STEPS = ("venice-sd35", "lustify-sdxl", "lustify-v7", "lustify-v8", "wai-Illustrious")
RATIOS = ("1:1", "3:2", "16:9", "21:9", "9:16", "2:3", "3:4", "4:5")
TEXT_ABILITIES = (
    *("optimizedForCode", "supportsAudioInput", "supportsReasoning", "supportsReasoningEffort"),
    *("supportsMultipleImages", "supportsVideoInput", "supportsWebSearch", "supportsLogProbs"),
    *("supportsTeeAttestation", "supportsE2EE", "supportsXSearch"),
)
"""Abilities that the sandbox's text models lack."""

NOT_FOR_GENERATE = ("bria-bg-remover",)
KEEPS_INPUT_SIZE = "qwen-edit-uncensored"


@dataclass(frozen=True)
class Model:
    """One model, with the facts for the rules."""

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
        """The most images of an edit: as published, else 3, or 1 for models that don't combine."""
        fallback = 3 if self.constraints["combineImages"] else 1
        return int(self.constraints.get("maxInputImages", fallback))

    @property
    def deprecation_headers(self) -> dict[str, str]:
        """The API's headers about the end of the model; {} if it stays."""
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
    images, texts = (
        json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("models", "text_models")
    )
    return {entry["id"]: Model(_completed(entry)) for entry in (*images, *texts)}


@lru_cache(maxsize=1)
def all_styles() -> tuple[str, ...]:
    """The names of the style presets."""
    return tuple(json.loads((DATA / "styles.json").read_text(encoding="utf-8")))


def _completed(entry: dict[str, Any]) -> dict[str, Any]:
    model_id: str = entry["id"]
    spec = {**entry["model_spec"], "offline": False}
    spec.pop("constraintsArePartial", None)  # a key only in the bundled lists
    published = spec.get("constraints", {})
    tiers = _tiers_and_qualities(spec["pricing"])
    if entry["type"] == "text":
        spec |= _text_parts(spec)
    elif entry["type"] == "inpaint":
        spec["constraints"] = {**_edit_constraints(model_id), **tiers, **published}
    elif entry["type"] == "image" and model_id not in NOT_FOR_GENERATE:
        spec["constraints"] = {**_image_constraints(model_id), **tiers, **published}
        spec.setdefault("supportsStyleReferences", False)
    if extra := spec["pricing"].get("inputImages"):
        each = {"diem": extra["additional"]["usd"], **extra["additional"]}
        extra = {"included": 1, **extra, "additional": each}
        spec["pricing"] = {**spec["pricing"], "inputImages": extra}
    if model_id == DEPRECATED_MODEL:
        spec["deprecation"] = DEPRECATION
    return {**entry, "model_spec": spec, "object": "model", "owned_by": "venice.ai"}


def _text_parts(spec: dict[str, Any]) -> dict[str, Any]:
    abilities = spec["capabilities"]
    calls = abilities["supportsResponseSchema"]
    return {
        "capabilities": {
            **dict.fromkeys(TEXT_ABILITIES, False),
            "quantization": "not-available",
            "supportsFunctionCalling": calls,
            **abilities,
        },
        "pricing": {
            name: {**price, "diem": price["usd"]} for name, price in spec["pricing"].items()
        },
    }


def _image_constraints(model_id: str) -> dict[str, Any]:
    limits = {"promptCharacterLimit": 7500, "steps": {"default": 20, "max": 50}}
    if model_id in DIVISORS:
        return {**limits, "widthHeightDivisor": DIVISORS[model_id]}
    ratios = {"aspectRatios": list(RATIOS), "defaultAspectRatio": "1:1"}
    return {**limits, "widthHeightDivisor": 1, **ratios}


def _edit_constraints(model_id: str) -> dict[str, Any]:
    limits = {"promptCharacterLimit": 10_000, "combineImages": True}
    kept = {"singleImageAspectRatio": False} if model_id == KEEPS_INPUT_SIZE else {}
    return {**limits, "aspectRatios": ["auto", *RATIOS], **kept}


def _tiers_and_qualities(pricing: dict[str, Any]) -> dict[str, Any]:
    """The tiers and qualities with a price, and their defaults."""
    found: dict[str, Any] = {}
    if tiers := list(pricing.get("resolutions", ())):
        found = {"resolutions": tiers, "defaultResolution": tiers[0]}
    priced: dict[str, Any] = next(iter(pricing.get("quality", {}).values()), {})
    if qualities := [name for name in ("low", "medium", "high") if name in priced]:
        found |= {"qualities": qualities, "defaultQuality": qualities[-1]}
    return found
