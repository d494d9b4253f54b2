"""The common part of all results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .money import cost_text, total_cost
from .text import printable
from .transport.response import Response

MAX_TEXT = 200
"""The most characters of an id or a name; the API's have about forty."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """The result of one request.

    sent: the fields without image data. request_id: the API's, or None. key: its name among the
    saved results. checksum: of the raw response. from_store: whether nothing was sent for it. cost:
    in USD; 0 if nothing was sent or charged, None if unknown. It is an estimate, but an ExactCost
    if Venice says what it charged. not_cached: why it couldn't be saved on disk, or "".
    """

    sent: dict[str, Any]
    warnings: tuple[str, ...]
    request_id: str | None
    key: str
    checksum: str
    from_store: bool
    cost: float | None
    not_cached: str

    @property
    def count(self) -> int:
        """The number of images or texts that arrived."""
        raise NotImplementedError

    def flags(self, label: str) -> list[str]:
        """Return Venice's complaints about the result, a sentence each. label: its name."""
        return []

    def facts(self) -> dict[str, Any]:
        """Return the facts of the request and its result for JSON, without image data."""
        raise NotImplementedError


def charged_text(results: Sequence[Result], is_sandbox: bool) -> str:
    """Return the cost of some results in words."""
    if results and all(not result.count for result in results):
        return "nothing charged"
    costs = [result.cost for result in results]
    return "sandbox, free" if is_sandbox and total_cost(costs) != 0 else cost_text(costs)


def request_id_of(data: Mapping[str, Any], response: Response) -> str | None:
    """Return the id that the API gave a request, in its JSON or its headers, or None."""
    found = data.get("id") or response.headers.get("x-request-id")
    return printable(found, MAX_TEXT) if isinstance(found, str) else None


def saving_warnings(response: Response, what: str) -> list[str]:
    """Return warnings about a response that couldn't be saved, or whose charge couldn't."""
    warnings = []
    if response.not_cached:
        warnings.append(
            f"The {what} couldn't be saved on disk ({response.not_cached}). Running again may "
            "charge you again."
        )
    if response.not_recorded:
        warnings.append(
            f"The charge can't be added to the ledger yet ({response.not_recorded}). It counts "
            "toward your limits, and is added later."
        )
    return warnings


def deprecation(response: Response) -> list[str]:
    """Return the warning that the model goes away, if the API announces that."""
    headers = response.headers
    date = printable(headers.get("x-venice-model-deprecation-date", ""))[:10]
    text = printable(headers.get("x-venice-model-deprecation-warning", ""), MAX_TEXT)
    if not date and not text and headers.get("x-venice-deprecated") != "true":
        return []
    replacement = printable(headers.get("x-venice-deprecated-replacement", ""), MAX_TEXT)
    when = f" and will be removed on {date}" if date else ""
    instead = f" Use `{replacement}` instead." if replacement else ""
    return [f"This model is deprecated{when}.{instead}" + (f" ({text})" if text else "")]
