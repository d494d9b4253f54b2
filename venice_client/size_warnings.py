"""Warnings about images that have another size or ratio than expected."""

from __future__ import annotations

from collections.abc import Sequence

from .catalogue.model import Model
from .catalogue.sizing import is_other_ratio, nearest_ratio, ratio_of
from .imaging.images import EncodedImage, size_of_input
from .planned_request import PlannedRequest
from .request.edit import EDIT_RATIOS, EditRequest

Size = tuple[int, int]


def other_size(model: str, expected: Size | None, size: Size) -> str:
    """Return a warning if a model returned another size than expected, or ""."""
    if expected is None or size == expected:
        return ""
    return f"{model} returned {_text(size)} instead of {_text(expected)}."


def size_warnings(
    planned: PlannedRequest, images: Sequence[EncodedImage], model: Model
) -> tuple[str, ...]:
    """Return a warning for each unexpected size, and for each other ratio of an edit."""
    found = []
    for size in dict.fromkeys((image.width, image.height) for image in images):
        found.append(other_size(model.id, planned.payload.expected, size))
        masked = planned.payload.masked
        if masked is not None:
            shift = masked.layout.shift(*size) if masked.layout else ""
            found.append(f"{planned.request.label.capitalize()}: {shift}." if shift else "")
        elif isinstance(planned.request, EditRequest):
            found.append(_other_ratio(planned.request, planned.payload.fields, size, model))
    return tuple(filter(None, found))


def _other_ratio(request: EditRequest, sent: dict[str, object], size: Size, model: Model) -> str:
    own, asked = size_of_input(request.images[0]), str(sent.get("aspect_ratio", ""))
    if not is_other_ratio(*size, ratio_of(asked) if asked else own[0] / own[1]):
        return ""
    if asked:
        return f"{model.id} returned {_text(size)}, which isn't {asked}."
    warning = (
        f"{model.id} returned {_text(size)}, a different aspect ratio from {request.label} "
        f"({_text(own)})."
    )
    if model.is_auto_only:
        return warning
    nearest = nearest_ratio(*own, model.ratios or EDIT_RATIOS)
    is_close = not is_other_ratio(*own, ratio_of(nearest))
    return f"{warning} Aspect ratio {nearest} {'matches it' if is_close else 'is the closest'}."


def _text(size: Size) -> str:
    return f"{size[0]} × {size[1]}"
