"""Reports the end of a paid command."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..batch import was_cancelled
from ..client import VeniceClient
from ..errors import VeniceError
from ..money import ExactCost, total_cost
from ..result import charged_text
from ..text import one_line
from ..text_result import TextResult
from . import exit_codes
from .console import Console, describe
from .run_batch import AnyTask, CommandOutcome, Saved, SavedImage, Task

AGAIN = "Run the same command again"


@dataclass(frozen=True)
class Report:
    """The end of all tasks of a command. how: what to add to get the same again, or ""."""

    client: VeniceClient
    command: CommandOutcome
    how: str = ""

    @property
    def images(self) -> list[SavedImage]:
        return [image for _, saved in self._saved for image in saved.images]

    @property
    def texts(self) -> list[dict[str, Any]]:
        return [
            {"text": text, **task.origin}
            for task, saved in self._saved
            if isinstance(saved.result, TextResult)
            for text in saved.result.texts
        ]

    @property
    def _count(self) -> str:
        """The number of results, in words."""
        count = len(self.images) + len(self.texts)
        return f"{count} {self.command.summary.noun}{'' if count == 1 else 's'}"

    @property
    def failed(self) -> list[tuple[AnyTask, BaseException]]:
        """The errors, each with its task. Those of canceled tasks only if there are no others."""
        found = [(task, error) for task, end in self._pairs for error in _errors(end)]
        return [(task, error) for task, error in found if not was_cancelled(error)] or found

    def show(self, console: Console) -> int:
        """Write the report and return the exit code. Raises any error but a VeniceError."""
        console.notes(self._all_warnings())
        console.result(self._facts(), [])
        if self.command.is_interrupted:
            self._say_interrupted(console)
            return exit_codes.INTERRUPTED
        self._say_failures(console)
        for _, error in self.failed:
            if not isinstance(error, VeniceError):
                raise error
        if not self.failed:
            cost = charged_text(
                [saved.result for _, saved in self._saved], self.client.service.is_sandbox
            )
            console.note(f"{self._count} in {self.command.seconds:.1f} s · {cost}")
        return exit_codes.code_for_all(error for _, error in self.failed)

    @property
    def _pairs(self) -> list[tuple[AnyTask, Saved | BaseException | None]]:
        return list(zip(self.command.tasks, self.command.outcomes, strict=True))

    @property
    def _saved(self) -> list[tuple[AnyTask, Saved]]:
        return [(task, end) for task, end in self._pairs if isinstance(end, Saved)]

    def _all_warnings(self) -> list[str]:
        found = [warning for task, saved in self._saved for warning in _warnings(task, saved)]
        found += [
            f"Venice sent {image.format} instead of {task.format}: written as {image.path}."
            for task, saved in self._saved
            for image in saved.images
            if isinstance(task, Task) and image.format != task.format
        ]
        return list(dict.fromkeys(found))

    def _facts(self) -> dict[str, Any]:
        images = [
            {**vars(image), **task.origin} for task, saved in self._saved for image in saved.images
        ]
        cost = total_cost([saved.result.cost for _, saved in self._saved])
        is_of_texts = self.command.summary.noun == "text"
        return {
            **({"texts": self.texts} if is_of_texts else {"images": images}),
            "failed": [{**task.origin, **describe(error)} for task, error in self.failed],
            "unfinished": [dict(task.origin) for task, end in self._pairs if end is None],
            "interrupted": self.command.is_interrupted,
            "warnings": self._all_warnings(),
            "service": self.client.service.name,
            "requests": [saved.result.facts() for _, saved in self._saved],
            "cost_usd" if isinstance(cost, ExactCost) else "estimated_cost_usd": cost,
            "seconds": round(self.command.seconds, 3),
        }

    def _say_failures(self, console: Console) -> None:
        """Write one line if there is one reason for all, else a line for each that failed."""
        failed = self.failed
        if not failed:
            return
        if not (self.images or self.texts) and len({str(error) for _, error in failed}) == 1:
            console.error(failed[0][1])
            return
        can_pass = all(getattr(error, "can_pass", True) for _, error in failed)
        summary = self.command.summary
        advice = summary.advice(AGAIN, self.how, can_pass)
        console.note(advice or f"None of {summary.total} {summary.noun}s arrived:")
        for task, error in console.first(failed):
            console.error(error, prefix=f"- {task.label}: ")
        console.more(failed, "errors")
        unsent = sum(was_cancelled(end) for end in self.command.outcomes)
        if unsent and not was_cancelled(failed[0][1]):
            were = "request wasn't" if unsent == 1 else "requests weren't"
            console.note(f"- {unsent} more {were} sent.")

    def _say_interrupted(self, console: Console) -> None:
        summary = self.command.summary
        late = sum(end is None for end in self.command.outcomes)
        count = len(self.images) + len(self.texts)
        words = f"Interrupted: {count} of {summary.total} {summary.noun}s written"
        words += f"; {late} didn't arrive in time and may be charged" if late else ""
        again = [AGAIN, self.how, "to get the rest; you won't pay twice."]
        told = [f"{words}.", *(again if summary.cached and count else [])]
        console.note(" ".join(filter(None, told)))


def _errors(end: object) -> tuple[BaseException, ...]:
    if isinstance(end, Saved):
        return end.errors
    return (end,) if isinstance(end, BaseException) else ()


def _warnings(task: AnyTask, saved: Saved) -> list[str]:
    result = saved.result
    if isinstance(result, TextResult):
        return list(result.warnings)
    found = [*result.warnings, *saved.warnings, *result.size_warnings]
    found += result.flags(task.label)
    if result.is_blurred:
        found.append("--unsafe turns blurring off.")
    if result.enhanced_prompt:
        found.append(f"Venice used this prompt: {one_line(result.enhanced_prompt)}")
    return found
