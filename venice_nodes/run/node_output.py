"""From the outcomes of a batch to what the node shows: pictures and info, or one error."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import torch

from ...venice_client import (
    BatchError,
    FlaggedImageError,
    ImageResult,
    PlannedRequest,
    StoreError,
    VeniceClient,
    VeniceError,
    left_out,
    total_cost,
    was_cancelled,
)
from ..imaging.tensors import FIT, Fit, Size, decode_batch, in_pixels

Outcome = ImageResult | VeniceError
T = TypeVar("T")


@dataclass(frozen=True)
class BatchImages:
    """What a batch of requests made: their answers, in order, none of them an error."""

    client: VeniceClient
    planned: tuple[PlannedRequest, ...]
    results: tuple[ImageResult, ...]
    again: str

    @property
    def model(self) -> str:
        return self.planned[0].request.model

    def decode(
        self, mode: Literal["RGB", "RGBA"] = "RGB", size: Size | None = None, fit: Fit = FIT
    ) -> tuple[torch.Tensor, list[str]]:
        """All pictures as one tensor, as `decode_batch`, and notes.

        Raises the BadResponseError of a picture that is damaged; it is forgotten, so that it can be
        asked for again. Raises a VeniceError where there is not enough memory.
        """
        pairs = list(zip(self.planned, self.results, strict=True))
        encoded = [image for _, result in pairs for image in result.images]
        labels = [planned.request.label for planned, result in pairs for _ in result.images]
        try:
            tensor, errors, notes = decode_batch(encoded, mode, size, fit, labels)
        except (MemoryError, RuntimeError) as error:  # the latter is torch's
            raise self._no_room(error) from error
        ends: list[Outcome] = []
        for result, mine in zip(self.results, self._by_result(errors), strict=True):
            bad = [error for error in mine if error]
            if len(bad) == len(mine):
                self.client.discard(result)
            ends.append(bad[0] if len(bad) == len(mine) else result)
            notes += map(left_out, bad)
        if tensor is None or any(isinstance(end, VeniceError) for end in ends):
            raise _one_error(self.client, self.planned, ends, self.results, self.again)
        return tensor, notes

    def _no_room(self, error: Exception) -> VeniceError:
        """The error for pictures that were made, but do not fit into memory."""
        count = sum(len(result.images) for result in self.results)
        kept = _kept_line(self.client, self.planned, self.results, self.again)
        return VeniceError(
            f"There is not enough memory for {count} picture{'s' if count > 1 else ''} at once: "
            f"free some, or ask for fewer. {kept or 'They were charged, and are not kept.'}\n"
            f"({str(error).partition(chr(10))[0]})"
        )

    def _by_result(self, each: Sequence[T]) -> list[list[T]]:
        """What there is for each picture, sorted by the answer that it came in."""
        left = iter(each)
        return [[next(left) for _ in result.images] for result in self.results]

    def warnings(self, *more: str) -> tuple[str, ...]:
        """The warnings of all answers and `more`, each once, the empty ones not at all."""
        notes = [*more]
        for planned, result in zip(self.planned, self.results, strict=True):
            notes += [*result.warnings, *result.flags(planned.request.label)]
        return tuple(dict.fromkeys(filter(None, notes)))

    def size_note(self, tensor: torch.Tensor) -> str:
        """A note where another size came than was to be expected, or ""."""
        came, expected = (tensor.shape[2], tensor.shape[1]), self.planned[0].expected
        if expected is None or came == expected:
            return ""
        return f"{in_pixels(expected)} was asked for; {self.model} made {in_pixels(came)}."

    def summary(self, warnings: Sequence[str] = ()) -> str:
        """What the node shows at the end."""
        count = sum(len(result.images) for result in self.results)
        free = sum(result.from_store for result in self.results)
        parts = [f"{count} picture{'s' if count > 1 else ''}"]
        if self.planned[0].request.seed is not None:
            parts.append(self.planned[0].request.label)
        parts.append(self.client.cost_text([result.cost for result in self.results]))
        if 0 < free < len(self.results):
            parts.append(f"{free} of {len(self.results)} free: made before")
        return " · ".join([*parts, *warnings])

    def info(self, tensor: torch.Tensor, warnings: Sequence[str]) -> str:
        """The `info` output: JSON, without image data.

        Prompts that were rewritten in different ways are a list, with one for each request.
        """
        enhanced = [r.enhanced_prompt for r in self.results]
        different = set(filter(None, enhanced))
        return make_info(
            model=self.model,
            seeds=[s for p in self.planned if (s := p.request.seed) is not None],
            size=[tensor.shape[2], tensor.shape[1]],
            requests=[r.sent_without_images for r in self.results],
            request_ids=[r.request_id for r in self.results],
            timing=[r.timing for r in self.results],
            warnings=list(warnings),
            estimated_cost_usd=total_cost([r.cost for r in self.results]),
            from_store=sum(r.from_store for r in self.results),
            enhanced_prompt=enhanced if len(different) > 1 else next(iter(different), None),
        )


def make_info(**values: Any) -> str:
    """The JSON of an `info` output, with all its keys whether or not there is a value."""
    empty: dict[str, Any] = {
        "model": None,
        "seeds": [],
        "size": None,
        "requests": [],
        "request_ids": [],
        "timing": [],
        "warnings": [],
        "estimated_cost_usd": 0.0,
        "from_store": 0,
        "enhanced_prompt": None,
    }
    return json.dumps({**empty, **values}, ensure_ascii=False, indent=1)


def collect(
    client: VeniceClient,
    planned: Sequence[PlannedRequest],
    outcomes: Sequence[ImageResult | BaseException],
    stop_if_flagged: bool,
    again: str,
) -> BatchImages:
    """What all requests made, in order.

    Raises the error they share, or a BatchError where some failed; FlaggedImageError for a picture
    that is blurred or breaks the terms, if that is to stop the run.
    """
    ends: list[Outcome] = []
    for outcome in outcomes:
        if not isinstance(outcome, ImageResult | VeniceError):
            raise outcome
        ends.append(outcome)
    if stop_if_flagged:
        pairs = zip(planned, ends, strict=True)
        ends = [_stop_flagged(client, p, end, again) for p, end in pairs]
    if any(isinstance(end, VeniceError) for end in ends):
        raise _one_error(client, planned, ends, outcomes, again)
    results = tuple(end for end in ends if isinstance(end, ImageResult))
    return BatchImages(client, tuple(planned), results, again)


def again_with(seed: int | None) -> str:
    """What to do to get what was paid for, without paying again."""
    return f"Set seed {seed} (fixed) and queue again"


def again_with_input(seed: int | None) -> str:
    """The same for a node that changes pictures, which a seed before it may have made.

    seed: the only one of this run, None where there are several or none.
    """
    number = "the number that its node shows" if seed is None else seed
    return f"Queue again with the same input (any seed before it fixed, at {number})"


def _stop_flagged(
    client: VeniceClient, planned: PlannedRequest, end: Outcome, again: str
) -> Outcome:
    if isinstance(end, VeniceError) or not (flags := end.flags(planned.request.label)):
        return end
    kept = "It was charged. To see it, set `if_flagged` to continue and queue again;"
    if end.key in client.results:
        how = f"set `if_flagged` to continue, {again[0].lower()}{again[1:]}"
        kept = f"It is kept. To see it, free of charge: {how};"
    return FlaggedImageError(f"{flags[0]} {kept} or change the prompt.")


def _one_error(
    client: VeniceClient,
    planned: Sequence[PlannedRequest],
    ends: Sequence[Outcome],
    outcomes: Sequence[ImageResult | BaseException],
    again: str,
) -> VeniceError:
    """The error that all share as it is; else one that counts, and says how to get the rest."""
    failed = [(p, e) for p, e in zip(planned, ends, strict=True) if isinstance(e, VeniceError)]
    telling = [end for _, end in failed if not was_cancelled(end)] or [end for _, end in failed]
    if len(failed) == len(ends) and len({str(error) for error in telling}) == 1:
        return telling[0]
    total = sum(p.request.variants for p in planned)
    made = sum(len(end.images) for end in ends if isinstance(end, ImageResult))
    cause, _, details = str(telling[0]).partition("\n")
    if all(isinstance(error, FlaggedImageError) for error in telling):
        came = sum(len(outcome.images) for outcome in outcomes if isinstance(outcome, ImageResult))
        lines = [f"{came - made} of {total} pictures flagged: {cause}"]
    else:
        lines = [f"{made} of {total} pictures made, {total - made} not: {cause}"]
    kept = _kept_line(client, planned, outcomes, again)
    lines += [kept] if kept else []
    lines += [details] if details else []
    lines += [f"- {p.request.label}: {str(end).partition(chr(10))[0]}" for p, end in failed]
    return BatchError("\n".join(lines), [end for _, end in failed])


def _kept_line(
    client: VeniceClient,
    planned: Sequence[PlannedRequest],
    outcomes: Sequence[ImageResult | BaseException],
    again: str,
) -> str:
    """How many pictures are kept, and how to get them; "" where none is."""
    kept, unpaid = 0, 0
    for p, outcome in zip(planned, outcomes, strict=True):
        if isinstance(outcome, StoreError):
            kept += p.request.variants
        elif isinstance(outcome, ImageResult) and outcome.key in client.results:
            kept += len(outcome.images)
        else:
            unpaid += p.request.variants
    if not kept:
        return ""
    total = sum(p.request.variants for p in planned)
    return f"{kept} of {total} made and kept. {again}: {_still_paid(unpaid)}."


def _still_paid(count: int) -> str:
    if not count:
        return "nothing is paid for again"
    return f"only {count} {'is' if count == 1 else 'are'} paid for"
