"""From a response to the result of its request, images or texts, and what it cost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .catalogue.catalogue import Catalogue
from .errors import CHARGED
from .image_result import is_violation, read_images
from .money import cost_text
from .planned_request import PlannedRequest
from .request.chat import ChatRequest
from .result import Result
from .settings.service import Service
from .size_warnings import size_warnings
from .text_result import charged_usd, read_text
from .transport.response import Response


def response_cost(
    planned: PlannedRequest, response: Response, catalogue: Catalogue
) -> float | None:
    """Return what a request costs in USD, now that there is a response; None if unknown.

    Images cost what was estimated; the responses of text models tell more.
    """
    if is_violation(planned.payload.path, response):
        return 0.0
    if not isinstance(planned.request, ChatRequest):
        return planned.price
    model = catalogue.model(planned.request.model, planned.request.kind)
    return charged_usd(model, response, planned.max_price)


def read_result(
    planned: PlannedRequest,
    response: Response,
    is_sent: bool,
    catalogue: Catalogue,
    service: Service,
) -> Result:
    """Read the result in a response. is_sent: whether this request itself was sent for it.

    Raises BadResponseError, with the body, unless there is something to use.
    """
    is_unpaid = is_violation(planned.payload.path, response)
    cost = response_cost(planned, response, catalogue)
    facts: dict[str, Any] = {
        "key": planned.key,
        "from_store": not is_unpaid and not is_sent,
        "cost": cost if is_sent else 0.0,
    }
    if isinstance(planned.request, ChatRequest):
        return read_text(
            planned.request,
            planned.payload,
            response,
            charge=cost,
            charged=_charge_sentence(cost, service),
            **facts,
        )
    result = read_images(planned.request, planned.payload, response, **facts)
    model = catalogue.model(planned.request.model, planned.request.kind)
    warnings = size_warnings(planned, result.images, model)
    if masked := planned.payload.masked:
        result = replace(result, images=(masked.put_back(result.images[0]),))
    return replace(result, size_warnings=warnings)


def _charge_sentence(usd: float | None, service: Service) -> str:
    """Return a sentence on what was charged, for the error about a response without a text."""
    if service.is_sandbox:
        return "The sandbox charges nothing."
    if not usd:
        return CHARGED if usd is None else "You weren't charged."
    return f"You were charged {cost_text([usd])}."
