"""Estimates of the cost of a request in USD, from the published prices; None if unknown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..money import LowerBound
from .model import Model
from .sizing import tier_side

ENHANCEMENT_USD = 0.04
"""The price of rewriting the prompt, for each request; web search costs nothing extra."""

USUAL_TIER = "1K"
"""The API's tier if neither request nor model names one."""

UPSCALE_USD = {2: 0.02, 4: 0.08}
CUTOUT_USD = 0.03

BASE_PRICE = {"image": "generation", "inpaint": "inpaint"}
"""The price list's names for one price for all tiers, by the model's kind."""

MAX_USD = 1e6
"""The highest price to believe."""

UNPUBLISHED_SURCHARGE = "krea-v2-"
"""Models with a surcharge for style references that isn't published."""


def estimate_generate(payload: Mapping[str, Any], model: Model) -> float | None:
    """Estimate a payload of `/image/generate`: images by tier and quality, and extras."""
    price = _image_usd(payload, model, "generation")
    if price is None:
        return None
    if payload.get("style_references") and model.id.startswith(UNPUBLISHED_SURCHARGE):
        price = LowerBound(price)
    return type(price)(round(price * int(payload.get("variants", 1)) + _extras(payload), 6))


def estimate_edit(payload: Mapping[str, Any], images: int, model: Model) -> float | None:
    """Estimate a payload of `/image/edit` or `/image/multi-edit` with this many input images."""
    price = _image_usd(payload, model, "inpaint")
    if price is None:
        return None
    return type(price)(round(price + _extra_images(images, model) + _extras(payload), 6))


def estimate_upscale(scale: float, model: Model) -> float:
    """Estimate `/image/upscale`. scale: Venice's own, which may be less than requested."""
    step = 2 if scale <= 2 else 4
    listed = listed_usd(_below(_below(model.pricing, "upscale"), f"{step}x"))
    return UPSCALE_USD[step] if listed is None else listed


def estimate_cutout(model: Model) -> float:
    """Estimate `/image/background-remove`."""
    listed = listed_usd(_below(model.pricing, "generation"))
    return CUTOUT_USD if listed is None else listed


def max_price(
    price: float | None,
    payload: Mapping[str, Any],
    images: int,
    model: Model,
    models: Iterable[Model],
) -> float | None:
    """Return the amount to reserve for a request with the estimate `price`: its maximum.

    If that isn't published, it follows from the model's other prices, a larger tier in proportion
    to its pixels, up to the most expensive of `models` of its kind. For a model without prices it
    is that most expensive one. None if there is no price at all.
    """
    if price is not None and not isinstance(price, LowerBound):
        return price
    bounds = _own_maximum(payload, model), highest_price(models, model.kind)
    each = min((bound for bound in bounds if bound is not None), default=None)
    if each is None:
        return price
    images_usd = each * int(payload.get("variants", 1))
    return max(price or 0.0, round(images_usd + _extra_images(images, model) + _extras(payload), 6))


def highest_price(models: Iterable[Model], type: str) -> float | None:
    """Return the highest known price of an image of any model of `type`; None if none is known."""
    prices = [price for m in models if m.type == type for price in _all_usd(m.pricing)]
    return max(prices, default=None)


def price_range(model: Model) -> tuple[float, float, bool] | None:
    """Return the lowest and the highest listed price of an image; None if none is listed.

    The third value says whether every tier has a published price.
    """
    if model.kind == "upscale":
        found, is_all = _all_usd(_below(model.pricing, "upscale")), True
    else:
        table = _table(model)
        found = [usd for row in table.values() for usd in row.values()]
        is_all = not _is_open(model) if "" in table else set(model.tiers) <= set(table)
    return (min(found), max(found), is_all) if found else None


