"""VeniceClient: a method for each endpoint, thread-safe and synchronous."""

from __future__ import annotations

import logging
import threading
import time
import weakref
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Any, TypeVar

import requests

from .batch import OnResult, RequestBatch
from .catalogue.catalogue import Catalogue
from .catalogue.model import TEXT, Model
from .errors import ApiError, BadResponseError, InvalidRequestError, VeniceError
from .free_calls import FreeCalls, KeyStatus
from .image_result import ImageResult, is_violation, unchanged
from .money import cost_text
from .planned_request import PlannedRequest, plan_request
from .process import after_fork
from .read_result import read_result, response_cost
from .request.chat import DescribeRequest, WritePromptsRequest, plan_prompts
from .request.checks import check_is_text, check_takes
from .request.edit import EditRequest, RemoveBackgroundRequest, UpscaleRequest
from .request.generate import GenerateRequest
from .request.paid_request import PaidRequest
from .result import Result
from .settings.api_key import ApiKey
from .settings.service import Service, service_for
from .settings.settings import Settings, load_settings, normalized_base_url
from .store.prompt_file import packed
from .store.result_cache import ResultCache
from .store.single_flight import SingleFlight
from .store.spending_limit import Reservation, Run, SpendingLimit, run_named
from .text import printable
from .text_result import TextResult, merged
from .transport.gate import gate_for
from .transport.progress import Progress
from .transport.response import Response
from .transport.status_errors import error_for
from .transport.transport import Transport

log = logging.getLogger(__name__)

AnyResult = TypeVar("AnyResult", bound=Result)

ACCOUNT_HEADERS = (
    *("x-venice-balance-usd", "x-venice-balance-diem"),
    *("x-ratelimit-limit-requests", "x-ratelimit-remaining-requests"),
)
"""Headers about the account; `VeniceClient.account_headers` has the latest values."""

MAX_CLIENTS = 4
"""The most shared clients to hold, each for its own settings."""

_clients: dict[Settings, VeniceClient] = {}
_clients_lock = threading.Lock()
_flights = SingleFlight()
_alive: weakref.WeakSet[VeniceClient] = weakref.WeakSet()


