"""`generate`: images from a prompt, generated at the same time, each written as it arrives."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import groupby

from ..errors import InvalidRequestError
from ..request.generate import GenerateRequest, plan_batch
from ..settings.settings import Settings
from . import exit_codes
from .console import Console
from .files import STEM
from .generate_options import add_options, request_from
from .paid_options import (
    IMAGES_HELP,
    MAX_IMAGES,
    add_paid_options,
    read_prompt,
    target_from,
)
from .run_batch import Task
from .run_tasks import run_tasks

MAX_LISTED = 6
"""Most seeds, or runs of seeds, to list."""


def add(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    parser = add_parser(
        "generate",
        help="generate images from a prompt; costs money",
        description="Generates images from a prompt. Costs money.\n"
        f"{IMAGES_HELP}\nSeveral images get numbers: fox-1.png, fox-2.png.",
        usage="%(prog)s [options] prompt",
        epilog=exit_codes.HELP,
    )
    add_options(parser)
    add_paid_options(parser, " (default: venice.png here)")
    parser.set_defaults(run=run, is_paid=True)


def run(args: argparse.Namespace, console: Console, settings: Settings) -> int:
    target = target_from(args, STEM).of("venice")
    prompts = _prompts(args, console)
    template, notes = request_from(args, target)
    for note in notes:
        console.note(note)
    batches = [plan_batch(replace(template, prompt=p), args.count, args.variants) for p in prompts]
    number = target.first_number(args.count * len(prompts), args.force, template.format)
    tasks: list[Task] = []
    for line, batch in enumerate(batches, start=1):
        for request in batch:
            origin = {"line": line, "seed": request.seed} if args.lines else {"seed": request.seed}
            tasks.append(Task(request, target, number, template.format, origin))
            number = None if number is None else number + request.variants
    headline = _headline(batches, is_drawn=args.seed is None)
    how = f"with --seed {template.seed}" if args.seed is None else ""
    return run_tasks(args, console, settings, tasks, headline, how)


def _prompts(args: argparse.Namespace, console: Console) -> list[str]:
    """The prompt, or with --lines each line of it that isn't blank."""
    text = read_prompt(args.prompt, console)
    prompts = [line for line in map(str.strip, text.splitlines()) if line] if args.lines else [text]
    if not prompts:
        raise InvalidRequestError("The prompt has no line with text.")
    if len(prompts) * args.count > MAX_IMAGES:
        raise InvalidRequestError(
            f"{len(prompts) * args.count:,} images are too many at once. Generate at most "
            f"{MAX_IMAGES:,}."
        )
    return prompts


def _headline(batches: Sequence[Sequence[GenerateRequest]], is_drawn: bool) -> str:
    seeds = [request.seed for request in batches[0] if request.seed is not None]
    text = f"seed{'s' if len(seeds) > 1 else ''} {_listed(seeds)}"
    text = text if len(batches) == 1 else f"{len(batches)} prompts · {text} each"
    return f"{text} (repeat with --seed {seeds[0]})" if is_drawn else text


def _listed(seeds: Sequence[int]) -> str:
    """The seeds in words: "5–8" if they follow each other, else one by one."""
    words: list[str] = []
    for _, numbered in groupby(enumerate(seeds), key=lambda pair: pair[1] - pair[0]):
        run = [seed for _, seed in numbered]
        words += [f"{run[0]}–{run[-1]}"] if len(run) > 2 else map(str, run)
    if len(words) > MAX_LISTED:
        words = [*words[:3], "…", words[-1]]
    return ", ".join(words)
