"""A checked request, with its price and its key in the cache."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from .catalogue.catalogue import Catalogue
from .catalogue.model import TEXT
from .catalogue.prices import max_price
from .errors import InvalidRequestError
from .money import cost_text
from .request.extra_fields import has_extra_fields
from .request.paid_request import PaidRequest, resolve
from .request.payload import Payload
from .store.ledger import Charge
from .store.prompt_file import Prompt
from .store.result_cache import request_key
from .store.spending_limit import Reservation, Run
from .transport.request_body import RequestBody, request_body


@dataclass(frozen=True)
class PlannedRequest:
    """A checked request with a reservation for its cost, ready to be fetched once.

    key: its name in the cache. price: USD, None if unknown. max_price: the most it may cost, which
    is reserved; None if no price is known. run: the run that it counts toward. is_cached: whether
    it is in the cache or has nothing to send, so it is free and has no reservation. begun, place:
    when its batch was planned, in seconds since 1970, and its place in it. workflow: see
    `prompt_file.packed`.
    """

    request: PaidRequest
    payload: Payload
    body: RequestBody
    key: str
    price: float | None
    max_price: float | None
    is_cached: bool
    run: Run = field(default_factory=Run)
    reservation: Reservation | None = None
    begun: float = 0.0
    place: int = 0
    workflow: bytes = b""

    @property
    def estimate(self) -> float | None:
        """The estimated cost in USD; None if the price is unknown."""
        return 0.0 if self.is_cached else self.price

    @property
    def charge(self) -> Charge:
        """The charge to reserve."""
        is_known = self.price is not None and self.price == self.max_price
        return Charge(self.request.model, self.request.kind, self.max_price, is_known)

    def facts(self, service: str, cost: float | None) -> dict[str, Any]:
        """Return the facts to save with a response. cost: what it cost in USD."""
        fields = self.payload.fields
        asked = ("width", "height", "aspect_ratio", "resolution", "variants", "scale")
        return {
            "service": service,
            "path": self.payload.path,
            "model": self.request.model,
            "seed": self.request.seed,
            "asked": {name: fields[name] for name in asked if name in fields},
            "cost_usd": cost,
            **({"begun": self.begun, "place": self.place} if self.begun else {}),
        }

    @property
    def prompt(self) -> Prompt:
        """The prompt and the workflow to save beside the response."""
        texts = (getattr(self.request, name, "") for name in ("prompt", "idea", "instructions"))
        return Prompt(next(filter(None, texts), ""), self.workflow)


def plan_request(
    request: PaidRequest,
    catalogue: Catalogue,
    service: str,
    is_cached: Callable[[str], bool],
) -> PlannedRequest:
    """Check a request against its model, and work out its price and its key.

    service: its name. is_cached: whether the response with a key is cached. Raises
    InvalidRequestError for a known mistake.
    """
    try:
        request, model = resolve(request, catalogue)
        payload = request.build(model)
    except InvalidRequestError as error:
        error.name_item(f"({request.description})")
        raise
    price, models = request.price(payload, model), catalogue.models()
    most = max_price(price, payload.fields, len(payload.files), model, models)
    if price is None and request.kind == TEXT:
        prices = [request.price(payload, m) for m in catalogue.models(TEXT)]
        most = max((usd for usd in prices if usd is not None), default=None)
    variation = request.variation if request.is_reusable else secrets.token_hex()
    body = request_body(payload.fields, payload.files)
    key = request_key(service, payload.path, body.identity, variation)
    is_free = payload.is_empty or is_cached(key)
    return PlannedRequest(request, payload, body, key, price, most, is_free)


def estimate_text(
    costs: Sequence[float | None], planned: Iterable[PlannedRequest], is_sandbox: bool
) -> str:
    """Return estimated costs of some requests in words, and whether extra fields may change them.

    costs: in USD, None if unknown.
    """
    has_extra = any(has_extra_fields(each.request) and not each.is_cached for each in planned)
    return cost_text(costs, is_sandbox) + (" plus extra fields" if has_extra else "")
