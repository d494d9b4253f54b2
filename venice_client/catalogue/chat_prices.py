"""Prices of text models: what a request costs at most, and what an answer's tokens cost."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from ..money import UpperBound
from .model import Model
from .prices import listed_usd

MILLION = 1_000_000
"""Prices are in USD per this many tokens."""

OWN_CHARACTERS_PER_TOKEN = 3
"""The fewest characters of plain English to a token. Of any text, a token has at least one byte."""

FRAME_TOKENS = 100
"""Tokens that a request adds around its texts, generously."""

PIXELS_PER_TOKEN = 500
IMAGE_TOKENS = 1000
"""An image has IMAGE_TOKENS, and one more for each PIXELS_PER_TOKEN. Most models count fewer."""

GREEDY_IMAGES = {"gpt-4o-mini": 50_000}
"""The most tokens of an image for models that count far more, by a part of their ids."""

USUAL_INPUT = 4
"""A description has about this many tokens of input for each one of output."""


def token_prices(model: Model) -> tuple[float, float] | None:
    """Return the USD per million tokens of input and of output; None if not both are listed."""
    usd = [listed_usd(model.pricing.get(name)) for name in ("input", "output")]
    return None if usd[0] is None or usd[1] is None else (usd[0], usd[1])


def most_tokens(
    model: Model, own: Iterable[str], foreign: Iterable[str], sizes: Sequence[tuple[int, int]] = ()
) -> int:
    """Return the most tokens that some texts and images can have.

    own: texts of this pack. foreign: texts of anyone. sizes: (width, height) of each image.
    """
    tokens = FRAME_TOKENS + sum(len(text) // OWN_CHARACTERS_PER_TOKEN + 1 for text in own)
    tokens += sum(len(text.encode("utf-8", "replace")) for text in foreign)
    greedy = max((n for part, n in GREEDY_IMAGES.items() if part in model.id), default=0)
    for width, height in sizes:
        tokens += max(greedy, IMAGE_TOKENS + math.ceil(width * height / PIXELS_PER_TOKEN))
    return tokens


def most_usd(model: Model, tokens: int, max_tokens: int) -> UpperBound | None:
    """Return the most that `tokens`, and an answer of up to `max_tokens`, cost; or None."""
    usd = usage_usd(model, tokens, max_tokens)
    return None if usd is None else UpperBound(usd)


def usage_usd(model: Model, tokens_in: int, tokens_out: int) -> float | None:
    """Return the price of these tokens of input and output; None if it isn't listed."""
    prices = token_prices(model)
    if prices is None:
        return None
    return (tokens_in * prices[0] + tokens_out * prices[1]) / MILLION


def cheapest_first(models: Iterable[Model]) -> list[Model]:
    """Sort text models by what a description costs. Those without a price come last."""

    def usd(model: Model) -> tuple[float, str]:
        price = usage_usd(model, USUAL_INPUT, 1)
        return (math.inf if price is None else price, model.id)

    return sorted(models, key=usd)
