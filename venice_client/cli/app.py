"""The parser of the command line, and the exit code of each command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from itertools import takewhile
from typing import Any, NoReturn

from ..errors import InvalidRequestError, VeniceError
from ..settings.settings import load_settings
from ..shell import command_name
from ..version import __version__
from . import account, exit_codes, generate, images, lists, login, results, sandbox, spending, texts
from .console import Console, describe

COMMANDS = (generate, images, texts, results, spending, login, lists, account, sandbox)
"""Modules with `add(add_parser)`, in the order of --help. A parser's `run(args, console, settings)`
returns the exit code; `is_paid` says whether it makes requests that cost money."""


class UsageError(InvalidRequestError):
    """Options that the command doesn't have. command: its name. usage: what it takes instead."""

    def __init__(self, message: str, command: str, usage: str) -> None:
        super().__init__(message)
        self.command = command
        self.usage = usage


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    argv = sys.argv[1:] if argv is None else argv
    try:
        args, unknown = _parser().parse_known_args(argv)
        if unknown:
            args.parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    except UsageError as error:
        return _refuse(error, Console(_asks_for_json(argv)))
    console = Console(args.json, args.verbose)
    try:
        settings = load_settings()
        for warning in settings.warnings:
            console.note(f"note: {warning}")
        code = int(args.run(args, console, settings))
        return exit_codes.FAILED if console.is_broken and code == exit_codes.OK else code
    except VeniceError as error:
        console.error(error)
        if args.json:
            console.result({"error": describe(error)}, [])
        return exit_codes.code_for(error, is_paid=args.is_paid)
    except KeyboardInterrupt:
        console.note("Interrupted.")
        if not console.has_result:
            console.result({"interrupted": True}, [])
        return exit_codes.INTERRUPTED


def _refuse(error: UsageError, console: Console) -> int:
    console.error(error, prefix=f"{error.command}: ")
    console.note(error.usage.rstrip())
    console.result({"error": describe(error)}, [])
    return exit_codes.code_for(error, is_paid=False)


def _asks_for_json(argv: Sequence[str]) -> bool:
    """Whether --json, whole or shortened, is among options that can't be parsed."""
    options = takewhile(lambda word: word != "--", argv)
    return any(len(word) > 2 and "--json".startswith(word) for word in options)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message, self.prog, self.format_usage())


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog=command_name(),
        description="Venice images from the command line. Results go to stdout, progress and\n"
        "errors to stderr.",
        epilog=exit_codes.HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    _add_common(parser, default=False)
    common = _Parser(add_help=False)
    _add_common(common, default=argparse.SUPPRESS)  # else it would reset one before the command
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def add_parser(name: str, **options: Any) -> argparse.ArgumentParser:
        options.setdefault("description", options.get("help"))
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        added = commands.add_parser(name, parents=[common], **options)
        added.set_defaults(is_paid=False, parser=added)
        return added

    for module in COMMANDS:
        module.add(add_parser)
    return parser


def _add_common(parser: argparse.ArgumentParser, default: Any) -> None:
    """The options that can come before or after the command."""
    add = partial(parser.add_argument, action="store_true", default=default)
    add("--json", help="write the result as one JSON value")
    add("--verbose", help="show errors in full")
