"""The limits of what a run and a day may cost: reserved before anything is sent."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from ..errors import SpendingLimitError
from ..settings.service import SANDBOX_NAME
from ..settings.settings import Settings
from .ledger import Charge, Ledger, start_of_day, today
from .reserved_elsewhere import ReservedElsewhere

log = logging.getLogger(__name__)

MAX_RUNS = 1000
"""Most runs to remember."""

ROUNDING = 1e-9


@dataclass
class _Run:
    """The state of one run: USD that are reserved, and requests that were let through."""

    usd: float = 0.0
    requests: int = 0


class Reservation:
    """USD that are reserved for one request.

    It ends once, by `release` or by `spend`; more calls do nothing. Until then it counts
    against the run and the day. A run goes on counting what was spent.
    """

    def __init__(
        self, charge: Charge, run: _Run, ledger: Ledger, on_end: Callable[[], None]
    ) -> None:
        self.charge = charge
        self._run = run
        self._ledger = ledger
        self._on_end = on_end
        self._is_open = True

    @property
    def usd(self) -> float:
        return self.charge.usd or 0.0

    def release(self) -> None:
        """Gives the USD back, where it is certain that nothing is charged."""
        with _lock:
            if self._is_open:
                self._is_open = False
                _open.discard(self)
                self._run.usd = max(0.0, self._run.usd - self.usd)
                self._run.requests -= 1
                self._on_end()

    def spend(self) -> None:
        """Writes the charge, certain or possible, to the ledger."""
        with _lock:
            if not self._is_open:
                return
            self._is_open = False
            try:
                self._ledger.add(replace(self.charge, time=time.time()))
            except OSError as error:  # it counts on here, since the ledger does not tell of it
                log.warning("What was spent cannot be written down (%s).", error.strerror)
                return
            _open.discard(self)
            self._on_end()

    def counts_for(self, service: str, ledger: Ledger, since: float) -> bool:
        """Whether it counts for a service from a time on, beside what its ledger says."""
        is_same = self.charge.service == service and self._ledger.path == ledger.path
        return is_same and self.charge.time >= since


class SpendingLimit:
    """The limits that the settings set for one service. Thread-safe."""

    def __init__(self, settings: Settings, service: str) -> None:
        self._per_run = settings.max_usd_per_run
        self._per_day = settings.max_usd_per_day
        self._keeps = settings.store_mb > 0
        self._service = service
        self.ledger = Ledger(settings.home)

    def reserve(self, run: str, charges: Sequence[Charge]) -> list[Reservation]:
        """Reserves all of `charges`, one Reservation each.

        Raises SpendingLimitError if together they would pass a limit; then none is reserved. run:
        what names one run; "" is a run of its own each time.
        """
        usd = sum(charge.usd or 0.0 for charge in charges)
        facts: dict[str, Any] = {"service": self._service, "run": run, "time": time.time()}
        with _lock, self._alone():
            state = _runs.get(run) or _Run()
            self._check(charges, usd, state)
            state.usd += usd
            state.requests += len(charges)
            if run:
                _runs[run] = state
                _runs.move_to_end(run)
                while len(_runs) > MAX_RUNS:
                    _runs.popitem(last=False)
            reserved = [
                Reservation(replace(charge, **facts), state, self.ledger, self._tell)
                for charge in charges
            ]
            _open.update(reserved)
            self._tell()
            return reserved

    def _alone(self) -> AbstractContextManager[None]:
        """Keeps other processes from reserving meanwhile, where a limit of the day counts all."""
        return nullcontext() if self._per_day is None else self._elsewhere.alone()

    def _tell(self) -> None:
        """Tells other processes what is reserved here, where a limit of the day counts all."""
        if self._per_day is not None:
            self._elsewhere.tell(self._reserved_today())

    @property
    def _elsewhere(self) -> ReservedElsewhere:
        home = self.ledger.path.parent
        name = str(home), self._service
        return _elsewhere.setdefault(name, ReservedElsewhere(home, self._service))

    def _reserved_today(self) -> float:
        midnight = start_of_day(today())
        return sum(r.usd for r in _open if r.counts_for(self._service, self.ledger, midnight))

    def rooms(self) -> dict[str, float]:
        """USD that a new run may cost now under each limit that is set, "run" and "day".

        Below 0 where more was spent already. Raises SpendingLimitError if what was spent today
        can't be read.
        """
        rooms = {} if self._per_run is None else {"run": self._per_run + ROUNDING}
        if self._per_day is not None:
            with _lock, self._alone():
                rooms["day"] = self._per_day - self._today() + ROUNDING
        return rooms

    def _check(self, charges: Sequence[Charge], usd: float, run: _Run) -> None:
        limits = {"RUN": self._per_run, "DAY": self._per_day}
        for name, limit in limits.items():
            if limit is not None and any(charge.usd is None for charge in charges):
                raise SpendingLimitError(_unknown_price(name, limit))
        if not usd:
            return
        is_known = all(charge.is_known for charge in charges)
        cost = f"about {usd:.4g} USD" if is_known else f"up to {usd:.4g} USD ({_UNPUBLISHED})"
        cost += " on Venice (nothing on the sandbox)" if self._service == SANDBOX_NAME else ""
        if self._per_run is not None and run.usd + usd > self._per_run + ROUNDING:
            before = f" on top of {run.usd:.4g} USD before it in this run" if run.usd else ""
            raise SpendingLimitError(
                f"Not sent: it would cost {cost}{before}, and the limit for one run is "
                f"{_exact(self._per_run)} USD. Ask for less, or raise {_place('run')}."
                f"{self._others(run)}"
            )
        if self._per_day is None:
            return
        today = self._today()
        if today + usd > self._per_day + ROUNDING:
            before = f" on top of {today:.4g} USD before it today" if today else ""
            raise SpendingLimitError(
                f"Not sent: it would cost {cost}{before}, and the limit for one day is "
                f"{_exact(self._per_day)} USD. Wait until midnight, or raise {_place('day')}."
                f"{self._others(run)}"
            )

    def _today(self) -> float:
        """The USD spent today, and reserved, by all processes."""
        reserved = self._reserved_today() + self._elsewhere.usd()
        try:
            return reserved + self.ledger.spent_today(self._service)
        except OSError as error:
            raise SpendingLimitError(
                f"Not sent: what was spent today cannot be read ({error.strerror}). Make "
                f"{self.ledger.path} readable, or set VENICE_MAX_USD_PER_DAY=none."
            ) from None

    def _others(self, run: _Run) -> str:
        """A line on the requests that were let through before."""
        if not run.requests:
            return ""
        are = "other request of this run was" if run.requests == 1 else "other requests of it were"
        kept = "What comes of them is kept, and free when you queue again." if self._keeps else ""
        return f"\n{run.requests} {are} let through before. {kept}".rstrip()


_UNPUBLISHED = "a price that is not published counts as the most that it may be"


def _place(name: str) -> str:
    """Where a limit is set: in ComfyUI's page, and anywhere."""
    return (
        f"it: Settings → Venice → Limit of a {name} in ComfyUI, elsewhere "
        f"VENICE_MAX_USD_PER_{name.upper()} (none: no limit)"
    )


def _unknown_price(name: str, limit: float) -> str:
    return (
        "Not sent: no price is known for it, nor for anything of its kind, and the limit for one "
        f"{name.lower()} is {_exact(limit)} USD. To send it all the same, without a limit, set "
        f"VENICE_MAX_USD_PER_{name}=none."
    )


def _exact(usd: float) -> str:
    """A limit with the digits that it was set with."""
    return f"{Decimal(repr(usd)).normalize():f}"


_lock = threading.Lock()
_runs: OrderedDict[str, _Run] = OrderedDict()
_open: set[Reservation] = set()
"""What counts beside the ledgers. All four are for the whole process: the settings may change
while a run goes on."""

_elsewhere: dict[tuple[str, str], ReservedElsewhere] = {}
