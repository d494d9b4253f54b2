"""The calls that cost nothing: models, styles, and the account."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from .errors import ApiError, BadResponseError, UnreadableResponseError
from .transport.response import Response
from .transport.status_errors import error_for
from .transport.transport import Transport


@dataclass(frozen=True)
class KeyStatus:
    """The rate limits and balance of a key, as the API's own objects."""

    rate_limits: dict[str, Any]
    balance: dict[str, Any]


class FreeCalls:
    """The free calls of one service. Each raises VeniceError."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def models(self, type: str) -> Sequence[Any]:
        """Get the entries of `GET /models`: "image", "inpaint", "upscale" or "all"."""
        return _data(self._get("/models", {"type": type}))

    def styles(self) -> list[str]:
        """Get the names of the style presets."""
        styles = _data(self._get("/image/styles"))
        return [name for name in styles if isinstance(name, str)]

    def account(self) -> KeyStatus:
        """Get the rate limits and the balance of the key."""
        limits = self._get("/api_keys/rate_limits")
        balance = self._get("/billing/balance")
        data = limits.get("data") if isinstance(limits, dict) else None
        if not isinstance(data, dict) or not isinstance(balance, dict):
            raise UnreadableResponseError(
                "Venice returned account data in an unexpected format. Try again later."
            )
        return KeyStatus(data, balance)

    def _get(self, path: str, params: dict[str, str] | None = None) -> Any:
        try:
            return self._transport.get(path, partial(self._explain, path), params).json()
        except BadResponseError:
            raise UnreadableResponseError(
                "Venice's response isn't readable JSON. Try again; this call is free."
            ) from None

    def _explain(self, path: str, response: Response) -> ApiError:
        return error_for(response, address=self._transport.address(path), is_paid=False)


def _data(response: Any) -> list[Any]:
    """Return the list in a response, bare or under `data`."""
    data = response.get("data") if isinstance(response, dict) else response
    if not isinstance(data, list):
        raise UnreadableResponseError(
            "Venice returned a list in an unexpected format. Try again later."
        )
    return data
