"""The tasks of a paid command: runs and reports them, or with --dry-run only shows them."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace

from ..client import VeniceClient
from ..dry_run import PriceEstimator
from ..errors import SpendingLimitError
from ..money import total_cost
from ..planned_request import PlannedRequest, estimate_text
from ..settings.settings import Settings
from . import exit_codes
from .console import Console, describe
from .report import Report
from .run_batch import AnyTask, check_price, run_batch, with_model


def run_tasks(
    args: argparse.Namespace,
    console: Console,
    settings: Settings,
    tasks: Sequence[AnyTask],
    headline: str,
    how: str = "",
) -> int:
    """Run tasks and return the exit code. how: what to add to get the same again, or ""."""
    if args.dry_run:
        return _show(console, settings, tasks, headline, args.max_usd)
    client = VeniceClient(settings)
    outcome = run_batch(args, console, client, tasks, headline)
    return Report(client, outcome, how).show(console)


def _show(
    console: Console,
    settings: Settings,
    tasks: Sequence[AnyTask],
    headline: str,
    max_usd: float | None,
) -> int:
    """Show what would be sent, by the lists as last saved. It needs no key and sends nothing.

    Returns the exit code: that of a refusal if the command would be refused for its price.
    """
    estimator = PriceEstimator(settings)
    planned = _planned(estimator, tasks)
    refusal = _refusal(estimator, planned, max_usd)
    warnings = list(dict.fromkeys(text for one in planned for text in one.payload.warnings))
    console.notes(warnings)
    costs = [one.estimate for one in planned]
    cost = estimate_text(costs, planned, estimator.is_sandbox)
    console.note(
        f"Dry run: {with_model(headline, planned)} · {cost}. Nothing was sent.{_saved(planned)}"
    )
    requests = [
        {
            "path": one.payload.path,
            "fields": one.payload.shown,
            "files": list(task.paths),
            "is_saved": one.is_cached,
            "estimated_cost_usd": one.estimate,
        }
        for task, one in zip(tasks, planned, strict=True)
    ]
    lines = [f"{r['path']} {json.dumps(r['fields'], ensure_ascii=False)}" for r in requests]
    facts = {
        "requests": requests,
        "warnings": warnings,
        "estimated_cost_usd": total_cost(costs),
        "refused": refusal and describe(refusal),
    }
    console.result(facts, console.first(lines))
    if not console.is_json:
        console.more(lines, "requests")
    if refusal is None:
        return exit_codes.OK
    console.error(refusal, prefix="Without --dry-run: ")
    return exit_codes.NOT_SENT


def _saved(planned: Sequence[PlannedRequest]) -> str:
    """Say that some of the shown requests wouldn't be sent, or return ""."""
    left = sum(not one.is_cached for one in planned)
    if left == len(planned):
        return ""
    if not left:
        return " Without --dry-run, nothing would be sent either: the results are saved."
    return f" Without --dry-run, {left} of {len(planned)} would be sent; the others are free."


def _refusal(
    estimator: PriceEstimator, planned: Sequence[PlannedRequest], max_usd: float | None
) -> SpendingLimitError | None:
    """The error of the command itself if it may cost too much."""
    paying = {one.key: one for one in planned if not one.is_cached}
    try:
        check_price(planned, max_usd)
        estimator.spending.check([one.charge for one in paying.values()])
    except SpendingLimitError as error:
        return error
    return None


def _planned(estimator: PriceEstimator, tasks: Sequence[AnyTask]) -> list[PlannedRequest]:
    """The requests as they would be sent. Those that are saved, or come twice, cost nothing."""
    planned = []
    seen: set[str] = set()
    for task in tasks:
        one = estimator.plan(task.request)
        is_free = one.is_cached or one.key in seen or one.key in estimator.results
        planned.append(replace(one, is_cached=is_free))
        seen.add(one.key)
    return planned
