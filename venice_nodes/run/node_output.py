"""Turn the outcomes of a node's requests into its outputs: images, texts, info, or one error."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Literal, TypeVar

import torch

from ...venice_client import (
    BatchError,
    ContentViolationError,
    FlaggedImageError,
    ImageResult,
    RequestBatch,
    VeniceClient,
    VeniceError,
)
from ...venice_client.for_nodes import (
    PlannedRequest,
    Result,
    charged_text,
    is_ignored,
    left_out,
    other_size,
    total_cost,
    was_cancelled,
)
from ..imaging.tensors import FIT, Fit, Size, decode_batch, split_alpha

T = TypeVar("T")
Outcome = Result | VeniceError

_FLAGGED = (FlaggedImageError, ContentViolationError)

MAX_WARNINGS = 12
"""The most warnings that a node shows; `info` has all."""


@dataclass(frozen=True)
class NodeOutcome:
    """The outcome of all requests of one node.

    again: what to keep the same to get the same images again. warnings: those about the run, not
    about one request.
    """

    client: VeniceClient
    batch: RequestBatch
    again: str
    warnings: Sequence[str] = ()

    @property
    def outcomes(self) -> list[Outcome]:
        """The results and errors, in order. Raises an error that isn't a VeniceError."""
        found: list[Outcome] = []
        for outcome in self.batch.outcomes:
            if not isinstance(outcome, Result | VeniceError):
                assert isinstance(outcome, BaseException), "the batch has ended"
                raise outcome
            found.append(outcome)
        return found

    def check(self, stop_if_flagged: Sequence[bool]) -> None:
        """Raise the error of failed requests, and of flagged images that stop the node."""
        ends = [
            self._flagged_error(planned, outcome) or outcome if is_stopping else outcome
            for planned, outcome, is_stopping in zip(
                self.batch.planned, self.outcomes, stop_if_flagged, strict=True
            )
        ]
        if any(isinstance(end, VeniceError) for end in ends):
            raise self.error(ends)

    def split(self, counts: Sequence[int]) -> list[BatchResults]:
        """Split the results by item. counts: the number of requests of each item."""
        pairs = zip(self.batch.planned, self.batch.outcomes, strict=True)
        parts = [BatchResults(self, tuple(islice(pairs, count))) for count in counts]
        first = next((i for i, part in enumerate(parts) if part.pairs), None)
        if first is not None:
            parts[first] = replace(parts[first], of_run=self.warnings)
        return parts

    def error(self, ends: Sequence[Outcome]) -> VeniceError:
        """Return the error that all share, or one with the cause, then the remedy.

        ends: a result or an error for each request.
        """
        pairs = list(zip(self.batch.planned, ends, strict=True))
        failed = [(planned, end) for planned, end in pairs if isinstance(end, VeniceError)]
        telling = [end for _, end in failed if not was_cancelled(end)] or [e for _, e in failed]
        if len(failed) == len(ends) and len({str(error) for error in telling}) == 1:
            telling[0].name_item(f"({failed[0][0].request.description})")
            return telling[0]
        first = next((error for error in telling if not error.can_pass), telling[0])
        cause, *details = str(first).split("\n")
        if all(isinstance(error, _FLAGGED) for error in telling):
            cause = f"Flagged images: {self._count_flagged(ends)}. {cause}"
        can_pass = all(error.can_pass for error in telling)
        advice = self.batch.summary.advice("Queue again", self.again, can_pass)
        lines = [cause, advice, *details]
        for planned, error in failed:
            lines.append(f"- {planned.request.description}: {str(error).splitlines()[0]}")
        return BatchError("\n".join(filter(None, lines)), [end for _, end in failed], advice)

    def no_room(self, error: Exception, count: int) -> VeniceError:
        """Return the error for images that arrived but don't fit into memory."""
        advice = self.batch.summary.advice("Queue again", self.again)
        return VeniceError(
            f"There isn't enough memory for {count} image{'s' if count > 1 else ''} at once. Free "
            f"up memory, or reduce the batch. {advice}\n({str(error).partition(chr(10))[0]})"
        )

    def summary(self, warnings: Sequence[str]) -> str:
        """Return the text that the node shows at its end."""
        results = [end for end in self.batch.outcomes if isinstance(end, Result)]
        count = sum(result.count for result in results)
        free = sum(result.from_store for result in results)
        noun = self.batch.summary.noun
        parts = [f"{count} {noun}{'s' if count != 1 else ''}"] if results else []
        seeds = list(dict.fromkeys(filter(None, map(self._seed_of, self.batch.planned))))
        if seeds:
            last = f"–{seeds[-1]}" if len(seeds) > 1 else ""
            parts.append(f"seed{'s' if last else ''} {seeds[0]}{last}")
        if results:
            parts.append(charged_text(results, self.client.service.is_sandbox))
        if 0 < free < len(results):
            parts.append(f"{free} of {len(results)} free (saved)")
        unique = list(dict.fromkeys(filter(None, warnings)))
        parts += unique[:MAX_WARNINGS]
        if (more := len(unique) - MAX_WARNINGS) > 0:
            parts.append(f"{more} more warning{'s' if more > 1 else ''} (see info)")
        return " · ".join(parts)

    def facts(self) -> dict[str, Any]:
        """Return the state of the requests so far, for programs: see docs/http-api.md."""
        costs: list[float | None] = []
        is_lost, seen = False, set[str]()
        ends = zip(self.batch.planned, self.batch.outcomes, self.batch.progress, strict=True)
        for planned, end, progress in ends:
            is_in_doubt = getattr(end, "may_have_been_charged", end is None and progress.sent)
            if isinstance(end, Result):
                costs.append(end.cost)
            elif is_in_doubt and planned.key not in seen:
                costs.append(planned.price)
            is_lost |= is_in_doubt
            seen.add(planned.key)
        models = list(dict.fromkeys(planned.request.model for planned in self.batch.planned))
        cost = total_cost(costs)
        return {
            "model": models[0] if len(models) == 1 else models or None,
            "seeds": list(dict.fromkeys(filter(None, map(self._seed_of, self.batch.planned)))),
            "cost_usd": cost,
            "free": cost == 0 or self.client.service.is_sandbox,
            "may_have_been_charged": is_lost,
        }

    def _seed_of(self, planned: PlannedRequest) -> int | None:
        """Return the seed of a request, unless its model ignores seeds."""
        request = planned.request
        model = self.client.catalogue.model(request.model, request.kind)
        return None if is_ignored("seed", model) else request.seed

    def _count_flagged(self, ends: Sequence[Outcome]) -> str:
        total = sum(planned.request.variants for planned in self.batch.planned)
        came = zip(self.outcomes, ends, strict=True)
        flagged = [o for o, end in came if isinstance(o, ImageResult) and o is not end]
        return f"{sum(len(result.images) for result in flagged)} of {total}"

    def _flagged_error(self, planned: PlannedRequest, end: Outcome) -> VeniceError | None:
        if isinstance(end, VeniceError) or not (flags := end.flags(planned.request.label)):
            return None
        if isinstance(end, ImageResult) and end.is_violation:
            return ContentViolationError(f"{flags[0]} Change the prompt.")
        way = 'set if_flagged to "continue" and queue again'
        if planned.key in self.client.results:
            kept = f"The image is saved. To see it for free, {way} {self.again}"
        else:
            kept = f"You were charged. To see it, {way}"
        return FlaggedImageError(f"{flags[0]} {kept}, or change the prompt.")


