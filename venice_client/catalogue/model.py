"""One model, as an entry of `GET /models` describes it."""

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
"""Models that take width and height according to the API's documents, but not in the list."""

IS_PARTIAL = "constraintsArePartial"
"""Marks entries of the bundled lists with constraints that were published in part. The rest is
unknown; the live list has all of them."""

TEXT = "text"
"""The type of the models that chat, which have abilities but no constraints."""

USUAL_DIVISOR = 8
USUAL_RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "9:16", "16:9")
TEXT_PARTS = (
    *("name", "privacy", "traits", "offline", "beta", "betaModel"),
    *("regionRestrictions", "deprecation"),
)
TEXT_ABILITIES = ("supportsVision", "supportsResponseSchema")
"""The keys that the client reads in a text model's entry, besides prices."""

MAX_WHOLE = 10**9
"""The largest limit to believe."""

MAX_INPUT_IMAGES = 3
"""The most input images of an edit model that names no limit: the API's default."""


@dataclass(frozen=True)
class Model:
    """A model as far as it is known. None and "" mean unknown; so does (), unless `is_known`.

    is_known: whether all of its constraints are published, so that it offers nothing else.
    is_by_ratio, is_auto_only: whether it takes a ratio, and whether it always chooses the ratio
    itself. prompt_limit: characters. max_steps: 0 if it has no steps. abilities: the API's own
    flags, such as "supportsWebSearch". traits: what Venice recommends it for, such as
    "default_vision"; only of text models. privacy: "private" or "anonymized". regions: country
    codes if it is restricted to some. retires_on: a date, YYYY-MM-DD.
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
    traits: tuple[str, ...] = ()
    privacy: str = ""
    is_offline: bool = False
    is_beta: bool = False
    regions: tuple[str, ...] = ()
    retires_on: str = ""
    replacement: str = ""

    @property
    def sizing(self) -> PixelRules | RatioRules:
        """The rules for sizes: from its constraints, else from the API's documents.

        Of the constraints, only ratios and a divisor say anything about sizes.
        """
        if self.ratios or self.is_auto_only:
            return RatioRules(self.ratios, self.tiers, is_complete=True)
        divisor = self.divisor or PIXEL_DIVISORS.get(self.id)
        if divisor and not self.is_by_ratio:
            return PixelRules(divisor)
        return RatioRules(USUAL_RATIOS, self.tiers or self.priced_tiers)

    @property
    def priced_tiers(self) -> tuple[str, ...]:
        """The tiers in the price list."""
        return tuple(map(str, _object(self.pricing.get("resolutions"))))

    @property
    def kind(self) -> str:
        """Its type; "cutout" for background removers, which are listed as "image"."""
        is_cutter = self.type == "image" and "bg-remov" in self.id.lower()
        return "cutout" if is_cutter else self.type

    @property
    def makes_images(self) -> bool:
        """Whether it generates images from a prompt."""
        return self.kind == "image"

    @property
    def may_be_constrained(self) -> bool:
        """Whether the API may publish constraints for it; for upscalers and cutouts it doesn't."""
        return self.kind not in ("upscale", "cutout")

    @property
    def sees(self) -> bool | None:
        """Whether a text model takes images; None if that is unknown."""
        return self.abilities.get("supportsVision")

    @property
    def supports_transparency(self) -> bool | None:
        """Whether it can generate transparent backgrounds; None if that is unknown."""
        return self.abilities.get("supportsTransparentBackground", False if self.is_known else None)


def is_model(entry: Any) -> bool:
    """Whether this is an entry of `GET /models`."""
    return isinstance(entry, dict) and isinstance(entry.get("id"), str) and entry["id"] != ""


def parse_model(entry: Any) -> Model | None:
    """Read an entry of `GET /models`; None if it is no model. Malformed parts count as unknown."""
    if not is_model(entry):
        return None
    spec, kind = _object(entry.get("model_spec")), str(entry.get("type", "image"))
    limits, abilities = _object(spec.get("constraints")), _object(spec.get("capabilities"))
    is_known = bool(abilities if kind == TEXT else limits) and not spec.get(IS_PARTIAL)
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
        traits=strings(spec.get("traits")),
        **_sizes(limits),
        **_standing(spec),
    )


def trimmed(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parts of a text model's entry that `parse_model` needs: there are many of them."""
    spec, kept = _object(entry.get("model_spec")), dict[str, Any]()
    pricing, abilities = _object(spec.get("pricing")), _object(spec.get("capabilities"))
    for name in TEXT_PARTS:
        if spec.get(name):
            kept[name] = spec[name]
    kept["pricing"] = {
        name: {"usd": usd}
        for name in ("input", "output")
        if (usd := _object(pricing.get(name)).get("usd")) is not None
    }
    kept["capabilities"] = {name: abilities[name] for name in TEXT_ABILITIES if name in abilities}
    return {"id": entry["id"], "type": TEXT, "model_spec": kept}


def _sizes(limits: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ratios, tiers and qualities in the constraints."""
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
    """Return the privacy, the regions and the retirement of a model."""
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
    """Return every "supports…" flag of the API, wherever it is."""
    return {
        name: value
        for place in places
        for name, value in place.items()
        if name.startswith("supports") and isinstance(value, bool)
    }


def _divisor(limits: Mapping[str, Any]) -> int | None:
    """Return the divisor of a model that takes pixels; the usual one if no size would be left."""
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
    """Return the texts in a list, each once and none empty; () for anything but a list."""
    items = value if isinstance(value, list | tuple) else ()
    return tuple(dict.fromkeys(item for item in items if isinstance(item, str) and item))


def _whole(value: Any) -> int | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return int(value) if is_number and 0 <= value <= MAX_WHOLE else None
