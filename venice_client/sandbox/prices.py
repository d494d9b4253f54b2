"""Prices of requests in USD, by the published list."""

from __future__ import annotations

from .models import Model

ENHANCEMENT_USD = 0.04
BACKGROUND_REMOVAL_USD = 0.03
UPSCALE_USD = {2: 0.02, 4: 0.08}


def image_price(model: Model, tier: str | None, quality: str | None) -> float:
    """Return the price of one image at its tier and quality, or at the model's defaults.

    A tier without a published price costs as much as the most expensive one.
    """
    pricing = model.pricing
    tier = tier or model.constraints.get("defaultResolution", "1K")
    quality = quality or model.constraints.get("defaultQuality", "")
    by_quality = pricing.get("quality", {}).get(tier, {})
    by_tier = pricing.get("resolutions", {})
    if quality in by_quality:
        return float(by_quality[quality]["usd"])
    if by_tier:
        dearest = max(price["usd"] for price in by_tier.values())
        return float(by_tier.get(tier, {"usd": dearest})["usd"])
    return float(pricing["inpaint" if model.type == "inpaint" else "generation"]["usd"])


def extra_images_price(model: Model, images: int) -> float:
    """Return the price of input images beyond the included ones."""
    listed = model.pricing.get("inputImages")
    if listed is None:
        return 0.0
    return float(max(0, images - listed["included"]) * listed["additional"]["usd"])
