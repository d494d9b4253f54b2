"""Amounts of money as people read them."""

from __future__ import annotations


def dollars(amount: float) -> str:
    """US dollars with two decimals, or up to four where a price has them: `$0.03`, `$0.0025`."""
    whole, _, cents = f"{amount:,.4f}".partition(".")
    return f"${whole}.{cents[:2]}{cents[2:].rstrip('0')}"


def dollar_range(low: float, high: float) -> str:
    """From one amount to another: `$0.03–$0.18`, or `$0.03` where both read the same."""
    first, last = dollars(low), dollars(high)
    return first if first == last else f"{first}–{last}"
