"""Answers and refusals."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

JSON_TYPE = "application/json"


@dataclass(frozen=True)
class Response:
    """One HTTP response."""

    status: int
    body: bytes
    content_type: str = JSON_TYPE
    headers: Mapping[str, str] = field(default_factory=dict)


def json_response(
    value: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A response whose body is `value` as JSON."""
    return Response(status, json.dumps(value).encode(), JSON_TYPE, headers or {})


class Refusal(Exception):
    """A request that the API wouldn't take.

    The body has the published form: `error` is a text, `code` one of the documented codes,
    `details` (where fields are wrong) holds nested `_errors` lists.
    """

    def __init__(
        self,
        status: int,
        code: str | None,
        message: str,
        *,
        headers: Mapping[str, str] | None = None,
        **more: object,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers
        self.body = {"error": message, **({"code": code} if code else {}), **more}

    def response(self) -> Response:
        """The refusal as an HTTP response."""
        return json_response(self.body, self.status, self.headers)


def invalid_fields(problems: Mapping[str, list[str]]) -> Refusal:
    """A 400 that names each wrong field; the key "" is for the request as a whole.

    A dotted name such as `style_references.0.strength` nests as the API nests it.
    """
    details: dict[str, Any] = {"_errors": list(problems.get("", []))}
    for name, texts in problems.items():
        place = details
        for part in name.split(".") if name else ():
            place = place.setdefault(part, {"_errors": []})
        place["_errors"] = list(texts)
    return Refusal(400, "INVALID_REQUEST", "Invalid request parameters", details=details)


def invalid_field(name: str, text: str) -> Refusal:
    """A 400 for one field."""
    return invalid_fields({name: [text]})
