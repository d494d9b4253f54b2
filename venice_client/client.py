"""VeniceClient: one method an endpoint, thread-safe, synchronous."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import requests

from .catalogue.catalogue import Catalogue
from .catalogue.model import Model
from .catalogue.prices import cost_text, dearest, extras, total_cost
from .errors import (
    ApiError,
    BadRequestError,
    BadResponseError,
    InvalidRequestError,
    UnreadableResponseError,
    VeniceError,
)
from .image_result import ImageResult, read_images
from .request.base import PaidRequest
from .request.generate import GenerateRequest
from .request.pictures import EditRequest, RemoveBackgroundRequest, UpscaleRequest
from .settings.api_key import ApiKey
from .settings.service import SANDBOX_NAME, Service, service_for
from .settings.settings import Settings, load_settings, normalized_base_url
from .store.result_store import ResultStore, request_key
from .store.single_flight import SingleFlight
from .store.spending_limit import Spending
from .transport.gate import gate_for
from .transport.progress import Progress
from .transport.response import Response
from .transport.status_errors import speaks_of_style, with_hint
from .transport.transport import Transport

MAX_CLIENTS = 4
"""Clients to keep for settings that were in force."""

_clients: dict[Settings, VeniceClient] = {}
_clients_lock = threading.Lock()
_flights = SingleFlight()
_spending = Spending()


@dataclass(frozen=True)
class PlannedRequest:
    """A request that was checked and whose cost is reserved, ready to be fetched once.

    path, fields: the endpoint and the JSON object to send. price: USD, or None where it is
    unknown. most: the price, or the dearest known one of its kind, None where there is none.
    is_kept: whether it was made before, and will be free. expected: (width, height) of the answer,
    as in Payload.
    """

    request: PaidRequest
    path: str
    fields: dict[str, Any]
    warnings: tuple[str, ...]
    key: str
    price: float | None
    max_price: float | None
    run: str
    is_kept: bool
    expected: tuple[int, int] | None = None

    @property
    def reserved(self) -> float:
        """USD that count against the limit of the run from the start."""
        return 0.0 if self.is_kept else self.max_price or 0.0

    @property
    def estimate(self) -> float | None:
        """What fetching it will cost, in USD; None where the price is unknown."""
        return 0.0 if self.is_kept else self.price


@dataclass(frozen=True)
class Account:
    """What the key may do: the API's own objects for rate limits and balance."""

    rate_limits: dict[str, Any]
    balance: dict[str, Any]


