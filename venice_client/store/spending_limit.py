"""The limits per run and per day: reserve before you send."""

from __future__ import annotations

import contextlib
import errno
import logging
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from ..errors import IS_IN_COMFYUI, SpendingLimitError
from ..money import UpperBound, dollars
from ..process import after_fork
from ..settings.service import SANDBOX_NAME
from ..settings.settings import Settings
from .journal import Journal, journal_of
from .ledger import Charge

log = logging.getLogger(__name__)

PATIENCE = 20.0
"""Seconds to wait for other processes that reserve, before refusing a request."""

MAX_RUNS = 1000
"""Most runs to remember."""

ROUNDING = 1e-9


@dataclass
class Run:
    """The state of one run: its name or "", USD reserved or spent, and requests let through."""

    name: str = ""
    usd: float = 0.0
    requests: int = 0


class Reservation:
    """USD reserved for one request, in the journal.

    The first `release` or `spend` ends it; later calls do nothing. Until then it counts against
    the run and the day. Spent USD count against the run until its end.
    """

    def __init__(self, charge: Charge, run: Run, journal: Journal) -> None:
        self.charge = charge
        self._run = run
        self._journal = journal

    @property
    def usd(self) -> float:
        return self.charge.usd or 0.0

    def note_sent(self, is_sent: bool) -> None:
        """Note that the request is sent; or that it's uncharged, and may be sent again."""
        self._journal.note_sent(self.charge, is_sent)

    def release(self) -> None:
        """Give the USD back, since nothing is charged."""
        if self._journal.end(self.charge):
            with _lock:
                self._run.usd = max(0.0, self._run.usd - self.usd)
                self._run.requests -= 1

    def spend(self, usd: float | None = None) -> str:
        """Write the charge, certain or possible, to the ledger. Returns why that waits, or "".

        usd: the charge, if known by now; else the reserved sum counts.
        """
        if usd is not None:
            with _lock:
                self._run.usd = max(0.0, self._run.usd + usd - self.usd)
                self.charge = replace(self.charge, usd=float(usd), is_known=True)
        return self._journal.settle(self.charge)


