"""The options of `generate`, and from them a request."""

from __future__ import annotations

import argparse
import re
import secrets

from ..catalogue.catalogue import DEFAULT_MODEL
from ..catalogue.sizing import AUTO
from ..errors import InvalidRequestError
from ..request.checks import FORMATS, QUALITIES
from ..request.extra_fields import parse_extra_fields
from ..request.generate import DEFAULT_SIDE, GenerateRequest, StyleReference
from ..request.seeds import MAX_SEED, fold_seed, folding_warning
from .files import Target, path_from
from .paid_options import MAX_IMAGES, add_extra_fields, add_safe_mode, add_transparent


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("prompt", help="describe the image; - reads the prompt from stdin")
    add = parser.add_argument
    add("--lines", action="store_true", help="treat each line as a separate prompt")
    add("-n", "--count", type=_count, default=1, metavar="N", help="images per prompt")
    add("--model", default=DEFAULT_MODEL, help="see `models` (default %(default)s)")
    add("--negative", metavar="TEXT", default="", help="what to leave out; some models ignore it")
    add("--style", metavar="NAME", default="", help="a style preset; see `styles`")
    add(
        "--seed",
        type=int,
        metavar="N",
        help=f"1 to {MAX_SEED}; the next image gets the next seed (default: a random one, "
        "which is printed)",
    )
    add(
        "--variants",
        action="store_true",
        help="get up to 4 images per request; a seed repeats only the first",
    )
    _add_sizes(parser)
    _add_model_settings(parser)
    _add_switches(parser)


def _add_sizes(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("size").add_argument
    add(
        "--size",
        type=_size,
        default=(DEFAULT_SIDE, DEFAULT_SIDE),
        metavar="WxH",
        help="in pixels, such as 1024x768; fitted to the model (default 1024x1024)",
    )
    add("--aspect-ratio", metavar="W:H", default=AUTO, help="overrides the ratio of --size")
    add("--resolution", metavar="TIER", default=AUTO, help="such as 2K; overrides --size")
    add("--format", choices=FORMATS, help="image format (default: the -o extension, else png)")
    add_transparent(parser)


def _add_model_settings(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("if the model supports it").add_argument
    add("--quality", metavar="LEVEL", default=AUTO, help=", ".join(QUALITIES))
    add("--steps", type=int, metavar="N", help="inference steps; 0: the model's default")
    add(
        "--cfg-scale",
        type=float,
        metavar="X",
        help="how closely to follow the prompt, up to 20; 0: the model's default",
    )
    add("--lora-strength", type=int, metavar="N", help="0 to 100")
    add_extra_fields(parser)
    add(
        "--style-reference",
        action="append",
        default=[],
        metavar="FILE",
        help="an image that sets the look, under 8 MB; repeatable",
    )
    add(
        "--style-reference-strength",
        type=float,
        default=0.5,
        metavar="X",
        help="0.1 to 1, for all of them (default %(default)s)",
    )


def _add_switches(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("switches (the default is the API's)")
    either = argparse.BooleanOptionalAction
    group.add_argument("--watermark", action=either, help="add Venice's watermark")
    add_safe_mode(group)
    group.add_argument(
        "--exif", action=either, help="write prompt and settings into the image's EXIF"
    )
    group.add_argument(
        "--enhance",
        action=either,
        help="let Venice improve the prompt: about $0.04 and up to 30 s more",
    )
    group.add_argument(
        "--web-search", action=either, help="let the model search the web, at no extra cost"
    )
    group.add_argument(
        "--prompt-thinking",
        action=either,
        help="let the model think about the prompt first; slower",
    )


def request_from(args: argparse.Namespace, target: Target) -> tuple[GenerateRequest, list[str]]:
    """The request for these options, without its prompt, and warnings of what was changed in it.

    Its seed is always set, so that the image can be repeated. Raises InvalidRequestError.
    """
    asked = 1 + secrets.randbelow(MAX_SEED) if args.seed is None else args.seed
    seed = fold_seed(asked)
    notes = [f"note: {note}"] if (note := folding_warning(asked)) else []
    width, height = args.size
    request = GenerateRequest(
        model=args.model,
        prompt="",
        negative_prompt=args.negative,
        width=width,
        height=height,
        aspect_ratio=args.aspect_ratio,
        resolution=args.resolution,
        quality=args.quality,
        steps=args.steps or None,
        cfg_scale=args.cfg_scale or None,
        seed=seed,
        style_preset=args.style.strip(),
        style_references=_references(args.style_reference, args.style_reference_strength),
        lora_strength=args.lora_strength,
        format=args.format or target.format or "png",
        hide_watermark=_inverse(args.watermark),
        safe_mode=args.safe_mode,
        embed_exif_metadata=args.exif,
        enable_web_search=args.web_search,
        enhance_prompt=args.enhance,
        disable_prompt_optimization_thinking=_inverse(args.prompt_thinking),
        transparent_background=args.transparent,
        extra_fields=parse_extra_fields(args.extra_fields),
    )
    return request, notes


def _references(files: list[str], strength: float) -> tuple[StyleReference, ...]:
    found = []
    for name in files:
        try:
            found.append(StyleReference(path_from(name).read_bytes(), strength))
        except OSError as error:
            raise InvalidRequestError(
                f"The style reference {name} can't be read ({error.strerror}).",
                "style_references",
            ) from None
    return tuple(found)


def _inverse(switch: bool | None) -> bool | None:
    return None if switch is None else not switch


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,5})[xX×](\d{1,5})", text.strip())
    if not match or not int(match[1]) or not int(match[2]):
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 1024x768")
    return int(match[1]), int(match[2])


def _count(text: str) -> int:
    count = int(text) if text.isdecimal() else 0
    if not 1 <= count <= MAX_IMAGES:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to {MAX_IMAGES}")
    return count
