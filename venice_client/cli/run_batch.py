"""Paid requests at the same time: progress, Ctrl-C, and each result written as it arrives."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..batch import EXIT_WAIT, RequestBatch
from ..catalogue.model import TEXT
from ..client import VeniceClient
from ..errors import BadResponseError, SpendingLimitError, VeniceError
from ..image_result import ImageResult, left_out
from ..imaging.images import decode
from ..money import dollars
from ..planned_request import PlannedRequest, estimate_text
from ..request.paid_request import PaidRequest
from ..store.outcome_summary import OutcomeSummary
from ..text import printable_lines
from ..text_result import TextResult
from .console import MAX_LINES, Console
from .files import NotWrittenError, Target, prepare_folder, write_image

LOOK_EVERY = 0.1
"""Seconds between two looks at progress."""


@dataclass(frozen=True)
class Task:
    """A request, and the place for its images.

    number: of its first image, None for a name without one. format: of the file name. origin: the
    values that tell it from the others, for a program: a seed, or a source file.
    """

    request: PaidRequest
    target: Target
    number: int | None
    format: str
    origin: Mapping[str, object]

    @property
    def label(self) -> str:
        """The words that tell it from the others, for a person."""
        line = f"line {self.origin['line']}, " if "line" in self.origin else ""
        return line + self.request.label

    @property
    def paths(self) -> list[str]:
        """The files that its images will have, unless their names are taken meanwhile."""
        numbers = [
            None if self.number is None else self.number + i for i in range(self.request.variants)
        ]
        return [str(self.target.path(number, self.format)) for number in numbers]

    def save(
        self, client: VeniceClient, result: ImageResult, force: bool, tell: Callable[[str], None]
    ) -> Saved:
        """Write its images, and tell each path.

        Quarantine a response without any good image, so that the next run repeats the request.
        """
        images: list[SavedImage] = []
        errors: list[VeniceError] = []
        damaged: list[BadResponseError] = []
        for i, image in enumerate(result.images):
            try:
                decode(image)
                number = None if self.number is None else self.number + i
                is_saved = result.key in client.results
                path = write_image(self.target, number, image, force, is_saved)
            except BadResponseError as error:
                damaged.append(error)
            except NotWrittenError as error:
                errors.append(error)
            else:
                images.append(SavedImage(str(path), image.format, (image.width, image.height)))
                tell(str(path))
        if len(damaged) == len(result.images):
            client.discard(result, damaged[0])
            return Saved(result, errors=tuple(damaged))
        if images:
            client.results.mark_shown(result.key)
        return Saved(result, tuple(images), tuple(errors), tuple(map(left_out, damaged)))


@dataclass(frozen=True)
class TextTask:
    """A request whose texts go to stdout. origin: as of a Task. prefix: of each line."""

    request: PaidRequest
    origin: Mapping[str, object]
    prefix: str = ""
    paths: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The words that tell it from the others, for a person."""
        return self.request.label

    def save(
        self, client: VeniceClient, result: TextResult, force: bool, tell: Callable[[str], None]
    ) -> Saved:
        """Tell its texts; several of them, or with a prefix, on one line each."""
        is_line = self.prefix or self.request.variants > 1 or "number" in self.origin
        for text in result.texts:
            shown = printable_lines(text)
            tell(self.prefix + (" ".join(shown.split()) if is_line else shown))
        client.results.mark_shown(result.key)
        return Saved(result)


@dataclass(frozen=True)
class SavedImage:
    """A written image. size: (width, height) in pixels."""

    path: str
    format: str
    size: tuple[int, int]


@dataclass(frozen=True)
class Saved:
    """The outcome of one request: its texts are in `result`, its images in files.

    errors: of images that couldn't be written. warnings: of images that are damaged beside good
    ones.
    """

    result: ImageResult | TextResult
    images: tuple[SavedImage, ...] = ()
    errors: tuple[VeniceError, ...] = ()
    warnings: tuple[str, ...] = ()


