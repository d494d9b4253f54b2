"""What a request would cost, in USD, by the published list."""

from __future__ import annotations

from .models import Model

ENHANCEMENT_USD = 0.04
WEB_SEARCH_USD = 0.01
BACKGROUND_REMOVAL_USD = 0.03
UPSCALE_USD = {2: 0.02, 4: 0.08}


def picture_price(model: Model, tier: str | None, quality: str | None) -> float:
    """The price of one picture of an image or inpaint model at its tier and quality."""
    pricing = model.pricing
    at = tier or "1K"
    if quality is not None and "quality" in pricing:
        return float(pricing["quality"][at][quality]["usd"])
    if "resolutions" in pricing:
        return float(pricing["resolutions"][at]["usd"])
    return float(pricing["inpaint" if model.type == "inpaint" else "generation"]["usd"])


def extra_images_price(model: Model, images: int) -> float:
    """What the input images beyond the included ones add to an edit."""
    listed = model.pricing.get("inputImages")
    if listed is None:
        return 0.0
    return float(max(0, images - listed["included"]) * listed["additional"]["usd"])