@dataclass(frozen=True)
class BatchResults:
    """The results of one item's requests, in order.

    of_run: warnings about the run, for the first item.
    """

    outcome: NodeOutcome
    pairs: tuple[tuple[PlannedRequest, Any], ...]
    of_run: Sequence[str] = ()

    @property
    def results(self) -> list[Any]:
        return [result for _, result in self.pairs]

    @property
    def model(self) -> str:
        return self.pairs[0][0].request.model

    def decode(
        self, mode: Literal["RGB", "RGBA"] = "RGB", size: Size | None = None, fit: Fit = FIT
    ) -> tuple[torch.Tensor, list[str]]:
        """Decode all images into one tensor, as `decode_batch` does; return it with warnings.

        Raises BadResponseError for a damaged image, which it quarantines, so that the next run
        requests it again, and VeniceError without enough memory.
        """
        encoded = [data for result in self.results for data in result.images]
        labels = [planned.request.label for planned, result in self.pairs for _ in result.images]
        try:
            tensor, errors, warnings = decode_batch(encoded, mode, size, fit, labels)
        except (MemoryError, RuntimeError) as error:  # the latter is torch's
            raise self.outcome.no_room(error, len(encoded)) from error
        lost: dict[int, VeniceError] = {}
        for result, own in zip(self.results, self._by_result(errors), strict=True):
            bad = [error for error in own if error]
            warnings += map(left_out, bad)
            if len(bad) == len(own):
                self.outcome.client.discard(result, bad[0])
                lost[id(result)] = bad[0]
        if tensor is None or lost:
            raise self.outcome.error([lost.get(id(end), end) for end in self.outcome.outcomes])
        for result in self.results:
            self.outcome.client.results.mark_shown(result.key)
        return tensor, warnings

    def decode_with_mask(
        self, size: Size | None = None, fit: Fit = FIT
    ) -> tuple[torch.Tensor, torch.Tensor, list[str]]:
        """Decode as `decode` does; return colors, masks as in `split_alpha`, and warnings."""
        has_alpha = any(image.has_alpha for result in self.results for image in result.images)
        tensor, warnings = self.decode("RGBA" if has_alpha else "RGB", size, fit)
        colors, mask = split_alpha(tensor)
        is_wanted = any("transparent_background" in result.sent for result in self.results)
        if is_wanted and not mask.any():
            warnings.append("The image has no transparent background.")
        return colors, mask, warnings

    def _by_result(self, each: Sequence[T]) -> list[list[T]]:
        """Group the values of the images by their result."""
        left: Iterator[T] = iter(each)
        return [list(islice(left, len(result.images))) for result in self.results]

    def warnings(self, *more: str) -> list[str]:
        """Return the warnings of all results and `more`, each once, without empty ones."""
        found = [*self.of_run, *more]
        for planned, result in self.pairs:
            found += [*result.warnings, *result.flags(planned.request.label)]
        return list(dict.fromkeys(filter(None, found)))

    def size_warning(self, tensor: torch.Tensor) -> str:
        """Return a warning about an unexpected size, or ""."""
        size = tensor.shape[2], tensor.shape[1]
        return other_size(self.model, self.pairs[0][0].payload.expected, size)

    def info(self, tensor: torch.Tensor, warnings: Sequence[str]) -> str:
        """Return the `info` output: JSON, without image data.

        If Venice rewrote the prompt in different ways, it's a list with one for each request.
        """
        enhanced = [r.enhanced_prompt for r in self.results]
        different = set(filter(None, enhanced))
        return make_info(
            model=self.model,
            seeds=[seed for p, _ in self.pairs if (seed := p.request.seed) is not None],
            size=[tensor.shape[2], tensor.shape[1]],
            requests=[r.sent for r in self.results],
            request_ids=[r.request_id for r in self.results],
            timing=[r.timing for r in self.results],
            warnings=list(warnings),
            estimated_cost_usd=total_cost([r.cost for r in self.results]),
            from_store=sum(r.from_store for r in self.results),
            enhanced_prompt=enhanced if len(different) > 1 else next(iter(different), None),
        )

    def texts(self) -> list[str]:
        """The texts of all results, in order."""
        for result in self.results:
            self.outcome.client.results.mark_shown(result.key)
        return [text for result in self.results for text in result.texts]

    def text_info(self, warnings: Sequence[str]) -> str:
        """The `info` output of texts. It names the cost `cost_usd` if Venice told all of it."""
        results = self.results
        is_exact = all(result.is_cost_exact for result in results)
        return json.dumps(
            {
                "model": self.model,
                "requests": [result.sent for result in results],
                "request_ids": [result.request_id for result in results],
                "texts": [text for result in results for text in result.texts],
                "finish_reasons": [result.finish_reason for result in results],
                "tokens": [result.tokens for result in results],
                "warnings": list(warnings),
                "cost_usd" if is_exact else "estimated_cost_usd": total_cost(
                    [result.cost for result in results]
                ),
                "from_store": sum(result.from_store for result in results),
            },
            ensure_ascii=False,
            indent=1,
        )


def make_info(**values: Any) -> str:
    """Return the JSON of an `info` output, with all keys even without a value."""
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
