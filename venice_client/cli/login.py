"""`login`: asks for the key without echo, checks it with a free call, and writes it to a file."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Callable

from ..client import VeniceClient
from ..errors import SettingsError
from ..settings.api_key import ApiKey
from ..settings.settings import DEFAULT_BASE_URL, Settings, make_home, save_key
from . import exits
from .console import Console, is_terminal


def add(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    readable = "" if sys.platform == "win32" else ", readable by you alone"  # see make_folder
    parser = add_parser(
        "login",
        help="save the Venice key on this machine",
        description="Asks for the Venice key without showing it, checks it with a free call,\n"
        f"and writes it to venice.json{readable}. The key is no option, so\n"
        "that it stays out of the shell's history; a program can give it on stdin. Where\n"
        "VENICE_API_BASE names another service, that address is saved with it.",
    )
    parser.set_defaults(run=run)


def run(_args: argparse.Namespace, console: Console, settings: Settings) -> int:
    make_home(settings.home)
    key = ApiKey(_ask(settings.base_url))
    if not key.reveal():
        raise SettingsError("No key was given: copy one from venice.ai, Settings, API.")
    client = VeniceClient(settings, key=key.reveal())
    client.account()
    base_url = DEFAULT_BASE_URL if key.is_sandbox else settings.base_url
    path = save_key([settings.home], key, base_url)
    with_it = "" if base_url == DEFAULT_BASE_URL else ", with that address as VENICE_API_BASE"
    console.result(
        {"saved": str(path), "service": client.service.name, "base_url": base_url},
        [f"The key works with {client.service.name}. It is saved in {path}{with_it}."],
    )
    if os.environ.get("VENICE_API_KEY", "").strip():
        console.note("VENICE_API_KEY is set too, and goes before the file: unset it.")
    return exits.OK


def _ask(base_url: str) -> str:
    name = "Venice key" if base_url == DEFAULT_BASE_URL else f"Key for {base_url}"
    try:
        if is_terminal(sys.stdin):
            return getpass.getpass(f"{name} (not shown): ")
        return sys.stdin.readline() if sys.stdin is not None else ""
    except (EOFError, UnicodeDecodeError):  # Ctrl-D, or bytes that are no text
        return ""
