"""From the outcomes of a batch to what the node shows: pictures and info, or one error."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from .tensors import decode_batch
from .venice_client import GenerateRequest, GenerateResult, VeniceError
from .venice_client.batch import was_dropped
from .venice_client.errors import BatchError, FlaggedImage
from .venice_client.seeds import MAX_SEED, fold_seed


@dataclass(frozen=True)
class Pictures:
    """The pictures of one run of a node: tensor [B, H, W, 3] and the answers they came from."""

    tensor: torch.Tensor
    model: str
    seeds: tuple[int | None, ...]
    results: tuple[GenerateResult, ...]
    warnings: tuple[str, ...]

    def with_warnings(self, *notes: str) -> Pictures:
        """The same with `notes` before its warnings; empty ones do not count."""
        return replace(self, warnings=(*filter(None, notes), *self.warnings))

    def summary(self) -> str:
        """What the node shows at the end."""
        count = len(self.tensor)
        lines = [f"{count} picture{'s' if count > 1 else ''} · seed {self.seeds[0]}"]
        return " · ".join([*lines, *self.warnings])

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
                "estimated_cost_usd": None,
                "from_store": sum(r.from_store for r in self.results),
                "enhanced_prompt": enhanced[0] if enhanced else None,
            },
            ensure_ascii=False,
            indent=1,
        )


def collect_pictures(
    requests: Sequence[GenerateRequest],
    outcomes: Sequence[GenerateResult | BaseException],
    stop_if_flagged: bool,
) -> Pictures:
    """The pictures of all requests, in order.

    Raises the error they share, or a BatchError where some failed; FlaggedImage for a picture
    that is blurred or breaks the terms, if that is to stop the run.
    """
    ends: list[GenerateResult | VeniceError] = []
    for outcome in outcomes:
        if not isinstance(outcome, GenerateResult | VeniceError):
            raise outcome
        ends.append(outcome)
    results = [end for end in ends if isinstance(end, GenerateResult)]
    encoded = [data for result in results for data in result.images]
    tensor, broken, notes = decode_batch(encoded)
    _mark_broken(ends, broken)
    if stop_if_flagged:
        ends = [_stop_flagged(end) for end in ends]
    errors = [end for end in ends if isinstance(end, VeniceError)]
    if errors or tensor is None:
        raise _one_error(requests, ends, errors)
    warnings = [note for result in results for note in (*result.warnings, *_flags(result))]
    warnings += [*notes, *_size_note(requests[0], tensor, warnings)]
    return Pictures(
        tensor=tensor,
        model=requests[0].model,
        seeds=tuple(request.seed for request in requests),
        results=tuple(results),
        warnings=tuple(dict.fromkeys(warnings)),
    )


def folding_note(seed: int) -> str:
    """The warning that `seed` was folded, or ""."""
    folded = fold_seed(seed)
    if folded == seed:
        return ""
    return f"seed {seed} was folded into {folded}: Venice takes 1 to {MAX_SEED}."


def _mark_broken(
    ends: list[GenerateResult | VeniceError], broken: Sequence[VeniceError | None]
) -> None:
    """Puts the first decoding error of each result in its place."""
    left = list(broken)
    for i, end in enumerate(ends):
        if isinstance(end, GenerateResult):
            mine, left = left[: len(end.images)], left[len(end.images) :]
            ends[i] = next((error for error in mine if error), end)


def _stop_flagged(end: GenerateResult | VeniceError) -> GenerateResult | VeniceError:
    if isinstance(end, VeniceError) or not _flags(end):
        return end
    return FlaggedImage(
        f"{_flags(end)[0]} To see it as it is, set `if_flagged` to continue and queue again; "
        "otherwise change the prompt."
    )


def _flags(result: GenerateResult) -> list[str]:
    seed = result.sent.get("seed")
    found = []
    if result.is_violation:
        found.append(f"The picture of seed {seed} breaks Venice's terms of use, says Venice.")
    if result.is_blurred:
        found.append(f"The picture of seed {seed} was blurred by safe_mode.")
    return found


def _one_error(
    requests: Sequence[GenerateRequest],
    ends: Sequence[GenerateResult | VeniceError],
    errors: Sequence[VeniceError],
) -> VeniceError:
    telling = [error for error in errors if not was_dropped(error)] or list(errors)
    if len(errors) == len(ends) and len({str(error) for error in telling}) == 1:
        return telling[0]
    total = sum(request.variants for request in requests)
    missing = sum(
        request.variants
        for request, end in zip(requests, ends, strict=True)
        if isinstance(end, VeniceError)
    )
    cause, _, details = str(telling[0]).partition("\n")
    lines = [f"{total - missing} of {total} pictures made, {missing} not: {cause}"]
    lines += [details] if details else []
    lines += [
        f"- seed {request.seed}: {str(end).partition(chr(10))[0]}"
        for request, end in zip(requests, ends, strict=True)
        if isinstance(end, VeniceError)
    ]
    return BatchError("\n".join(lines), errors)


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
