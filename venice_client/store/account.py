"""What became of the money of some requests, worked out once, and how a person is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ..errors import StoreError, VeniceError
from ..image_result import ImageResult

NOTHING_SENT = "Stopped. Nothing was sent, nothing is charged."
STORE_IS_OFF = "VENICE_STORE_MB=0 keeps none"


@dataclass(frozen=True)
class Spent:
    """One request: how many images it asks for, its outcome so far, and whether it was sent."""

    images: int
    outcome: object
    was_sent: bool
    key: str


@dataclass(frozen=True)
class Account:
    """Counts of images. `total` were asked for.

    made: came, and were paid for now or before (a content violation is neither made nor lost).
    kept: came and lie in the store, so that asking again is free. unpaid: belong to requests that
    are paid for, perhaps again, when the same is asked for once more. lost: were sent and may be
    charged, and did not come. arriving: were sent and are on their way still. trouble: why
    something could not be kept, or "".
    """

    total: int
    made: int = 0
    kept: int = 0
    unpaid: int = 0
    lost: int = 0
    arriving: int = 0
    trouble: str = ""

    def advice(self, again: str) -> str:
        """What was made, and what to do to get it; "" where nothing was made.

        again: how to ask for the same once more, such as "Queue again with seed 7 (fixed)".
        """
        if not self.made:
            return ""
        told = f"{self.made} of {self.total} made"
        why = f" ({self.trouble})" if self.trouble else ""
        told += " and kept" if self.kept >= self.made else f", {self.kept} kept{why}"
        told += f", {self.lost} lost (may have been charged)" if self.lost else ""
        return f"{told}. {again}: {_paid_again(self.unpaid)}."

    def advice_when_stopped(self, again: str) -> str:
        """What a person is told whose run is stopped now, with answers on their way perhaps."""
        sent = self.made + self.lost + self.arriving
        if not sent:
            return NOTHING_SENT
        told = f"Stopped. {sent} of {self.total} were sent;"
        if sent == self.lost:
            return f"{told} no answer came, and it may have been charged."
        if self.trouble == STORE_IS_OFF:
            return f"{told} they may be charged, and {self.trouble} of them."
        if self.trouble:
            return (
                f"{told} they may be charged, and not all can be kept on disk ({self.trouble}). "
                f"{again}: what was kept is free."
            )
        return f"{told} what arrives is kept. {again}: what was kept is free."


def settle(spent: Iterable[Spent], is_kept: Callable[[str], bool], trouble: str) -> Account:
    """The account of some requests. trouble: why the store keeps nothing now, or ""."""
    total = made = kept = unpaid = lost = arriving = 0
    for one in spent:
        total += one.images
        outcome = one.outcome
        in_store = isinstance(outcome, StoreError)
        if isinstance(outcome, ImageResult):
            in_store = is_kept(one.key)
            came = 0 if outcome.is_violation else len(outcome.images)
            made += came
            kept += came if in_store else 0
            trouble = trouble or outcome.not_kept
        elif in_store:
            kept += one.images
        elif isinstance(outcome, VeniceError):
            lost += one.images if outcome.may_have_been_charged else 0
        elif one.was_sent:
            arriving += one.images
        unpaid += 0 if in_store else one.images
    return Account(total, made, kept, unpaid, lost, arriving, trouble)


def _paid_again(count: int) -> str:
    if not count:
        return "nothing is paid for again"
    return f"only {count} {'is' if count == 1 else 'are'} paid for"
