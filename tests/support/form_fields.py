"""A form as the sandbox recorded it, in the shape that the same request has as JSON."""

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
        return base64.b64encode(value.content).decode()
    return json.loads(value) if name in NO_TEXT else value
