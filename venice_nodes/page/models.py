"""The models for the page: the inputs that each takes, and its price."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...venice_client import Model
from ...venice_client.for_nodes import (
    DEFAULT_EDIT_MODEL,
    DEFAULT_MODEL,
    DEFAULT_TEXT,
    DEFAULT_VISION,
    EDIT_RATIOS,
    PriceEstimator,
    dollar_range,
    dollars,
    is_ignored,
    price_range,
    token_prices,
)

LAYERS = range(2, 7)
MAY_BE_IGNORED = {
    **{name: name for name in ("seed", "negative_prompt", "steps", "enable_web_search")},
    "hide_watermark": "hide_watermark",
    "skip_prompt_thinking": "disable_prompt_optimization_thinking",
}
"""Inputs that some models silently ignore, and their fields in a request."""


def models_for_page(estimator: PriceEstimator) -> dict[str, Any]:
    """Return the route's answer: the default first, then cheap to expensive."""
    models = estimator.catalogue.models()
    return {
        "generate": _listed((m for m in models if m.makes_images), DEFAULT_MODEL),
        "edit": _listed((m for m in models if m.kind == "inpaint"), DEFAULT_EDIT_MODEL),
        "describe": _text_models(estimator, DEFAULT_VISION, sees=True),
        "write": _text_models(estimator, DEFAULT_TEXT),
    }


def _text_models(estimator: PriceEstimator, trait: str, sees: bool = False) -> list[dict[str, Any]]:
    """Return the model with a trait, then cheap to expensive. sees: only those that see images."""
    catalogue = estimator.catalogue
    chosen = catalogue.model(trait, "text")
    means = f"{trait}: {_text_label(chosen)}" if chosen.id != trait else trait
    listed = [
        (trait, means, chosen),
        *((m.id, _text_label(m), m) for m in catalogue.text_models(sees)),
    ]
    return [
        {"id": id, "label": label, "sees": id == trait or model.sees is not False}
        for id, label, model in listed
    ]


def _text_label(model: Model) -> str:
    """Return its name, its price per million tokens in and out, and whether it is anonymized."""
    prices = token_prices(model)
    price = "price unknown"
    if prices:
        price = f"{dollars(prices[0])} / {dollars(prices[1])}"
    private = ["anonymized"] if model.privacy == "anonymized" else []
    return " · ".join([model.name or model.id, price, *private])


def _listed(models: Iterable[Model], default: str) -> list[dict[str, Any]]:
    def order(model: Model) -> tuple[bool, float, str]:
        prices = price_range(model)
        return model.id != default, prices[0] if prices else float("inf"), model.id

    return [_facts(model) for model in sorted(models, key=order)]


def _facts(model: Model) -> dict[str, Any]:
    return {
        "id": model.id,
        "label": f"{model.name or model.id} · {_price(model)}",
        "ratios": list(model.ratios or (EDIT_RATIOS if model.kind == "inpaint" else ())),
        "tiers": list(model.tiers or model.priced_tiers),
        "qualities": list(model.qualities),
        "max_steps": model.max_steps,
        "inputs": _edit_inputs(model) if model.kind == "inpaint" else _generate_inputs(model),
    }


def _price(model: Model) -> str:
    prices = price_range(model)
    if prices is None:
        return "price unknown"
    low, high, is_all = prices
    return dollar_range(low, high) if is_all else f"from {dollars(low)}"


def _shared_inputs(model: Model) -> dict[str, bool]:
    has_tiers = bool(model.tiers or model.priced_tiers)
    return {
        "resolution": has_tiers or not model.is_known,
        "quality": bool(model.qualities) or not model.is_known,
        "transparent_background": model.supports_transparency is not False,
    }


def _generate_inputs(model: Model) -> dict[str, bool]:
    """Return False for each input that the model certainly doesn't take."""
    taken = dict.fromkeys(("cfg_scale", "lora_strength", "aspect_ratio", "width", "height"), True)
    taken |= {name: not is_ignored(field, model) for name, field in MAY_BE_IGNORED.items()}
    taken["steps"] = taken["steps"] and model.max_steps != 0
    taken["style_references"] = model.style_references != 0
    return {**taken, **_shared_inputs(model)}


def _edit_inputs(model: Model) -> dict[str, bool]:
    most = model.max_input_images
    layers = {f"image_{i}": most is None or i <= most for i in LAYERS}
    return {**layers, "aspect_ratio": not model.is_auto_only, **_shared_inputs(model)}
