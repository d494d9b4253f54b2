"""What is known of one model, read from an entry of `GET /models`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .sizing import MAX_SIDE, PixelRules, RatioRules, is_ratio

PIXEL_DIVISORS = {
    "venice-sd35": 16,
    "wai-Illustrious": 16,
    "lustify-v8": 8,
    "lustify-v7": 8,
    "lustify-sdxl": 8,
    "z-image-turbo": 8,
    "chroma": 8,
    "qwen-image": 8,
}
"""Models that take width and height, as the API's documents say, for when they are not asked."""

USUAL_DIVISOR = 8
USUAL_RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "9:16", "16:9")
MAX_WHOLE = 10**9
"""No limit of a model is larger; what is, is nonsense."""

MAX_INPUT_IMAGES = 3
"""The API's default where an edit model does not say."""


@dataclass(frozen=True)
class Model:
    """What is known of a model. None, or an empty tuple with `is_known` false, means unknown.

    is_known: whether constraints were published. is_by_ratio: whether it takes a ratio, even where
    none of those listed can be used. prompt_limit: characters. max_steps: 0 where it takes none.
    """

    id: str
    type: str = "image"
    name: str = ""
    is_known: bool = False
    divisor: int | None = None
    is_by_ratio: bool = False
    ratios: tuple[str, ...] = ()
    tiers: tuple[str, ...] = ()
    qualities: tuple[str, ...] = ()
    prompt_limit: int | None = None
    max_steps: int | None = None
    style_references: int | None = None
    honours_reference_strength: bool = True
    max_input_images: int | None = None
    keeps_single_image_size: bool = False
    pricing: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sizing(self) -> PixelRules | RatioRules:
        """How this model takes sizes; from its constraints, else from what is published.

        Only ratios or a divisor among the constraints say how; the others say nothing of it.
        """
        if self.ratios:
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


def parse_model(entry: Any) -> Model | None:
    """A model from an entry of `GET /models`; None for what is no model. Odd parts are unknown."""
    entry = _object(entry)
    if not isinstance(entry.get("id"), str) or not entry["id"]:
        return None
    spec = _object(entry.get("model_spec"))
    limits, abilities = _object(spec.get("constraints")), _object(spec.get("capabilities"))
    references = spec.get("supportsStyleReferences", abilities.get("supportsStyleReferences"))
    maximum = _whole(limits.get("maxStyleReferences"))
    return Model(
        id=entry["id"],
        type=str(entry.get("type", "image")),
        name=str(spec.get("name", "")),
        is_known=bool(limits),
        divisor=_divisor(limits),
        is_by_ratio=bool(limits.get("aspectRatios")),
        ratios=tuple(name for name in strings(limits.get("aspectRatios")) if is_ratio(name)),
        tiers=strings(limits.get("resolutions")),
        qualities=strings(limits.get("qualities")),
        prompt_limit=_whole(limits.get("promptCharacterLimit")),
        max_steps=_whole(_object(limits.get("steps")).get("max")),
        style_references=0 if limits and not references else maximum,
        honours_reference_strength=limits.get("supportsStyleReferenceStrength") is not False,
        max_input_images=_input_images(limits, abilities),
        keeps_single_image_size=limits.get("singleImageAspectRatio") is False,
        pricing=_object(spec.get("pricing")),
    )


def _divisor(limits: Mapping[str, Any]) -> int | None:
    """The divisor of a model that takes pixels, the usual one where it leaves no size."""
    divisor = _whole(limits.get("widthHeightDivisor")) or None
    return USUAL_DIVISOR if divisor and divisor > MAX_SIDE else divisor


def _input_images(limits: Mapping[str, Any], abilities: Mapping[str, Any]) -> int | None:
    for place in (limits, abilities):
        maximum = _whole(place.get("maxInputImages"))
        if maximum:
            return maximum
    if not limits:
        return None
    return MAX_INPUT_IMAGES if limits.get("combineImages", True) else 1


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def strings(value: Any) -> tuple[str, ...]:
    items = value if isinstance(value, list | tuple) else ()
    return tuple(dict.fromkeys(item for item in items if isinstance(item, str) and item))


def _whole(value: Any) -> int | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return int(value) if is_number and 0 <= value <= MAX_WHOLE else None
