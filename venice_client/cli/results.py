"""`results`: saved results: lists them, writes their images to files, deletes them."""

from __future__ import annotations

import argparse
import fnmatch
import glob
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from ..errors import InvalidRequestError, VeniceError
from ..image_result import cached_images
from ..imaging.images import EncodedImage
from ..money import dollars
from ..request.chat import CHAT_PATH
from ..settings.settings import MAX_STORE_MB, Settings
from ..store.entry_file import Entry
from ..store.ledger import start_of_day
from ..store.result_cache import MB, ResultCache
from ..text import one_line, plain_number
from ..text_result import cached_texts
from . import exit_codes
from .console import Console, is_terminal, table
from .files import STEM, Target, TextFile, parse_target, prepare_folder, write_image

DEFAULT_LAST = 20
FACTS = ("service", "path", "model", "seed", "asked")
NOT_IN_NAMES = re.compile(r"[^\w.-]+")


@dataclass
class Row:
    """A saved result as it is listed, and the files that its images were written to.

    number: its place in the list, from 1 on.
    """

    number: int
    entry: Entry
    files: list[str] = field(default_factory=list)

    def fact(self, name: str) -> Any:
        return self.entry.facts.get(name)

    @property
    def time(self) -> datetime | None:
        """When it arrived, in local time; None for a time that no calendar has."""
        try:
            return datetime.fromtimestamp(self.entry.facts["time"]).astimezone()
        except (ValueError, OverflowError, OSError):
            return None

    @property
    def is_text(self) -> bool:
        return bool(self.fact("path") == CHAT_PATH)

    @property
    def _cost_text(self) -> str:
        if self.entry.is_sandbox:
            return "free"
        return "?" if self.entry.cost_usd is None else dollars(self.entry.cost_usd)

    @property
    def options(self) -> str:
        """Size, ratio, tier, scale and variants, in a word each."""
        asked = self.entry.asked
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
            "text" if self.is_text else _text(self.fact("path")).removeprefix("/image/"),
            _text(self.fact("model")),
            _text(self.fact("seed")),
            self.options,
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
            "cost_usd": self.entry.cost_usd,
            "bytes": self.entry.size,
            "shown": self.entry.was_shown,
            "files": self.files,
        }


_SIDES = ("width", "height")
_HEAD = ("NO", "TIME", "WHAT", "MODEL", "SEED", "OPTIONS", "COST", "SIZE", "SEEN")


def add(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    parser = add_parser(
        "results",
        help="list, export or delete saved images and texts; free",
        description="Lists the images and texts saved on this computer, newest first. -o exports\n"
        "them, skipping files already exported and never overwriting. SEEN shows whether\n"
        "you have seen one: in a node, or as a file. Needs no key and sends nothing.",
    )
    add = parser.add_argument
    add("--last", type=_count, metavar="N", help=f"only the last N (default: {DEFAULT_LAST})")
    add("--number", type=_count, metavar="N", help="only the one with this number in the list")
    add("--model", metavar="NAME", help="only those of this model; * matches anything")
    add("--day", type=_day, metavar="YYYY-MM-DD", help="only those from this day")
    add("--unseen", action="store_true", help="only those you haven't seen")
    add(
        "-o",
        "--output",
        metavar="PATH",
        help=f"write their images to a folder, or to a file such as fox.png; {STEM} stands for "
        "time, model and seed",
    )
    add(
        "--limit",
        type=_megabytes,
        metavar="MB",
        help="delete the least recently used, down to this size",
    )
    add("--clear", action="store_true", help="delete everything saved: images, texts and prompts")
    add("--yes", action="store_true", help="don't ask before --limit or --clear")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, console: Console, settings: Settings) -> int:
    store = ResultCache(settings.home, settings.store_mb)
    if args.clear or args.limit is not None:
        chosen = (args.last, args.number, args.model, args.day, args.unseen, args.output)
        if any(chosen) or (args.clear and args.limit is not None):
            raise InvalidRequestError("--clear and --limit take no other option than --yes.")
        return _remove(store, console, args.limit, is_sure=args.yes)
    rows = _rows(store, args)
    errors = _write(store, rows, parse_target(args.output, STEM), console) if args.output else []
    count, size = store.usage()
    listed = {
        "count": len(rows),
        "bytes": sum(row.entry.size for row in rows),
        "cost_usd": round(sum(row.entry.cost_usd or 0.0 for row in rows), 6),
    }
    lines = table([_HEAD, *(row.cells for row in rows)]) if rows and not args.output else []
    total = {"count": count, "bytes": size}
    console.result({"results": [r.facts for r in rows], "listed": listed, "total": total}, lines)
    console.note(
        f"{len(rows)} listed, {_cost_text(rows)}; {count} saved, {_size_text(size)}"
        if count
        else "There are no saved results."
    )
    if unreadable := len(list(store.unreadable.glob("*"))):
        console.note(f"Quarantined responses: {unreadable}, in {store.unreadable}")
    return exit_codes.FAILED if errors else exit_codes.OK


