"""The account of some requests: what became of their money, and how a person is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ..errors import StoreError, VeniceError
from ..image_result import ImageResult

NOTHING_SENT = "Stopped. Nothing was sent or charged."
STORE_IS_OFF = "VENICE_STORE_MB=0 saves none"


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

    def advice(self, again: str, how: str = "", can_pass: bool = True) -> str:
        """What is saved, and how to get the rest; "" if nothing came.

        again: how to ask once more, such as "Queue again". how: what to keep the same for it, such
        as "with seed 7 (fixed)". can_pass: whether that can help; if not, only what stays free is
        said.
        """
        if not self.made:
            return ""
        told = f"{self.made} of {_images(self.total)} {_are(self.made)} saved"
        if self.kept < self.made:
            why = f" ({self.trouble})" if self.trouble else ""
            told = f"{self.made} of {_images(self.total)} arrived, {self.kept} saved{why}"
        if self.lost:
            told += f"; {self.lost} {_was(self.lost)} lost and may have been charged"
        with_how = f" {how}" if how else ""
        if not can_pass:
            free = f" Saved images stay free{with_how}." if self.kept else ""
            lost = " The others will be charged again." if self.kept < self.made else ""
            return f"{told}.{free}{lost}"
        return f"{told}. {again}{with_how} {_to_pay(self.unpaid, self.total - self.made)}."

    def advice_when_stopped(self, again: str, how: str) -> str:
        """What becomes of a run that is stopped now, perhaps with answers on their way."""
        sent = self.made + self.lost + self.arriving
        if not sent:
            return NOTHING_SENT
        told = f"Stopped. {sent} of {_images(self.total)} {_was(sent)} already requested"
        if sent == self.lost:
            return f"{told}. No response came; you may have been charged."
        if self.trouble == STORE_IS_OFF:
            return f"{told} and may be charged; {self.trouble} of them."
        if self.trouble:
            return (
                f"{told} and may be charged, but not all can be saved ({self.trouble}). {again} "
                f"{how}: saved images are free."
            )
        rest = _to_pay(self.total - sent, self.total - sent)
        return f"{told} and will be saved. {again} {how} {rest}."


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


def _to_pay(count: int, missing: int) -> str:
    if not count:
        return "to get them for free"
    return f"to pay only for the missing {count}" if count == missing else f"to pay for {count}"


def _images(count: int) -> str:
    return f"{count} image{'' if count == 1 else 's'}"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _was(count: int) -> str:
    return "was" if count == 1 else "were"