def _image_usd(payload: Mapping[str, Any], model: Model, base: str) -> float | None:
    """Return the price of an image at the requested tier and quality, else the model's own."""
    asked = payload.get("quality")
    tier = payload.get("resolution") or model.default_tier
    table = _table(model, base)
    if not table:
        return None
    if "" not in table and not tier:
        if USUAL_TIER not in table:
            return LowerBound(min(usd for row in table.values() for usd in row.values()))
        tier = USUAL_TIER
    row = table.get("" if "" in table else tier, {})
    quality = asked or model.default_quality
    if quality and quality in row:
        return row[quality]
    if asked and asked != model.default_quality and (model.qualities or not model.is_known):
        return None
    is_at_default = model.is_known and tier == model.default_tier != ""
    is_exact = "" not in table or is_at_default or not _is_open(model)
    usd = row.get("")
    return usd if usd is None or is_exact else LowerBound(usd)


def _table(model: Model, base: str = "") -> dict[str, dict[str, float]]:
    """Return the listed prices of an image by tier and quality; "" is one price for all."""
    table: dict[str, dict[str, float]] = {}
    for tier, price in _object(model.pricing.get("resolutions")).items():
        table[tier] = {} if (usd := listed_usd(price)) is None else {"": usd}
    for tier, prices in _object(model.pricing.get("quality")).items():
        by_quality = {name: listed_usd(price) for name, price in _object(prices).items()}
        known = {name: usd for name, usd in by_quality.items() if usd is not None}
        table.setdefault(tier, {}).update(known)
    table = {tier: row for tier, row in table.items() if row}
    usd = listed_usd(model.pricing.get(base or BASE_PRICE.get(model.kind, "generation")))
    return table or ({} if usd is None else {"": {"": usd}})


def _is_open(model: Model) -> bool:
    """Whether one listed price may belong to the lowest of several tiers."""
    return model.kind in BASE_PRICE and (not model.is_known or len(model.tiers) > 1)


def _own_maximum(payload: Mapping[str, Any], model: Model) -> float | None:
    """Return the most that an image may cost by the model's own prices; None if it has none.

    A larger tier costs at most in proportion to its pixels, as all published prices do.
    """
    tops = {tier: max(row.values()) for tier, row in _table(model).items()}
    asked = payload.get("resolution") or model.default_tier
    if not asked or asked in tops:
        return tops.get(asked, max(tops.values(), default=None))
    lowest = model.tiers[0] if model.tiers else USUAL_TIER
    side, known = tier_side(asked), [(tier_side(t or lowest), usd) for t, usd in tops.items()]
    return min(
        (usd * max(1.0, (side or own) / own) ** 2 for own, usd in known if own), default=None
    )


def _extras(payload: Mapping[str, Any]) -> float:
    """Return the charge for each request that doesn't depend on its images."""
    return ENHANCEMENT_USD if payload.get("enhance_prompt") else 0.0


def _extra_images(images: int, model: Model) -> float:
    """Return the price of an edit's extra input images. `included: 0` charges the first, too."""
    extra = _below(model.pricing, "inputImages")
    included = _below(extra, "included")
    is_number = isinstance(included, int) and not isinstance(included, bool)
    more = max(0, images - (included if is_number else 1))
    return (listed_usd(_below(extra, "additional")) or 0.0) * more


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _below(node: Any, name: Any) -> Any:
    return node.get(name) if isinstance(node, Mapping) else None


def listed_usd(price: Any) -> float | None:
    """Return the USD of an entry in a price list; None if there are none to believe."""
    usd = _below(price, "usd")
    is_number = isinstance(usd, int | float) and not isinstance(usd, bool)
    return float(usd) if is_number and 0 <= usd <= MAX_USD else None


def _all_usd(node: Any) -> list[float]:
    """Return every price in `node`, except upscaling, which is another endpoint's."""
    usd = listed_usd(node)
    if usd is not None:
        return [usd]
    below = node.items() if isinstance(node, dict) else ()
    return [price for name, child in below if name != "upscale" for price in _all_usd(child)]
