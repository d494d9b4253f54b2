"""The parser, and from a command's end to its exit code."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any

from ..errors import VeniceError
from ..version import __version__
from . import account, exits, generate, lists, login, pictures, results, sandbox
from .console import Console, describe

COMMANDS = (generate, pictures, results, login, lists, account, sandbox)
"""Modules with `add(add_parser)`, in the order of --help. A parser's `run(args, console)` answers
the exit code; `is_paid` says whether it makes requests that cost money."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and answers its exit code. Wrong options raise SystemExit(2)."""
    args = _parser().parse_args(argv)
    console = Console(args.json, args.verbose)
    try:
        return int(args.run(args, console))
    except VeniceError as error:
        console.error(error)
        if args.json:
            console.result({"error": describe(error)}, [])
        return exits.code_for(error, is_paid=args.is_paid)
    except KeyboardInterrupt:
        console.note("Interrupted.")
        return exits.INTERRUPTED
    except BrokenPipeError:
        # Whoever read stdout has gone, as `| head` does: nothing more can be said there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exits.FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m venice_client",
        description="The Venice image API from the command line. Results go to stdout, progress "
        "and errors to stderr.",
        epilog=exits.HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="the result as one JSON value")
    common.add_argument("--verbose", action="store_true", help="errors with all their lines")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def add_parser(name: str, **options: Any) -> argparse.ArgumentParser:
        options.setdefault("description", options.get("help"))
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        added = commands.add_parser(name, parents=[common], **options)
        added.set_defaults(is_paid=False)
        return added

    for module in COMMANDS:
        module.add(add_parser)
    return parser
