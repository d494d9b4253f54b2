"""The base of every paid request, and the payload that it builds."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Protocol

from ..catalogue.catalogue import Catalogue
from ..catalogue.model import Model
from ..imaging.input_image import InputFile
from .checks import check_encodable, check_is_text

LEFT_OUT = "(left out)"


@dataclass(frozen=True)
class Payload:
    """A payload to send: the endpoint, its fields, and in words what the model does not take.

    files: name of the field and image of each file; with files a form is sent, else JSON.
    expected: (width, height) of the answer where that follows and no warning says it already.
    """

    path: str
    fields: dict[str, Any]
    warnings: tuple[str, ...] = ()
    files: tuple[tuple[str, InputFile], ...] = ()
    expected: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        """Raises InvalidRequestError for a text that no request can carry."""
        for name, value in self.fields.items():
            if isinstance(value, str):
                check_encodable(name, value)

    @property
    def shown(self) -> dict[str, Any]:
        """The fields that are sent, with "(left out)" in place of image data."""
        shown = dict(self.fields)
        if references := shown.get("style_references"):
            shown["style_references"] = [{**each, "image": LEFT_OUT} for each in references]
        names = [name for name, _ in self.files]
        for name in dict.fromkeys(names):
            count = names.count(name)
            shown[name] = LEFT_OUT if name == "image" else [LEFT_OUT] * count
        return shown


class PaidRequest(Protocol):
    """A typed request, which builds the payload for a model.

    kind: what the model does, "image", "inpaint", "upscale" or "cutout". label: what tells it from
    others of its batch, such as "seed 7"; description: from any others. is_binary: whether the
    answer is the image itself. variants: how many images it asks for. input_images: how many it
    sends to be changed. is_reusable: whether an equal request means the same image. variation:
    another number means that another answer is wanted; it is not sent.
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
    def input_images(self) -> int: ...
    @property
    def is_reusable(self) -> bool: ...
    @property
    def variation(self) -> int: ...

    def build(self, model: Model) -> Payload:
        """The payload for `model`. Raises InvalidRequestError for what is known to be wrong."""

    def price(self, payload: Payload, model: Model) -> float | None:
        """The price in USD; None where that is not published."""


def resolve(request: PaidRequest, catalogue: Catalogue) -> tuple[PaidRequest, Model]:
    """The request with its names as the lists spell them, and what is known of its model.

    Waits for the lists where they may say more. Raises InvalidRequestError if the model is known
    to do other things, or not to make the transparent background that is asked for.
    """
    style = getattr(request, "style_preset", "")
    check_is_text("model", request.model)
    check_is_text("style_preset", style)
    model = catalogue.model_when_known(request.model, request.kind)
    catalogue.check_kind(request.model, request.kind)
    if getattr(request, "transparent_background", False):
        catalogue.check_transparency(model)
    names = {"model": (request.model, model.id), "style_preset": (style, catalogue.style(style))}
    changed = {name: listed for name, (asked, listed) in names.items() if asked != listed}
    if not changed:
        return request, model
    spelled: PaidRequest = dataclasses.replace(request, **changed)  # type: ignore[type-var]
    return spelled, model