class VeniceClient:
    """The Venice image API. Thread-safe; one for a process is enough.

    settings: from environment and file by default. key, base_url: override them. session: a
    requests.Session whose headers, proxies and certificates are used; its adapters are not (unless
    they are a connections.FreshAdapter), since one that retries would pay again on its own. Raises
    SettingsError where no key is set.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        key: str | None = None,
        base_url: str | None = None,
        session: requests.Session | None = None,
    ) -> None:
        settings = settings if settings is not None else load_settings()
        if key is not None:
            settings = replace(settings, key=ApiKey(key))
        if base_url is not None:
            settings = replace(settings, base_url=normalized_base_url(base_url))
        self.settings = settings
        self.service: Service = service_for(settings)
        self._transport = Transport(
            self.service.base_url,
            self.service.key,
            gate_for(self.service, settings.max_in_flight),
            settings.timeout,
            session,
        )
        self.catalogue = Catalogue(
            settings.home, self.service.name, self._fetch_models, self._fetch_styles
        )
        self.results = ResultStore(settings.home, settings.store_mb)

    def generate_images(
        self, request: GenerateRequest, progress: Progress | None = None
    ) -> ImageResult:
        """Makes one picture, or up to four variants. Costs money, unless it was made before.

        Raises InvalidRequestError or SpendingLimitError before anything is sent, then ApiError,
        ConnectionFailedError, ResponseLostError or BadResponseError; RequestCancelledError when
        `progress` is cancelled in time.
        """
        return self._ask_once(request, progress)

    def edit(self, request: EditRequest, progress: Progress | None = None) -> ImageResult:
        """Edits one picture. Costs money; raises as `generate_images` does."""
        if len(request.images) != 1:
            raise InvalidRequestError("edit takes one image; multi_edit takes several.", "images")
        return self._ask_once(request, progress)

    def multi_edit(self, request: EditRequest, progress: Progress | None = None) -> ImageResult:
        """Edits a picture with layers, or without any. Costs money, raises as the others do."""
        return self._ask_once(replace(request, is_multi=True), progress)

    def upscale(self, request: UpscaleRequest, progress: Progress | None = None) -> ImageResult:
        """Makes a picture 2 or 4 times as large. Costs money; raises as `generate_images` does."""
        return self._ask_once(request, progress)

    def remove_background(
        self, request: RemoveBackgroundRequest, progress: Progress | None = None
    ) -> ImageResult:
        """A PNG with alpha. Costs money; raises as `generate_images` does."""
        return self._ask_once(request, progress)

    def plan(self, requests: Sequence[PaidRequest], run: str = "") -> list[PlannedRequest]:
        """Checks requests and reserves what they may cost; nothing is sent.

        run: what the limit VENICE_MAX_USD_PER_RUN counts together; "": these requests alone.
        Raises InvalidRequestError for what is known to be wrong, SpendingLimitError if all of
        them together would pass the limit. What was made before costs nothing.
        """
        planned = [self._planned(request, run) for request in requests]
        self._reserve([p for p in planned if not p.is_kept], run)
        return planned

    def fetch(self, planned: PlannedRequest, progress: Progress) -> ImageResult:
        """The answer to a planned request: kept, shared with an equal one under way, or new."""
        is_sent, reserved = False, planned.reserved

        def ask() -> Response:
            nonlocal is_sent, reserved
            progress.check()
            response = self.results.get(planned.key) if planned.request.is_reusable else None
            if response is None:
                if planned.is_kept:  # no longer: what seemed free is to be paid for after all
                    self._reserve([planned], planned.run)
                    reserved = planned.max_price or 0.0
                is_sent = True
                response = self._send(planned, progress)
            return response

        try:
            response = _flights.do(planned.key, progress, ask)
        except BaseException as error:
            if not (is_sent and _may_be_charged(error, progress)):
                _spending.release(planned.run, reserved)
            raise
        if not is_sent:
            _spending.release(planned.run, reserved)
        try:
            return read_images(
                planned.request,
                planned.fields,
                planned.warnings,
                response,
                key=planned.key,
                from_store=not is_sent,
                cost=planned.price if is_sent else 0.0,
            )
        except BadResponseError:
            self.results.remove(planned.key, response.checksum)
            raise

    def discard(self, result: ImageResult) -> None:
        """Forgets a kept answer that turned out to be damaged, so that it can be asked again."""
        self.results.remove(result.key, result.checksum)

    def cost_text(self, costs: Sequence[float | None]) -> str:
        """Costs in USD in words; of the built-in sandbox they say that nothing is charged."""
        total, text = total_cost(costs), cost_text(costs)
        if self.service.name != SANDBOX_NAME or total == 0:
            return text
        return f"{text}{' on Venice' if total else ''}, free on the sandbox"

    def list_models(self, type: str | None = None) -> list[Model]:
        """The models as the service lists them now: "image", "inpaint", "upscale" or all. Free."""
        self.catalogue.refresh()
        return self.catalogue.models(type)

    def list_styles(self) -> list[str]:
        """The style presets as the service lists them now. Free."""
        return list(self._fetch_styles())

    def account(self) -> Account:
        """Rate limits and balance of the key. Free."""
        limits = self._free("/api_keys/rate_limits")
        balance = self._free("/billing/balance")
        data = limits.get("data") if isinstance(limits, dict) else None
        if not isinstance(data, dict) or not isinstance(balance, dict):
            raise UnreadableResponseError(
                "Venice's answer about the account has another form than published."
            )
        return Account(data, balance)

    def _ask_once(self, request: PaidRequest, progress: Progress | None) -> ImageResult:
        progress = progress or Progress()
        progress.enter("preparing")
        return self.fetch(self.plan([request])[0], progress)

    def _reserve(self, planned: Sequence[PlannedRequest], run: str) -> None:
        limit, usd = self.settings.max_usd_per_run, total_cost([p.max_price for p in planned])
        _spending.reserve(run, usd, limit, is_known=all(p.price is not None for p in planned))

    def _planned(self, request: PaidRequest, run: str) -> PlannedRequest:
        model = self.catalogue.model_when_known(request.model)
        self.catalogue.check_kind(request.model, request.kind)
        payload = request.build(model)
        price = request.price(payload, model)
        variation = request.variation if request.is_reusable else secrets.token_hex()
        key = request_key(self.service.name, payload.path, payload.fields, variation)
        is_kept = key in self.results
        max_price = price
        if (
            max_price is None
            and (each := dearest(self.catalogue.models(), request.kind)) is not None
        ):
            max_price = each * request.variants + extras(payload.fields)
        return PlannedRequest(
            request=request,
            path=payload.path,
            fields=payload.fields,
            warnings=payload.warnings,
            key=key,
            price=price,
            max_price=max_price,
            run=run,
            is_kept=is_kept,
            expected=payload.expected,
        )

    def _send(self, planned: PlannedRequest, progress: Progress) -> Response:
        request = planned.request
        try:
            response = self._transport.post(planned.path, planned.fields, progress)
        except ApiError as error:
            raise self._explained(error, planned) from None
        asked = ("width", "height", "aspect_ratio", "resolution", "variants", "scale")
        facts = {
            "service": self.service.name,
            "path": planned.path,
            "model": request.model,
            "seed": request.seed,
            "asked": {name: planned.fields[name] for name in asked if name in planned.fields},
            "cost_usd": planned.price,
        }
        return replace(response, not_kept=self.results.put(planned.key, response, facts))

    def _free(self, path: str, params: dict[str, str] | None = None) -> Any:
        """The JSON of a call that costs nothing."""
        try:
            return self._transport.get(path, params).json()
        except BadResponseError:
            raise UnreadableResponseError(
                "Venice's answer cannot be read as JSON: try again; this call is free."
            ) from None

    def _fetch_models(self, type: str) -> Sequence[Any]:
        return _data(self._free("/models", {"type": type}))

    def _fetch_styles(self) -> Sequence[str]:
        styles = _data(self._free("/image/styles"))
        return [name for name in styles if isinstance(name, str)]

    def _explained(self, error: ApiError, planned: PlannedRequest) -> ApiError:
        """The error with the nearest known model or style, where it is about one of them."""
        if error.is_about_model:
            found = self.catalogue.nearest_model(planned.request.model, planned.request.kind)
            return with_hint(error, f"The nearest known model is `{found}`.") if found else error
        style = planned.fields.get("style_preset")
        if isinstance(error, BadRequestError) and style and speaks_of_style(error):
            found = self.catalogue.nearest_style(style)
            return with_hint(error, f"The nearest known style is `{found}`.") if found else error
        return error


def shared_client(settings: Settings) -> VeniceClient:
    """The client of this process for these settings, so that its connections are kept."""
    with _clients_lock:
        if settings not in _clients:
            _clients[settings] = VeniceClient(settings)
            while len(_clients) > MAX_CLIENTS:
                _clients.pop(next(iter(_clients)))
        return _clients[settings]


def _may_be_charged(error: BaseException, progress: Progress) -> bool:
    """Whether a request that ended so may have been charged; of an unknown error: if it left."""
    return error.may_have_been_charged if isinstance(error, VeniceError) else progress.sent


def _data(response: Any) -> list[Any]:
    """The list in an answer, bare or under `data`."""
    data = response.get("data") if isinstance(response, dict) else response
    if not isinstance(data, list):
        raise UnreadableResponseError("Venice's list has another form than published.")
    return data
