"""`sandbox`: the local stand-in for the API in the foreground."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

from ..errors import VeniceError
from ..money import dollars
from ..sandbox import Sandbox
from ..settings.api_key import LOCAL_SANDBOX_KEY
from ..settings.settings import Settings
from ..shell import setting_lines
from . import exit_codes
from .console import Console

DEFAULT_PORT = 8484


def add(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    parser = add_parser(
        "sandbox",
        help="run a free stand-in for the API",
        description="Runs a free stand-in for the Venice image API on 127.0.0.1 until Ctrl-C,\n"
        "and prints the two settings that point the client and the nodes to it.",
    )
    parser.add_argument(
        "--port",
        type=int,
        default=DEFAULT_PORT,
        help="0 picks a free one (default %(default)s)",
    )
    parser.add_argument(
        "--latency",
        type=float,
        default=0.0,
        metavar="S",
        help="seconds per image",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, console: Console, _settings: Settings) -> int:
    sandbox = Sandbox(port=args.port, keys=(LOCAL_SANDBOX_KEY,), latency_s=args.latency)
    try:
        sandbox.start()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise VeniceError(f"Port {args.port} isn't available ({reason}). Try --port 0.") from None
    try:
        settings = {"VENICE_API_BASE": sandbox.base_url, "VENICE_API_KEY": LOCAL_SANDBOX_KEY}
        console.result(settings, setting_lines(settings))
        console.note("The sandbox is running. Press Ctrl-C to stop it.")
        while True:
            time.sleep(0.5)
    except KeyboardInterrupt:
        if count := len(sandbox.charges):
            console.note(
                f"{count} paid request{'' if count == 1 else 's'}, free in the sandbox (about "
                f"{dollars(sandbox.charged_usd)} on Venice)."
            )
    finally:
        sandbox.stop()
    return exit_codes.OK
