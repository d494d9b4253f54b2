"""Keeps the key out of an answer, should the service echo it, before anyone sees or keeps it.

What holds no key stays byte for byte as it came.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Iterator
from typing import Any

from ..errors import BadResponseError
from ..images import MAX_CHUNKS, image_format, without_metadata
from ..settings.api_key import ApiKey
from .response import read_json

MAX_TEXT = 2**20
"""Bytes of a packed text of a PNG; with a longer one Pillow decodes no picture."""

MAX_TEXTS = 64 * 2**20
"""Bytes of all packed texts of a PNG, likewise."""

_ESCAPE = re.compile(rb"\\(?:u00([2-7][0-9a-fA-F])|(/)|.)", re.DOTALL)
_URL_SAFE = str.maketrans("-_", "+/")


def without_key(body: bytes, key: ApiKey | None) -> bytes:
    """The body with the key masked; a picture keeps its pixels and loses its texts.

    Raises BadResponseError for a picture with the key in it that cannot be decoded.
    """
    if key is None:
        return body
    if image_format(body):
        return _picture_without_key(body, key)
    return _pictures_without_key(masked(body, key), key)


def masked(body: bytes, key: ApiKey | None) -> bytes:
    """The body with stars for the key, also where it stands in escapes of JSON."""
    if key is None:
        return body
    plain = _ESCAPE.sub(_unescaped, body) if b"\\" in body else body
    return key.mask(plain) if key.is_in(plain) else body


def _unescaped(escape: re.Match[bytes]) -> bytes:
    """What an escape stands for, if that needs none."""
    letter = bytes.fromhex(escape[1].decode()) if escape[1] else escape[2]
    return escape[0] if letter in (None, b'"', b"\\") else letter


def _pictures_without_key(body: bytes, key: ApiKey) -> bytes:
    """JSON without the key in what it lists as pictures."""
    try:
        data = read_json(body)
    except (ValueError, RecursionError):
        return body  # then nobody can read its pictures either
    images = data.get("images") if isinstance(data, dict) else None
    images = images if isinstance(images, list) else []
    found = False
    for index, text in enumerate(images):
        picture = _decoded(text)
        clean = _entry_without_key(picture, key)
        if clean != picture:
            images[index] = base64.b64encode(clean).decode()
            found = True
    return json.dumps(data).encode() if found else body


def _entry_without_key(data: bytes, key: ApiKey) -> bytes:
    if not image_format(data):
        return masked(data, key)
    try:
        return _picture_without_key(data, key)
    except BadResponseError:
        return b""  # the other pictures of the answer are as good


def _picture_without_key(data: bytes, key: ApiKey) -> bytes:
    return without_metadata(data) if key.is_in(data) or _is_packed_in(data, key) else data


def _is_packed_in(data: bytes, key: ApiKey) -> bool:
    """Whether a packed text of a PNG holds the key, or there is too much to look through.

    The other formats do not pack their texts.
    """
    left = MAX_TEXTS
    for packed in _packed_texts(data) if image_format(data) == "png" else ():
        try:
            text = zlib.decompressobj().decompress(packed, min(MAX_TEXT, left) + 1)
        except zlib.error:
            continue
        left -= len(text)
        if left < 0 or len(text) > MAX_TEXT or key.is_in(text):
            return True
    return False


def _packed_texts(png: bytes) -> Iterator[bytes]:
    """What lies packed in the chunks that hold texts, or a profile, behind a name."""
    at = 8
    for _ in range(MAX_CHUNKS):
        if at >= len(png):
            return
        end = at + 8 + int.from_bytes(png[at : at + 4], "big")
        kind = png[at + 4 : at + 8]
        if kind in (b"zTXt", b"iTXt", b"iCCP"):
            rest = png[at + 8 : end].partition(b"\0")[2]
            # iTXt: whether it is packed, how, then two more names; the others: how.
            yield rest[1:] if kind != b"iTXt" else rest[2:].split(b"\0", 2)[-1]
        at = end + 4


def _decoded(text: Any) -> bytes:
    """What base64 stands for, read as generously as can be; nothing where it is none."""
    if not isinstance(text, str):
        return b""
    try:
        return base64.b64decode(text.rpartition(",")[2].translate(_URL_SAFE) + "===")
    except ValueError:
        return b""
