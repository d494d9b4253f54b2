"""Sums of charges, grouped as a reader wants."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from ..settings.service import SANDBOX_NAME
from .ledger import Charge

K = TypeVar("K")


@dataclass
class Spent:
    """A number of requests, and their USD; `unknown` of them have no published price."""

    requests: int = 0
    usd: float = 0.0
    unknown: int = 0

    def add(self, charge: Charge) -> None:
        self.requests += 1
        if charge.service != SANDBOX_NAME:  # which charges nothing
            self.usd += charge.usd or 0.0
            self.unknown += not charge.is_known


def total(charges: Iterable[Charge]) -> Spent:
    """Return the sum of all charges."""
    return spent_by(charges, lambda _: None).get(None, Spent())


def spent_by(charges: Iterable[Charge], group: Callable[[Charge], K]) -> dict[K, Spent]:
    """Return the sum of each group of charges, in the order of their first."""
    found: dict[K, Spent] = {}
    for charge in charges:
        found.setdefault(group(charge), Spent()).add(charge)
    return found
