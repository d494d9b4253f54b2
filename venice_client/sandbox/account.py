"""The balance of the sandbox, and its charges."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from .response import Refusal


class Charge(NamedTuple):
    """One charge: path, model (or service), USD, and the seed that the client sent, if any."""

    path: str
    model: str
    usd: float
    seed: int | None


@dataclass
class Account:
    """The balance of a key. requests_per_minute: for the account endpoint; not enforced."""

    balance_usd: float
    requests_per_minute: int = 1_000_000
    charges: list[Charge] = field(default_factory=list)

    @property
    def charged_usd(self) -> float:
        """The sum of all charges."""
        return round(sum(charge.usd for charge in list(self.charges)), 9)

    @property
    def left_usd(self) -> float:
        """The balance minus the charges."""
        return max(0.0, round(self.balance_usd - self.charged_usd, 6))

    def check_balance(self, usd: float) -> None:
        """Raise Refusal (402) if the balance is too low."""
        if usd > self.left_usd:
            message = "Insufficient USD or Diem balance to complete request"
            raise Refusal(402, "INSUFFICIENT_BALANCE", message)
