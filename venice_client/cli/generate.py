"""`generate`: pictures from a prompt, side by side, each written as it arrives."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

from ..client import VeniceClient
from ..payloads import GenerateRequest, plan_batch
from . import exits
from .console import Console
from .files import prepare_folder
from .generate_options import add_options, request_from, target_from
from .making import Task, make_all
from .report import Report


def add(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    parser = add_parser(
        "generate",
        help="make pictures from a prompt; costs money",
        description="Makes pictures from a prompt and writes them as they arrive. Costs money.\n"
        "The paths go to stdout. Several pictures are numbered: fox-1.png, fox-2.png. A file\n"
        "that exists is never overwritten without --force: the numbers go on after the highest.",
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
    planned = client.plan(requests)
    seeds = _seeds_text(requests, is_drawn=args.seed is None)
    console.note(f"{seeds} · {client.cost_text([p.estimate for p in planned])}")
    tasks, done = [], 0
    for one in planned:
        number = None if first is None else first + done
        tasks.append(Task(one, target, number, request.format))
        done += one.request.variants
    return Report(client, make_all(client, tasks, args.force, console)).show(console)


def _seeds_text(requests: Sequence[GenerateRequest], is_drawn: bool) -> str:
    first, last = requests[0].seed, requests[-1].seed
    text = f"seed {first}" if len(requests) == 1 else f"seeds {first} to {last}"
    return f"{text} (--seed {first} makes the same again)" if is_drawn else text
