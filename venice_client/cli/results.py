"""`results`: what was paid for and is still kept: lists it, saves it, removes it."""

from __future__ import annotations

import argparse
import fnmatch
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from ..errors import InvalidRequestError, VeniceError
from ..image_result import kept_images
from ..settings.service import SANDBOX_NAME
from ..settings.settings import Settings
from ..store.entry_file import Entry
from ..store.ledger import start_of_day
from ..store.result_store import MB, ResultStore
from ..text import printable
from . import exits
from .console import Console, is_terminal, table
from .files import Target, path_from, prepare_folder, write_image

DEFAULT_LAST = 20
FACTS = ("service", "path", "model", "seed", "asked")
NOT_IN_NAMES = re.compile(r"[^\w.-]+")


@dataclass
class Row:
    """A kept answer as it is listed, and the files that its pictures were saved in.

    number: its place in the list, from 1 on.
    """

    number: int
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
    def _cost_text(self) -> str:
        if self.is_sandbox:
            return "0 (sandbox)"
        return "?" if self.cost is None else f"{self.cost:.4g}"

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
            str(self.number),
            f"{self.time:%Y-%m-%d %H:%M:%S}" if self.time else "?",
            _text(self.fact("path")).removeprefix("/image/"),
            _text(self.fact("model")),
            _text(self.fact("seed")),
            self.asked,
            self._cost_text,
            _size_text(self.entry.size),
            {True: "yes", False: "no", None: "?"}[self.entry.was_shown],
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
            "number": self.number,
            "time": self.time.isoformat(timespec="seconds") if self.time else None,
            **{name: self.fact(name) for name in FACTS},
            "cost_usd": self.cost,
            "bytes": self.entry.size,
            "shown": self.entry.was_shown,
            "files": self.files,
        }


_SIDES = ("width", "height")
_HEAD = ("NO", "TIME", "WHAT", "MODEL", "SEED", "ASKED", "USD", "SIZE", "SHOWN")


def add(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    parser = add_parser(
        "results",
        help="what was paid for and is still kept; free",
        description="Lists the answers that are kept on this machine, the newest first. -o saves\n"
        "their pictures as they came; what is there already is not saved again, and\n"
        "nothing is overwritten. SHOWN says whether a node showed a picture, or a command\n"
        "saved it. Needs no key and sends nothing.",
    )
    add = parser.add_argument
    add("--last", type=_count, metavar="N", help=f"only the last N (default: {DEFAULT_LAST})")
    add("--number", type=_count, metavar="N", help="only the one with this number in the list")
    add("--model", metavar="NAME", help="only those of a model; * stands for any letters")
    add("--day", type=_day, metavar="YYYY-MM-DD", help="only those made on this day")
    add("--never-shown", action="store_true", help="only those that were never shown or saved")
    add("-o", "--output", metavar="FOLDER", help="save the pictures of those listed")
    add("--limit", type=_megabytes, metavar="MB", help="remove the least recently used beyond this")
    add("--clear", action="store_true", help="remove everything that is kept")
    add(
        "--yes",
        action="store_true",
        help="--limit or --clear without asking; needed where there is no terminal to ask on",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, console: Console, settings: Settings) -> int:
    store = ResultStore(settings.home, settings.store_mb)
    if args.clear or args.limit is not None:
        chosen = (args.last, args.number, args.model, args.day, args.never_shown, args.output)
        if any(chosen) or (args.clear and args.limit is not None):
            raise InvalidRequestError("--clear and --limit go with no other option than --yes.")
        return _remove(store, console, args.limit, is_sure=args.yes)
    rows = _rows(store, args)
    errors = _save(store, rows, path_from(args.output), console) if args.output else []
    count, size = store.usage()
    listed = {
        "count": len(rows),
        "bytes": sum(row.entry.size for row in rows),
        "cost_usd": round(sum(row.cost or 0.0 for row in rows), 6),
    }
    lines = table([_HEAD, *(row.cells for row in rows)]) if rows else []
    if args.output:
        lines = [file for row in rows for file in row.files]
    total = {"count": count, "bytes": size}
    console.result({"results": [r.facts for r in rows], "listed": listed, "total": total}, lines)
    console.note(
        f"{len(rows)} listed, {_total_text(rows)}; {count} kept, {_size_text(size)}"
        if count
        else "Nothing is kept."
    )
    if unreadable := len(list(store.unreadable.glob("*"))):
        console.note(f"Answers that could not be read: {unreadable}, in {store.unreadable}")
    return exits.FAILED if errors else exits.OK


def _rows(store: ResultStore, args: argparse.Namespace) -> list[Row]:
    """The rows to list."""
    end = start_of_day(args.day + timedelta(days=1)) if args.day else float("inf")
    pattern = args.model.lower() if args.model else "*"

    def matches(entry: Entry) -> bool:
        model = str(entry.facts.get("model")).lower()
        is_new = entry.was_shown is False
        return (
            entry.facts["time"] < end
            and fnmatch.fnmatchcase(model, pattern)
            and (is_new or not args.never_shown)
        )

    since = start_of_day(args.day) if args.day else 0.0
    entries = store.entries(args.number or args.last or DEFAULT_LAST, since, matches)
    rows = [Row(number, entry) for number, entry in enumerate(entries, start=1)]
    if args.number is None:
        return rows
    if args.number > len(rows):
        raise InvalidRequestError(
            f"--number {args.number} is not in the list, which has {len(rows)}."
        )
    return rows[args.number - 1 :]


def _save(
    store: ResultStore, rows: Sequence[Row], folder: Path, console: Console
) -> list[VeniceError]:
    """Writes the pictures of all rows, and returns the errors of those that could not be."""
    prepare_folder(folder)
    errors = []
    for row in rows:
        try:
            row.files += _save_one(store, row, folder)
            store.mark_shown(row.entry.key)
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


def _total_text(rows: Sequence[Row]) -> str:
    """What the rows cost, in words that agree with them."""
    free, unknown = sum(row.is_sandbox for row in rows), sum(row.cost is None for row in rows)
    text = f"about {sum(row.cost or 0.0 for row in rows):.4g} USD"
    text += f" and {unknown} of unknown price" if unknown else ""
    return text + (f" ({free} of the sandbox, nothing charged)" if free else "")


def _remove(store: ResultStore, console: Console, limit: float | None, is_sure: bool) -> int:
    """Removes what is beyond a limit in MB, or everything; asks before, on a terminal.

    Raises InvalidRequestError where there is no terminal to ask on.
    """
    if not is_sure and not is_terminal(sys.stdin):
        raise InvalidRequestError(
            "Nothing was removed: what is kept was paid for, and there is no terminal to ask on. "
            "Add --yes to remove it all the same."
        )
    if not is_sure:
        count, size = store.usage()
        part = "all" if limit is None else f"what is beyond {limit:g} MB"
        console.note(f"Remove {part} of {count} kept answers ({_size_text(size)})?")
        console.note("They are paid for. [y/N]")
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            console.result({"removed": 0}, ["Nothing was removed."])
            return exits.OK
    count = store.clear() if limit is None else store.shrink(limit)
    console.result({"removed": count}, [f"{count} removed."])
    return exits.OK


def _text(value: object) -> str:
    """A fact in a cell."""
    return "" if value is None else printable(value)


def _size_text(size: float) -> str:
    return f"{size / MB:.1f} MB" if size >= MB else f"{size / 1e3:.0f} kB"


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day such as 2026-11-30") from None


def _megabytes(text: str) -> float:
    found = float(text)
    if not 0 <= found < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of at least 0")
    return found
