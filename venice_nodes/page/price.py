"""Prices as ranges, and their wording."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ...venice_client.for_nodes import dollar_range, dollars, dollars_up

ALREADY_YOURS = "You already have this result. Running again is free."


@dataclass(frozen=True)
class Price:
    """From `low` to `high` USD. high: None without a bound. reserved: the sum that counts against
    the limits, None if unknown. is_known: whether the price is published. has_extra: whether extra
    fields may change it. is_partial: whether a part of it isn't published."""

    low: float = 0.0
    high: float | None = 0.0
    reserved: float | None = 0.0
    is_known: bool = True
    has_extra: bool = False
    is_partial: bool = False

    def __add__(self, other: Price) -> Price:
        return Price(
            round(self.low + other.low, 6),
            _sum(self.high, other.high),
            _sum(self.reserved, other.reserved),
            self.is_known and other.is_known,
            self.has_extra or other.has_extra,
            self.is_partial or other.is_partial,
        )

    def __mul__(self, count: int) -> Price:
        high = None if self.high is None else round(self.high * count, 6)
        reserved = None if self.reserved is None else round(self.reserved * count, 6)
        return replace(self, low=round(self.low * count, 6), high=high, reserved=reserved)

    def or_else(self, other: Price) -> Price:
        """Return the price of one or the other."""
        highs = None if self.high is None or other.high is None else max(self.high, other.high)
        reserved = [r for r in (self.reserved, other.reserved) if r is not None]
        is_known = self.is_known and other.is_known
        has_extra = self.has_extra or other.has_extra
        is_partial = self.is_partial or other.is_partial
        least = min(reserved, default=None)
        return Price(min(self.low, other.low), highs, least, is_known, has_extra, is_partial)

    @property
    def is_exact(self) -> bool:
        return self.is_known and self.low == self.high and not self.is_partial

    @property
    def is_free(self) -> bool:
        return self.is_known and self.high == 0

    def is_above(self, usd: float) -> bool:
        """Whether it may exceed `usd`."""
        top = self.high if self.high is not None else self.low
        return top > usd

    def badge(self) -> str:
        """Return the price in a few characters."""
        if self.is_free:
            return "Free · saved result"
        return self.words() if self.is_known or self.low else f"price unknown{self._plus}"

    def words(self) -> str:
        """Return the price as part of a sentence, as in "8 images, …"."""
        return f"{self._words()}{self._plus}"

    def words_of_runs(self, runs: int) -> str:
        """Return the price of several runs in words. Equal ones after the first may be free."""
        is_bounded = self.is_known and not self._is_from
        total = replace(self * runs, low=0.0) if is_bounded else self
        return total.words()

    @property
    def _is_from(self) -> bool:
        """Whether the price starts at `low`, and no published one is higher."""
        return self.high is None or (self.is_partial and self.low == self.high)

    @property
    def _plus(self) -> str:
        return " plus extra fields" if self.has_extra else ""

    def _words(self) -> str:
        if not self.is_known:
            least = f"{dollars(self.low)} or more (no published price)"
            return least if self.low else "no published price"
        if self.high == 0:
            return "free"
        if self.high is None or self._is_from:
            return f"from {dollars(self.low)}"
        if self.low == self.high:
            return f"about {dollars(self.low)}"
        is_range = self.low > 0
        return dollar_range(self.low, self.high) if is_range else f"up to {dollars_up(self.high)}"

    def facts(self, is_free: bool, text: str, hint: str) -> dict[str, Any]:
        """Return facts for the page. is_free: whether all is saved. hint: explains `text`."""
        usd = self.low if self.is_exact else None
        return {
            "usd": usd,
            "from": self.low if self.is_known and usd is None else None,
            "to": self.high if self.is_known and usd is None else None,
            "is_free": is_free,
            "is_known": self.is_known,
            "is_bounded": self.high is not None,
            "text": text,
            "hint": hint,
        }


def _sum(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else round(one + other, 6)
