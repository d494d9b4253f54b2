"""`account`: balance and rate limits of the key."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from ..client import VeniceClient
from ..settings.settings import Settings
from . import exit_codes
from .console import Console, table


def add(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    parser = add_parser(
        "account",
        help="show balance and rate limits; free",
        description="Shows the balance and the rate limits of your key, with a free call.",
    )
    parser.add_argument("--limits", action="store_true", help="list the rate limits of every model")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, console: Console, settings: Settings) -> int:
    client = VeniceClient(settings)
    account = client.account()
    balances = account.balance.get("balances")
    lines = [f"service  {client.service.name}"]
    for unit, amount in (balances if isinstance(balances, dict) else {}).items():
        if isinstance(amount, int | float):
            is_usd = str(unit).lower() == "usd"
            lines.append(f"balance  {f'${amount:,.2f}' if is_usd else f'{amount:,.2f} {unit}'}")
    may_spend = account.balance.get("canConsume")
    lines += [] if may_spend is not False else ["Your balance is too low. Add credit at venice.ai."]
    limits = _limits(account.rate_limits)
    if args.limits:
        lines += table([("MODEL", "LIMIT"), *limits])
    else:
        lines.append(f"limits   for {len(limits)} models (see --limits)")
    console.result(
        {
            "service": client.service.name,
            "balance": account.balance,
            "rate_limits": account.rate_limits,
        },
        lines,
    )
    return exit_codes.OK


def _limits(data: dict[str, Any]) -> list[tuple[str, str]]:
    """Pairs of a model and its limits in words, from the API's own object."""
    rows = []
    entries = data.get("rateLimits")
    for entry in entries if isinstance(entries, list) else []:
        limits = entry.get("rateLimits") if isinstance(entry, dict) else None
        if not isinstance(limits, list):
            continue
        words = [f"{x.get('amount')} {x.get('type')}" for x in limits if isinstance(x, dict)]
        rows.append((str(entry.get("apiModelId")), ", ".join(words)))
    return rows