def _rows(store: ResultCache, args: argparse.Namespace) -> list[Row]:
    """The rows to list."""
    end = start_of_day(args.day + timedelta(days=1)) if args.day else float("inf")
    pattern = args.model.lower() if args.model else "*"

    def matches(entry: Entry) -> bool:
        model = str(entry.facts.get("model")).lower()
        is_new = entry.was_shown is False
        return (
            entry.facts["time"] < end
            and fnmatch.fnmatchcase(model, pattern)
            and (is_new or not args.unseen)
        )

    since = start_of_day(args.day) if args.day else 0.0
    entries = store.entries(args.number or args.last or DEFAULT_LAST, since, matches)
    rows = [Row(number, entry) for number, entry in enumerate(entries, start=1)]
    if args.number is None:
        return rows
    if args.number > len(rows):
        raise InvalidRequestError(
            f"--number {args.number} isn't in the list, which has {len(rows)}."
        )
    return rows[args.number - 1 :]


def _write(
    store: ResultCache, rows: Sequence[Row], target: Target, console: Console
) -> list[VeniceError]:
    """Write the images of all rows, and return the errors of those that can't be."""
    prepare_folder(target.folder)
    errors = []
    for row in rows:
        try:
            row.files += _write_one(store, row, target.of(row.stem))
            store.mark_shown(row.entry.key)
        except VeniceError as error:
            errors.append(error)
            console.error(error, prefix=f"- {row.stem}: ")
        for file in row.files:
            console.line(file)
    return errors


def _write_one(store: ResultCache, row: Row, target: Target) -> list[str]:
    answer = store.peek(row.entry.key)
    if answer is None:
        raise VeniceError("It is gone, or can't be read.")
    images: Sequence[EncodedImage | TextFile] = (
        [TextFile(text.encode() + b"\n") for text in cached_texts(answer)]
        if row.is_text
        else cached_images(answer)
    )
    files = []
    for number, image in enumerate(images, start=1):
        path = _same(target, image.data)
        if path is None:
            path = write_image(target, number if len(images) > 1 else None, image, force=False)
        files.append(str(path))
    return files


def _same(target: Target, data: bytes) -> Path | None:
    """A file of this name, with or without a number, that holds just these bytes."""
    for path in sorted(target.folder.glob(f"{glob.escape(target.stem)}*")):
        if path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data:
            return path
    return None


def _cost_text(rows: Sequence[Row]) -> str:
    """The cost of the rows in words."""
    free = sum(row.entry.is_sandbox for row in rows)
    if rows and free == len(rows):
        return "free in the sandbox"
    unknown = sum(row.entry.cost_usd is None for row in rows)
    text = f"about {dollars(sum(row.entry.cost_usd or 0.0 for row in rows))}"
    text += f" and {unknown} of unknown price" if unknown else ""
    return text + (f" ({free} free in the sandbox)" if free else "")


def _remove(store: ResultCache, console: Console, limit: float | None, is_sure: bool) -> int:
    """Delete the results beyond a limit in MB, or all. Ask first, on a terminal.

    Raises InvalidRequestError if there is no terminal to ask on.
    """
    if not is_sure and not is_terminal(sys.stdin):
        raise InvalidRequestError(
            "Nothing was deleted, since there's no terminal to ask you on. Add --yes to confirm."
        )
    if not is_sure:
        count, size = store.usage()
        part = "all" if limit is None else f"everything beyond {limit:g} MB"
        console.note(f"Delete {part} of {count} saved results ({_size_text(size)})?")
        console.note("You'd be charged to generate them again. [y/N]")
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            console.result({"removed": [], "bytes": 0}, ["Nothing was deleted."])
            return exit_codes.OK
    rows = [Row(number, entry) for number, entry in enumerate(store.entries(), start=1)]
    count = store.clear() if limit is None else store.shrink(limit)
    gone = [row for row in rows if row.entry.key not in store]
    size = sum(row.entry.size for row in gone)
    lines = table([_HEAD, *(row.cells for row in gone)]) if gone else []
    console.result({"removed": [row.facts for row in gone], "bytes": size}, lines)
    many = f"{count} saved result{'' if count == 1 else 's'}"
    console.note(f"Deleted {many}, {_size_text(size)}, {_cost_text(gone)}.")
    return exit_codes.OK


def _text(value: object) -> str:
    """A fact in a cell of the list."""
    return "" if value is None else one_line(value)


def _size_text(size: float) -> str:
    return f"{size / MB:.1f} MB" if size >= MB else f"{size / 1e3:.0f} kB"


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
        for each in (day, day + timedelta(days=1)):
            start_of_day(each)  # Windows knows no time before 1970
        return day
    except (ValueError, OverflowError, OSError):
        raise argparse.ArgumentTypeError(f"{text!r} is not a day such as 2026-11-30") from None


def _megabytes(text: str) -> float:
    found = plain_number(text)
    if not 0 <= found <= MAX_STORE_MB:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to {MAX_STORE_MB:.0f}")
    return found