AnyTask = Task | TextTask


@dataclass(frozen=True)
class CommandOutcome:
    """For each task its images or texts, its error, or None if unfinished."""

    tasks: Sequence[AnyTask]
    outcomes: Sequence[Saved | BaseException | None]
    summary: OutcomeSummary
    seconds: float
    is_interrupted: bool


def run_batch(
    args: argparse.Namespace,
    console: Console,
    client: VeniceClient,
    tasks: Sequence[AnyTask],
    headline: str,
) -> CommandOutcome:
    """Send all requests at the same time and write what arrives, until the end or Ctrl-C.

    headline: the order, shown with its price before sending. Raises
    InvalidRequestError or SpendingLimitError; then nothing was sent.
    """
    saved: dict[int, Saved] = {}
    force = getattr(args, "force", False)

    def save(index: int, result: Any) -> None:
        saved[index] = tasks[index].save(client, result, force, console.line)

    for folder in dict.fromkeys(task.target.folder for task in tasks if isinstance(task, Task)):
        prepare_folder(folder)
    batch = client.prepare([task.request for task in tasks], on_result=save)
    try:
        check_price(batch.planned, args.max_usd)
        client.spending.max_usd = args.max_usd  # a saved result may be gone when it's read
    except BaseException:
        batch.cancel()
        raise
    cost = estimate_text(batch.estimates, batch.planned, client.service.is_sandbox)
    console.note(f"{with_model(headline, batch.planned)} · {cost}")
    began = time.monotonic()
    batch.begin()
    is_interrupted = not _attend(batch, console)
    seconds = time.monotonic() - began
    outcomes = [
        outcome if outcome is None or isinstance(outcome, BaseException) else saved[i]
        for i, outcome in enumerate(batch.outcomes)
    ]
    return CommandOutcome(tasks, outcomes, batch.summary, seconds, is_interrupted)


def with_model(headline: str, planned: Sequence[PlannedRequest]) -> str:
    """Add the model that writes the texts, which may have been named by a trait."""
    models = dict.fromkeys(p.request.model for p in planned if p.request.kind == TEXT)
    return " with ".join([headline, *models])


def check_price(planned: Sequence[PlannedRequest], max_usd: float | None) -> None:
    """Raise SpendingLimitError if requests may cost more than --max-usd allows."""
    paying = {request.key: request.max_price for request in planned if not request.is_cached}
    if max_usd is None or not paying:
        return
    if None in paying.values():
        raise SpendingLimitError(
            f"Not sent. The price is unknown, so it can't be checked against --max-usd {max_usd:g}."
        )
    cost = sum(price or 0.0 for price in paying.values())
    if cost > max_usd + 1e-9:
        raise SpendingLimitError(
            f"Not sent. This may cost {dollars(cost)}; --max-usd allows {dollars(max_usd)}."
        )


def _attend(batch: RequestBatch, console: Console) -> bool:
    """Show progress until the end; return False if Ctrl-C came first.

    After Ctrl-C nothing more is sent, and requests in flight have a few seconds to arrive; another
    Ctrl-C ends that wait.
    """
    total, part, steady = len(batch.planned), -1, ""
    try:
        while not batch.wait(LOOK_EVERY):
            if total <= MAX_LINES or part != batch.ended * MAX_LINES // total:
                part = batch.ended * MAX_LINES // total
                steady = batch.status(with_seconds=False)
            console.progress(batch.status(), steady)
        return True
    except KeyboardInterrupt:
        batch.cancel()
    try:
        if any(progress.sent for progress in batch.progress) and not batch.done:
            console.note(
                f"Interrupted. Waiting up to {EXIT_WAIT:.0f} s for results in flight, since you "
                "pay for them. Press Ctrl-C again to quit now."
            )
        batch.wait(EXIT_WAIT)
    except KeyboardInterrupt:
        console.note("Interrupted again.")
    batch.detach()
    return False
