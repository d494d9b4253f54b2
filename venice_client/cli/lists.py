"""`models` and `styles`: the lists of the service."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from typing import Any

from ..catalogue.catalogue import DEFAULT_EDIT_MODEL, DEFAULT_MODEL
from ..catalogue.chat_prices import cheapest_first, token_prices
from ..catalogue.lists import TYPES
from ..catalogue.model import TEXT, Model
from ..catalogue.prices import price_range
from ..catalogue.sizing import PixelRules
from ..client import VeniceClient
from ..dry_run import SavedCatalogue
from ..money import dollar_range, dollars
from ..settings.settings import Settings
from . import exit_codes
from .console import Console, table

ORDER = "Sorted by type and price, with the default model first."
LEGEND = {
    "private": "private: nobody stores your prompts and images.",
    "anonymized": "anonymized: the provider may store them, without knowing who you are.",
    "transparency": "transparency: supports --transparent.",
    "until": "until: the day Venice retires it.",
}
"""The words under MARKS that need an explanation."""


def add(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    models = add_parser(
        "models",
        help="list models with sizes and prices; free",
        description="\n".join(
            (
                "Lists Venice's current models, or without a key the last saved list.",
                ORDER,
                *LEGEND.values(),
            )
        ),
    )
    models.add_argument(
        "--type",
        choices=(*TYPES, TEXT),
        help="only models of this type; text models are listed only with --type text",
    )
    models.set_defaults(run=run_models)
    styles = add_parser(
        "styles",
        help="list style presets; free",
        description="Lists Venice's current style presets, or without a key the last saved list.",
    )
    styles.set_defaults(run=run_styles)


def run_models(args: argparse.Namespace, console: Console, settings: Settings) -> int:
    if settings.key is None:
        _say_saved(console)
        models = SavedCatalogue(settings).models(args.type)
    else:
        models = VeniceClient(settings).list_models(args.type)
    models = cheapest_first(models) if args.type == TEXT else sorted(models, key=_order)
    rows = [("ID", "TYPE", "SIZING", "PRICE", "NAME", "MARKS")]
    rows += [
        (m.id, m.type, sizing_text(m), price_text(m), m.name, " · ".join(marks(m))) for m in models
    ]
    console.result([_facts(model) for model in models], table(rows))
    shown = {mark.split()[0] for model in models for mark in marks(model)}
    order = "The cheapest first." if args.type == TEXT else ORDER
    console.note("\n".join([order, *(text for word, text in LEGEND.items() if word in shown)]))
    return exit_codes.OK


def run_styles(_args: argparse.Namespace, console: Console, settings: Settings) -> int:
    if settings.key is None:
        _say_saved(console)
        styles = list(SavedCatalogue(settings).styles)
    else:
        styles = VeniceClient(settings).list_styles()
    console.result(styles, sorted(styles, key=str.casefold))
    return exit_codes.OK


def _order(model: Model) -> tuple[Any, ...]:
    """The sort key: type, the default model first, then the lowest price."""
    kinds = [*TYPES, model.type]
    price = price_range(model)
    is_default = model.id in (DEFAULT_MODEL, DEFAULT_EDIT_MODEL)
    return kinds.index(model.type), not is_default, price[0] if price else math.inf, model.id


def sizing_text(model: Model) -> str:
    """Describe the model's sizes: pixels, ratio, or with tiers; for a text model, if it sees."""
    if model.type == TEXT:
        return "sees images" if model.sees else "text only"
    if model.type == "upscale" or not (model.makes_images or model.type == "inpaint"):
        return "as the input"
    rules = model.sizing
    if isinstance(rules, PixelRules):
        return f"pixels, multiples of {rules.divisor}"
    own = "ratio" if rules.ratios else "its own ratio"
    return " ".join([own, *(["and", "/".join(rules.tiers)] if rules.tiers else [])])


def price_text(model: Model) -> str:
    """The price of one image: a price, a range, "from" a price, or "unknown"; or of tokens."""
    if tokens := token_prices(model) if model.type == TEXT else None:
        return f"{dollars(tokens[0])} in, {dollars(tokens[1])} out per million tokens"
    found = price_range(model)
    if found is None:
        return "unknown"
    lowest, highest, is_all = found
    return dollar_range(lowest, highest) if is_all else f"from {dollars(lowest)}"


def marks(model: Model) -> list[str]:
    """Return notes for the choice of the model."""
    until = f"until {model.retires_on}" if model.retires_on else ""
    instead = f" (then {model.replacement})" if until and model.replacement else ""
    return list(
        filter(
            None,
            (
                model.privacy,
                *(model.traits if model.type == TEXT else ()),
                "transparency" if model.supports_transparency else "",
                "beta" if model.is_beta else "",
                "offline" if model.is_offline else "",
                f"only {'/'.join(model.regions)}" if model.regions else "",
                until + instead,
            ),
        )
    )


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
        "max_input_images": model.max_input_images,
        "supports_transparency": model.supports_transparency,
        "sees": model.sees,
        "traits": model.traits,
        "is_known": model.is_known,
        "pricing": model.pricing,
        "privacy": model.privacy,
        "is_offline": model.is_offline,
        "is_beta": model.is_beta,
        "regions": model.regions,
        "retires_on": model.retires_on,
        "replacement": model.replacement,
    }


def _say_saved(console: Console) -> None:
    console.note("No API key: this is the last saved list.")
