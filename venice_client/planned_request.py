"""A request that was checked, with its price and its name in the store."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from .catalogue.catalogue import Catalogue
from .catalogue.prices import max_price
from .errors import InvalidRequestError
from .request.paid_request import PaidRequest, resolve
from .request.payload import Payload
from .store.result_store import request_key
from .store.spending_limit import Reservation
from .transport.request_body import RequestBody, request_body


@dataclass(frozen=True)
class PlannedRequest:
    """A request that was checked and whose cost is reserved, ready to be fetched once.

    key: its name in the store. price: USD, None where it is unknown. max_price: the most that it
    may cost, which is reserved; None where no price is known. run: whose limit it counts for.
    is_kept: whether it was made before, and will be free; then nothing is reserved.
    """

    request: PaidRequest
    payload: Payload
    body: RequestBody
    key: str
    price: float | None
    max_price: float | None
    run: str
    is_kept: bool
    reservation: Reservation | None = None

    @property
    def reserved(self) -> float:
        """USD that count against the limit of the run from the start."""
        return self.reservation.usd if self.reservation else 0.0

    @property
    def estimate(self) -> float | None:
        """What fetching it will cost, in USD; None where the price is unknown."""
        return 0.0 if self.is_kept else self.price


def plan_request(
    request: PaidRequest,
    catalogue: Catalogue,
    service: str,
    is_kept: Callable[[str], bool],
    run: str = "",
) -> PlannedRequest:
    """The request, checked against what is known of its model, with its price and its key.

    service: its name. is_kept: whether the answer with this key is in the store. Raises
    InvalidRequestError for what is known to be wrong.
    """
    try:
        request, model = resolve(request, catalogue)
        payload = request.build(model)
    except InvalidRequestError as error:
        error.name_item(f"({request.description})")
        raise
    price, models = request.price(payload, model), catalogue.models()
    most = max_price(price, payload.fields, request.input_images, model, models)
    variation = request.variation if request.is_reusable else secrets.token_hex()
    body = request_body(payload.fields, payload.files)
    key = request_key(service, payload.path, body.identity, variation)
    return PlannedRequest(request, payload, body, key, price, most, run, is_kept(key))
