"""Keeps the key out of an answer, should the service echo it, before anyone sees or keeps it.

What holds no key stays byte for byte as it came. Only what reads as text is searched, in UTF-8: a
text that is packed within a picture, or lies in base64, is not.
"""

from __future__ import annotations

import re

from ..image_format import image_format
from ..settings.api_key import ApiKey

_ESCAPE = re.compile(rb"\\(?:u00([2-7][0-9a-fA-F])|(/)|.)", re.DOTALL)


def masked(body: bytes, key: ApiKey | None) -> bytes:
    """The body with stars for the key, also where it stands in escapes of JSON.

    In a picture they leave all pixels as they are; but in a PNG a text then has a wrong checksum.
    """
    if key is None:
        return body
    has_escapes = b"\\" in body and not image_format(body)
    plain = _ESCAPE.sub(_unescaped, body) if has_escapes else body
    return key.mask(plain) if key.is_in(plain) else body


def _unescaped(escape: re.Match[bytes]) -> bytes:
    """What an escape stands for, if that needs none."""
    letter = bytes.fromhex(escape[1].decode()) if escape[1] else escape[2]
    return escape[0] if letter in (None, b'"', b"\\") else letter
