"""The common options of all paid commands, and the place of their images."""

from __future__ import annotations

import argparse
import math
import sys
from typing import TextIO

from ..errors import InvalidRequestError
from ..text import plain_number
from .console import Console, is_terminal
from .files import Target, parse_target

MAX_IMAGES = 1000
"""The most images of one command."""

IMAGES_HELP = (
    "Each path goes to stdout when its image is written. Without --force, no file is\n"
    "overwritten: the next free number is used."
)


def add_paid_options(parser: argparse.ArgumentParser, output: str) -> None:
    """Options about files and money. output: more about -o, in words."""
    add = parser.add_argument
    add(
        "-o",
        "--output",
        metavar="PATH",
        help=f"a file such as fox.png, or a folder{output}",
    )
    add("--force", action="store_true", help="overwrite existing files")
    add_money_options(parser)


def add_money_options(parser: argparse.ArgumentParser) -> None:
    """Options about money."""
    add = parser.add_argument
    add("--dry-run", action="store_true", help="show the price and the requests, but send nothing")
    add("--max-usd", type=dollar_limit, metavar="X", help="send nothing if this may cost more")


def add_safe_mode(to: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    safe = to.add_mutually_exclusive_group()
    safe.add_argument(
        "--safe-mode",
        action="store_true",
        default=None,
        help="blur adult content (the API's default)",
    )
    safe.add_argument(
        "--unsafe", dest="safe_mode", action="store_false", default=None, help="don't blur it"
    )


def add_transparent(to: argparse.ArgumentParser) -> None:
    to.add_argument(
        "--transparent",
        action="store_true",
        help="a transparent background, as png or webp, if the model can (see `models`); "
        '"isolated on transparent background" in the prompt helps',
    )


def add_extra_fields(to: argparse.ArgumentParser) -> None:
    to.add_argument(
        "--extra-fields",
        metavar="JSON",
        default="",
        help="request fields without an option yet, as a JSON object; prices don't cover them",
    )


def target_from(args: argparse.Namespace, stem: str, format: str = "") -> Target:
    """Return the place for images. stem: of their names in a folder. format: the certain one.

    Raises InvalidRequestError for a path that can't be used, or that has another format.
    """
    target = parse_target(args.output, stem)
    format = format or getattr(args, "format", None) or ""
    if format and target.format not in (None, format):
        which = "--format says" if getattr(args, "format", None) else "this command writes"
        raise InvalidRequestError(f"-o {args.output}: {which} {format}. Change the extension.")
    return target


def add_variation(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--variation",
        type=int,
        default=0,
        metavar="N",
        help="change it for a new result (charged); it isn't sent",
    )


def read_prompt(text: str, console: Console, what: str = "prompt") -> str:
    """Return the prompt: the text itself, or stdin for "-". Raises InvalidRequestError."""
    if text != "-":
        return text
    if sys.stdin is None:
        raise InvalidRequestError(f"There is no stdin to read the {what} from.")
    if is_terminal(sys.stdin):
        console.note(f"Type the {what}, then press Ctrl-D (on Windows Ctrl-Z and Enter).")
    try:
        prompt = _read_text(sys.stdin).strip()
    except UnicodeDecodeError:
        raise InvalidRequestError(f"The {what} on stdin isn't UTF-8 text.") from None
    if not prompt:
        raise InvalidRequestError(f"There is no {what} on stdin.")
    return prompt


def dollar_limit(text: str) -> float:
    """Parse an amount of money in an option."""
    amount = plain_number(text.removeprefix("$"))
    if not 0 <= amount < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not an amount of at least 0")
    return amount


def _read_text(stream: TextIO) -> str:
    """Read all of a stream. A pipe is UTF-8, whatever the console's code page."""
    if is_terminal(stream) or not hasattr(stream, "buffer"):
        return stream.read()
    data: bytes = stream.buffer.read()
    return data.decode("utf-8-sig")
