"""Reads a body to its end, within a deadline and a size limit, not by what its headers promise.

The bytes decide whether it is whole. No picture that was paid for is lost to a wrong length, a
wrong encoding, or a connection that breaks behind it.
"""

from __future__ import annotations

import http.client
import io
import math
import time
from typing import Any

import requests
import urllib3

from ..errors import CHARGED, BadResponseError
from ..imaging.image_format import image_format, is_whole
from .connections import Deadline
from .response import read_json

CHUNK = 64 * 1024

MAX_SILENCE = 0.5
"""Seconds to wait for more where a body is not whole at the end that its length promises."""

ENCODINGS = {"gzip": "gzip", "x-gzip": "gzip", "deflate": "deflate"}
"""Encodings that a gateway may use although plain bodies are asked for. Only one at a time,
since one may make a thousand bytes of one, and the next a thousand of each."""


def read_body(response: requests.Response, deadline: float, limit: int, strict: bool) -> bytes:
    """The body, checked between chunks against deadline and size limit.

    strict: one that is too long, too short or too late is an error, unless it is whole all the
    same; else (of an error page) what came is enough, since the status says the most.
    """
    raw: Any = response.raw
    wire: http.client.HTTPResponse = raw._original_response
    promised, wire.length = wire.length, None  # which http.client would end at, and throw away more
    end = limit + 1 if promised is None else min(promised, limit + 1)
    body, problem = _read(wire, end, deadline)
    is_at_end = problem is None and len(body) <= limit
    if is_at_end and promised is not None and len(body) < promised:
        problem = urllib3.exceptions.ProtocolError(f"{len(body)} of {promised} bytes came")
    elif is_at_end and strict and promised is not None and _is_cut(body):
        body += _read(wire, limit + 1 - len(body), deadline, MAX_SILENCE)[0]
    elif is_at_end:
        wire.close()
        raw.release_conn()
    came = len(body)
    body = _decoded(body, response.headers.get("content-encoding", ""), limit)
    if not strict:
        return body[:limit]
    if max(came, len(body)) > limit:
        raise BadResponseError(
            f"Venice's answer is larger than {limit / 1e6:.0f} MB, which no image is: it was not "
            f"read to its end. {CHARGED}"
        )
    if problem and not (is_whole(body) or _is_json(body)):
        raise problem
    return body


def _read(
    wire: http.client.HTTPResponse, size: int, deadline: float, silence: float = math.inf
) -> tuple[bytes, Exception | None]:
    """Up to `size` bytes, and what ended them before the deadline or their own end."""
    body = io.BytesIO()  # which hands its bytes out without a copy
    problem: Exception | None = None
    try:
        while size > 0:
            Deadline.limit_silence(min(_left(deadline), silence))
            chunk = wire.read1(min(CHUNK, size))
            _left(deadline)  # an end that the deadline made is no end
            if not chunk:
                break
            body.write(chunk)
            size -= len(chunk)
    except http.client.HTTPException as error:
        problem = urllib3.exceptions.ProtocolError(f"{type(error).__name__}: {error}")
    except OSError as error:
        problem = error
    return body.getvalue(), problem


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("the deadline for the whole answer passed")
    return left


def _decoded(body: bytes, encoding: str, limit: int) -> bytes:
    """The body unpacked, to about `limit` bytes; as it came, where the header lies."""
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


def _is_cut(body: bytes) -> bool:
    """Whether a picture, or JSON by its last letter, is not at its end."""
    if image_format(body):
        return not is_whole(body)
    return body[:64].lstrip()[:1] in (b"{", b"[") and body[-64:].rstrip()[-1:] not in (b"}", b"]")


def _is_json(body: bytes) -> bool:
    try:
        return isinstance(read_json(body), dict | list)
    except (ValueError, RecursionError):
        return False
