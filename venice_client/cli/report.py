"""Reports the end of paid commands: paths on stdout, everything else on stderr."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..batch import was_cancelled
from ..catalogue.prices import total_cost
from ..client import VeniceClient
from ..errors import VeniceError
from ..text import printable
from . import exits
from .console import Console, describe
from .making import CommandOutcome, SavedImage, SavedImages, Task


@dataclass(frozen=True)
class Report:
    """The end of all tasks of a command. how: what to add to get the same again, or ""."""

    client: VeniceClient
    command: CommandOutcome
    how: str = ""

    @property
    def made(self) -> list[SavedImages]:
        return [made for _, made in self._made]

    @property
    def pictures(self) -> list[SavedImage]:
        return [picture for made in self.made for picture in made.images]

    @property
    def failed(self) -> list[tuple[Task, BaseException]]:
        """The errors, each with its task; those that were cancelled unsent are not among them,
        unless there are no others."""
        found = [(task, error) for task, end in self._pairs for error in _errors(end)]
        return [(task, error) for task, error in found if not was_cancelled(error)] or found

    @property
    def total(self) -> int:
        """The pictures that were asked for."""
        return sum(task.request.variants for task in self.command.tasks)

    def show(self, console: Console) -> int:
        """Tells all of it and returns the exit code. Raises any error but a VeniceError."""
        for warning in self._all_warnings():
            console.note(f"note: {warning}")
        console.result(self._facts(), [picture.path for picture in self.pictures])
        if self.command.is_interrupted:
            self._say_interrupted(console)
            return exits.INTERRUPTED
        self._say_failures(console)
        for _, error in self.failed:
            if not isinstance(error, VeniceError):
                raise error
        if not self.failed:
            made = len(self.pictures)
            count = f"{made} picture{'s' if made > 1 else ''}"
            cost = self.client.charged_text([one.result for one in self.made])
            console.note(f"{count} in {self.command.seconds:.1f} s · {cost}")
        return exits.code_for_all(error for _, error in self.failed)

    @property
    def _pairs(self) -> list[tuple[Task, SavedImages | BaseException | None]]:
        return list(zip(self.command.tasks, self.command.outcomes, strict=True))

    @property
    def _made(self) -> list[tuple[Task, SavedImages]]:
        return [(task, end) for task, end in self._pairs if isinstance(end, SavedImages)]

    def _all_warnings(self) -> list[str]:
        found = [warning for task, made in self._made for warning in _warnings(task, made)]
        found += [
            f"{task.format} was asked for, {picture.format} came: written as {picture.path}."
            for task, made in self._made
            for picture in made.images
            if picture.format != task.format
        ]
        return list(dict.fromkeys(found))

    def _facts(self) -> dict[str, Any]:
        return {
            "pictures": [
                {**vars(picture), **task.origin}
                for task, made in self._made
                for picture in made.images
            ],
            "failed": [{**task.origin, **describe(error)} for task, error in self.failed],
            "unfinished": [
                origin
                for task, end in self._pairs
                if end is None
                for origin in task.origin.values()
            ],
            "interrupted": self.command.is_interrupted,
            "warnings": self._all_warnings(),
            "service": self.client.service.name,
            "requests": [made.result.facts() for made in self.made],
            "estimated_cost_usd": total_cost([made.result.cost for made in self.made]),
            "seconds": round(self.command.seconds, 3),
        }

    def _say_failures(self, console: Console) -> None:
        """Says one line where there is one reason for all, else a line for each that failed."""
        failed = self.failed
        if not failed:
            return
        if not self.pictures and len({str(error) for _, error in failed}) == 1:
            console.error(failed[0][1])
            return
        can_pass = all(getattr(error, "can_pass", True) for _, error in failed)
        advice = self.command.account.advice("Run the same command again", self.how, can_pass)
        console.note(advice or f"None of {self.total} pictures came:")
        for task, error in failed:
            console.error(error, prefix=f"- {task.label}: ")
        unsent = sum(was_cancelled(end) for end in self.command.outcomes)
        if unsent and not was_cancelled(failed[0][1]):
            console.note(f"- {unsent} more were not sent.")

    def _say_interrupted(self, console: Console) -> None:
        late = sum(end is None for end in self.command.outcomes)
        words = f"Interrupted: {len(self.pictures)} of {self.total} pictures made"
        words += f"; {late} did not arrive in time and may be charged" if late else ""
        again = " The same again, with the same seed, goes on from here without paying twice."
        console.note(f"{words}.{again if self.command.account.kept and self.pictures else ''}")


def _errors(end: object) -> tuple[BaseException, ...]:
    if isinstance(end, SavedImages):
        return end.errors
    return (end,) if isinstance(end, BaseException) else ()


def _warnings(task: Task, made: SavedImages) -> list[str]:
    result = made.result
    found = [*result.warnings, *made.warnings]
    found += result.flags(task.label)
    if result.is_blurred:
        found.append("--unsafe switches safe_mode off.")
    if result.enhanced_prompt:
        found.append(f"The prompt was rewritten to: {printable(result.enhanced_prompt)}")
    return found
