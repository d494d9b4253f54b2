"""Commands to type: for the user's shell, from the current folder."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path

CLIENT = Path(os.path.normpath(Path(__file__).absolute())).parent
IS_WINDOWS = os.name == "nt"

PLAIN = frozenset("-_./\\:=+@%,~")
"""Characters, besides letters and digits, that need no quotes on Windows."""


def command_line(*words: str) -> str:
    """Return a command of this client, such as `login`, for this Python.

    It names the client's folder: ComfyUI's portable Python finds no module by -m, and is isolated.
    Paths are relative if the current folder has both, as that of the portable ComfyUI does. If pip
    installed this client, or its command started this process, it names that command instead.
    """
    if installed := _starter() or _beside_client():
        return quoted([installed, *words])
    paths = [Path(sys.executable or "python"), CLIENT]
    try:
        python, client = (str(path.relative_to(Path.cwd())) for path in paths)
    except (ValueError, OSError):
        python, client = map(str, paths)
    if os.sep not in python:
        python = f".{os.sep}{python}"  # shells look for a bare name elsewhere
    return quoted([python, *(["-I"] if _is_isolated() else []), client, *words])


def command_name() -> str:
    """Return the words that started this process, for its help."""
    if _starter():
        return "venice"
    started = Path(sys.argv[0])
    return command_line() if started.absolute() == CLIENT else "python -m venice_client"


def quoted(words: Sequence[str]) -> str:
    """Join words into a line for the shell of this system."""
    if not IS_WINDOWS:
        return shlex.join(words)
    line = " ".join(w if w and all(map(_is_plain, w)) else f'"{w}"' for w in words)
    # PowerShell takes a first word in quotes for a text, unless a & calls it.
    return f"& {line}" if line.startswith('"') and _is_powershell() else line


def setting_lines(settings: Mapping[str, str]) -> list[str]:
    """Return lines that set environment variables: on Windows for cmd, and for PowerShell."""
    if not IS_WINDOWS:
        return [f"export {name}={shlex.quote(value)}" for name, value in settings.items()]
    return [
        "In cmd:",
        *(f'set "{name}={value}"' for name, value in settings.items()),
        "In PowerShell:",
        *(f"$env:{name} = '{value}'" for name, value in settings.items()),
    ]


def _starter() -> str:
    """The command that pip installed, if it started this process."""
    started = Path(sys.argv[0])
    return _by_name(started) if started.stem == "venice" else ""


def _beside_client() -> str:
    """The command that pip installed with this client, if it did."""
    command = Path(sysconfig.get_path("scripts"), "venice.exe" if IS_WINDOWS else "venice")
    is_installed = CLIENT.parent == Path(sysconfig.get_path("purelib")) and command.is_file()
    return _by_name(command) if is_installed else ""


def _by_name(command: Path) -> str:
    """The name of a command, or its path if PATH lacks it."""
    found = shutil.which(command.stem)
    is_on_path = found and Path(found).with_suffix("") == command.absolute().with_suffix("")
    return command.stem if is_on_path else str(command)


def _is_isolated() -> bool:
    """Whether this Python ignores the environment, as the portable one does."""
    return bool(sys.flags.isolated)


def _is_powershell() -> bool:
    """Whether PowerShell started this process: it adds the user's modules to those of Windows."""
    return os.environ.get("PSMODULEPATH", "").count(";") >= 2


def _is_plain(letter: str) -> bool:
    return letter.isalnum() or letter in PLAIN
