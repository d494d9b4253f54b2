"""From the outcomes of a batch to what the node shows: pictures and info, or one error."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from .tensors import decode_batch
from .venice_client import GenerateRequest, ImageResult, Planned, VeniceClient, VeniceError
from .venice_client.batch import was_dropped
from .venice_client.errors import BatchError, FlaggedImage
from .venice_client.seeds import MAX_SEED, fold_seed

End = ImageResult | VeniceError


@dataclass(frozen=True)
class Pictures:
    """The pictures of one run of a node: tensor [B, H, W, 3] and the answers they came from."""

    tensor: torch.Tensor
    model: str
    seeds: tuple[int | None, ...]
    results: tuple[ImageResult, ...]
    warnings: tuple[str, ...]

    def with_warnings(self, *notes: str) -> Pictures:
        """The same with `notes` before its warnings; empty ones do not count."""
        return replace(self, warnings=(*filter(None, notes), *self.warnings))

    def summary(self) -> str:
        """What the node shows at the end."""
        count = len(self.tensor)
        free = sum(result.from_store for result in self.results)
        parts = [f"{count} picture{'s' if count > 1 else ''}", f"seed {self.seeds[0]}"]
        parts.append(cost_text([result.cost for result in self.results]))
        if free:
            parts.append("from the store, free" if free == len(self.results) else f"{free} free")
        return " · ".join([*parts, *self.warnings])

    def info(self) -> str:
        """The `info` output: JSON, without image data."""
        _, height, width, _ = self.tensor.shape
        enhanced = [r.enhanced_prompt for r in self.results if r.enhanced_prompt]
        return json.dumps(
            {
                "model": self.model,
                "seeds": self.seeds,
                "size": [width, height],
                "requests": [_without_images(r.sent) for r in self.results],
                "request_ids": [r.request_id for r in self.results],
                "timing": [r.timing for r in self.results],
                "warnings": self.warnings,
                "estimated_cost_usd": total_cost([r.cost for r in self.results]),
                "from_store": sum(r.from_store for r in self.results),
                "enhanced_prompt": enhanced[0] if enhanced else None,
            },
            ensure_ascii=False,
            indent=1,
        )


def collect_pictures(
    client: VeniceClient,
    planned: Sequence[Planned],
    outcomes: Sequence[ImageResult | BaseException],
    stop_if_flagged: bool,
) -> Pictures:
    """The pictures of all requests, in order.

    Raises the error they share, or a BatchError where some failed; FlaggedImage for a picture
    that is blurred or breaks the terms, if that is to stop the run.
    """
    ends: list[End] = []
    for outcome in outcomes:
        if not isinstance(outcome, ImageResult | VeniceError):
            raise outcome
        ends.append(outcome)
    results = [end for end in ends if isinstance(end, ImageResult)]
    tensor, broken, notes = decode_batch([data for r in results for data in r.images])
    _mark_broken(client, ends, broken)
    if stop_if_flagged:
        ends = [_stop_flagged(client, end) for end in ends]
    errors = [end for end in ends if isinstance(end, VeniceError)]
    if errors or tensor is None:
        raise _one_error(client, planned, ends, outcomes)
    warnings = [note for result in results for note in (*result.warnings, *_flags(result))]
    warnings += [*notes, *_size_note(planned[0].request, tensor, warnings)]
    return Pictures(
        tensor=tensor,
        model=planned[0].request.model,
        seeds=tuple(p.request.seed for p in planned),
        results=tuple(results),
        warnings=tuple(dict.fromkeys(warnings)),
    )


def folding_note(seed: int) -> str:
    """The warning that `seed` was folded, or ""."""
    folded = fold_seed(seed)
    if folded == seed:
        return ""
    return f"seed {seed} was folded into {folded}: Venice takes 1 to {MAX_SEED}."


def again_with(seed: int | None) -> str:
    """What to do to get what was paid for, without paying again."""
    return f"Set seed {seed} (fixed) and queue again"


def total_cost(costs: Sequence[float | None]) -> float | None:
    """The sum in USD, or None where a price is unknown."""
    known = [cost for cost in costs if cost is not None]
    return round(sum(known), 6) if len(known) == len(costs) else None


def cost_text(costs: Sequence[float | None]) -> str:
    """The estimate in words."""
    total = total_cost(costs)
    return "price unknown" if total is None else f"about {total:.4g} USD"


def _mark_broken(
    client: VeniceClient, ends: list[End], broken: Sequence[VeniceError | None]
) -> None:
    """Puts the first decoding error of each result in its place, and forgets what is damaged."""
    left = list(broken)
    for i, end in enumerate(ends):
        if isinstance(end, ImageResult):
            mine, left = left[: len(end.images)], left[len(end.images) :]
            error = next((error for error in mine if error), None)
            if error is not None:
                client.discard(end)
                ends[i] = error


def _stop_flagged(client: VeniceClient, end: End) -> End:
    if isinstance(end, VeniceError) or not _flags(end):
        return end
    is_kept = end.key in client.results
    remedy = "it is kept: to see it, set `if_flagged` to continue" if is_kept else "it was charged"
    again = f", {again_with(end.sent.get('seed')).lower()}, free of charge" if is_kept else ""
    return FlaggedImage(
        f"{_flags(end)[0]} {remedy[0].upper()}{remedy[1:]}{again}; or change the prompt."
    )


def _flags(result: ImageResult) -> list[str]:
    seed = result.sent.get("seed")
    found = []
    if result.is_violation:
        found.append(f"Venice says that the picture of seed {seed} breaks its terms of use.")
    if result.is_blurred:
        found.append(f"The picture of seed {seed} was blurred by safe_mode.")
    return found


def _one_error(
    client: VeniceClient,
    planned: Sequence[Planned],
    ends: Sequence[End],
    outcomes: Sequence[ImageResult | BaseException],
) -> VeniceError:
    """The error that all share as it is; else one that counts, and says how to get the rest."""
    failed = [(p, e) for p, e in zip(planned, ends, strict=True) if isinstance(e, VeniceError)]
    telling = [end for _, end in failed if not was_dropped(end)] or [end for _, end in failed]
    if len(failed) == len(ends) and len({str(error) for error in telling}) == 1:
        return telling[0]
    total = sum(p.request.variants for p in planned)
    paid = [
        p.request.variants
        for p, outcome in zip(planned, outcomes, strict=True)
        if isinstance(outcome, ImageResult) and outcome.key in client.results
    ]
    left = total - sum(paid)
    missing = sum(p.request.variants for p, _ in failed)
    cause, _, details = str(telling[0]).partition("\n")
    lines = [f"{total - missing} of {total} pictures made, {missing} not: {cause}"]
    if paid:
        kept = f"{sum(paid)} of {total} made and kept. {again_with(planned[0].request.seed)}"
        lines.append(
            f"{kept}: only {left} {'is' if left == 1 else 'are'} paid for."
            if left
            else f"{kept}: nothing is paid for again."
        )
    lines += [details] if details else []
    lines += [f"- seed {p.request.seed}: {str(end).partition(chr(10))[0]}" for p, end in failed]
    return BatchError("\n".join(lines), [end for _, end in failed])


def _size_note(
    request: GenerateRequest, tensor: torch.Tensor, warnings: Sequence[str]
) -> list[str]:
    """A note where the model chose another size, unless a warning speaks of the size already."""
    _, height, width, _ = tensor.shape
    asked = f"{request.width}×{request.height}"
    if (width, height) == (request.width, request.height) or any(asked in w for w in warnings):
        return []
    return [f"{asked} was asked for; {request.model} made {width}×{height}."]


def _without_images(sent: dict[str, object]) -> dict[str, object]:
    references = sent.get("style_references")
    if not isinstance(references, list):
        return sent
    return {**sent, "style_references": [{**r, "image": "(left out)"} for r in references]}
