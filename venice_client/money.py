"""Amounts of money, their certainty, and their text."""

from __future__ import annotations

import math
from collections.abc import Sequence


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


def total_cost(costs: Sequence[float | None]) -> float | None:
    """Return the sum in USD, or None if a price is unknown.

    It is a LowerBound, else an UpperBound, if one of them is, and an ExactCost if all are.
    """
    known = [cost for cost in costs if cost is not None]
    if len(known) < len(costs):
        return None
    paid, kind = [cost for cost in known if cost], float
    if bounds := [k for k in (LowerBound, UpperBound) if any(isinstance(c, k) for c in known)]:
        kind = bounds[0]
    elif paid and all(isinstance(cost, ExactCost) for cost in paid):
        kind = ExactCost
    return kind(round(sum(known), 9))


def cost_text(costs: Sequence[float | None], is_sandbox: bool = False) -> str:
    """Return a cost in words: `about $0.03`. Saved results, the sandbox, a few models are free."""
    total = total_cost(costs)
    if total == 0:
        is_of_model = any(isinstance(cost, UpperBound | ExactCost) for cost in costs)
        return "free" if is_of_model else "free (saved result)"
    text = "price unknown" if total is None else _amount(total)
    if not is_sandbox:
        return text
    return "free in the sandbox" if total is None else f"free in the sandbox ({text} on Venice)"


def _amount(usd: float) -> str:
    if isinstance(usd, ExactCost):
        return dollars(usd)
    if isinstance(usd, UpperBound):
        return f"up to {dollars_up(usd)}"
    return f"{'from' if isinstance(usd, LowerBound) else 'about'} {dollars(usd)}"
