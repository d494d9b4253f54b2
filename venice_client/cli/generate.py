"""`generate`: pictures from a prompt, side by side, each written as it arrives."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from functools import partial

from ..batch import EXIT_WAIT, Batch
from ..client import Planned, VeniceClient
from ..errors import BadAnswer, VeniceError
from ..images import decode
from ..payloads import GenerateRequest, plan_batch
from ..progress import Progress
from . import exits
from .console import Console
from .files import FORMATS, NotWritten, Target, prepare_folder, write_picture
from .generate_options import add_options, request_from, target_from
from .report import Made, Picture, Report, cost_text

LOOK_EVERY = 0.1
"""Seconds between two looks at progress."""


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
    for note in notes:
        console.note(note)
    planned = client.plan(requests)
    seeds = _seeds_text(requests, is_drawn=args.seed is None)
    console.note(f"{seeds} · {cost_text([p.estimate for p in planned])}")
    first = target.first_number(args.count, args.force)
    jobs, done = [], 0
    for one in planned:
        number = None if first is None else first + done
        jobs.append(partial(_make, client, one, target, number, args.force))
        done += one.request.variants
    began = time.monotonic()
    batch: Batch[Made] = Batch(jobs)
    is_interrupted = not _attend(batch, console)
    seconds = time.monotonic() - began
    report = Report(
        requests, tuple(batch.outcomes), seconds, is_interrupted, is_kept=client.results.is_on
    )
    return report.show(console)


def _make(
    client: VeniceClient,
    planned: Planned,
    target: Target,
    number: int | None,
    force: bool,
    progress: Progress,
) -> Made:
    """Asks for the pictures of one request and writes what came."""
    result = client.fetch(planned, progress)
    pictures: list[Picture] = []
    errors: list[VeniceError] = []
    for i, data in enumerate(result.images):
        try:
            height, width, _ = decode(data).shape
            path = write_picture(target, None if number is None else number + i, data, force)
        except BadAnswer as error:
            client.discard(result)
            errors.append(error)
        except NotWritten as error:
            errors.append(error)
        else:
            # The extension of the file is that of the bytes.
            format = FORMATS[path.suffix.lower()]
            pictures.append(Picture(str(path), format, (width, height), planned.request.seed))
    return Made(result, tuple(pictures), tuple(errors))


def _attend(batch: Batch[Made], console: Console) -> bool:
    """Shows what the batch does until its end; False if Ctrl-C came first.

    After Ctrl-C nothing more is sent, and what is on its way has a few seconds to arrive; another
    Ctrl-C does not wait for it.
    """
    try:
        while not batch.wait(LOOK_EVERY):
            console.progress(batch.status())
        return True
    except KeyboardInterrupt:
        batch.drop()
    try:
        if any(progress.sent for progress in batch.progress) and not batch.done:
            console.note(
                f"Interrupted: waiting up to {EXIT_WAIT:.0f} s for what is on its way, which is "
                "paid for. Ctrl-C again does not wait."
            )
        batch.wait(EXIT_WAIT)
    except KeyboardInterrupt:
        console.note("Interrupted again.")
    batch.leave()
    return False


def _seeds_text(requests: Sequence[GenerateRequest], is_drawn: bool) -> str:
    first, last = requests[0].seed, requests[-1].seed
    text = f"seed {first}" if len(requests) == 1 else f"seeds {first} to {last}"
    return f"{text} (--seed {first} makes the same again)" if is_drawn else text
