"""What every paid request has in common: its form, and the checks before it is sent."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from .catalogue import Model
from .errors import InvalidRequestError
from .nearest import check_offered
from .sizing import AUTO
from .texts import shortened

QUALITIES = ("low", "medium", "high")
FORMATS = ("png", "webp", "jpeg")


@dataclass(frozen=True)
class Payload:
    """What to send: the endpoint, the JSON object, and in words what the model does not take.

    expected: (width, height) of the answer where that follows and no note says it already.
    """

    path: str
    fields: dict[str, Any]
    warnings: tuple[str, ...] = ()
    expected: tuple[int, int] | None = None


class PaidRequest(Protocol):
    """A typed request, which builds what is sent for a model.

    kind: what the model does, "image", "inpaint", "upscale" or "cutout". label: what tells it from
    others of its batch, such as "seed 7". is_binary: whether the answer is the image itself.
    variants: how many pictures it asks for. is_reusable: whether an equal request means the same
    picture. variation: another number means that another answer is wanted; it is not sent.
    """

    @property
    def kind(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def seed(self) -> int | None: ...
    @property
    def label(self) -> str: ...
    @property
    def is_binary(self) -> bool: ...
    @property
    def variants(self) -> int: ...
    @property
    def is_reusable(self) -> bool: ...
    @property
    def variation(self) -> int: ...

    def build(self, model: Model) -> Payload:
        """The payload for `model`. Raises InvalidRequestError for what is known to be wrong."""

    def price(self, payload: Payload, model: Model) -> float | None:
        """What it will cost in USD, None where nobody says."""


def check_is_text(field: str, value: object) -> None:
    """Refuses what is no text."""
    if not isinstance(value, str):
        raise InvalidRequestError(f"{field} must be text, not {_shown(value)}.", field)


def check_text(field: str, text: str, model: Model, maximum: int, if_empty: str = "") -> None:
    """Refuses a text longer than the model's limit or `most`, and an empty one if that is wrong.

    if_empty: what to do where it is empty, or "" where it may be.
    """
    check_is_text(field, text)
    if if_empty and not text.strip():
        raise InvalidRequestError(f"The {field} is empty: {if_empty}.", field)
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
