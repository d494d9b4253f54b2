"""`results`: what was paid for and is still kept: lists it, saves it, empties the store."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from ..errors import InvalidRequestError, VeniceError
from ..image_result import kept_images
from ..settings.service import SANDBOX_NAME
from ..settings.settings import load_settings
from ..store.result_store import Entry, ResultStore
from ..text import printable
from . import exits
from .console import Console, table
from .files import Target, path_from, prepare_folder, write_image

DEFAULT_LAST = 20
FACTS = ("service", "path", "model", "seed", "asked", "cost_usd")
NOT_IN_NAMES = re.compile(r"[^\w.-]+")


@dataclass
class Row:
    """A kept answer as it is listed, and the files that its pictures were saved in."""

    entry: Entry
    files: list[str] = field(default_factory=list)

    def fact(self, name: str) -> Any:
        return self.entry.facts.get(name)

    @property
    def time(self) -> datetime | None:
        """When it was made, in local time; None for a time that no calendar has."""
        try:
            return datetime.fromtimestamp(self.entry.facts["time"]).astimezone()
        except (ValueError, OverflowError, OSError):
            return None

    @property
    def is_sandbox(self) -> bool:
        """Whether the built-in sandbox made it, which costs nothing."""
        return bool(self.fact("service") == SANDBOX_NAME)

    @property
    def cost(self) -> float | None:
        cost = 0.0 if self.is_sandbox else self.fact("cost_usd")
        return float(cost) if isinstance(cost, int | float) else None

    @property
    def asked(self) -> str:
        """Size, ratio, tier, scale and variants, in a word each."""
        asked = self.fact("asked")
        asked = dict(asked) if isinstance(asked, dict) else {}
        words = [f"{asked.pop('width')}×{asked.pop('height')}"] if {*asked} >= {*_SIDES} else []
        words += [f"{asked.pop('scale')}×"] if "scale" in asked else []
        variants = asked.pop("variants", 1)
        words += [_text(value) for value in asked.values()]
        return " ".join([*words, *([f"{variants} variants"] if variants != 1 else [])])

    @property
    def cells(self) -> tuple[str, ...]:
        return (
            f"{self.time:%Y-%m-%d %H:%M:%S}" if self.time else "?",
            _text(self.fact("path")).removeprefix("/image/"),
            _text(self.fact("model")),
            _text(self.fact("seed")),
            self.asked,
            "sandbox" if self.is_sandbox else "?" if self.cost is None else f"{self.cost:.4g}",
            _size_text(self.entry.size),
        )

    @property
    def stem(self) -> str:
        """The name of its file: time, model and seed."""
        words = [f"{self.time:%Y%m%d-%H%M%S}" if self.time else "undated"]
        words += [_text(self.fact(name)) for name in ("model", "seed")]
        return "-".join(NOT_IN_NAMES.sub("_", word) for word in words if word)

    @property
    def facts(self) -> dict[str, Any]:
        return {
            "time": self.time.isoformat(timespec="seconds") if self.time else None,
            **{name: self.fact(name) for name in FACTS},
            "bytes": self.entry.size,
            "files": self.files,
        }


_SIDES = ("width", "height")
_HEAD = ("TIME", "WHAT", "MODEL", "SEED", "ASKED", "USD", "SIZE")


def add(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    parser = add_parser(
        "results",
        help="what was paid for and is still kept; free",
        description="Lists the answers that are kept on this machine, the newest first. -o saves\n"
        "their pictures as they came; what is there already is not saved again, and nothing is\n"
        "overwritten. Needs no key and sends nothing.",
    )
    parser.add_argument(
        "--last", type=_count, metavar="N", help=f"only the last N (default: {DEFAULT_LAST})"
    )
    parser.add_argument("-o", "--output", metavar="FOLDER", help="save the pictures of those there")
    parser.add_argument("--clear", action="store_true", help="remove everything that is kept")
    parser.add_argument("--yes", action="store_true", help="--clear without asking")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, console: Console) -> int:
    settings = load_settings()
    store = ResultStore(settings.home, settings.store_mb)
    if args.clear:
        if args.last or args.output:
            raise InvalidRequestError("--clear removes everything: it goes with no other option.")
        return _clear(store, console, is_sure=args.yes)
    entries = store.entries()
    rows = [Row(entry) for entry in entries[: args.last or DEFAULT_LAST]]
    errors = _save(store, rows, path_from(args.output), console) if args.output else []
    costs = [row.cost for row in map(Row, entries)]
    total = {
        "count": len(entries),
        "bytes": sum(entry.size for entry in entries),
        "cost_usd": round(sum(cost for cost in costs if cost is not None), 6),
    }
    lines = table([_HEAD, *(row.cells for row in rows)]) if rows else []
    if args.output:
        lines = [file for row in rows for file in row.files]
    console.result({"results": [row.facts for row in rows], "total": total}, lines)
    shown = f"the last {len(rows)} of " if len(rows) < len(entries) else ""
    console.note(
        f"{shown}{len(entries)} kept, {_size_text(total['bytes'])}, "
        f"about {total['cost_usd']:.4g} USD in all"
        if entries
        else "Nothing is kept."
    )
    return exits.FAILED if errors else exits.OK


def _save(
    store: ResultStore, rows: Sequence[Row], folder: Path, console: Console
) -> list[VeniceError]:
    """Writes the pictures of all rows; the errors of those that could not be."""
    prepare_folder(folder)
    errors = []
    for row in rows:
        try:
            row.files += _save_one(store, row, folder)
        except VeniceError as error:
            errors.append(error)
            console.error(error, prefix=f"- {row.stem}: ")
    return errors


def _save_one(store: ResultStore, row: Row, folder: Path) -> list[str]:
    answer = store.peek(row.entry.key)
    if answer is None:
        raise VeniceError("It is no longer kept, or cannot be read.")
    pictures = kept_images(answer)
    target = Target(folder, row.stem, "")
    files = []
    for number, image in enumerate(pictures, start=1):
        path = _same(target, image.data)
        if path is None:
            path = write_image(target, number if len(pictures) > 1 else None, image, force=False)
        files.append(str(path))
    return files


def _same(target: Target, data: bytes) -> Path | None:
    """A file of this name, with or without a number, that holds just these bytes."""
    for path in sorted(target.folder.glob(f"{target.stem}*")):
        if path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data:
            return path
    return None


def _clear(store: ResultStore, console: Console, is_sure: bool) -> int:
    if not is_sure and sys.stdin.isatty():
        entries = store.entries()
        size = _size_text(sum(entry.size for entry in entries))
        console.note(f"Remove {len(entries)} kept answers ({size})? They are paid for. [y/N]")
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            console.result({"removed": 0}, ["Nothing was removed."])
            return exits.OK
    count = store.clear()
    console.result({"removed": count}, [f"{count} removed."])
    return exits.OK


def _text(value: object) -> str:
    """A fact in a cell."""
    return "" if value is None else printable(value)


def _size_text(size: float) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 on")
    return int(text)
