"""Checks of values before a request is sent: each raises InvalidRequestError."""

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


def check_is_text(field: str, value: object) -> None:
    """Refuses what is no text."""
    if not isinstance(value, str):
        raise InvalidRequestError(f"{field} must be text, not {_shown(value)}.", field)
    check_encodable(field, value)


def check_encodable(field: str, text: str) -> None:
    """Raises InvalidRequestError for what no request can carry: a NUL, half of a character."""
    if why := why_unsendable(text):
        raise InvalidRequestError(f"{field} holds {why}: remove it.", field)


def check_text(field: str, text: str, model: Model, maximum: int, if_empty: str = "") -> None:
    """Refuses a text longer than the model's limit or `most`, and an empty one if that is wrong.

    if_empty: what to do where it is empty, or "" where it may be.
    """
    check_is_text(field, text)
    if if_empty and not text.strip():
        raise InvalidRequestError(f"The {field} is empty: {if_empty}.", field, is_empty=True)
    limit = min(model.prompt_limit or maximum, maximum)
    if len(text) > limit:
        raise InvalidRequestError(
            f"The {field.replace('_', ' ')} has {len(text)} characters, and {model.id} takes "
            f"{limit}: shorten it.",
            field,
        )


def check_range(field: str, value: object, minimum: int, maximum: int) -> None:
    """Refuses what is no whole number from `least` to `most`."""
    if isinstance(value, bool) or not isinstance(value, int) or not minimum <= value <= maximum:
        raise InvalidRequestError(
            f"{field} must be a whole number from {minimum} to {maximum}, not {_shown(value)}.",
            field,
        )


def qualities_for(model: Model) -> Sequence[str]:
    """What `model` takes as quality; all that there are where nobody says."""
    return model.qualities if model.is_known else QUALITIES


def check_number(field: str, value: object, minimum: float, maximum: float) -> None:
    """Refuses what is no number from `least` to `most`; NaN is none."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not minimum <= value <= maximum:  # type: ignore[operator]
        raise InvalidRequestError(
            f"{field} must be a number from {minimum:g} to {maximum:g}, not {_shown(value)}.", field
        )


def check_switch(field: str, value: object) -> None:
    """Refuses what is neither true nor false."""
    if not isinstance(value, bool):
        raise InvalidRequestError(f"{field} must be true or false, not {_shown(value)}.", field)


def check_choice(field: str, value: object, choices: Sequence[str]) -> None:
    """Refuses what is none of the choices, exactly as spelled."""
    if value not in choices:
        raise InvalidRequestError(
            f"{field} must be {', '.join(choices[:-1])} or {choices[-1]}, not {_shown(value)}.",
            field,
        )


def check_format(field: str, value: object) -> None:
    """Refuses what is no format of pictures that the API sends."""
    check_choice(field, value, FORMATS)


def add_quality(quality: str, model: Model, fields: dict[str, Any], warnings: list[str]) -> None:
    """Adds `quality` where the model has such a setting, else a note."""
    if quality == AUTO:
        return
    if not (offered := qualities_for(model)):
        warnings.append(f"{model.id} has no quality setting: quality {quality} was not sent.")
        return
    check_offered("quality", quality, offered, model.id)
    fields["quality"] = quality


def _shown(value: object) -> str:
    return shortened(repr(value), 40)


def as_base64(image: bytes) -> str:
    """An encoded image as the text that goes into JSON."""
    return base64.b64encode(image).decode("ascii")