class VeniceClient:
    """The Venice image API. Thread-safe; one client per process is enough.

    settings: from environment and file by default. key, base_url: override them. session: a
    requests.Session with your headers, proxies and certificates. Its adapters aren't used,
    since an adapter that retries could pay twice. Raises SettingsError if no key is set. Use
    `with`, or `close`, to end it.
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
            settings = settings.with_key(ApiKey(key))
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
        self._free = FreeCalls(self._transport)
        self.catalogue = Catalogue(
            settings.home, self.service.name, self._free.models, self._free.styles
        )
        self.results = ResultCache(settings.home, settings.store_mb, settings.save_prompts)
        self.spending = SpendingLimit(settings, self.service.name)
        self.account_headers: dict[str, str] = {}
        self._session = session
        self._batches: weakref.WeakSet[RequestBatch] = weakref.WeakSet()
        self._lock = threading.Lock()
        _alive.add(self)

    def __enter__(self) -> VeniceClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the client's batches and close its connections.

        Cancels requests that weren't sent and waits for those in flight, since you may have been
        charged for them.
        """
        with self._lock:
            batches = list(self._batches)
        for batch in batches:
            batch.cancel()
        for batch in batches:
            batch.wait()
        self._transport.close()

    def generate_images(
        self, request: GenerateRequest, progress: Progress | None = None
    ) -> ImageResult:
        """Generate one image, or up to four variants. Costs money, unless the result is saved.

        Raises InvalidRequestError or SpendingLimitError before anything is sent, then ApiError,
        ConnectionFailedError, ResponseLostError or BadResponseError; RequestCancelledError if
        `progress` is canceled in time.
        """
        check_takes(GenerateRequest, request)
        return self._ask_once(request, ImageResult, progress)

    def edit(self, request: EditRequest, progress: Progress | None = None) -> ImageResult:
        """Edit one image. Costs money; raises the same errors as `generate_images`."""
        check_takes(EditRequest, request)
        if len(request.images) != 1:
            raise InvalidRequestError("edit takes one image; multi_edit takes several.", "images")
        return self._ask_once(request, ImageResult, progress)

    def multi_edit(self, request: EditRequest, progress: Progress | None = None) -> ImageResult:
        """Edit an image, with or without layers. Costs money; raises the same errors."""
        check_takes(EditRequest, request)
        return self._ask_once(replace(request, is_multi=True), ImageResult, progress)

    def upscale(self, request: UpscaleRequest, progress: Progress | None = None) -> ImageResult:
        """Enlarge an image 2 or 4 times. Costs money; raises the same errors."""
        check_takes(UpscaleRequest, request)
        return self._ask_once(request, ImageResult, progress)

    def remove_background(
        self, request: RemoveBackgroundRequest, progress: Progress | None = None
    ) -> ImageResult:
        """Cut out the subject, as a PNG with alpha. Costs money; raises the same errors."""
        check_takes(RemoveBackgroundRequest, request)
        return self._ask_once(request, ImageResult, progress)

    def describe(self, request: DescribeRequest, progress: Progress | None = None) -> TextResult:
        """Describe an image in words. Costs money; raises the same errors, and NoTextError."""
        check_takes(DescribeRequest, request)
        return self._ask_once(request, TextResult, progress)

    def write_prompts(self, request: WritePromptsRequest) -> TextResult:
        """Write prompts from an idea. Costs money; raises the same errors, and NoTextError.

        If the model needs one request per prompt, they run side by side; if one fails, the texts
        of the others are saved.
        """
        check_takes(WritePromptsRequest, request)
        results = self.start(plan_prompts(request, self.catalogue)).results()
        return merged([result for result in results if isinstance(result, TextResult)])

    def start(
        self,
        requests: Sequence[PaidRequest],
        run: str | None = "",
        on_result: OnResult | None = None,
    ) -> RequestBatch:
        """Check requests, reserve their cost, and run them at the same time.

        run: the name of the run that they count toward; "" or None: a run of their own. on_result:
        called with the index of a request and its result, in the thread that ran it. Raises
        InvalidRequestError for a known mistake, and SpendingLimitError if all of them together
        would exceed a limit. Then nothing is sent.
        """
        batch = self.prepare(requests, run, on_result)
        batch.begin()
        return batch

    def prepare(
        self,
        requests: Sequence[PaidRequest],
        run: str | None = "",
        on_result: OnResult | None = None,
        workflow: object = None,
        progress: Progress | None = None,
    ) -> RequestBatch:
        """Do the same as `start`, but send nothing until `batch.begin()`.

        workflow: ComfyUI's, to be saved beside the results if prompts are saved. progress: for a
        single request. Cancel a batch that never begins, so that it returns its reservations.
        """
        check_is_text("run", run := "" if run is None else run)
        begun, saved = time.time(), packed(workflow) if self.settings.save_prompts else b""
        shared = run_named(run)
        facts: dict[str, Any] = {"run": shared, "begun": begun, "workflow": saved}
        planned = [
            replace(self._planned(request), place=place, **facts)
            for place, request in enumerate(requests)
        ]
        self.results.probe()
        planned = self._reserve(planned, shared)
        batch = RequestBatch(
            planned, self._fetch, self.results, run, on_result, self.service, progress
        )
        with self._lock:
            self._batches.add(batch)
        return batch

    def _fetch(self, equal: Sequence[PlannedRequest], progress: Progress) -> list[Result]:
        """Return the results of equal requests. Only the first is sent, if any is."""
        first = equal[0]
        if first.payload.is_empty:
            return [unchanged(p.payload, p.key) for p in equal]
        response, is_sent = self._get_response(first, progress)
        try:
            return [
                read_result(p, response, is_sent and p is first, self.catalogue, self.service)
                for p in equal
            ]
        except BadResponseError as error:
            self._set_aside(first.key, response.checksum, error)
            raise

    def _get_response(self, planned: PlannedRequest, progress: Progress) -> tuple[Response, bool]:
        """Return the response to a request, and whether it was sent instead of cached or shared.

        The reservation ends here in any case.
        """
        path, reservation, is_sent = planned.payload.path, planned.reservation, False

        def ask() -> Response:
            nonlocal reservation, is_sent
            progress.check()
            saved = self.results.get(planned.key) if planned.request.is_reusable else None
            if saved is not None and not is_violation(path, saved):
                return saved
            if reservation is None:  # the cached response is gone
                (reservation,) = self.spending.reserve(planned.run, [planned.charge])
            is_sent = True
            return self._send(planned, reservation, progress)

        is_charged, usd, trouble = False, None, ""
        try:
            payer = self.settings.home, self.service
            response = _flights.do((*payer, planned.key), progress, ask)
            is_charged = is_sent and not is_violation(path, response)
            is_text = planned.request.kind == TEXT
            usd = response_cost(planned, response, self.catalogue) if is_text else None
            usd = None if usd == planned.max_price else usd  # what was reserved says more
        except BaseException as error:
            is_charged = is_sent and _may_be_charged(error, progress)
            raise
        finally:
            if reservation is not None and is_charged:
                trouble = reservation.spend(usd)
            elif reservation is not None:
                reservation.release()
        return replace(response, not_recorded=trouble), is_sent

    def discard(self, result: ImageResult, error: VeniceError) -> None:
        """Quarantine a damaged response, so that it is requested again; `error` names the file."""
        self._set_aside(result.key, result.checksum, error)

    def _set_aside(self, key: str, checksum: str, error: VeniceError) -> None:
        if file := self.results.quarantine(key, checksum):
            error.add_line(f"The raw response is saved in {file}.")

    def list_models(self, type: str | None = None) -> list[Model]:
        """Get the current models. Free.

        type: "image", "inpaint", "upscale" or "text"; None: all but text.
        """
        self.catalogue.refresh()
        return self.catalogue.models(type)

    def list_styles(self) -> list[str]:
        """Get the current style presets. Free."""
        return self._free.styles()

    def account(self) -> KeyStatus:
        """Get the rate limits and the balance of the key. Free."""
        return self._free.account()

    def _ask_once(
        self, request: PaidRequest, kind: type[AnyResult], progress: Progress | None
    ) -> AnyResult:
        """Run a batch of one, which `close` or Ctrl-C ends like any other."""
        progress = progress or Progress()
        progress.enter("preparing")
        batch = self.prepare([request], progress=progress)
        batch.begin()
        (result,) = batch.results()
        assert isinstance(result, kind)
        return result

    def take_orphaned(self) -> str:
        """Tell, once, what may have been charged when an earlier process was killed; else ""."""
        return self.spending.journal.take_news()

    def _reserve(self, planned: Sequence[PlannedRequest], run: Run) -> list[PlannedRequest]:
        """Reserve for the first of equal requests, unless it is cached. Return all with that."""
        firsts = {p.key: i for i, p in reversed(list(enumerate(planned)))}
        paying = [i for i in sorted(firsts.values()) if not planned[i].is_cached]
        reserved = self.spending.reserve(run, [planned[i].charge for i in paying])
        by_index = dict(zip(paying, reserved, strict=True))
        return [replace(p, reservation=by_index.get(i)) for i, p in enumerate(planned)]

    def _planned(self, request: PaidRequest) -> PlannedRequest:
        return plan_request(request, self.catalogue, self.service.name, self.results.__contains__)

    def _send(
        self, planned: PlannedRequest, reservation: Reservation, progress: Progress
    ) -> Response:
        """Send a request, and save a charged response before anything else happens to it."""
        progress.on_sent(reservation.note_sent)
        response = self._transport.post(
            planned.payload.path,
            planned.body,
            partial(self._explain, planned),
            progress,
            planned.request.model,
        )
        self.account_headers = {
            name: value for name, value in response.headers.items() if name in ACCOUNT_HEADERS
        }
        if is_violation(planned.payload.path, response):
            return response
        cost = response_cost(planned, response, self.catalogue)
        facts = planned.facts(self.service.name, cost)
        not_cached = self.results.put(planned.key, response, facts, planned.prompt)
        model = printable(planned.request.model or planned.payload.path)
        log.info("%s responded: %s", model, cost_text([cost], self.service.is_sandbox))
        return replace(response, not_cached=not_cached)

    def _explain(self, planned: PlannedRequest, response: Response) -> ApiError:
        """Return the error for a response, with the nearest model or style if that may help."""
        request, style = planned.request, planned.payload.fields.get("style_preset")
        error = error_for(
            response,
            path=planned.payload.path,
            address=self._transport.address(planned.payload.path),
            model=request.model,
            nearest_model=partial(self.catalogue.nearest_model, request.model, request.kind),
            nearest_style=partial(self.catalogue.nearest_style, style) if style else None,
        )
        if response.status == 400 and planned.payload.if_refused:
            error.add_line(planned.payload.if_refused)
        return error


@after_fork
def _renew_clients() -> None:
    """Give every client of a forked process its own connections, locks and gate."""
    global _clients_lock, _flights
    _clients_lock, _flights = threading.Lock(), SingleFlight()
    for client in list(_alive):
        VeniceClient.__init__(client, client.settings, session=client._session)


def shared_client(settings: Settings) -> VeniceClient:
    """Return the client of this process for these settings, which reuses its connections."""
    with _clients_lock:
        if settings not in _clients:
            _clients[settings] = VeniceClient(settings)
            while len(_clients) > MAX_CLIENTS:
                _clients.pop(next(iter(_clients)))
        return _clients[settings]


def _may_be_charged(error: BaseException, progress: Progress) -> bool:
    """Whether a request may have been charged; after an unknown error, if it was sent."""
    return error.may_have_been_charged if isinstance(error, VeniceError) else progress.sent
