"""`upscale`, `edit`, `multi-edit`, `remove-background`: files in, files out, made at once."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from ..catalogue.sizing import AUTO
from ..client import VeniceClient
from ..errors import InvalidRequestError
from ..request.checks import FORMATS, QUALITIES
from ..request.paid_request import PaidRequest
from ..request.pictures import (
    EDIT_RATIOS,
    MAX_CREATIVITY,
    MAX_EDIT_PIXELS,
    EditRequest,
    RemoveBackgroundRequest,
    UpscaleRequest,
    check_cutout,
    check_pixels,
    check_upscale,
)
from . import exits
from .console import Console
from .files import Target, parse_target, prepare_folder
from .generate_options import add_safe_mode, add_transparent
from .inputs import Input, read_input
from .making import Task, make_all
from .option_types import decimal_number, whole_number
from .report import Report

MAX_IMAGES = 100
CHECK_EDIT = partial(check_pixels, maximum=MAX_EDIT_PIXELS)
STEM = "{stem}"
WHERE = (
    "\nThe paths go to stdout. A file that exists is never overwritten without --force:\n"
    "the next free number is taken."
)


def add(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    _add_upscale(add_parser)
    _add_edit(add_parser)
    _add_multi_edit(add_parser)
    cutout = add_parser(
        "remove-background",
        help="cut out what pictures show; costs money",
        description="Cuts out what each picture shows, as PNG with transparency. Costs money."
        + WHERE,
        epilog=exits.HELP,
    )
    _add_files(cutout, "-cutout")
    cutout.set_defaults(run=run_remove_background, is_paid=True)


def _add_upscale(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    parser = add_parser(
        "upscale",
        help="make pictures 2 or 4 times as large; costs money",
        description="Makes each picture 2 or 4 times as large, as PNG. Costs money." + WHERE,
        epilog=exits.HELP,
    )
    _add_files(parser, "-upscaled-2x")
    parser.add_argument(
        "--scale", type=whole_number, choices=(2, 4), default=2, help="default %(default)s"
    )
    parser.add_argument(
        "--creativity",
        type=decimal_number,
        default=0.01,
        metavar="X",
        help=f"0 to {MAX_CREATIVITY} (default %(default)s)",
    )
    _add_variation(parser)
    parser.set_defaults(run=run_upscale, is_paid=True)


def _add_edit(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    parser = add_parser(
        "edit",
        help="change pictures as a prompt says; costs money",
        description="Changes each picture as the prompt says. Costs money." + WHERE,
        epilog=exits.HELP,
    )
    parser.add_argument("prompt", help="what to change")
    _add_files(parser, "-edited")
    parser.add_argument(
        "--layer",
        action="append",
        default=[],
        metavar="FILE",
        help="a further picture that the prompt speaks of, for each edit; may be given again",
    )
    _add_edit_options(parser)
    parser.set_defaults(run=run_edit, is_paid=True)


def _add_multi_edit(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    parser = add_parser(
        "multi-edit",
        help="make one picture of several as a prompt says; costs money",
        description="Changes the first picture as the prompt says, with the others as layers.\n"
        "Costs money." + WHERE,
        epilog=exits.HELP,
    )
    parser.add_argument("prompt", help="what to make of them")
    _add_files(parser, "-edited", help="the picture to change, then those that go along")
    _add_edit_options(parser)
    parser.set_defaults(run=run_multi_edit, is_paid=True)


def _add_edit_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    default = EditRequest.model
    add("--model", default=default, help="`models --type inpaint` lists them (default %(default)s)")
    add("--aspect-ratio", metavar="W:H", default=AUTO, help=", ".join((AUTO, *EDIT_RATIOS)))
    add("--resolution", metavar="TIER", default=AUTO, help="such as 2K, where the model has it")
    add(
        "--quality",
        metavar="LEVEL",
        default=AUTO,
        help=f"{', '.join(QUALITIES)}, where the model has it",
    )
    add("--format", choices=FORMATS, help="of the answer (default: by -o, else png)")
    add_transparent(parser)
    add_safe_mode(parser)
    add(
        "--enhance",
        action="store_true",
        help="have the prompt rewritten first: up to 30 s, about 0.04 USD a request",
    )
    _add_variation(parser)


def _add_files(
    parser: argparse.ArgumentParser,
    ending: str,
    help: str = "a picture; several are sent at the same time",
) -> None:
    parser.add_argument("images", nargs="+", metavar="IMAGE", help=help)
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help=f"where to: a folder, or a file, in whose name {STEM} stands for the input's "
        f"(default: beside the input, {STEM}{ending})",
    )
    parser.add_argument("--force", action="store_true", help="overwrite files that exist")


def _add_variation(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--variation",
        type=whole_number,
        default=0,
        metavar="N",
        help="another number asks anew for what was made before",
    )


def run_upscale(args: argparse.Namespace, console: Console) -> int:
    ending = f"-upscaled-{args.scale}x"
    inputs = _inputs(args.images, partial(check_upscale, scale=args.scale), only_colours=True)
    requests = [
        UpscaleRequest(each.data, args.scale, args.creativity, args.variation) for each in inputs
    ]
    return _run(args, console, inputs, requests, _targets(args, inputs, ending))


def run_remove_background(args: argparse.Namespace, console: Console) -> int:
    inputs = _inputs(args.images, check_cutout)
    requests = [RemoveBackgroundRequest(each.data) for each in inputs]
    return _run(args, console, inputs, requests, _targets(args, inputs, "-cutout"))


def run_edit(args: argparse.Namespace, console: Console) -> int:
    layers = _inputs(args.layer, CHECK_EDIT)
    inputs = _inputs(args.images, CHECK_EDIT, only_colours=True)
    return _run_edits(args, console, inputs, layers)


def run_multi_edit(args: argparse.Namespace, console: Console) -> int:
    base = _inputs(args.images[:1], CHECK_EDIT, only_colours=True)
    layers = _inputs(args.images[1:], CHECK_EDIT)
    return _run_edits(args, console, base, layers, is_multi=True)


def _run_edits(
    args: argparse.Namespace,
    console: Console,
    inputs: Sequence[Input],
    layers: Sequence[Input],
    is_multi: bool = False,
) -> int:
    targets = _targets(args, inputs, "-edited")
    format = args.format or targets[0].format
    requests = [
        EditRequest(
            images=(each.data, *(layer.data for layer in layers)),
            prompt=args.prompt,
            model=args.model,
            aspect_ratio=args.aspect_ratio,
            resolution=args.resolution,
            quality=args.quality,
            output_format=format or "png",
            safe_mode=args.safe_mode,
            enhance_prompt=args.enhance or None,
            variation=args.variation,
            is_multi=is_multi,
            transparent_background=args.transparent,
        )
        for each in inputs
    ]
    return _run(args, console, inputs, requests, targets, layers, format)


def _run(
    args: argparse.Namespace,
    console: Console,
    inputs: Sequence[Input],
    requests: Sequence[PaidRequest],
    targets: Sequence[Target],
    layers: Sequence[Input] = (),
    format: str | None = None,
) -> int:
    client = VeniceClient()
    for folder in dict.fromkeys(target.folder for target in targets):
        prepare_folder(folder)
    numbers = _numbers(targets, args.force, format)
    for warning in dict.fromkeys(w for each in (*inputs, *layers) for w in each.warnings):
        console.note(f"note: {warning}")
    tasks = [
        Task(request, target, number, format or target.format or "png", each.name)
        for request, target, number, each in zip(requests, targets, numbers, inputs, strict=True)
    ]
    headline = f"{len(tasks)} picture{'s' if len(tasks) > 1 else ''}"
    return Report(client, make_all(client, tasks, headline, args.force, console)).show(console)


def _inputs(
    names: Sequence[str], check: Callable[..., None], only_colours: bool = False
) -> list[Input]:
    if len(names) > MAX_IMAGES:
        raise InvalidRequestError(
            f"{len(names)} pictures are too many at once: give at most {MAX_IMAGES}."
        )
    return [read_input(name, check, only_colours) for name in names]


def _targets(args: argparse.Namespace, inputs: Sequence[Input], ending: str) -> list[Target]:
    """Where the answer to each input goes: beside it, into a folder, or as a pattern says."""
    stems = [each.path.stem for each in inputs]
    if args.output is None:
        return [
            Target(each.path.parent, stem + ending, "")
            for each, stem in zip(inputs, stems, strict=True)
        ]
    pattern = parse_target(args.output, STEM + ending)
    return [replace(pattern, stem=pattern.stem.replace(STEM, stem)) for stem in stems]


def _numbers(targets: Sequence[Target], force: bool, format: str | None) -> list[int | None]:
    """The number of each file: answers that would have one name are numbered."""
    counts = Counter(targets)
    following = {
        target: target.first_number(count, force, format) for target, count in counts.items()
    }
    numbers = []
    for target in targets:
        number = following[target]
        numbers.append(number)
        following[target] = None if number is None else number + 1
    return numbers
