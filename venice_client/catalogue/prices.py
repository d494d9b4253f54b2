"""Estimates what a request will cost, in USD, from the published prices. None: they do not say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..money import dollars
from .model import Model
from .sizing import tier_side

ENHANCEMENT_USD = 0.04
"""Price of rewriting the prompt, for each request; searching the web costs nothing extra."""

USUAL_TIER = "1K"
"""The tier that the API makes where neither request nor model names one."""

UPSCALE_USD = {2: 0.02, 4: 0.08}
CUTOUT_USD = 0.03

BASE_PRICE = {"image": "generation", "inpaint": "inpaint"}
"""Names under which the price list has one price for all tiers, by the model's kind."""

MAX_USD = 1e6
"""Most USD of a price that is believed."""

UNPUBLISHED_SURCHARGE = "krea-v2-"
"""Models that add something for style references; how much is not published."""


class LowerBound(float):
    """A price in USD that is known to be no less, but perhaps more."""


def estimate_generate(payload: Mapping[str, Any], model: Model) -> float | None:
    """The price of a payload of `/image/generate`: pictures by tier and quality, and the extras."""
    price = _picture(payload, model, "generation")
    if price is None:
        return None
    if payload.get("style_references") and model.id.startswith(UNPUBLISHED_SURCHARGE):
        price = LowerBound(price)
    return type(price)(round(price * int(payload.get("variants", 1)) + _extras(payload), 6))


def estimate_edit(payload: Mapping[str, Any], images: int, model: Model) -> float | None:
    """The price of a payload of `/image/edit` or `/image/multi-edit` with so many input images."""
    price = _picture(payload, model, "inpaint")
    if price is None:
        return None
    return type(price)(round(price + _extra_images(images, model) + _extras(payload), 6))


def estimate_upscale(scale: float, model: Model) -> float:
    """The price of `/image/upscale`. scale: what Venice makes, which may be less than asked."""
    step = 2 if scale <= 2 else 4
    listed = _usd(_below(_below(model.pricing, "upscale"), f"{step}x"))
    return UPSCALE_USD[step] if listed is None else listed


def estimate_cutout(model: Model) -> float:
    """The price of `/image/background-remove`."""
    listed = _usd(_below(model.pricing, "generation"))
    return CUTOUT_USD if listed is None else listed


def max_price(
    price: float | None,
    payload: Mapping[str, Any],
    images: int,
    model: Model,
    models: Iterable[Model],
) -> float | None:
    """The price to reserve for a request whose estimate is `price`: the most that it may cost.

    Where that is not published, it is worked out from the model's other prices, a larger tier in
    proportion to its pixels, and is no more than the dearest of `models` that do the same; without
    any price of its own it is the dearest. None where there is no price at all.
    """
    if price is not None and not isinstance(price, LowerBound):
        return price
    bounds = _own_maximum(payload, model), dearest(models, model.kind)
    each = min((bound for bound in bounds if bound is not None), default=None)
    if each is None:
        return price
    pictures = each * int(payload.get("variants", 1))
    return max(price or 0.0, round(pictures + _extra_images(images, model) + _extras(payload), 6))


def dearest(models: Iterable[Model], type: str) -> float | None:
    """The highest known price of one picture of any model of `type`; None if none is known."""
    prices = [price for m in models if m.type == type for price in _all_usd(m.pricing)]
    return max(prices, default=None)


def price_range(model: Model) -> tuple[float, float, bool] | None:
    """The lowest and the highest listed price of one picture; None if none is listed.

    With whether that is all: some tiers may have no published price.
    """
    if model.kind == "upscale":
        found, is_all = _all_usd(_below(model.pricing, "upscale")), True
    else:
        table = _table(model)
        found = [usd for row in table.values() for usd in row.values()]
        is_all = not _is_open(model) if "" in table else set(model.tiers) <= set(table)
    return (min(found), max(found), is_all) if found else None


def total_cost(costs: Sequence[float | None]) -> float | None:
    """The sum in USD, or None where a price is unknown; a LowerBound if one of them is."""
    known = [cost for cost in costs if cost is not None]
    if len(known) < len(costs):
        return None
    is_bound = any(isinstance(cost, LowerBound) for cost in known)
    return (LowerBound if is_bound else float)(round(sum(known), 6))


def cost_text(costs: Sequence[float | None], is_sandbox: bool = False) -> str:
    """The estimate in words: `about $0.03`. Only saved results, and the sandbox, cost nothing."""
    total = total_cost(costs)
    if total == 0:
        return "free (saved result)"
    about = "from" if isinstance(total, LowerBound) else "about"
    text = "price unknown" if total is None else f"{about} {dollars(total)}"
    if not is_sandbox:
        return text
    return "free in the sandbox" if total is None else f"free in the sandbox ({text} on Venice)"


def _picture(payload: Mapping[str, Any], model: Model, base: str) -> float | None:
    """The price of one picture at the tier and quality that are asked for, else the model's own."""
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
    """The listed prices of one picture by tier and quality; "" where the list has one for all."""
    table: dict[str, dict[str, float]] = {}
    for tier, price in _object(model.pricing.get("resolutions")).items():
        table[tier] = {} if (usd := _usd(price)) is None else {"": usd}
    for tier, prices in _object(model.pricing.get("quality")).items():
        by_quality = {name: _usd(price) for name, price in _object(prices).items()}
        known = {name: usd for name, usd in by_quality.items() if usd is not None}
        table.setdefault(tier, {}).update(known)
    table = {tier: row for tier, row in table.items() if row}
    usd = _usd(model.pricing.get(base or BASE_PRICE.get(model.kind, "generation")))
    return table or ({} if usd is None else {"": {"": usd}})


def _is_open(model: Model) -> bool:
    """Whether one listed price may be that of the lowest of several tiers."""
    return model.kind in BASE_PRICE and (not model.is_known or len(model.tiers) > 1)


def _own_maximum(payload: Mapping[str, Any], model: Model) -> float | None:
    """The most that a picture may cost, by the model's own prices; None where it has none.

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
    """The price of what is charged for each request, beside its pictures."""
    return ENHANCEMENT_USD if payload.get("enhance_prompt") else 0.0


def _extra_images(images: int, model: Model) -> float:
    """The price of an edit's further input images. `included: 0` charges the first one too."""
    extra = _below(model.pricing, "inputImages")
    included = _below(extra, "included")
    is_number = isinstance(included, int) and not isinstance(included, bool)
    more = max(0, images - (included if is_number else 1))
    return (_usd(_below(extra, "additional")) or 0.0) * more


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _below(node: Any, name: Any) -> Any:
    return node.get(name) if isinstance(node, Mapping) else None


def _usd(price: Any) -> float | None:
    usd = _below(price, "usd")
    is_number = isinstance(usd, int | float) and not isinstance(usd, bool)
    return float(usd) if is_number and 0 <= usd <= MAX_USD else None


def _all_usd(node: Any) -> list[float]:
    """Every price below `node` but those of upscaling, which is another endpoint's."""
    usd = _usd(node)
    if usd is not None:
        return [usd]
    below = node.items() if isinstance(node, dict) else ()
    return [price for name, child in below if name != "upscale" for price in _all_usd(child)]
