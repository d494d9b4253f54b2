"""What the sandbox answers, and how it refuses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

JSON_TYPE = "application/json"


@dataclass(frozen=True)
class Answer:
    """One HTTP answer, before it goes onto the wire."""

    status: int
    body: bytes
    content_type: str = JSON_TYPE
    headers: Mapping[str, str] = field(default_factory=dict)


def json_answer(
    value: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> Answer:
    """An answer whose body is `value` as JSON."""
    return Answer(status, json.dumps(value).encode(), JSON_TYPE, headers or {})


class Refusal(Exception):
    """A request the API would not take; `answer()` is what it says.

    The body has the published form: `error` is a text, `details` (where fields are wrong) holds
    nested `_errors` lists. `code` is one of the documented error codes.
    """

    def __init__(
        self, status: int, code: str, message: str, details: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = details

    def answer(self) -> Answer:
        """The refusal as an HTTP answer."""
        body: dict[str, object] = {"error": self.message, "code": self.code}
        if self.details is not None:
            body["details"] = self.details
        return json_answer(body, self.status)


def invalid_fields(problems: Mapping[str, list[str]]) -> Refusal:
    """A 400 that names each wrong field; the key "" is for the request as a whole.

    A dotted name such as `style_references.0.strength` nests as the API nests it.
    """
    details: dict[str, object] = {"_errors": list(problems.get("", []))}
    for name, texts in problems.items():
        if not name:
            continue
        place = details
        for part in name.split("."):
            inner = place.setdefault(part, {"_errors": []})
            assert isinstance(inner, dict)
            place = inner
        place["_errors"] = list(texts)
    return Refusal(400, "INVALID_REQUEST", "Invalid request parameters", details)


def invalid_field(name: str, text: str) -> Refusal:
    """A 400 for one field."""
    return invalid_fields({name: [text]})
