"""Amounts of money, their certainty, and their text."""

from __future__ import annotations

import math


class LowerBound(float):
    """A price in USD that may turn out higher."""


class UpperBound(float):
    """A price in USD that will turn out lower, or at most the same."""


class ExactCost(float):
    """An amount in USD that Venice says it charged. Others are estimates."""


def dollars(amount: float) -> str:
    """US dollars with two decimals, or up to four where a price has them: `$0.03`, `$0.0025`.

    Below a tenth of a cent up to six: `$0.000042`.
    """
    digits = 6 if 0 < amount < 0.001 else 4
    whole, _, cents = f"{amount:,.{digits}f}".partition(".")
    return f"${whole}.{cents[:2]}{cents[2:].rstrip('0')}"


def dollars_up(amount: float) -> str:
    """US dollars, rounded up to the fourth decimal, for an upper bound."""
    return dollars(math.ceil(round(amount * 10_000, 6)) / 10_000)


def dollar_range(low: float, high: float) -> str:
    """From one amount to another: `$0.03–$0.18`, or `$0.03` where both read the same."""
    first, last = dollars(low), dollars(high)
    return first if first == last else f"{first}–{last}"
