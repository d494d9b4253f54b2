"""Write measurements into the tables of docs/performance.md; the text around them stays."""

from __future__ import annotations

import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

PARTS = {
    **{"comfyui": "in_comfyui", "many": "many", "memory": "memory"},
    **{"start": "start", "store": "store", "inputs": "inputs", "page": "page"},
}
"""The kinds of measurement, each with its module."""

MACHINE = "machine"
"""The mark for the line about the machine."""

HEAD = ("what", "against what", "measured", "goal")
MEMORY_INFO, CPU_INFO = Path("/proc/meminfo"), Path("/proc/cpuinfo")


@dataclass(frozen=True)
class Row:
    """One measurement: `value` in `unit`, and the most it should be, if there's a goal.

    detail: the figures behind it. why: the reason if the goal is missed.
    """

    what: str
    against: str
    value: float
    unit: str = "×"
    goal: float | None = None
    detail: str = ""
    why: str = ""

    @property
    def is_met(self) -> bool:
        return self.goal is None or self.value <= self.goal

    def cells(self) -> tuple[str, ...]:
        """The cells of the row, in the order of HEAD."""
        number = _number(self.value) if self.unit else f"{self.value:g}"
        measured = f"**{self._in_unit(number)}**"
        measured += f" ({self.detail})" if self.detail else ""
        goal = "" if self.goal is None else f"≤ {self._in_unit(f'{self.goal:g}')}"
        goal += "" if self.is_met else ", **missed**"
        return self.what, self.against, measured, goal

    def _in_unit(self, number: str) -> str:
        return f"{number}{'' if self.unit == '×' else ' '}{self.unit}".strip()


@dataclass(frozen=True)
class Part:
    """The results of one kind of measurement. text: more, in Markdown."""

    rows: Sequence[Row] = ()
    text: str = ""

    def markdown(self) -> str:
        """The rows as a table, then the missed goals with their reasons."""
        blocks = [_without_empty(HEAD, [row.cells() for row in self.rows])] if self.rows else []
        missed: dict[str, list[str]] = {}
        for row in self.rows:
            if not row.is_met:
                missed.setdefault(row.why, []).append(row.what)
        lines = [
            f"- Missed: {', '.join(dict.fromkeys(what))}. {why}".strip()
            for why, what in missed.items()
        ]
        return "\n\n".join(filter(None, [*blocks, "\n".join(lines), self.text]))


def _without_empty(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table without the columns that are empty in every row."""
    filled = [index for index in range(len(head)) if any(row[index] for row in rows)]
    return table([head[i] for i in filled], [[row[i] for i in filled] for row in rows])


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def written(page: str, parts: Mapping[str, Part], note: str) -> str:
    """The page with these parts between their marks.

    note: when and where they were measured. It goes to the mark MACHINE if all parts are measured;
    a part gets its own if that one differs. Raises ValueError if the page lacks a mark.
    """
    if set(parts) >= set(PARTS):
        page = _marked(page, MACHINE, note)
    for name, part in parts.items():
        page = _marked(page, name, part.markdown())
        if note not in page:
            page = _marked(page, name, f"{part.markdown()}\n\n{note}")
    return page


def _marked(page: str, name: str, text: str) -> str:
    begin, end = f"<!-- measured: {name} -->", f"<!-- end: {name} -->"
    found = re.findall(f"{re.escape(begin)}.*?{re.escape(end)}", page, re.DOTALL)
    if len(found) != 1:
        raise ValueError(f"the page needs one {begin} and one {end} behind it")
    return page.replace(found[0], f"{begin}\n{text}\n{end}")


def machine(versions: str) -> str:
    """This machine and today, in one line. versions: other versions that matter."""
    today = date.today()
    parts = [f"{today.day} {today:%B %Y}", f"Python {platform.python_version()}", versions]
    parts += [f"{platform.system()} on {_processor()}"]
    if MEMORY_INFO.exists():
        kib = int(MEMORY_INFO.read_text().split()[1])
        parts.append(f"{kib / 2**20:.0f} GiB")
    return f"Measured {', '.join(parts)}."


def _processor() -> str:
    text = CPU_INFO.read_text() if CPU_INFO.exists() else ""
    names = re.findall(r"^model name\s*: (.+)$", text, re.MULTILINE)
    return f"{len(names)} cores of {names[0]}" if names else platform.machine()


def _number(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:,.0f}"
