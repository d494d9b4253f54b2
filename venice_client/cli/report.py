"""What `generate` says of its end: paths on stdout, everything else on stderr."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..batch import was_dropped
from ..errors import VeniceError
from ..payloads import GenerateRequest
from ..reading import ImageResult
from . import exits
from .console import Console, describe


@dataclass(frozen=True)
class Picture:
    """A picture that was made and written. size: (width, height) in pixels."""

    path: str
    format: str
    size: tuple[int, int]
    seed: int | None


@dataclass(frozen=True)
class Made:
    """What came of one request: its pictures, and errors of those that could not be kept."""

    result: ImageResult
    pictures: tuple[Picture, ...]
    errors: tuple[VeniceError, ...]


@dataclass(frozen=True)
class Report:
    """The end of a batch: for each request what it made, its error, or None if it is unfinished.

    is_kept: whether what was made is kept, so that asking again is free.
    """

    requests: Sequence[GenerateRequest]
    ends: Sequence[Made | BaseException | None]
    seconds: float
    is_interrupted: bool
    is_kept: bool = True

    @property
    def made(self) -> list[Made]:
        return [end for end in self.ends if isinstance(end, Made)]

    @property
    def pictures(self) -> list[Picture]:
        return [picture for end in self.made for picture in end.pictures]

    @property
    def failed(self) -> list[tuple[GenerateRequest, BaseException]]:
        """The errors, each with its request; those that were dropped unsent are not among them,
        unless there are no others."""
        pairs = zip(self.requests, self.ends, strict=True)
        found = [(request, error) for request, end in pairs for error in _errors(end)]
        return [(r, e) for r, e in found if not was_dropped(e)] or found

    @property
    def total(self) -> int:
        """The pictures that were asked for."""
        return sum(request.variants for request in self.requests)

    def show(self, console: Console) -> int:
        """Tells all of it and answers the exit code. What is no VeniceError is raised."""
        for warning in self._all_warnings():
            console.note(f"note: {warning}")
        console.result(self._facts(), [picture.path for picture in self.pictures])
        if self.is_interrupted:
            self._say_interrupted(console)
            return exits.INTERRUPTED
        self._say_failures(console)
        for _, error in self.failed:
            if not isinstance(error, VeniceError):
                raise error
        if not self.failed:
            count = f"{self.total} picture{'s' if self.total > 1 else ''}"
            cost = cost_text([end.result.cost for end in self.made])
            console.note(f"{count} in {self.seconds:.1f} s · {cost}")
        return exits.code_for_all(error for _, error in self.failed)

    def _all_warnings(self) -> list[str]:
        found = [warning for end in self.made for warning in _warnings(end.result)]
        asked = self.requests[0].format
        found += [
            f"{asked} was asked for, {picture.format} came: written as {picture.path}."
            for picture in self.pictures
            if picture.format != asked
        ]
        return list(dict.fromkeys(found))

    def _facts(self) -> dict[str, Any]:
        unfinished = zip(self.requests, self.ends, strict=True)
        return {
            "pictures": [vars(picture) for picture in self.pictures],
            "failed": [{"seed": request.seed, **describe(e)} for request, e in self.failed],
            "unfinished": [request.seed for request, end in unfinished if end is None],
            "interrupted": self.is_interrupted,
            "warnings": self._all_warnings(),
            "requests": [_request_facts(end.result) for end in self.made],
            "estimated_cost_usd": total_cost([end.result.cost for end in self.made]),
            "seconds": round(self.seconds, 3),
        }

    def _say_failures(self, console: Console) -> None:
        """One line where there is one reason for all, else a line for each that failed."""
        failed, made = self.failed, len(self.pictures)
        if not failed:
            return
        if not made and len({str(error) for _, error in failed}) == 1:
            console.error(failed[0][1])
            return
        console.note(f"{made} of {self.total} pictures made; ask for the others by their seeds:")
        for request, error in failed:
            console.error(error, prefix=f"- seed {request.seed}: ")
        unsent = sum(was_dropped(end) for end in self.ends)
        if unsent and not was_dropped(failed[0][1]):
            console.note(f"- {unsent} more were not sent.")

    def _say_interrupted(self, console: Console) -> None:
        late = sum(end is None for end in self.ends)
        words = f"Interrupted: {len(self.pictures)} of {self.total} pictures made"
        words += f"; {late} did not arrive in time and may be charged" if late else ""
        again = " The same with the same seed goes on from here, without paying twice."
        console.note(f"{words}.{again if self.is_kept and self.pictures else ''}")


def cost_text(costs: Sequence[float | None]) -> str:
    """The estimate in words. Only what was made before costs nothing."""
    total = total_cost(costs)
    if total is None:
        return "price unknown"
    return f"about {total:.4g} USD" if total else "free: made before"


def total_cost(costs: Sequence[float | None]) -> float | None:
    """The sum in USD, or None where a price is unknown."""
    known = [cost for cost in costs if cost is not None]
    return round(sum(known), 6) if len(known) == len(costs) else None


def _errors(end: object) -> tuple[BaseException, ...]:
    if isinstance(end, Made):
        return end.errors
    return (end,) if isinstance(end, BaseException) else ()


def _warnings(result: ImageResult) -> list[str]:
    seed = result.sent.get("seed")
    found = list(result.warnings)
    if result.is_violation:
        found.append(f"The picture of seed {seed} breaks Venice's terms of use, says Venice.")
    if result.is_blurred:
        found.append(f"The picture of seed {seed} was blurred by safe_mode (--unsafe: off).")
    if result.enhanced_prompt:
        found.append(f"The prompt was rewritten to: {result.enhanced_prompt}")
    return found


def _request_facts(result: ImageResult) -> dict[str, Any]:
    references = result.sent.get("style_references")
    sent = dict(result.sent)
    if references is not None:
        sent["style_references"] = [{**r, "image": "(left out)"} for r in references]
    return {
        "sent": sent,
        "request_id": result.request_id,
        "timing": result.timing,
        "enhanced_prompt": result.enhanced_prompt,
        "is_blurred": result.is_blurred,
        "is_violation": result.is_violation,
        "from_store": result.from_store,
        "estimated_cost_usd": result.cost,
    }
