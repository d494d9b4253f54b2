"""The requests that cost money, and the spelling of their names."""

from __future__ import annotations

import dataclasses
from typing import Any

from ..catalogue.catalogue import Catalogue
from ..catalogue.model import Model
from ..imaging.input_image import load
from .chat import ChatRequest, WritePromptsRequest, text_model_of
from .checks import check_is_text
from .edit import EditRequest, RemoveBackgroundRequest, UpscaleRequest
from .generate import GenerateRequest

PaidRequest = GenerateRequest | EditRequest | UpscaleRequest | RemoveBackgroundRequest | ChatRequest
"""A typed request, which builds the payload for a model. All have:

kind: the model's task, "image", "inpaint", "upscale", "cutout" or "text". label: tells it from
others of its batch, such as "seed 7"; description: from any others. is_binary: whether the response
is the image itself. variants: how many images or texts it requests. is_reusable: whether an equal
request means the same result. variation: another number requests another result; it isn't
sent. build(model): the payload, or InvalidRequestError. price(payload, model): the price in USD, or
None if it isn't published.
"""


def resolve(request: PaidRequest, catalogue: Catalogue) -> tuple[PaidRequest, Model]:
    """Return the request with its files read and its names as the lists spell them, and its model.

    Waits for the lists if they may say more. Raises InvalidRequestError if the model is known to
    do other things, to have no transparent background although the request wants one, or to see
    no images although there is one.
    """
    style = request.style_preset if isinstance(request, GenerateRequest) else ""
    check_is_text("model", request.model)
    check_is_text("style_preset", style)
    if isinstance(request, ChatRequest):
        model = text_model_of(request, catalogue)
    else:
        model = catalogue.model_when_known(request.model, request.kind)
    catalogue.check_kind(request.model, request.kind)
    if getattr(request, "transparent_background", False):
        catalogue.check_transparency(model)
    if isinstance(request, ChatRequest) and request.image is not None:
        catalogue.check_sees(model)
    request = _loaded(request)
    names = {"model": (request.model, model.id), "style_preset": (style, catalogue.style(style))}
    changed: dict[str, Any] = {name: new for name, (old, new) in names.items() if old != new}
    return (dataclasses.replace(request, **changed) if changed else request), model


def _loaded(request: PaidRequest) -> PaidRequest:
    """Read the files of a request, once: a later change of them changes nothing."""
    if isinstance(request, GenerateRequest):
        return request
    if isinstance(request, WritePromptsRequest) and request.image is None:
        return request
    if isinstance(request, EditRequest):
        mask = None if request.mask is None else load(request.mask)
        return dataclasses.replace(request, images=tuple(map(load, request.images)), mask=mask)
    return dataclasses.replace(request, image=load(request.image))  # type: ignore[arg-type]
