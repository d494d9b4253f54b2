"""The ledger of what was spent: a line of JSON a request, without prompt or key.

Several processes write to it, each line in one call. A line that is torn, or is none of ours, is
skipped. A ledger that is full is renamed, not rewritten, so that nothing written meanwhile is lost.
"""

from __future__ import annotations

import json
import logging
import math
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from pathlib import Path

log = logging.getLogger(__name__)

FILE_NAME = "ledger.jsonl"
MAX_BYTES = 2 * 2**20
"""Most bytes of a ledger, which is then full: about 12,000 requests."""

MAX_FULL = 20
KEPT_DAYS = 400
"""How many full ledgers are kept, and for how many days."""

FIRST_READ = 2**16
CLOCK_ERROR = 3600.0
"""Most seconds by which the lines may be out of order."""


@dataclass(frozen=True)
class Charge:
    """The charge for one request, or what it may have been.

    kind: as in Model. usd: what counts against the limits; None where no price of its kind is
    known. is_known: whether the price is published; else usd is the dearest of its kind.
    """

    model: str
    kind: str
    usd: float | None
    is_known: bool = True
    service: str = ""
    run: str = ""
    time: float = 0.0

    def line(self) -> bytes:
        """The charge as a line of JSON that begins with its time."""
        facts = asdict(self)
        return json.dumps({"time": facts.pop("time"), **facts}).encode() + b"\n"


def read_charge(line: bytes) -> Charge | None:
    """The charge in a line. None if there is none; what a torn line left before it is skipped."""
    try:
        facts = json.loads(line[max(0, line.rfind(b'{"time": ')) :])
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

    def add(self, charge: Charge) -> bool:
        """Writes a charge, and returns whether that was possible."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                line = charge.line()
                is_written = os.write(file, line) == len(line)
                is_full = os.fstat(file).st_size > MAX_BYTES
            finally:
                os.close(file)
        except OSError as error:
            log.warning("What was spent cannot be written down (%s).", error.strerror)
            return False
        if not is_written:  # such a line is skipped when it is read
            log.warning("What was spent cannot be written down whole (is the disk full?).")
        if is_full:
            self._begin_anew()
        return is_written

    def since(self, when: float) -> list[Charge]:
        """The charges from a time on, in the order in which they were written. Raises OSError."""
        charges: list[Charge] = []
        for path in [self.path, *reversed(self._full())]:
            try:
                if path.stat().st_mtime < when:
                    break
                lines = _last_lines(path, when)
            except FileNotFoundError:
                continue
            charges[:0] = [c for line in lines if (c := read_charge(line)) and c.time >= when]
        return charges

    def spent_today(self, service: str) -> float:
        """USD that were spent on a service since midnight, local time. Raises OSError."""
        charges = self.since(start_of_day(today()))
        return sum(charge.usd or 0.0 for charge in charges if charge.service == service)

    def _full(self) -> list[Path]:
        """The ledgers that are full, the oldest first."""
        return sorted(self.path.parent.glob(f"{self.path.stem}-*{self.path.suffix}"))

    def _begin_anew(self) -> None:
        """Puts the full ledger away under a name that no other process takes.

        Two that do this at once put a short one away as well, which does no harm.
        """
        try:
            name = f"{self.path.stem}-{time.time_ns()}-{os.getpid()}{self.path.suffix}"
            self.path.rename(self.path.with_name(name))
            full = self._full()
            oldest = time.time() - KEPT_DAYS * 86_400
            for path in full[:-1]:
                if path in full[:-MAX_FULL] or path.stat().st_mtime < oldest:
                    path.unlink()
        except OSError as error:  # another process holds it, or was quicker: the next line tries
            log.debug("A full ledger stays where it is (%s).", error.strerror)


def today() -> date:
    """The local day."""
    return day_of(time.time())


def start_of_day(day: date) -> float:
    """Midnight of a day, local time, as seconds since 1970."""
    return datetime.combine(day, datetime.min.time()).timestamp()


def day_of(when: float) -> date:
    """The local day of a time."""
    return datetime.fromtimestamp(when).date()


def _last_lines(path: Path, when: float) -> Iterator[bytes]:
    """The lines of a file from a time on, and some before; of a long file only its end is read."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        part = FIRST_READ
        while True:
            file.seek(max(0, size - part))
            lines = file.read().splitlines()
            lines = lines[1:] if part < size else lines  # the first is cut
            first = next(filter(None, map(read_charge, lines)), None)
            if part >= size or (first and first.time < when - CLOCK_ERROR):
                return iter(lines)
            part *= 4


_NAMES = tuple(field.name for field in fields(Charge))
_TEXTS = ("model", "kind", "service", "run")
