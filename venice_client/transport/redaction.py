"""Remove the key from a response that echoes it, before anyone sees or saves it.

A response without the key stays byte for byte the same. The search covers UTF-8 text, but not
packed texts in images, or base64.
"""

from __future__ import annotations

import re

from ..imaging.whole_image import image_format
from ..settings.api_key import ApiKey

_ESCAPE = re.compile(rb"\\(?:u00([2-7][0-9a-fA-F])|(/)|.)", re.DOTALL)


def masked(body: bytes, key: ApiKey | None) -> bytes:
    """Return the body with stars for the key, also in escapes of JSON.

    They change no pixel of an image, but leave a wrong checksum for a text in a PNG.
    """
    if key is None:
        return body
    has_escapes = b"\\" in body and not image_format(body)
    plain = _ESCAPE.sub(_unescaped, body) if has_escapes else body
    return key.mask(plain) if key.is_in(plain) else body


def _unescaped(escape: re.Match[bytes]) -> bytes:
    """Return the character of an escape that needs none."""
    letter = bytes.fromhex(escape[1].decode()) if escape[1] else escape[2]
    return escape[0] if letter in (None, b'"', b"\\") else letter
