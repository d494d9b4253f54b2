"""A recorded form in the shape of the same request as JSON."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

NO_TEXT = {"scale", "creativity", "safe_mode", "enhance_prompt", "transparent_background"}
LISTS = {"images"}


def as_json(form: Mapping[str, list[Any]]) -> dict[str, Any]:
    """Numbers and switches as such, files as base64, several files as a list."""
    found: dict[str, Any] = {}
    for name, values in form.items():
        read = [_read(name, value) for value in values]
        found[name] = read if name in LISTS else read[0]
    return found


def _read(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return base64.b64encode(value).decode()
    return json.loads(value) if name in NO_TEXT else value


def fields_of(request: Any) -> dict[str, Any]:
    """Return the fields of a recorded request, a form or JSON."""
    return as_json(request.form) if request.form else request.json or {}


def files_as_base64(payload: Any) -> Any:
    """Return a payload with base64 for uploaded files."""
    if not isinstance(payload, dict):
        return payload
    return {name: _without_files(value) for name, value in payload.items()}


def _without_files(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_files(each) for each in value]
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value
