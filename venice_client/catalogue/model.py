"""What is known of one model, read from an entry of `GET /models`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .sizing import AUTO, MAX_SIDE, PixelRules, RatioRules, is_ratio

PIXEL_DIVISORS = {
    "venice-sd35": 16,
    "wai-Illustrious": 16,
    "lustify-v8": 8,
    "lustify-v7": 8,
    "lustify-sdxl": 8,
    "z-image-turbo": 8,
    "chroma": 8,
}
"""Models that take width and height, as the API's documents say, where the list does not."""

IS_PARTIAL = "constraintsArePartial"
"""Marks entries of the bundled lists whose constraints were published in part; the rest of them is
unknown. The live list has all."""

USUAL_DIVISOR = 8
USUAL_RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "9:16", "16:9")
MAX_WHOLE = 10**9
"""Largest limit of a model that is believed."""

MAX_INPUT_IMAGES = 3
"""The API's default where an edit model does not say."""


@dataclass(frozen=True)
class Model:
    """What is known of a model. None and "" mean unknown; so does (), unless `is_known`.

    is_known: whether its constraints are published whole, so that what they leave out is not
    offered. is_by_ratio, is_auto_only: whether it takes a ratio, and whether it always chooses the
    ratio itself. prompt_limit: characters. max_steps: 0 where it takes none. abilities: the API's
    own flags, such as "supportsWebSearch". privacy: "private" or "anonymized". regions: country
    codes, where it is restricted to some. retires_on: a date, YYYY-MM-DD.
    """

    id: str
    type: str = "image"
    name: str = ""
    is_known: bool = False
    divisor: int | None = None
    is_by_ratio: bool = False
    is_auto_only: bool = False
    ratios: tuple[str, ...] = ()
    tiers: tuple[str, ...] = ()
    default_tier: str = ""
    qualities: tuple[str, ...] = ()
    default_quality: str = ""
    prompt_limit: int | None = None
    max_steps: int | None = None
    style_references: int | None = None
    honours_reference_strength: bool = True
    max_input_images: int | None = None
    keeps_single_image_size: bool = False
    abilities: Mapping[str, bool] = field(default_factory=dict)
    pricing: Mapping[str, Any] = field(default_factory=dict)
    privacy: str = ""
    is_offline: bool = False
    is_beta: bool = False
    regions: tuple[str, ...] = ()
    retires_on: str = ""
    replacement: str = ""

    @property
    def sizing(self) -> PixelRules | RatioRules:
        """How this model takes sizes; from its constraints, else from what is published.

        Only ratios or a divisor among the constraints say how; the others say nothing of it.
        """
        if self.ratios or self.is_auto_only:
            return RatioRules(self.ratios, self.tiers, is_complete=True)
        divisor = self.divisor or PIXEL_DIVISORS.get(self.id)
        if divisor and not self.is_by_ratio:
            return PixelRules(divisor)
        return RatioRules(USUAL_RATIOS, self.tiers or self.priced_tiers)

    @property
    def priced_tiers(self) -> tuple[str, ...]:
        """The tiers that the price list names."""
        return tuple(map(str, _object(self.pricing.get("resolutions"))))

    @property
    def kind(self) -> str:
        """What it does: its type, but that background removers are listed as "image"."""
        is_cutter = self.type == "image" and "bg-remov" in self.id.lower()
        return "cutout" if is_cutter else self.type

    @property
    def makes_images(self) -> bool:
        """Whether it makes pictures from a prompt."""
        return self.kind == "image"

    @property
    def may_be_constrained(self) -> bool:
        """Whether the API may say more of it: of upscalers and background removers it does not."""
        return self.kind not in ("upscale", "cutout")

    @property
    def supports_transparency(self) -> bool | None:
        """Whether it makes transparent backgrounds; None where that is unknown."""
        return self.abilities.get("supportsTransparentBackground", False if self.is_known else None)


