"""`upscale`, `edit`, `multi-edit`, `remove-background`: image files in, image files out."""

from __future__ import annotations

import argparse
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ..catalogue.sizing import AUTO
from ..errors import InvalidRequestError
from ..imaging.masks import BY_THICKNESS
from ..request.checks import FORMATS, MAX_EDIT_PIXELS, QUALITIES
from ..request.edit import (
    EDIT_RATIOS,
    MAX_CREATIVITY,
    EditRequest,
    RemoveBackgroundRequest,
    UpscaleRequest,
    check_cutout,
    check_pixels,
    check_upscale,
)
from ..request.extra_fields import parse_extra_fields
from ..request.paid_request import PaidRequest
from ..settings.settings import Settings
from . import exit_codes
from .console import Console
from .files import STEM, Target
from .inputs import Input, read_input
from .paid_options import (
    IMAGES_HELP,
    MAX_IMAGES,
    add_extra_fields,
    add_paid_options,
    add_safe_mode,
    add_transparent,
    add_variation,
    read_prompt,
    target_from,
)
from .run_batch import Task
from .run_tasks import run_tasks


def _any_size(_width: int, _height: int, what: str = "") -> None:
    """Accept a mask of every size; it is scaled."""


CHECK_EDIT = partial(check_pixels, maximum=MAX_EDIT_PIXELS)

Images = Sequence[Input]


@dataclass(frozen=True)
class _Command:
    """One command. Each request changes one image, perhaps with others as layers.

    ending: of the files' names; {} is the scale. add_options: its own options. request: for an
    image with layers. check: raises for a width and height that the endpoint doesn't take.
    is_of_all: one request for all images, not one for each. format: what it always writes, or "".
    keeps_alpha: whether the endpoint has a use for transparency.
    """

    name: str
    help: str
    description: str
    ending: str
    add_options: Callable[[argparse.ArgumentParser], None]
    request: Callable[[argparse.Namespace, Input, Images], PaidRequest]
    check: Callable[[argparse.Namespace], Callable[..., None]] = lambda _args: CHECK_EDIT
    has_prompt: bool = True
    is_of_all: bool = False
    format: str = ""
    keeps_alpha: bool = False

    def add(self, add_parser: Callable[..., argparse.ArgumentParser]) -> None:
        parser = add_parser(
            self.name,
            help=f"{self.help}; costs money",
            description=f"{self.description} Costs money.\n{IMAGES_HELP}",
            epilog=exit_codes.HELP,
        )
        if self.has_prompt:
            parser.add_argument("prompt", help="what to change; - reads it from stdin")
        several = "the image to change, then its layers" if self.is_of_all else "an image file"
        parser.add_argument("images", nargs="+", metavar="IMAGE", help=several)
        default = f"beside the image, {STEM}{self.ending.format(2)}"
        add_paid_options(parser, f"; {STEM} stands for the image's name (default: {default})")
        self.add_options(parser)
        parser.set_defaults(run=self.run, is_paid=True)

    def run(self, args: argparse.Namespace, console: Console, settings: Settings) -> int:
        ending = self.ending.format(getattr(args, "scale", ""))
        format = self.format or getattr(args, "format", None) or ""
        if getattr(args, "mask", None):
            args.mask = read_input(args.mask, _any_size).image
            format = format or "png"
        target = None if args.output is None else target_from(args, STEM + ending, format)
        if self.has_prompt:
            args.prompt = read_prompt(args.prompt, console)
        bases, layers = self._read(args)
        for warning in dict.fromkeys(w for each in (*bases, *layers) for w in each.warnings):
            console.note(f"note: {warning}")
        targets = [
            target.of(each.path.stem) if target else Target(each.path.parent, stem + ending, "")
            for each in bases
            for stem in [each.path.stem]
        ]
        format = format or targets[0].format or "png"
        args.format = format
        requests = [self.request(args, each, layers) for each in bases]
        numbers = _numbers(targets, args.force, format)
        tasks = [
            Task(request, target, number, format, {"source": each.name})
            for request, target, number, each in zip(requests, targets, numbers, bases, strict=True)
        ]
        headline = f"{len(tasks)} image{'s' if len(tasks) > 1 else ''}"
        return run_tasks(args, console, settings, tasks, headline)

    def _read(self, args: argparse.Namespace) -> tuple[list[Input], list[Input]]:
        """The images to change, and the layers of each."""
        if len(args.images) > MAX_IMAGES:
            raise InvalidRequestError(
                f"{len(args.images):,} images are too many at once. Pass at most {MAX_IMAGES:,}."
            )
        check = self.check(args)
        first = args.images[:1] if self.is_of_all else args.images
        others = args.images[1:] if self.is_of_all else getattr(args, "layer", [])
        layers = [read_input(name, check) for name in others]
        bases = [read_input(name, check, only_colors=not self.keeps_alpha) for name in first]
        return bases, layers


