"""`describe`, `write-prompt`: texts from image files, and prompts from an idea, on stdout."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from ..client import VeniceClient
from ..dry_run import PriceEstimator
from ..errors import InvalidRequestError
from ..imaging.for_text_model import check_size
from ..request.chat import (
    DESCRIBE_TOKENS,
    MAX_PROMPTS,
    MAX_TOKENS,
    MIN_TOKENS,
    PROMPT_TOKENS,
    DescribeRequest,
    WritePromptsRequest,
    plan_prompts,
)
from ..request.system_prompts import TASKS
from ..settings.settings import Settings
from . import exit_codes
from .console import Console
from .inputs import Input, read_input
from .paid_options import MAX_IMAGES, add_money_options, add_variation, read_prompt
from .run_batch import TextTask
from .run_tasks import run_tasks

PRIVACY = "The image and the text go to a text model; `models --type text` shows which are private."


def add(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    _add_describe(add_parser)
    _add_write_prompt(add_parser)


def _add_describe(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    parser = add_parser(
        "describe",
        help="describe images: as a prompt, a caption, tags, or an answer; costs money",
        description="Writes a text about each image to stdout. Costs money.\n"
        f"With several images, each text begins with its file's name.\n{PRIVACY}",
        epilog=exit_codes.HELP,
    )
    add = parser.add_argument
    add("images", nargs="+", metavar="IMAGE", help="an image file")
    add("--task", choices=TASKS[:-1], default=TASKS[0], help="default %(default)s")
    add("--ask", metavar="QUESTION", help="answer this question instead; - reads it from stdin")
    add("--instructions", metavar="TEXT", default="", help="what to pay attention to")
    _add_model_options(parser, DescribeRequest.model, DESCRIBE_TOKENS, "maximum tokens per text")
    parser.set_defaults(run=_describe, is_paid=True)


def _add_write_prompt(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    parser = add_parser(
        "write-prompt",
        help="write prompts for images from an idea; costs money",
        description="Writes prompts for an idea to stdout, each on a line. Costs money.\n"
        "Pipe them into `generate - --lines` to generate an image of each.\n" + PRIVACY,
        epilog=exit_codes.HELP,
    )
    add = parser.add_argument
    add("idea", help="in any words; - reads it from stdin")
    add("-n", "--count", type=int, default=1, metavar="N", help=f"1 to {MAX_PROMPTS} prompts")
    add("--image", metavar="FILE", help="an image to start from")
    add("--instructions", metavar="TEXT", default="", help="what the prompts must follow")
    _add_model_options(
        parser, WritePromptsRequest.model, PROMPT_TOKENS, "maximum tokens per prompt"
    )
    parser.set_defaults(run=_write_prompts, is_paid=True)


def _add_model_options(parser: argparse.ArgumentParser, model: str, tokens: int, what: str) -> None:
    add = parser.add_argument
    add(
        "--model",
        default=model,
        help="see `models --type text` (default: the model Venice recommends)",
    )
    add(
        "--max-tokens",
        type=int,
        default=tokens,
        metavar="N",
        help=f"{what}, {MIN_TOKENS} to {MAX_TOKENS} (default %(default)s)",
    )
    add_variation(parser)
    add_money_options(parser)


def _describe(args: argparse.Namespace, console: Console, settings: Settings) -> int:
    if len(args.images) > MAX_IMAGES:
        raise InvalidRequestError(
            f"{len(args.images):,} images are too many at once. Pass at most {MAX_IMAGES:,}."
        )
    if args.ask is not None and args.instructions:
        raise InvalidRequestError("Use --ask or --instructions, not both.")
    task, instructions = args.task, args.instructions
    if args.ask is not None:
        task, instructions = TASKS[-1], read_prompt(args.ask, console, "question")
    images = [_read(name, console) for name in args.images]
    tasks = [
        TextTask(
            DescribeRequest(
                image.image,
                task,
                args.model,
                instructions,
                args.max_tokens,
                args.variation,
                label=image.name,
            ),
            {"source": image.name},
            prefix=f"{image.name}: " if len(images) > 1 else "",
        )
        for image in images
    ]
    headline = f"{len(tasks)} text{'s' if len(tasks) > 1 else ''}"
    return run_tasks(args, console, settings, tasks, headline)


def _write_prompts(args: argparse.Namespace, console: Console, settings: Settings) -> int:
    image = _read(args.image, console) if args.image else None
    request = WritePromptsRequest(
        read_prompt(args.idea, console, "idea"),
        args.model,
        args.count,
        image.image if image else None,
        args.instructions,
        args.max_tokens,
        args.variation,
    )
    catalogue = (PriceEstimator if args.dry_run else VeniceClient)(settings).catalogue
    requests = plan_prompts(request, catalogue)
    tasks = [TextTask(each, {"number": i}) for i, each in enumerate(requests, start=1)]
    headline = f"{args.count} prompt{'s' if args.count > 1 else ''}"
    return run_tasks(args, console, settings, tasks, headline)


def _read(name: str, console: Console) -> Input:
    found = read_input(name, check_size)
    for warning in found.warnings:
        console.note(f"note: {warning}")
    return found
