"""`generate`: pictures from a prompt, made at the same time, each written as it arrives."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from itertools import groupby

from ..client import VeniceClient
from ..request.generate import GenerateRequest, plan_batch
from . import exits
from .console import Console
from .files import prepare_folder
from .generate_options import add_options, request_from, target_from
from .making import Task, make_all
from .report import Report

MAX_LISTED = 6
"""Most seeds, or runs of seeds, that are all named."""


def add(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    parser = add_parser(
        "generate",
        help="make pictures from a prompt; costs money",
        description="Makes pictures from a prompt and writes them as they arrive. Costs money.\n"
        "The paths go to stdout. Several pictures are numbered: fox-1.png, fox-2.png.\n"
        "A file that exists is never overwritten without --force: the numbers go on\n"
        "after the highest.",
        usage="%(prog)s [options] prompt",
        epilog=exits.HELP,
    )
    add_options(parser)
    parser.set_defaults(run=run, is_paid=True)


def run(args: argparse.Namespace, console: Console) -> int:
    target = target_from(args)
    request, notes = request_from(args, target)
    requests = plan_batch(request, args.count, args.variants)
    client = VeniceClient()
    prepare_folder(target.folder)
    first = target.first_number(args.count, args.force, request.format)
    for note in notes:
        console.note(note)
    tasks, done = [], 0
    for one in requests:
        number = None if first is None else first + done
        tasks.append(Task(one, target, number, request.format))
        done += one.variants
    headline = _seeds_text(requests, is_drawn=args.seed is None)
    command = make_all(client, tasks, headline, args.force, console)
    how = f"with --seed {requests[0].seed}" if args.seed is None else ""
    return Report(client, command, how).show(console)


def _seeds_text(requests: Sequence[GenerateRequest], is_drawn: bool) -> str:
    seeds = [request.seed for request in requests if request.seed is not None]
    text = f"seed{'s' if len(seeds) > 1 else ''} {_listed(seeds)}"
    return f"{text} (--seed {seeds[0]} makes the same again)" if is_drawn else text


def _listed(seeds: Sequence[int]) -> str:
    """The seeds in words: "5 to 8" where they follow each other, else one by one."""
    words: list[str] = []
    for _, numbered in groupby(enumerate(seeds), key=lambda pair: pair[1] - pair[0]):
        run = [seed for _, seed in numbered]
        words += [f"{run[0]} to {run[-1]}"] if len(run) > 2 else map(str, run)
    if len(words) > MAX_LISTED:
        words = [*words[:3], "…", words[-1]]
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
