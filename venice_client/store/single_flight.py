"""One request for equal requests at the same time in this process."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Hashable

from ..errors import RequestCancelledError, SpendingLimitError, VeniceError
from ..transport.progress import Progress
from ..transport.response import Response

NOT_SHARED = (RequestCancelledError, SpendingLimitError)
"""Errors that say nothing about the outcome of an equal request."""


class _Flight:
    def __init__(self) -> None:
        self.response: Response | None = None
        self.error: BaseException | None = None
        self._has_landed = False
        self._change = threading.Condition()

    def land(self) -> None:
        """Hand a response or an error to those who wait."""
        self._has_landed = True
        self._wake()

    def wait(self, progress: Progress) -> None:
        """Wait until it lands. Raises RequestCancelledError if `progress` is canceled."""
        progress.on_cancel(self._wake)
        try:
            with self._change:
                self._change.wait_for(lambda: self._has_landed or progress.is_cancelled)
        finally:
            progress.on_cancel(None)
        if not self._has_landed:
            progress.check()

    def _wake(self) -> None:
        with self._change:
            self._change.notify_all()


class SingleFlight:
    """The requests in flight. Equal ones share a key. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: dict[Hashable, _Flight] = {}

    def do(self, key: Hashable, progress: Progress, send: Callable[[], Response]) -> Response:
        """Return the response of `send`, or of the equal request that is already in flight.

        Waiters get a copy of an error too. But if the first request was canceled or exceeded its
        limit, the next one sends its own.
        """
        while True:
            flight, is_mine = self._join(key)
            if is_mine:
                return self._lead(key, flight, send)
            progress.enter("waiting for an identical request")
            flight.wait(progress)
            if flight.response is not None:
                return flight.response
            if not isinstance(flight.error, VeniceError):
                raise VeniceError("An identical request failed at the same time. See its error.")
            if not isinstance(flight.error, NOT_SHARED):
                raise _copied(flight.error)

    def _join(self, key: Hashable) -> tuple[_Flight, bool]:
        with self._lock:
            flight = self._under_way.get(key)
            if flight is not None:
                return flight, False
            self._under_way[key] = flight = _Flight()
            return flight, True

    def _lead(self, key: Hashable, flight: _Flight, send: Callable[[], Response]) -> Response:
        try:
            flight.response = send()
            return flight.response
        except BaseException as error:
            flight.error = _copied(error) if isinstance(error, VeniceError) else error
            raise
        finally:
            with self._lock:
                del self._under_way[key]
            flight.land()


def _copied(error: VeniceError) -> VeniceError:
    """Copy an error, since the thread that raises it may add to its message."""
    copied = copy.copy(error)
    copied.__cause__ = error.__cause__
    return copied
