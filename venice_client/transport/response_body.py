"""Read a body to its end, within a deadline and a size limit.

The bytes decide whether it's complete, so no paid image is lost to a wrong length, a wrong
encoding, or a connection that breaks after it.
"""

from __future__ import annotations

import http.client
import io
import json
import time
from typing import Any

import requests
import urllib3

from ..errors import CHARGED, BadResponseError
from ..imaging.whole_image import image_format, is_whole

CHUNK = 64 * 1024

ENCODINGS = {"gzip": "gzip", "x-gzip": "gzip", "deflate": "deflate"}
"""Encodings that a gateway may use although the client requests none. Only one at a time: each may
turn one byte into a thousand."""


def read_body(response: requests.Response, deadline: float, limit: int, strict: bool) -> bytes:
    """Read the body; check deadline and size limit between chunks.

    strict: raise an error if the body is too long, too short or too late, unless it's complete
    anyway; otherwise (an error page) the beginning is enough, since the status says the most.

    Only a visibly complete response leaves its connection to the next request. After any other (an
    error, a 204, half an image), more bytes may follow, which would look like the next response.
    """
    raw: Any = response.raw
    wire: http.client.HTTPResponse = raw._original_response
    body, problem = _read(wire, limit + 1, deadline)
    came = len(body)
    promised: int | None = raw.length_remaining
    if problem is None and promised is not None and came < min(promised, limit + 1):
        problem = urllib3.exceptions.ProtocolError(f"{came} of {promised} bytes arrived")
    body = _decoded(body, response.headers.get("content-encoding", ""), limit)
    if not strict:
        return body[:limit]
    if max(came, len(body)) > limit:
        raise BadResponseError(
            f"Venice's response exceeds {limit / 1e6:.0f} MB, more than any image needs, so the "
            f"rest wasn't read. {CHARGED}"
        )
    if problem and not (is_whole(body) or _is_json(body)):
        raise problem
    if not problem and _seems_whole(body):
        wire.close()
        raw.release_conn()
    return body


def _read(
    wire: http.client.HTTPResponse, size: int, deadline: float
) -> tuple[bytes, Exception | None]:
    """Read up to `size` bytes. Returns them and the error that ended them early, if any."""
    body = io.BytesIO()  # which returns its bytes without a copy
    problem: Exception | None = None
    try:
        while size > 0:
            chunk = wire.read1(min(CHUNK, size))
            _check(deadline)  # an end by the deadline is no end
            if not chunk:
                break
            body.write(chunk)
            size -= len(chunk)
    except http.client.HTTPException as error:
        problem = urllib3.exceptions.ProtocolError(f"{type(error).__name__}: {error}")
    except OSError as error:
        problem = error
    return body.getvalue(), problem


def _check(deadline: float) -> None:
    if time.monotonic() >= deadline:
        raise TimeoutError("the deadline for the whole answer passed")


def _decoded(body: bytes, encoding: str, limit: int) -> bytes:
    """Decompress the body to about `limit` bytes; return it unchanged if the header lies."""
    name = ENCODINGS.get(encoding.strip().lower())
    if name is None or image_format(body):
        return body
    packed = urllib3.HTTPResponse(
        io.BytesIO(body), {"content-encoding": name}, preload_content=False
    )
    plain = io.BytesIO()
    try:
        for part in packed.stream(CHUNK, decode_content=True):
            plain.write(part)
            if plain.tell() > limit:
                break
    except urllib3.exceptions.DecodeError:
        return body
    return plain.getvalue()


def _seems_whole(body: bytes) -> bool:
    """Whether this is an image up to its end, or JSON by its first and last letter."""
    if image_format(body):
        return is_whole(body)
    return body[:64].lstrip()[:1] in (b"{", b"[") and body[-64:].rstrip()[-1:] in (b"}", b"]")


def _is_json(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body), dict | list)
    except (ValueError, RecursionError):
        return False
