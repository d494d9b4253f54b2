"""One saved response as a file: a line of checksums, a line of JSON, the bytes as they came.

The first line is "venice-result 2 HEAD BODY n", with the SHA-256 of the line of JSON and of the
bytes, so that a list reads only heads. Its last letter, which no checksum covers, becomes "s" when
the images are shown. Version 1 had one checksum over everything after its line, and no letter.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from ..files import write_atomic
from ..settings.service import SANDBOX_NAME
from ..transport.response import Response

ASIDE = ".aside-"
"""The prefix of an entry's name during the write."""

DAMAGE = (ValueError, LookupError, TypeError, AttributeError, RecursionError)
"""Errors of reading a file that is damaged, not an entry, or of a newer version."""

SHOWN_AT = 146
"""Bytes before the letter in the first line."""

KEPT_HEADERS = ("content-type", "date", "x-request-id")
PROMPT_HEADER = "x-venice-enhanced-prompt"

MAX_LINE = 200
MAX_HEAD = 2**20


@dataclass(frozen=True)
class Entry:
    """A saved response, without its bytes.

    facts: path, model, seed, size, cost, time. size: of the file, in bytes. was_shown: None if
    unknown.
    """

    key: str
    facts: Mapping[str, Any]
    size: int
    was_shown: bool | None

    @property
    def is_sandbox(self) -> bool:
        """Whether the sandbox drew it, which charges nothing."""
        return bool(self.facts.get("service") == SANDBOX_NAME)

    @property
    def cost_usd(self) -> float | None:
        """Its charge in USD; None if its price is unknown."""
        cost = 0.0 if self.is_sandbox else self.facts.get("cost_usd")
        is_number = isinstance(cost, int | float) and not isinstance(cost, bool)
        return float(cost) if is_number else None  # type: ignore[arg-type]

    @property
    def asked(self) -> dict[str, Any]:
        """The size and other values that the request named."""
        asked = self.facts.get("asked")
        return dict(asked) if isinstance(asked, dict) else {}

    @property
    def order(self) -> tuple[float, int]:
        """A key to sort by: the newest batch first, each in the order of its requests."""
        begun, place = self.facts.get("begun"), self.facts.get("place")
        if not isinstance(begun, float) or not isinstance(place, int):  # version 0.2 noted neither
            return -float(self.facts["time"]), 0
        return -begun, place


@dataclass(frozen=True)
class _Head:
    version: int
    checksum: str
    facts: dict[str, Any]
    line: bytes
    was_shown: bool | None


def write_entry(path: Path, facts: Mapping[str, Any], response: Response) -> int:
    """Write an entry, whole or not at all, and return its size. Raises OSError."""
    head = json.dumps({**facts, "bytes": len(response.body)}).encode() + b"\n"
    first = f"venice-result 2 {_sha256(head)} {response.checksum} n\n".encode()
    write_atomic(path, first, head, response.body, prefix=ASIDE)
    return len(first) + len(head) + len(response.body)


def read_entry(path: Path) -> Response:
    """Return the response. Raises OSError, or one of DAMAGE if any byte has changed."""
    with path.open("rb") as file:
        head = _read_head(file)
        body = file.read()
    response = Response(head.facts["headers"], body, 0.0, from_store=True)
    whole = _sha256(head.line, body) if head.version == 1 else response.checksum
    if whole != head.checksum:
        raise ValueError("wrong checksum")
    return response


def read_facts(path: Path) -> Entry:
    """Return the facts in an entry. Reads only its head: the bytes may be damaged, but not cut.

    Raises as `read_entry` does.
    """
    with path.open("rb") as file:
        head = _read_head(file)
        size = os.fstat(file.fileno()).st_size
        if head.version > 1 and size - file.tell() != head.facts["bytes"]:
            raise ValueError("wrong length")
    return Entry(path.stem, head.facts, size, head.was_shown)


def read_beginning(path: Path, maximum: int) -> bytes:
    """Return the first bytes of a response, unchecked. Raises as `read_entry` does."""
    with path.open("rb") as file:
        _read_head(file)
        return file.read(maximum)


def mark_shown(path: Path) -> None:
    """Mark the images of an entry as shown. Raises OSError."""
    with path.open("r+b", buffering=0) as file:
        if file.read(SHOWN_AT + 2)[SHOWN_AT:] == b"n\n":
            file.seek(SHOWN_AT)
            file.write(b"s")


def cached_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that describe the image, without any prompt."""
    return {
        name: value
        for name, value in headers.items()
        if name in KEPT_HEADERS or (name.startswith("x-venice-") and name != PROMPT_HEADER)
    }


def _read_head(file: BinaryIO) -> _Head:
    words = file.readline(MAX_LINE).split()
    line = file.readline(MAX_HEAD)
    if len(words) < 3 or words[0] != b"venice-result" or not line.endswith(b"\n"):
        raise ValueError("no result")
    if words[1] == b"1" and len(words) == 3:
        version, was_shown = 1, None
    elif words[1] == b"2" and len(words) == 5 and words[4] in (b"n", b"s"):
        version, was_shown = 2, words[4] == b"s"
        if words[2] != _sha256(line).encode():
            raise ValueError("wrong checksum")
    else:
        raise ValueError("another version")
    facts = json.loads(line)
    facts["headers"].items()
    facts["time"] = float(facts["time"])
    return _Head(version, words[version + 1].decode(), facts, line, was_shown)


def _sha256(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()
