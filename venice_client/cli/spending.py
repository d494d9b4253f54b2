"""`spending`: what was spent, by day and model, as the ledger says."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from ..errors import VeniceError
from ..settings.service import SANDBOX_NAME
from ..settings.settings import Settings
from ..store.journal import journal_of, orphaned_text
from ..store.ledger import Charge, Ledger, day_of, start_of_day, today
from ..text import printable
from . import exits
from .console import Console, table

DEFAULT_DAYS = 7
MAX_DAYS = 400

NOTHING_CHARGED = ", nothing charged"

_HEAD = ("DAY", "MODEL", "REQUESTS", "USD", "SERVICE")


@dataclass
class Row:
    """The spending on one model in one day. unknown: requests whose price is unknown."""

    day: date
    model: str
    service: str
    requests: int = 0
    usd: float = 0.0
    unknown: int = 0

    @property
    def is_sandbox(self) -> bool:
        return self.service == SANDBOX_NAME

    def add(self, charge: Charge) -> None:
        self.requests += 1
        if not self.is_sandbox:
            self.unknown += not charge.is_known
            self.usd += charge.usd or 0.0

    @property
    def cells(self) -> tuple[str, ...]:
        usd = f"{'<=' if self.unknown else ''}{self.usd:.4g}"
        service = f"{printable(self.service)}{NOTHING_CHARGED if self.is_sandbox else ''}"
        return str(self.day), printable(self.model), str(self.requests), usd, service

    @property
    def facts(self) -> dict[str, Any]:
        return {**self.__dict__, "day": str(self.day), "usd": round(self.usd, 6)}


def add(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    parser = add_parser(
        "spending",
        help="what was spent, by day and model; free",
        description="Lists what was spent on this machine, by day and model, the newest day\n"
        "first: the estimates of what was charged, or may have been. <= stands before an\n"
        "amount where a price is not published, and counts as the most that it may be.\n"
        "The sandbox charges nothing: its requests are counted, with 0 USD.\n"
        "Needs no key and sends nothing.",
    )
    parser.add_argument(
        "--days",
        type=_days,
        default=DEFAULT_DAYS,
        metavar="N",
        help=f"today and the days before it, N in all (default: {DEFAULT_DAYS})",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, console: Console, settings: Settings) -> int:
    ledger = Ledger(settings.home)
    first = today() - timedelta(days=args.days - 1)
    try:
        rows = _rows(ledger.since(start_of_day(first)))
    except OSError as error:
        raise VeniceError(
            f"What was spent cannot be read ({error.strerror}): make {ledger.path} readable."
        ) from None
    total = {
        "requests": sum(row.requests for row in rows),
        "sandbox_requests": sum(row.requests for row in rows if row.is_sandbox),
        "usd": round(sum(row.usd for row in rows), 6),
        "today_usd": round(sum(row.usd for row in rows if row.day == today()), 6),
        "max_usd_per_day": settings.max_usd_per_day,
        "unknown": sum(row.unknown for row in rows),
    }
    lines = table([_HEAD, *(row.cells for row in rows)]) if rows else []
    facts = {"days": args.days, "spending": [row.facts for row in rows], "total": total}
    console.result(facts, lines)
    days = "today" if args.days == 1 else f"in {args.days} days"
    free = f" ({total['sandbox_requests']} on the sandbox{NOTHING_CHARGED})"
    console.note(
        f"About {total['usd']:.4g} USD for {total['requests']} requests {days}"
        f"{free if total['sandbox_requests'] else ''}, {total['today_usd']:.4g} USD of it today"
        if rows
        else f"Nothing was spent {days}."
    )
    with contextlib.suppress(OSError):
        if orphaned := journal_of(settings.home).orphaned():
            console.note(orphaned_text(orphaned))
    return exits.OK


def _rows(charges: Iterable[Charge]) -> list[Row]:
    """One row for each day, service and model; the newest day first."""
    rows: dict[tuple[date, str, str], Row] = {}
    for charge in charges:
        key = (day_of(charge.time), charge.service, charge.model)
        rows.setdefault(key, Row(key[0], charge.model, charge.service)).add(charge)
    return sorted(rows.values(), key=lambda row: (-row.day.toordinal(), row.service, row.model))


def _days(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MAX_DAYS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of days from 1 to {MAX_DAYS}")
    return int(text)