class SpendingLimit:
    """The limits that the settings set for one service. Thread-safe.

    max_usd: the limit per run that --max-usd sets; None if it doesn't.
    """

    max_usd: float | None = None

    def __init__(self, settings: Settings, service: str) -> None:
        self._per_run = settings.max_usd_per_run
        self._per_day = settings.max_usd_per_day
        self._saves = settings.store_mb > 0
        self._service = service
        self.journal = journal_of(settings.home)
        self.ledger = self.journal.ledger

    def reserve(self, run: str | Run, charges: Sequence[Charge]) -> list[Reservation]:
        """Reserve all of `charges`, one Reservation each.

        Raises SpendingLimitError, and reserves none, if together they would exceed a limit, or if
        the daily limit can't be checked. run: a run or its name; "" is another run each time.
        """
        if not charges:
            return []
        state = run if isinstance(run, Run) else run_named(run)
        facts: dict[str, Any] = {"service": self._service, "run": state.name, "time": time.time()}
        charges = [replace(charge, id=secrets.token_hex(8), **facts) for charge in charges]
        self.journal.write_owed()
        with self._turn(PATIENCE) as today:
            self._check(charges, state, today)
            self._open(charges)
            with _lock:
                state.usd += sum(charge.usd or 0.0 for charge in charges)
                state.requests += len(charges)
        return [Reservation(charge, state, self.journal) for charge in charges]

    def check(self, charges: Sequence[Charge]) -> None:
        """Raise SpendingLimitError if `reserve` would for a new run. Reserves nothing."""
        if charges:
            with self._turn(patience=1.0) as today:
                self._check(charges, Run(), today)

    def rooms(self) -> dict[str, float]:
        """Return the USD that a new run may cost now under each limit in force, "run" and "day".

        Below 0 if the limit is exceeded already. Raises SpendingLimitError if the daily limit can't
        be checked.
        """
        rooms = {} if self._per_run is None else {"run": self._per_run + ROUNDING}
        if self._per_day is not None:
            with self._turn(patience=1.0) as today:
                rooms["day"] = self._per_day - today + ROUNDING
        return rooms

    def _open(self, charges: Sequence[Charge]) -> None:
        """Open charges in the journal, where other processes count them."""
        try:
            self.journal.reserve(charges)
        except OSError as error:
            if self._per_day is not None:
                for charge in charges:
                    self.journal.end(charge)
                raise self._unchecked(error) from None
            log.warning(
                "The journal can't be written (%s): if this process is killed, nothing tells what "
                "was in flight.",
                error.strerror,
            )

    @contextlib.contextmanager
    def _turn(self, patience: float) -> Iterator[float]:
        """Let one thread of one process in. Yields the USD charged or reserved today.

        Without a daily limit, it waits for no other process, and yields 0. Raises
        SpendingLimitError if the daily limit can't be checked.
        """
        has_limit, today = self._per_day is not None, 0.0
        with contextlib.ExitStack() as stack:
            stack.enter_context(self.journal.turn)
            try:
                if has_limit:
                    self.ledger.spent_today(self._service)  # reads most before others have to wait
                stack.enter_context(self.journal.alone(patience if has_limit else 0.0))
                charges = self.journal.open_charges()
                if has_limit:
                    today = self.ledger.spent_today(self._service, charges)
            except OSError as error:
                if has_limit:
                    raise self._unchecked(error) from None
            yield today

    def _check(self, charges: Sequence[Charge], run: Run, today: float) -> None:
        """Raise SpendingLimitError if `charges` would exceed a limit."""
        usd = sum(charge.usd or 0.0 for charge in charges)
        for name, limit, spent in (
            ("run", self._per_run, run.usd),
            ("command", self.max_usd, run.usd),
            ("day", self._per_day, today),
        ):
            if limit is None:
                continue
            facts: dict[str, Any] = {"limit": name, "limit_usd": limit, "spent_usd": spent}
            if any(charge.usd is None for charge in charges):
                raise SpendingLimitError(
                    f"Not sent. The price is unknown, and {_called(name, limit)}. To send it "
                    f"anyway, remove the limit{_WHERE}.",
                    hint=_hint(name, "=none removes it."),
                    **facts,
                )
            if usd and spent + usd > limit + ROUNDING:
                is_known = all(charge.is_known for charge in charges)
                is_bound = any(isinstance(charge.usd, UpperBound) for charge in charges)
                about = "up to" if is_bound or not is_known else "about"
                lines = [
                    self._too_much(name, limit, spent, f"{about} {dollars(usd)}"),
                    "" if is_known else UNPUBLISHED,
                    self._others(run),
                ]
                hint = _hint(name, " sets this limit.")
                text = "\n".join(filter(None, lines))
                raise SpendingLimitError(text, cost_usd=usd, hint=hint, **facts)

    def _too_much(self, name: str, limit: float, spent: float, cost: str) -> str:
        if self._service == SANDBOX_NAME:
            cost = f"{cost} on Venice (free in the sandbox)"
        if spent:
            before = "already spent today" if name == "day" else "this run already spent"
            cost = f"{cost} on top of the {dollars(spent)} {before}"
        remedy = "Wait until midnight" if name == "day" else "Reduce the batch"
        return (
            f"Not sent. This would cost {cost}; {_called(name, limit)}. "
            f"{remedy}, or raise the limit{_WHERE}."
        )

    def _others(self, run: Run) -> str:
        """Return a line about requests of this run that were already let through, or ""."""
        if not run.requests:
            return ""
        requests = "1 request" if run.requests == 1 else f"{run.requests} requests"
        told = f"{requests} of this run {'was' if run.requests == 1 else 'were'} already sent."
        return f"{told} You keep the results; running again is free." if self._saves else told

    def _unchecked(self, error: OSError) -> SpendingLimitError:
        """Return the error for unknown spending today."""
        remedy = f"Make {self.ledger.path.parent} readable and writable"
        if isinstance(error, TimeoutError):
            remedy = "Other programs are using the same limit right now. Try again later"
        elif error.errno == errno.ENOSPC:
            remedy = "Free up disk space"
        elif error.errno in (errno.EMFILE, errno.ENFILE):
            remedy = "Try again when fewer files are open"
        return SpendingLimitError(
            f"Not sent. Your daily limit can't be checked ({error.strerror}). {remedy}, or remove "
            f"the limit{_WHERE}.",
            hint=_hint("day", "=none removes it."),
            limit="day",
            limit_usd=self._per_day,
        )


_WHERE = " in Settings → Venice" if IS_IN_COMFYUI else ""
UNPUBLISHED = "No price is published, so the highest possible price counts."
_VARIABLES = {"run": "VENICE_MAX_USD_PER_RUN", "day": "VENICE_MAX_USD_PER_DAY"}


def _called(name: str, limit: float) -> str:
    """Name a limit, with all of its digits, at least two decimals."""
    whole, _, cents = f"{Decimal(repr(limit)).normalize():,f}".partition(".")
    shown = f"${whole}.{cents:0<2}"
    if name == "command":
        return f"--max-usd allows {shown}"
    return f"your limit is {shown} per run" if name == "run" else f"your daily limit is {shown}"


def _hint(name: str, does: str) -> str:
    """Name the variable that sets a limit, and what it does; "" if none does."""
    return _VARIABLES[name] + does if name in _VARIABLES else ""


def run_named(run: str) -> Run:
    """Return the state of a run, remembered by name; "" is another run each time."""
    with _lock:
        state = _runs.get(run) or Run(run)
        if run:
            _runs[run] = state
            _runs.move_to_end(run)
            while len(_runs) > MAX_RUNS:
                _runs.popitem(last=False)
        return state


@after_fork
def _forget_lock() -> None:
    global _lock
    _lock = threading.Lock()


_lock = threading.Lock()
_runs: OrderedDict[str, Run] = OrderedDict()
"""For the whole process, since the settings may change during a run."""
