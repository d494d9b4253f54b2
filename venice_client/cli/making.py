"""Paid requests at the same time: progress, Ctrl-C, and each picture written as it arrives."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..batch import EXIT_WAIT, RequestBatch
from ..catalogue.model import Model
from ..catalogue.sizing import is_other_ratio, nearest_ratio, ratio_of
from ..client import VeniceClient
from ..errors import BadResponseError, VeniceError
from ..image_result import ImageResult, left_out
from ..imaging.images import decode, size_of_input
from ..request.paid_request import PaidRequest
from ..request.payload import Payload
from ..request.pictures import EDIT_RATIOS, EditRequest
from ..store.account import Account
from .console import Console
from .files import NotWrittenError, Target, write_image

LOOK_EVERY = 0.1
"""Seconds between two looks at progress."""


@dataclass(frozen=True)
class Task:
    """A request, and where its images go.

    number: of its first image, None for a name without one. format: what was asked for.
    source: the file that it was made of, "" for an image from a prompt.
    """

    request: PaidRequest
    target: Target
    number: int | None
    format: str
    source: str = ""

    @property
    def label(self) -> str:
        """The words that tell it from the others, for a person."""
        return self.source or self.request.label

    @property
    def origin(self) -> dict[str, object]:
        """The values that tell it from the others, for a program."""
        return {"source": self.source} if self.source else {"seed": self.request.seed}


@dataclass(frozen=True)
class SavedImage:
    """A picture that was made and written. size: (width, height) in pixels."""

    path: str
    format: str
    size: tuple[int, int]


@dataclass(frozen=True)
class SavedImages:
    """The outcome of one request: its pictures, and errors of those that could not be kept.

    warnings: of pictures that are damaged beside good ones.
    """

    result: ImageResult
    images: tuple[SavedImage, ...]
    errors: tuple[VeniceError, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class CommandOutcome:
    """For each task what it made, its error, or None if it is unfinished."""

    tasks: Sequence[Task]
    outcomes: Sequence[SavedImages | BaseException | None]
    account: Account
    seconds: float
    is_interrupted: bool


def make_all(
    client: VeniceClient, tasks: Sequence[Task], headline: str, force: bool, console: Console
) -> CommandOutcome:
    """Asks for everything at the same time and writes what comes, until the end or Ctrl-C.

    headline: what is asked for, which is told with its price before anything is sent.
    """
    saved: dict[int, SavedImages] = {}

    def save(index: int, result: ImageResult) -> None:
        saved[index] = _save(client, tasks[index], result, force, batch.planned[index].payload)

    batch = client.prepare([task.request for task in tasks], on_result=save)
    console.note(f"{headline} · {client.cost_text(batch.estimates)}")
    began = time.monotonic()
    batch.begin()
    is_interrupted = not _attend(batch, console)
    seconds = time.monotonic() - began
    outcomes = [
        outcome if outcome is None or isinstance(outcome, BaseException) else saved[i]
        for i, outcome in enumerate(batch.outcomes)
    ]
    return CommandOutcome(tasks, outcomes, batch.account, seconds, is_interrupted)


def _save(
    client: VeniceClient, task: Task, result: ImageResult, force: bool, payload: Payload
) -> SavedImages:
    """Writes the images of one request.

    An answer without any good image is set aside, so that it can be asked for again.
    """
    images: list[SavedImage] = []
    errors: list[VeniceError] = []
    damaged: list[BadResponseError] = []
    for i, image in enumerate(result.images):
        try:
            decode(image)
            number = None if task.number is None else task.number + i
            is_kept = result.key in client.results
            path = write_image(task.target, number, image, force, is_kept)
        except BadResponseError as error:
            damaged.append(error)
        except NotWrittenError as error:
            errors.append(error)
        else:
            images.append(SavedImage(str(path), image.format, (image.width, image.height)))
    if len(damaged) == len(result.images):
        client.discard(result, damaged[0])
        return SavedImages(result, (), tuple(damaged), ())
    if images:
        client.results.mark_shown(result.key)
    found = [*map(left_out, damaged), *_size_warnings(client, task, payload, images)]
    return SavedImages(result, tuple(images), tuple(errors), tuple(found))


def _size_warnings(
    client: VeniceClient, task: Task, payload: Payload, images: Sequence[SavedImage]
) -> Iterator[str]:
    """What to say of pictures that came in another size, or an edit in another ratio."""
    request, expected = task.request, payload.expected
    for size in dict.fromkeys(image.size for image in images):
        came = "{}×{}".format(*size)
        if expected and size != expected:
            yield "{}×{} was asked for; {} made {}.".format(*expected, request.model, came)
        if not isinstance(request, EditRequest):
            continue
        own = size_of_input(request.images[0])
        asked = payload.fields.get("aspect_ratio", "")
        if not is_other_ratio(*size, ratio_of(asked) if asked else own[0] / own[1]):
            continue
        words = f"{asked}, which was asked for" if asked else "{}, {}×{}".format(task.source, *own)
        model = client.catalogue.model(request.model, request.kind)
        remedy = "" if asked or model.is_auto_only else _ratio_remedy(own, model)
        yield f"{request.model} made {came}, another ratio than {words}.{remedy}"


def _ratio_remedy(own: tuple[int, int], model: Model) -> str:
    nearest = nearest_ratio(*own, model.ratios or EDIT_RATIOS)
    if is_other_ratio(*own, ratio_of(nearest)):
        return f" --aspect-ratio {nearest} is the nearest that it makes."
    return f" --aspect-ratio {nearest} asks for it."


def _attend(batch: RequestBatch, console: Console) -> bool:
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
