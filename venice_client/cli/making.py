"""Paid requests side by side: progress, Ctrl-C, and each picture written as it arrives."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from ..batch import EXIT_WAIT, Batch
from ..client import PlannedRequest, VeniceClient
from ..errors import BadResponseError, VeniceError
from ..image_result import ImageResult, left_out
from ..images import decode
from ..transport.progress import Progress
from .console import Console
from .files import NotWrittenError, Target, write_image

LOOK_EVERY = 0.1
"""Seconds between two looks at progress."""


@dataclass(frozen=True)
class Task:
    """A planned request, and where its pictures go.

    number: of its first picture, None for a name without one. format: what was asked for.
    source: the file that it was made of, "" for a picture from a prompt.
    """

    planned: PlannedRequest
    target: Target
    number: int | None
    format: str
    source: str = ""

    @property
    def label(self) -> str:
        """What tells it from the others, for a person."""
        return self.source or self.planned.request.label

    @property
    def origin(self) -> dict[str, object]:
        """What tells it from the others, for a program."""
        return {"source": self.source} if self.source else {"seed": self.planned.request.seed}


@dataclass(frozen=True)
class SavedImage:
    """A picture that was made and written. size: (width, height) in pixels."""

    path: str
    format: str
    size: tuple[int, int]


@dataclass(frozen=True)
class SavedImages:
    """What came of one request: its pictures, and errors of those that could not be kept.

    warnings: of pictures that are damaged beside good ones.
    """

    result: ImageResult
    pictures: tuple[SavedImage, ...]
    errors: tuple[VeniceError, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class CommandOutcome:
    """For each task what it made, its error, or None if it is unfinished.

    is_kept: whether what was made is kept, so that asking again is free.
    """

    tasks: Sequence[Task]
    ends: Sequence[SavedImages | BaseException | None]
    seconds: float
    is_interrupted: bool
    is_kept: bool = True


def make_all(
    client: VeniceClient, tasks: Sequence[Task], force: bool, console: Console
) -> CommandOutcome:
    """Asks for everything side by side and writes what comes, until the end or Ctrl-C."""
    began = time.monotonic()
    batch: Batch[SavedImages] = Batch([partial(_make, client, task, force) for task in tasks])
    is_interrupted = not _attend(batch, console)
    seconds = time.monotonic() - began
    is_kept = client.results.is_on and not client.results.trouble
    return CommandOutcome(tasks, tuple(batch.outcomes), seconds, is_interrupted, is_kept)


def _make(client: VeniceClient, task: Task, force: bool, progress: Progress) -> SavedImages:
    """Asks for the pictures of one request and writes what came.

    An answer without any good picture is forgotten, so that it can be asked for again.
    """
    result = client.fetch(task.planned, progress)
    pictures: list[SavedImage] = []
    errors: list[VeniceError] = []
    damaged: list[BadResponseError] = []
    for i, image in enumerate(result.images):
        try:
            decode(image)
            number = None if task.number is None else task.number + i
            path = write_image(task.target, number, image, force)
        except BadResponseError as error:
            damaged.append(error)
        except NotWrittenError as error:
            errors.append(error)
        else:
            pictures.append(SavedImage(str(path), image.format, (image.width, image.height)))
    if len(damaged) == len(result.images):
        client.discard(result)
        return SavedImages(result, (), tuple(damaged), ())
    return SavedImages(result, tuple(pictures), tuple(errors), tuple(map(left_out, damaged)))


def _attend(batch: Batch[SavedImages], console: Console) -> bool:
    """Shows what the batch does until its end; False if Ctrl-C came first.

    After Ctrl-C nothing more is sent, and what is on its way has a few seconds to arrive; another
    Ctrl-C does not wait for it.
    """
    try:
        while not batch.wait(LOOK_EVERY):
            console.progress(batch.status())
        return True
    except KeyboardInterrupt:
        batch.cancel()
    try:
        if any(progress.sent for progress in batch.progress) and not batch.done:
            console.note(
                f"Interrupted: waiting up to {EXIT_WAIT:.0f} s for what is on its way, which is "
                "paid for. Ctrl-C again does not wait."
            )
        batch.wait(EXIT_WAIT)
    except KeyboardInterrupt:
        console.note("Interrupted again.")
    batch.detach()
    return False
