"""`spending`: what you spent, by day and model, as the ledger says."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from ..errors import VeniceError
from ..money import dollars
from ..settings.service import SANDBOX_NAME
from ..settings.settings import Settings
from ..store.journal import journal_of, orphaned_text
from ..store.ledger import Ledger, day_of, start_of_day, today
from ..store.spending import Spent, spent_by, total
from ..text import one_line
from . import exit_codes
from .console import Console, table

DEFAULT_DAYS = 7
MAX_DAYS = 400

_HEAD = ("DAY", "MODEL", "REQUESTS", "SPENT", "SERVICE")


@dataclass(frozen=True)
class Row:
    """The spending on one model in one day."""

    day: date
    service: str
    model: str
    spent: Spent

    @property
    def cells(self) -> tuple[str, ...]:
        amount = f"{'up to ' if self.spent.unknown else ''}{dollars(self.spent.usd)}"
        amount = "free" if self.service == SANDBOX_NAME else amount
        count = str(self.spent.requests)
        return str(self.day), one_line(self.model), count, amount, one_line(self.service)

    @property
    def facts(self) -> dict[str, Any]:
        return {
            "day": str(self.day),
            "service": self.service,
            "model": self.model,
            "requests": self.spent.requests,
            "usd": round(self.spent.usd, 6),
            "unknown": self.spent.unknown,
        }


def add(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    parser = add_parser(
        "spending",
        help="show what you spent, by day and model; free",
        description="Shows what you spent on this computer, by day and model, newest day first.\n"
        "Amounts are estimates and include possible charges. If Venice publishes no\n"
        'price, the highest possible one counts ("up to"). The sandbox is free.\n'
        "Needs no key and sends nothing.",
    )
    parser.add_argument(
        "--days",
        type=_days,
        default=DEFAULT_DAYS,
        metavar="N",
        help=f"the last N days, including today (default: {DEFAULT_DAYS})",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, console: Console, settings: Settings) -> int:
    ledger = Ledger(settings.home)
    try:
        charges = ledger.since(start_of_day(today() - timedelta(days=args.days - 1)))
    except OSError as error:
        raise VeniceError(f"Can't read {ledger.path} ({error.strerror}).") from None
    groups = spent_by(charges, lambda c: (day_of(c.time), c.service, c.model))
    rows = [Row(*key, spent) for key, spent in groups.items()]
    rows.sort(key=lambda row: (-row.day.toordinal(), row.service, row.model))
    whole = total(charges)
    in_sandbox = total(charge for charge in charges if charge.service == SANDBOX_NAME).requests
    of_today = total(charge for charge in charges if day_of(charge.time) == today()).usd
    facts = {
        "days": args.days,
        "spending": [row.facts for row in rows],
        "total": {
            "requests": whole.requests,
            "sandbox_requests": in_sandbox,
            "usd": round(whole.usd, 6),
            "today_usd": round(of_today, 6),
            "max_usd_per_day": settings.max_usd_per_day,
            "unknown": whole.unknown,
        },
    }
    console.result(facts, table([_HEAD, *(row.cells for row in rows)]) if rows else [])
    console.note(_summary(args.days, whole, of_today, in_sandbox))
    with contextlib.suppress(OSError):
        if orphaned := journal_of(settings.home).orphaned():
            console.note(orphaned_text(orphaned))
    return exit_codes.OK


def _summary(days: int, whole: Spent, of_today: float, in_sandbox: int) -> str:
    when = "today" if days == 1 else f"in {days} days"
    if whole.requests == in_sandbox:
        free = f" Requests to the free sandbox: {in_sandbox}." if in_sandbox else ""
        return f"You spent nothing {when}.{free}"
    today_only = f", {dollars(of_today)} of it today" if days > 1 else ""
    free = f" ({in_sandbox} free in the sandbox)" if in_sandbox else ""
    many = f"{whole.requests} request{'' if whole.requests == 1 else 's'}"
    return f"You spent about {dollars(whole.usd)} {when}{today_only}, for {many}{free}."


def _days(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MAX_DAYS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of days from 1 to {MAX_DAYS}")
    return int(text)