def parse_model(entry: Any) -> Model | None:
    """The model in an entry of `GET /models`; None if it is none. Odd parts are unknown."""
    entry = _object(entry)
    if not isinstance(entry.get("id"), str) or not entry["id"]:
        return None
    spec, kind = _object(entry.get("model_spec")), str(entry.get("type", "image"))
    limits, abilities = _object(spec.get("constraints")), _object(spec.get("capabilities"))
    is_known = bool(limits) and not spec.get(IS_PARTIAL)
    return Model(
        id=entry["id"],
        type=kind,
        name=str(spec.get("name", "")),
        is_known=is_known,
        divisor=_divisor(limits),
        prompt_limit=_whole(limits.get("promptCharacterLimit")),
        max_steps=_whole(_object(limits.get("steps")).get("max")),
        style_references=_style_references(spec, limits, abilities, is_known),
        honours_reference_strength=limits.get("supportsStyleReferenceStrength") is not False,
        max_input_images=_input_images(limits, abilities, is_known),
        keeps_single_image_size=limits.get("singleImageAspectRatio") is False,
        abilities=_flags(abilities, limits, spec),
        pricing=_object(spec.get("pricing")),
        **_sizes(limits),
        **_standing(spec),
    )


def _sizes(limits: Mapping[str, Any]) -> dict[str, Any]:
    """What the constraints say of ratios, tiers and qualities."""
    listed = strings(limits.get("aspectRatios"))
    ratios = tuple(name for name in listed if is_ratio(name))
    return {
        "is_by_ratio": bool(limits.get("aspectRatios")),
        "is_auto_only": AUTO in listed and not ratios,
        "ratios": ratios,
        "tiers": strings(limits.get("resolutions")),
        "default_tier": _text(limits.get("defaultResolution")),
        "qualities": strings(limits.get("qualities")),
        "default_quality": _text(limits.get("defaultQuality")),
    }


def _style_references(
    spec: Mapping[str, Any], limits: Mapping[str, Any], abilities: Mapping[str, Any], is_known: bool
) -> int | None:
    name = "supportsStyleReferences"
    are_taken = spec.get(name, abilities.get(name))
    if are_taken or (are_taken is None and not is_known):
        return _whole(limits.get("maxStyleReferences"))
    return 0


def _standing(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Who may use the model, where, and for how long."""
    plan = _object(spec.get("deprecation"))
    return {
        "privacy": _text(spec.get("privacy")),
        "is_offline": spec.get("offline") is True,
        "is_beta": True in (spec.get("beta"), spec.get("betaModel")),
        "regions": strings(spec.get("regionRestrictions")),
        "retires_on": _text(plan.get("date") or plan.get("removesAt"))[:10],
        "replacement": _text(plan.get("replacementModelId")),
    }


def _flags(*places: Mapping[str, Any]) -> dict[str, bool]:
    """Every "supports…" of the API that is true or false, wherever it stands."""
    return {
        name: value
        for place in places
        for name, value in place.items()
        if name.startswith("supports") and isinstance(value, bool)
    }


def _divisor(limits: Mapping[str, Any]) -> int | None:
    """The divisor of a model that takes pixels, the usual one where it leaves no size."""
    divisor = _whole(limits.get("widthHeightDivisor")) or None
    return USUAL_DIVISOR if divisor and divisor > MAX_SIDE else divisor


def _input_images(
    limits: Mapping[str, Any], abilities: Mapping[str, Any], is_known: bool
) -> int | None:
    for place in (limits, abilities):
        maximum = _whole(place.get("maxInputImages"))
        if maximum:
            return maximum
    if not is_known and "combineImages" not in limits:
        return None
    return MAX_INPUT_IMAGES if limits.get("combineImages", True) else 1


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def strings(value: Any) -> tuple[str, ...]:
    """The texts in a list, each once and none empty; () if it is no list."""
    items = value if isinstance(value, list | tuple) else ()
    return tuple(dict.fromkeys(item for item in items if isinstance(item, str) and item))


def _whole(value: Any) -> int | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return int(value) if is_number and 0 <= value <= MAX_WHOLE else None
