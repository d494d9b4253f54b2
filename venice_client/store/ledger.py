"""The ledger of charges: a line of JSON each, without prompt or key.

Several processes append to it, one at a time. Readers skip torn and foreign lines.
"""

from __future__ import annotations

import errno
import json
import math
import os
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import date, datetime
from pathlib import Path

from ..files import make_folder
from ..process import after_fork
from .file_lock import locked_file

FILE_NAME = "ledger.jsonl"
OLDER = "ledger-*.jsonl"
"""The full ledgers of version 0.2, which named them by the time."""

PATIENCE = 5.0
"""Seconds to wait for another process that appends."""

FIRST_READ = 2**16
CLOCK_ERROR = 3600.0
"""The most seconds by which lines may be out of order."""

MAX_AHEAD = 2 * 86_400.0
"""Seconds after midnight from which a charge no longer counts, since a wrong clock wrote it."""


@dataclass(frozen=True)
class Charge:
    """The charge for one request, certain or possible.

    kind: as in Model. usd: the sum that counts against the limits; None if no price of its kind is
    known. is_known: whether the price is published; else usd is the highest of its kind. id: a
    random name, so that nothing counts twice; "" in version 0.2.
    """

    model: str
    kind: str
    usd: float | None
    is_known: bool = True
    service: str = ""
    run: str = ""
    time: float = 0.0
    id: str = ""

    def line(self) -> bytes:
        """The charge as a line of JSON that begins with its time."""
        facts = asdict(self)
        return json.dumps({"time": facts.pop("time"), **facts}).encode() + b"\n"


def read_charge(line: bytes) -> Charge | None:
    """Return the charge in a line, or None; skip the rest of a torn line before it."""
    try:
        facts = {"id": "", **json.loads(line[max(0, line.rfind(b'{"time": ')) :])}
        usd = facts["usd"]
        facts["time"], facts["usd"] = float(facts["time"]), None if usd is None else float(usd)
        charge = Charge(**{name: facts[name] for name in _NAMES})
        day_of(charge.time)
    except (ValueError, LookupError, TypeError, OverflowError, OSError, RecursionError):
        return None
    is_ours = 0 <= (charge.usd or 0.0) < math.inf  # JSON may hold NaN
    return charge if is_ours and all(isinstance(facts[name], str) for name in _TEXTS) else None


class Ledger:
    """The ledger in `home`. Thread-safe; several processes may share it."""

    def __init__(self, home: Path) -> None:
        self.path = home / FILE_NAME

    def add(self, charge: Charge) -> None:
        """Append a charge. Raises OSError; a partly written line harms no other."""
        make_folder(self.path.parent)
        line = charge.line()
        with locked_file(self.path, PATIENCE) as file:
            if file.write(line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def since(self, when: float) -> list[Charge]:
        """Return the charges from a time on, in the order of the file. Raises OSError."""
        return self._read(when)[0]

    def missing(self, charges: Sequence[Charge]) -> list[Charge]:
        """Return those of `charges` without a line. Raises OSError."""
        if not charges:
            return []
        begin = min(charge.time for charge in charges) - 86_400  # the clock may have been set back
        known = {charge.id for charge in self.since(begin)}
        return [charge for charge in charges if charge.id not in known]

    def spent_today(self, service: str, unwritten: Iterable[Charge] = ()) -> float:
        """Return the USD charged by a service since midnight, local time. Raises OSError.

        unwritten: more charges, which count unless they have a line by now. Reads only the lines
        since this process last looked.
        """
        with _lock:
            day = self._look()
            more = [c for c in unwritten if c.service == service and c.id not in day.ids]
            return day.usd[service] + sum(charge.usd or 0.0 for charge in more)

    def _look(self) -> _Day:
        midnight = start_of_day(today())
        day = _days.get(self.path)
        is_today = day is not None and day.begin == midnight
        appended = _appended(self.path, day.offset, day.mark) if day and is_today else None
        if day is None or appended is None:
            day = _days[self.path] = _Day(midnight)
            charges, day.offset, day.mark = self._read(midnight)
        else:
            lines = appended.splitlines(keepends=True)
            charges = [charge for line in lines if (charge := read_charge(line))]
            day.offset, day.mark = day.offset + len(appended), lines[-1] if lines else day.mark
        for charge in charges:
            if charge.time >= midnight:
                day.ids.add(charge.id)
            if midnight <= charge.time < midnight + MAX_AHEAD:
                day.usd[charge.service] += charge.usd or 0.0
        return day

    def _read(self, when: float) -> tuple[list[Charge], int, bytes]:
        """Return the charges from a time on, the end of the last complete line, and that line.

        Reads from the newest file back to the first that begins before that time.
        """
        found, offset, last = list[Charge](), 0, b""
        for path in (self.path, *sorted(self.path.parent.glob(OLDER), reverse=True)):
            try:
                data, end = _last_lines(path, when)
            except FileNotFoundError:
                continue
            lines = data.splitlines(keepends=True)
            if path == self.path and lines:
                offset, last = end, lines[-1]
            charges = [charge for line in lines if (charge := read_charge(line))]
            found[:0] = [charge for charge in charges if charge.time >= when]
            if charges and charges[0].time < when - CLOCK_ERROR:
                break
        return found, offset, last


@dataclass
class _Day:
    """A day as far as read, up to the line `mark`: USD by service, and ids."""

    begin: float
    offset: int = 0
    mark: bytes = b""
    usd: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    ids: set[str] = field(default_factory=set)


def today() -> date:
    """The local day."""
    return day_of(time.time())


def start_of_day(day: date) -> float:
    """Midnight of a day, local time, as seconds since 1970."""
    return datetime.combine(day, datetime.min.time()).timestamp()


def day_of(when: float) -> date:
    """The local day of a time."""
    return datetime.fromtimestamp(when).date()


def _appended(path: Path, offset: int, mark: bytes) -> bytes | None:
    """Return the complete lines after `offset`; None unless `mark` is before it."""
    try:
        with path.open("rb") as file:
            file.seek(offset - len(mark))
            data = file.read()
    except FileNotFoundError:
        return None if offset else b""
    return data[len(mark) : data.rfind(b"\n") + 1] if data.startswith(mark) else None


def _last_lines(path: Path, when: float) -> tuple[bytes, int]:
    """Return the complete lines from a time on, and some before, and where they end.

    Reads only the end of a long file.
    """
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        part = FIRST_READ
        while True:
            begin = max(0, size - part)
            file.seek(begin)
            data = file.read()
            data = data[: data.rfind(b"\n") + 1]
            end = begin + len(data)
            if begin:
                data = data[data.find(b"\n") + 1 :]  # the first line is cut
            first = next(filter(None, map(read_charge, data.splitlines())), None)
            if not begin or (first and first.time < when - CLOCK_ERROR):
                return data, end
            part *= 4


@after_fork
def _forget() -> None:
    """Forget the past reads: another thread may have been changing them during the fork."""
    global _lock
    _lock = threading.Lock()
    _days.clear()


_lock = threading.Lock()
_days: dict[Path, _Day] = {}
"""This process's reads of each ledger."""

_NAMES = tuple(each.name for each in fields(Charge))
_TEXTS = ("model", "kind", "service", "run", "id")
