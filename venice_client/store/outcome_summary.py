"""Summarize the outcome of several requests: images or texts, money, and what to do next."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ..errors import StoreError, UnexpectedError, VeniceError
from ..result import Result

NOTHING_SENT = "Stopped. Nothing was sent or charged."
STORE_IS_OFF = "saving is off"


@dataclass(frozen=True)
class Spent:
    """One request: its number of items, its outcome so far, and whether it was sent.

    price: USD, None if unknown; 0 if an equal request pays for it.
    """

    items: int
    outcome: object
    was_sent: bool
    key: str
    price: float | None = 0.0


@dataclass(frozen=True)
class OutcomeSummary:
    """Counts of items, which are images or texts, as `noun` says. `total` were requested.

    generated: arrived and charged, now or before (a blocked image is neither generated nor lost).
    cached: arrived and saved, so free next time. unpaid: belong to requests that will be charged if
    the same is queued again; unpaid_prices: the USD of each of them. lost: sent, perhaps charged,
    and never arrived. arriving: still in flight. trouble: why something couldn't be saved, or "".
    """

    total: int
    generated: int = 0
    cached: int = 0
    unpaid: int = 0
    lost: int = 0
    arriving: int = 0
    trouble: str = ""
    noun: str = "image"
    unpaid_prices: tuple[float | None, ...] = ()

    @property
    def _items(self) -> str:
        return f"{self.total} {self.noun}{'' if self.total == 1 else 's'}"

    def advice(self, again: str, how: str = "", can_pass: bool = True) -> str:
        """Say what is saved, and how to get the rest; "" if nothing arrived.

        again: how to retry, such as "Queue again". how: what to keep the same, such as "with seed 7
        (fixed)". can_pass: whether a retry can help; if not, name only what stays free.
        """
        if not self.generated:
            return ""
        lost = f"; {self.lost} {_was(self.lost)} lost and may have been charged"
        lost = lost if self.lost else ""
        told = f"{self.generated} of {self._items} {_are(self.generated)} saved{lost}."
        if self.cached < self.generated:
            why = f" ({self.trouble})" if self.trouble else ""
            saved = f"{self.cached} {_are(self.cached)} saved{why}"
            told = f"{self.generated} of {self._items} arrived; {saved}{lost}."
        with_how = f" {how}" if how else ""
        if not can_pass:
            free = f" {_stay_free(self.noun, how)}" if self.cached else ""
            more = " The others will be charged again." if self.cached < self.generated else ""
            return f"{told}{free}{more}"
        return f"{told} {again}{with_how} {_to_pay(self.unpaid, self.total - self.generated)}."

    def advice_when_stopped(self, again: str, how: str) -> str:
        """Say what happens to a run that stops now, perhaps with responses in flight."""
        sent = self.generated + self.lost + self.arriving
        if not sent:
            return NOTHING_SENT
        told = f"Stopped. {sent} of {self._items} {_was(sent)} already requested"
        if sent == self.lost:
            return f"{told}. Nothing arrived. You may have been charged."
        if self.trouble == STORE_IS_OFF:
            return f"{told} and may be charged, but won't be saved ({self.trouble})."
        if self.trouble:
            why = f"and may be charged, but might not be saved ({self.trouble})"
            return f"{told} {why}. {_stay_free(self.noun, how)}"
        rest = _to_pay(self.total - sent, self.total - sent)
        return f"{told} and will be saved. {again} {how} {rest}."


def summarize(
    spent: Iterable[Spent], is_cached: Callable[[str], bool], trouble: str, noun: str = "image"
) -> OutcomeSummary:
    """Summarize these requests. trouble: why nothing can be saved now, or ""."""
    total = generated = cached = unpaid = lost = arriving = 0
    prices: list[float | None] = []
    for one in spent:
        total += one.items
        outcome = one.outcome
        has_arrived = isinstance(outcome, UnexpectedError) and outcome.is_saved
        in_store = has_arrived or isinstance(outcome, StoreError)
        will_be = False
        if isinstance(outcome, Result):
            in_store = is_cached(one.key)
            generated += outcome.count
            cached += outcome.count if in_store else 0
            trouble = trouble or outcome.not_cached
        elif in_store:
            generated += one.items if has_arrived else 0
            cached += one.items
        elif isinstance(outcome, VeniceError):
            lost += one.items if outcome.may_have_been_charged else 0
        elif one.was_sent:
            arriving += one.items
            will_be = not trouble
        if not in_store and not will_be:
            unpaid += one.items
            prices.append(one.price)
    counts = (total, generated, cached, unpaid, lost, arriving)
    return OutcomeSummary(*counts, trouble, noun, tuple(prices))


def _to_pay(count: int, missing: int) -> str:
    if not count:
        return "to get them for free"
    return f"to pay only for the missing {count}" if count == missing else f"to pay for {count}"


def _stay_free(noun: str, how: str) -> str:
    saved = "Saved images" if noun == "image" else "Saved texts"
    with_how = f" if you run again {how}" if how else ""
    return f"{saved} stay free{with_how}."


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _was(count: int) -> str:
    return "was" if count == 1 else "were"
