"""Reading a body to its end: within a deadline, a size limit and the promised length."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator
from typing import Any

import requests
import urllib3

from ..errors import CHARGED, BadResponseError

CHUNK = 64 * 1024


def read_body(response: requests.Response, deadline: float, limit: int, strict: bool) -> bytes:
    """The body, checked between chunks against deadline, limit and promised length.

    strict: too long, too short or too late is an error; else (of an error page) what came is
    enough, since the status says the most.
    """
    raw = response.raw
    expander = _Expander(response.headers.get("content-encoding", "identity"))
    promised = response.headers.get("content-length", "")
    read = getattr(raw, "read1", raw.read)  # urllib3 1.x has no read1
    parts: list[bytes] = []
    came = size = 0
    try:
        while max(came, size) <= limit:
            _limit_silence(raw, _left(deadline))
            chunk = read(CHUNK, decode_content=False)
            _left(deadline)  # an end that the deadline made is no end
            if not chunk:
                break
            came += len(chunk)
            for part in expander.expand(chunk, limit + 1 - size):
                parts.append(part)
                size += len(part)
    except (urllib3.exceptions.HTTPError, OSError):
        if strict:
            raise
    if not strict:
        return b"".join(parts)[:limit]
    if max(came, size) > limit:
        raise BadResponseError(
            f"Venice's answer is larger than {limit // 2**20} MiB, which no image is: it was not "
            f"read to its end. {CHARGED}"
        )
    if came < _length(promised) or not expander.is_whole:
        raise urllib3.exceptions.ProtocolError(f"{came} of {_length(promised)} bytes came")
    return b"".join(parts)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("the deadline for the whole answer passed")
    return left


def _length(promised: str) -> int:
    """Content-Length as a number, 0 for what is none. A size_t has at most 20 digits."""
    is_number = promised.isascii() and promised.isdigit() and len(promised) <= 20
    return int(promised) if is_number else 0


class _Expander:
    """Turns encoded chunks into plain ones, never more than asked for at once.

    Plain answers are asked for; this is for a gateway that compresses all the same. A gzip body
    may be several members, one after the other.
    """

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding.strip().lower()
        if self._encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise BadResponseError(
                f"Venice's answer is compressed in a way that was not asked for. {CHARGED}"
            )
        self._is_plain = self._encoding in ("", "identity")
        self._member = None if self._is_plain else self._new_member()

    @property
    def is_whole(self) -> bool:
        """Whether the compressed data came to its end."""
        return self._member is None or self._member.eof

    def expand(self, chunk: bytes, limit: int) -> Iterator[bytes]:
        """The plain bytes of `chunk`, of which those beyond `limit` are left out."""
        if self._member is None:
            yield chunk
            return
        while chunk and limit > 0:
            if self._member.eof:
                self._member = self._new_member()
            try:
                part = self._member.decompress(chunk, limit)
            except zlib.error:
                raise BadResponseError(
                    f"Venice's compressed answer is damaged. {CHARGED}"
                ) from None
            chunk = self._member.unused_data
            limit -= len(part)
            yield part

    def _new_member(self) -> Any:
        return zlib.decompressobj(wbits=15 if self._encoding == "deflate" else 47)


def _limit_silence(raw: Any, seconds: float) -> None:
    sock = getattr(getattr(raw, "connection", None), "sock", None)
    if sock is not None:
        sock.settimeout(seconds)
