"""Keeps the key out of an answer, should the service echo it, before anyone sees or keeps it."""

from __future__ import annotations

import base64
import json
from typing import Any

from .credentials import ApiKey
from .images import image_format, without_metadata


def without_key(body: bytes, key: ApiKey | None) -> bytes:
    """The body with the key masked; a picture keeps its pixels and loses its texts.

    Raises BadAnswer for a picture with the key in it that cannot be decoded.
    """
    if key is None:
        return body
    if body[:20].lstrip()[:1] == b"{":
        body = _json_without_key(body, key)
    if not key.is_in(body):
        return body
    return without_metadata(body) if image_format(body) else key.mask(body)


def _json_without_key(body: bytes, key: ApiKey) -> bytes:
    """JSON in which the key is neither behind escapes nor in the texts of a picture."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return body
    images = data.get("images")
    images = images if isinstance(images, list) else []
    said = json.dumps({**data, "images": None}, ensure_ascii=False)
    found = key.redact(said) != said
    for index, text in enumerate(images):
        picture = _decoded(text)
        if key.is_in(picture) and image_format(picture):
            images[index] = base64.b64encode(without_metadata(picture)).decode()
            found = True
    return json.dumps(data, ensure_ascii=False).encode("utf-8", "replace") if found else body


def _decoded(text: Any) -> bytes:
    try:
        return base64.b64decode(text)
    except (ValueError, TypeError):
        return b""
