"""`models` and `styles`: what the service lists now."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Any

from ..catalogue.catalogue import TYPES, saved_lists
from ..catalogue.model import Model
from ..catalogue.sizing import PixelRules
from ..client import VeniceClient
from ..settings.service import service_name
from ..settings.settings import Settings, load_settings
from . import exits
from .console import Console, table


def add(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    models = add_parser(
        "models",
        help="the models with sizing and price; free",
        description="The models as the service lists them now. Without a key: as last saved.",
    )
    models.add_argument("--type", choices=TYPES, help="only models of this type")
    models.set_defaults(run=run_models)
    styles = add_parser(
        "styles",
        help="the style presets; free",
        description="The style presets as the service lists them now. Without a key: as last "
        "saved.",
    )
    styles.set_defaults(run=run_styles)


def run_models(args: argparse.Namespace, console: Console) -> int:
    settings = load_settings()
    if settings.key is None:
        _say_saved(console)
        known = _saved(settings).models().values()
        models = [model for model in known if args.type in (None, model.type)]
    else:
        models = VeniceClient(settings).list_models(args.type)
    rows = [("ID", "TYPE", "SIZING", "PRICE (USD)")]
    rows += [(m.id, m.type, sizing_text(m), price_text(m.pricing)) for m in models]
    console.result([_facts(model) for model in models], table(rows))
    return exits.OK


def run_styles(args: argparse.Namespace, console: Console) -> int:
    settings = load_settings()
    if settings.key is None:
        _say_saved(console)
        styles = list(_saved(settings).styles)
    else:
        styles = VeniceClient(settings).list_styles()
    console.result(styles, styles)
    return exits.OK


def sizing_text(model: Model) -> str:
    """How the model takes sizes: pixels, ratio, or ratio and tiers."""
    if model.type == "upscale" or not (model.makes_images or model.type == "inpaint"):
        return "as the input"
    rules = model.sizing
    if isinstance(rules, PixelRules):
        return f"pixels, multiples of {rules.divisor}"
    return " ".join(["ratio", *(["and", "/".join(rules.tiers)] if rules.tiers else [])])


def price_text(pricing: Mapping[str, Any]) -> str:
    """What one picture costs: a price, a range, or "unknown"."""
    parts = [pricing.get(name) for name in ("generation", "inpaint", "resolutions", "quality")]
    if not any(parts):
        parts = [pricing.get("upscale")]
    amounts = sorted(amount for part in parts for amount in _amounts(part))
    if not amounts:
        return "unknown"
    minimum, maximum = f"{amounts[0]:.4g}", f"{amounts[-1]:.4g}"
    return minimum if minimum == maximum else f"{minimum} to {maximum}"


def _amounts(node: Any) -> list[float]:
    """All prices in USD in a part of the API's `pricing`."""
    if not isinstance(node, dict):
        return []
    usd = node.get("usd")
    if isinstance(usd, int | float):
        return [float(usd)]
    return [amount for below in node.values() for amount in _amounts(below)]


def _facts(model: Model) -> dict[str, Any]:
    rules = model.sizing
    sizing: dict[str, Any] = (
        {"divisor": rules.divisor, "max_side": rules.max_side}
        if isinstance(rules, PixelRules)
        else {"aspect_ratios": rules.ratios, "resolutions": rules.tiers}
    )
    return {
        "id": model.id,
        "type": model.type,
        "name": model.name,
        "sizing": {"kind": sizing_text(model), **sizing},
        "qualities": model.qualities,
        "max_steps": model.max_steps,
        "max_style_references": model.style_references,
        "prompt_limit": model.prompt_limit,
        "is_known": model.is_known,
        "pricing": model.pricing,
    }


def _saved(settings: Settings) -> Any:
    return saved_lists(settings.home, service_name(settings))


def _say_saved(console: Console) -> None:
    console.note("No key is set, so this is the list as it was last saved.")
