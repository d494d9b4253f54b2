"""What a request would cost, in USD, by the published list."""

from __future__ import annotations

from .models import Model

ENHANCEMENT_USD = 0.04
BACKGROUND_REMOVAL_USD = 0.03
UPSCALE_USD = {2: 0.02, 4: 0.08}


def picture_price(model: Model, tier: str | None, quality: str | None) -> float:
    """The price of one picture of an image or inpaint model at its tier and quality.

    Where none is published for them, the model's only one.
    """
    pricing = model.pricing
    at = tier or model.constraints.get("defaultResolution", "1K")
    level = quality or model.constraints.get("defaultQuality")
    by_quality = pricing.get("quality", {}).get(at, {}).get(level)
    base = pricing.get("inpaint" if model.type == "inpaint" else "generation")
    tiers = pricing.get("resolutions", {})
    return float((by_quality or tiers.get(at) or base or next(iter(tiers.values())))["usd"])


def extra_images_price(model: Model, images: int) -> float:
    """What the input images beyond the included ones add to an edit."""
    listed = model.pricing.get("inputImages")
    if listed is None:
        return 0.0
    return float(max(0, images - listed.get("included", 1)) * listed["additional"]["usd"])
