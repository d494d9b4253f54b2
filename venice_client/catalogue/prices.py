"""What a request will cost, in USD, from the published prices. None where nobody says."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .model import Model

ENHANCEMENT_USD = 0.04
"""A request, where the prompt is rewritten."""

WEB_SEARCH_USD = 0.01
"""A request; 10 USD per 1,000, which the price list does not tie to images."""


DEFAULT_TIER = "1K"
"""What the API makes where no resolution is sent."""

UPSCALE_USD = {2: 0.02, 4: 0.08}
CUTOUT_USD = 0.03


def estimate_generate(payload: Mapping[str, Any], model: Model) -> float | None:
    """For a payload of `/image/generate`: pictures by tier and quality, and the extras."""
    price = _picture(payload, model.pricing, "generation")
    if price is None:
        return None
    return round(price * int(payload.get("variants", 1)) + extras(payload), 6)


def estimate_edit(payload: Mapping[str, Any], images: int, model: Model) -> float | None:
    """For a payload of `/image/edit` or `/image/multi-edit` with so many input images."""
    price = _picture(payload, model.pricing, "inpaint")
    if price is None:
        return None
    extra = _below(model.pricing, "inputImages")
    included = _below(extra, "included")
    more = max(0, images - (included if isinstance(included, int) else 0))
    more_usd = (_usd(_below(extra, "additional")) or 0.0) * more
    return round(price + more_usd + extras(payload), 6)


def estimate_upscale(scale: int, model: Model) -> float:
    """For `/image/upscale` at 2 or 4 times."""
    listed = _usd(_below(_below(model.pricing, "upscale"), f"{scale}x"))
    return UPSCALE_USD[scale] if listed is None else listed


def estimate_cutout(model: Model) -> float:
    """For `/image/background-remove`."""
    listed = _usd(_below(model.pricing, "generation"))
    return CUTOUT_USD if listed is None else listed


def total_cost(costs: Sequence[float | None]) -> float | None:
    """The sum in USD, or None where a price is unknown."""
    known = [cost for cost in costs if cost is not None]
    return round(sum(known), 6) if len(known) == len(costs) else None


def cost_text(costs: Sequence[float | None]) -> str:
    """The estimate in words. Only what was made before costs nothing."""
    total = total_cost(costs)
    if total is None:
        return "price unknown"
    return f"about {total:.4g} USD" if total else "free: made before"


def dearest(models: Iterable[Model], type: str) -> float | None:
    """The highest known price of one picture of any model of `type`; None if none is known."""
    prices = [price for m in models if m.type == type for price in _all_usd(m.pricing)]
    return max(prices, default=None)


def price_range(model: Model) -> tuple[float, float, bool] | None:
    """The lowest and the highest listed price of one picture; None if none is listed.

    With whether that is all: some tiers may have no published price.
    """
    found = _all_usd(model.pricing)
    return (min(found), max(found), True) if found else None


def _picture(payload: Mapping[str, Any], pricing: Mapping[str, Any], base: str) -> float | None:
    tier = payload.get("resolution", DEFAULT_TIER)
    by_quality = _below(_below(pricing.get("quality"), tier), payload.get("quality"))
    for price in (by_quality, _below(pricing.get("resolutions"), tier), pricing.get(base)):
        usd = _usd(price)
        if usd is not None:
            return usd
    return None


def extras(payload: Mapping[str, Any]) -> float:
    """What is charged for a request whatever its pictures cost: rewriting, searching."""
    enhancement = ENHANCEMENT_USD if payload.get("enhance_prompt") else 0.0
    return enhancement + (WEB_SEARCH_USD if payload.get("enable_web_search") else 0.0)


def _below(node: Any, name: Any) -> Any:
    return node.get(name) if isinstance(node, Mapping) else None


def _usd(price: Any) -> float | None:
    usd = _below(price, "usd")
    is_number = isinstance(usd, int | float) and not isinstance(usd, bool)
    return float(usd) if is_number and 0 <= usd < math.inf else None


def _all_usd(node: Any) -> list[float]:
    """Every price below `node` but those of upscaling, which is another endpoint's."""
    usd = _usd(node)
    if usd is not None:
        return [usd]
    below = node.items() if isinstance(node, dict) else ()
    return [price for name, child in below if name != "upscale" for price in _all_usd(child)]
