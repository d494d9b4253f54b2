"""Checks of values before a request is sent. Each raises InvalidRequestError."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from ..catalogue.model import Model
from ..catalogue.nearest import check_offered
from ..catalogue.sizing import AUTO
from ..errors import InvalidRequestError
from ..text import shortened, why_unsendable

QUALITIES = ("low", "medium", "high")
FORMATS = ("png", "webp", "jpeg")
MAX_EDIT_PIXELS = 33_177_600
MAX_INPUT_BYTES = 25_000_000


def check_is_text(field: str, value: object) -> None:
    """Raise InvalidRequestError unless `value` is a str."""
    if not isinstance(value, str):
        raise InvalidRequestError(f"{field} must be text, not {_shown(value)}.", field)
    check_encodable(field, value)


def check_takes(kind: type, request: object) -> None:
    """Raise InvalidRequestError unless a method that takes a kind of request gets one."""
    if not isinstance(request, kind):
        given = type(request).__name__
        raise InvalidRequestError(f"Not sent. This method takes {kind.__name__}, not {given}.")


def check_encodable(field: str, text: str) -> None:
    """Raise InvalidRequestError if `text` has a NUL or an unpaired surrogate."""
    if why := why_unsendable(text):
        raise InvalidRequestError(f"{field} contains {why}. Remove it.", field)


def check_text(field: str, text: str, model: Model, maximum: int, is_needed: bool = False) -> str:
    """Raise InvalidRequestError unless `text` is a str within the model's limit and `maximum`.

    is_needed: whether it must not be empty. Return what to add if Venice refuses the text: its two
    lengths, if only one of them is within the limit, else "".
    """
    check_is_text(field, text)
    name = field.replace("_", " ")
    if is_needed and not text.strip():
        raise InvalidRequestError(f"Enter a {name}.", field, is_empty=True)
    limit = min(model.prompt_limit or maximum, maximum)
    if len(text) > limit:
        raise InvalidRequestError(
            f"Shorten the {name}. It has {len(text):,} characters; {model.id} takes {limit:,}.",
            field,
        )
    units = len(text.encode("utf-16-le")) // 2
    if units <= limit:
        return ""
    return (
        f"The {name} has {len(text):,} characters, or {units:,} if Venice counts UTF-16 units; "
        f"{model.id} takes {limit:,}."
    )


def check_range(field: str, value: object, minimum: int, maximum: int) -> None:
    """Raise InvalidRequestError unless `value` is a whole number in the range."""
    if isinstance(value, bool) or not isinstance(value, int) or not minimum <= value <= maximum:
        raise InvalidRequestError(
            f"{field} must be a whole number from {minimum} to {maximum}, not {_shown(value)}.",
            field,
        )


def may_have_qualities(model: Model) -> bool:
    """Whether `model` may have a quality setting: it lists some, or nothing is known about it."""
    return bool(model.qualities) or not model.is_known


def check_number(field: str, value: object, minimum: float, maximum: float) -> None:
    """Raise InvalidRequestError unless `value` is a number in the range, which NaN isn't."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not minimum <= value <= maximum:  # type: ignore[operator]
        raise InvalidRequestError(
            f"{field} must be a number from {minimum:g} to {maximum:g}, not {_shown(value)}.", field
        )


def check_switch(field: str, value: object) -> None:
    """Raise InvalidRequestError unless `value` is true or false."""
    if not isinstance(value, bool):
        raise InvalidRequestError(f"{field} must be true or false, not {_shown(value)}.", field)


def check_choice(field: str, value: object, choices: Sequence[str]) -> None:
    """Raise InvalidRequestError unless `value` is one of the choices, exactly as spelled."""
    if value not in choices:
        raise InvalidRequestError(
            f"{field} must be {', '.join(choices[:-1])} or {choices[-1]}, not {_shown(value)}.",
            field,
        )


def check_format(field: str, value: object, is_transparent: object) -> None:
    """Raise InvalidRequestError unless the API offers this image format for this background."""
    check_choice(field, value, FORMATS)
    check_switch("transparent_background", is_transparent)
    if is_transparent and value == "jpeg":
        raise InvalidRequestError(
            "JPEG has no transparency. Choose png or webp, or turn off transparent_background.",
            field,
        )


def add_quality(quality: str, model: Model, fields: dict[str, Any], warnings: list[str]) -> None:
    """Add `quality` if the model may have such a setting, else a warning."""
    if quality == AUTO:
        return
    if not may_have_qualities(model):
        warnings.append(f"{model.id} has no quality setting, so {quality} isn't sent.")
        return
    if model.qualities:
        check_offered("quality", quality, model.qualities, model.id)
    fields["quality"] = quality


def _shown(value: object) -> str:
    return shortened(repr(value), 40)


def as_base64(image: bytes) -> str:
    """Return an encoded image as text for JSON."""
    return base64.b64encode(image).decode("ascii")
