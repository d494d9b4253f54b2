"""`login`: reads the API key without echo, and saves it if it works."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Callable
from pathlib import Path

from ..login import log_in
from ..settings.api_key import ApiKey
from ..settings.settings import DEFAULT_BASE_URL, Settings, make_home
from . import exit_codes
from .console import Console, is_terminal


def add(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    parser = add_parser(
        "login",
        help="save your Venice API key",
        description="Asks for your Venice API key without showing it, checks it with a free call,\n"
        "and saves it in venice.json. No option takes it, so it stays out of your shell's\n"
        "history; a program can write it to stdin. If VENICE_API_BASE is set, that\n"
        "address is saved with it.",
    )
    parser.set_defaults(run=run)


def run(_args: argparse.Namespace, console: Console, settings: Settings) -> int:
    make_home(settings.home)
    login = log_in(settings, ApiKey(_ask(settings.base_url)))
    words = [f"The key works with {login.service}. It's saved in {login.file}."]
    if login.base_url != DEFAULT_BASE_URL:
        words.append("That address is saved with it, as VENICE_API_BASE.")
    if _is_private(login.file):
        words.append("Only you can read this file.")
    facts = {"saved": str(login.file), "service": login.service, "base_url": login.base_url}
    console.result(facts, [" ".join(words)])
    if os.environ.get("VENICE_API_KEY", "").strip():
        console.note(
            "VENICE_API_KEY is also set, and overrides the file. Unset it to use this key."
        )
    return exit_codes.OK


def _is_private(path: Path) -> bool:
    """Whether nobody else can read a file, as far as its mode tells. Windows has none."""
    return sys.platform != "win32" and path.stat().st_mode & 0o077 == 0


def _ask(base_url: str) -> str:
    name = "Venice API key" if base_url == DEFAULT_BASE_URL else f"Key for {base_url}"
    try:
        if is_terminal(sys.stdin):
            return getpass.getpass(f"{name} (hidden): ")
        return sys.stdin.readline() if sys.stdin is not None else ""
    except (EOFError, UnicodeDecodeError):  # Ctrl-D, or bytes that aren't text
        return ""