def _add_upscale_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--scale", type=int, choices=(2, 4), default=2, help="default %(default)s")
    add(
        "--creativity",
        type=float,
        default=0.01,
        metavar="X",
        help=f"0 to {MAX_CREATIVITY} (default %(default)s)",
    )
    add_variation(parser)


def _add_edit_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    default = EditRequest.model
    add("--model", default=default, help="see `models --type inpaint` (default %(default)s)")
    add("--aspect-ratio", metavar="W:H", default=AUTO, help=", ".join((AUTO, *EDIT_RATIOS)))
    add("--resolution", metavar="TIER", default=AUTO, help="such as 2K, if the model supports it")
    add(
        "--quality",
        metavar="LEVEL",
        default=AUTO,
        help=f"{', '.join(QUALITIES)}, if the model supports it",
    )
    _add_mask_options(parser)
    add("--format", choices=FORMATS, help="image format (default: the -o extension, else png)")
    add_transparent(parser)
    add_safe_mode(parser)
    add(
        "--enhance",
        action="store_true",
        help="let Venice improve the prompt: about $0.04 and up to 30 s more",
    )
    add_variation(parser)
    add_extra_fields(parser)


def _add_mask_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--mask",
        metavar="FILE",
        help="change only what is white in this image; everything else stays identical; the "
        "output is PNG",
    )
    add("--grow-mask", type=int, default=0, metavar="PX", help="grow the mask; negative shrinks it")
    add(
        "--feather",
        type=int,
        default=BY_THICKNESS,
        metavar="PX",
        help="soften the mask's edge inward (default: by the image's size)",
    )


def _add_edit_options_with_layers(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--layer",
        action="append",
        default=[],
        metavar="FILE",
        help="an extra image for the prompt to refer to, in every edit; repeatable",
    )
    _add_edit_options(parser)


def _edit(
    args: argparse.Namespace, base: Input, layers: Images, is_multi: bool = False
) -> EditRequest:
    return EditRequest(
        images=(base.image, *(layer.image for layer in layers)),
        prompt=args.prompt,
        model=args.model,
        aspect_ratio=args.aspect_ratio,
        resolution=args.resolution,
        quality=args.quality,
        output_format=args.format,
        safe_mode=args.safe_mode,
        enhance_prompt=args.enhance or None,
        variation=args.variation,
        is_multi=is_multi,
        transparent_background=args.transparent,
        extra_fields=parse_extra_fields(args.extra_fields),
        label=base.name,
        mask=args.mask,
        grow_mask=args.grow_mask,
        feather=args.feather,
    )


def _upscale(args: argparse.Namespace, base: Input, _layers: Images) -> UpscaleRequest:
    return UpscaleRequest(base.image, args.scale, args.creativity, args.variation, base.name)


COMMANDS = (
    _Command(
        "upscale",
        help="enlarge images 2 or 4 times",
        description="Enlarges each image 2 or 4 times, as PNG.",
        ending="-upscaled-{}x",
        add_options=_add_upscale_options,
        request=_upscale,
        check=lambda args: partial(check_upscale, scale=args.scale),
        has_prompt=False,
        format="png",
    ),
    _Command(
        "edit",
        help="edit images with a prompt",
        description="Edits each image with the prompt.",
        ending="-edited",
        add_options=_add_edit_options_with_layers,
        request=_edit,
    ),
    _Command(
        "multi-edit",
        help="combine several images into one with a prompt",
        description="Edits the first image with the prompt, with the others as layers.",
        ending="-edited",
        add_options=_add_edit_options,
        request=partial(_edit, is_multi=True),
        is_of_all=True,
    ),
    _Command(
        "remove-background",
        help="cut out the subject of images",
        description="Makes the background of each image transparent, as PNG.",
        ending="-cutout",
        add_options=lambda _parser: None,
        request=lambda _args, base, _layers: RemoveBackgroundRequest(base.image, base.name),
        check=lambda _args: check_cutout,
        has_prompt=False,
        format="png",
        keeps_alpha=True,
    ),
)


def add(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    for command in COMMANDS:
        command.add(add_parser)


def _numbers(targets: Sequence[Target], force: bool, format: str) -> list[int | None]:
    """The number of each file: those that would have one name in one folder are numbered."""
    places = [replace(each, folder=Path(os.path.realpath(each.folder))) for each in targets]
    counts = Counter(places)
    following: dict[Target, int | None] = {}
    numbers = []
    for place, target in zip(places, targets, strict=True):
        if place not in following:
            following[place] = target.first_number(counts[place], force, format)
        number = following[place]
        numbers.append(number)
        following[place] = None if number is None else number + 1
    return numbers
