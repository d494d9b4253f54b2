"""The prompt of a saved result and the workflow of its run: a file in `prompts/`.

The first line is JSON with the prompt, so that lists read no more; the compressed workflow follows,
if there is one. It is a separate file: it can be deleted alone, and a damaged one loses no image.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..files import make_folder, remove_file, write_atomic
from .entry_file import ASIDE, MAX_HEAD

FOLDER = "prompts"
ENDING = ".prompt"

MAX_WORKFLOW = 8 * 2**20
"""Most characters of a workflow. Some packs put whole images into theirs."""


@dataclass(frozen=True)
class Prompt:
    """A prompt, and the workflow that it was part of. workflow: as `packed` returns it."""

    text: str
    workflow: bytes = b""

    def __bool__(self) -> bool:
        return bool(self.text or self.workflow)


def prompts_beside(results: Path) -> Path:
    """Return the folder of prompts that belongs to a folder of results."""
    return results.parent / FOLDER


def prompt_path(entry: Path) -> Path:
    """Return the file of an entry's prompt."""
    return prompts_beside(entry.parent) / f"{entry.stem}{ENDING}"


def packed(workflow: object) -> bytes:
    """Return a workflow as the file contains it; b"" for none, a huge one, or no JSON."""
    if not isinstance(workflow, dict) or not workflow:
        return b""
    try:
        text = json.dumps(workflow, separators=(",", ":"), allow_nan=False)
    except (ValueError, TypeError, RecursionError, RuntimeError):  # or another thread changes it
        return b""
    return zlib.compress(text.encode()) if len(text) <= MAX_WORKFLOW else b""


def switch_prompts(home: Path, are_saved: bool) -> None:
    """Write prompts of this home from now on, or none, whatever a request in flight began with."""
    (_switched_off.discard if are_saved else _switched_off.add)(home / FOLDER)


def write_prompt(path: Path, prompt: Prompt) -> None:
    """Write the file, whole or not at all, readable by its owner only. Raises OSError."""
    if path.parent in _switched_off:
        return
    make_folder(path.parent)
    line = json.dumps({"prompt": prompt.text}).encode() + b"\n"
    write_atomic(path, line, prompt.workflow, prefix=ASIDE)
    if path.parent in _switched_off:  # since then, so that whoever removes all may miss this one
        remove_file(path)


def read_prompt(path: Path) -> tuple[str, bool]:
    """Return the prompt, and whether there is a workflow. Raises OSError or one of DAMAGE."""
    with path.open("rb") as file:
        text = json.loads(file.readline(MAX_HEAD))["prompt"]
        if not isinstance(text, str):
            raise TypeError("no text")
        return text, file.read(1) != b""


def read_workflow(path: Path) -> dict[str, Any] | None:
    """Return the workflow; None if there is none. Raises OSError or one of DAMAGE."""
    with path.open("rb") as file:
        file.readline(MAX_HEAD)
        packed = file.read()
    if not packed:
        return None
    try:
        data = zlib.decompressobj().decompress(packed, MAX_WORKFLOW)
    except zlib.error as error:
        raise ValueError(str(error)) from None
    found = json.loads(data)
    return found if isinstance(found, dict) else None


_switched_off: set[Path] = set()
"""The folders for which someone turned prompts off while this process runs."""
