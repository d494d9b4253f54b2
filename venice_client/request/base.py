"""What every paid request has in common, and the payload that it builds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from ..catalogue.model import Model


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
    others of its batch, such as "seed 7"; description: from any others. is_binary: whether the
    answer is the image itself. variants: how many images it asks for. is_reusable: whether an equal
    request means the same image. variation: another number means that another answer is wanted; it
    is not sent.
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
    def description(self) -> str: ...
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
