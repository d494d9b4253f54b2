"""Estimates of requests from local knowledge alone. Nothing is sent."""

from __future__ import annotations

from .catalogue.catalogue import Catalogue
from .catalogue.lists import saved_lists
from .planned_request import PlannedRequest, plan_request
from .request.paid_request import PaidRequest
from .settings.service import SANDBOX_NAME, service_name
from .settings.settings import Settings
from .store.result_cache import ResultCache
from .store.spending_limit import SpendingLimit


class SavedCatalogue(Catalogue):
    """The lists as last saved. It never gets newer ones."""

    def __init__(self, settings: Settings) -> None:
        self._saved = settings.home, service_name(settings)
        self._from = saved_lists(*self._saved)
        super().__init__(*self._saved, lambda _type: (), lambda: ())

    def refresh_when_old(self) -> None:
        return None

    @property
    def is_current(self) -> bool:
        """Whether these are still the lists as last saved."""
        return saved_lists(*self._saved) is self._from


class PriceEstimator:
    """Plan requests with these settings, without a key or a network. Thread-safe.

    catalogue: the lists as last saved. results: the cache.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.catalogue = SavedCatalogue(settings)
        self.results = ResultCache(settings.home, settings.store_mb)
        self.spending = SpendingLimit(settings, service_name(settings))
        self.is_sandbox = service_name(settings) == SANDBOX_NAME

    def plan(self, request: PaidRequest) -> PlannedRequest:
        """Plan a request as if it weren't cached. Raises InvalidRequestError."""
        return plan_request(
            request, self.catalogue, service_name(self.settings), lambda _key: False
        )
