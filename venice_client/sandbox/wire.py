"""HTTP/1.1 on a connection: reading a request within bounds, writing a response."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from email.utils import formatdate
from http import HTTPStatus
from typing import BinaryIO

from .response import Refusal, Response

MAX_HEAD_BYTES = 32 * 1024
MAX_LINE_BYTES = 1024
"""Bytes of the line that tells the size of a chunk, or of a header behind the last one."""

MAX_TRAILERS = 32
READ_BYTES = 256 * 1024


def read_head(stream: BinaryIO) -> bytes:
    """The bytes of a request up to the blank line; b"" where the client has gone.

    Raises Refusal (431) where they are too many.
    """
    head, size = b"", 0
    while line := stream.readline(MAX_HEAD_BYTES + 1):
        size += len(line)
        if size > MAX_HEAD_BYTES:
            raise Refusal(431, "INVALID_REQUEST", "The headers of the request are too large")
        if line.strip(b"\r\n"):
            head += line
        elif head:
            return head + line
    return b""


def body_parts(stream: BinaryIO, headers: Mapping[str, str]) -> Iterator[bytes]:
    """The body in parts, as long as its headers say or in chunks.

    Raises ConnectionError where it ends early, Refusal where the chunks are not as they should be.
    """
    if "transfer-encoding" not in headers:
        yield from _exactly(stream, int(headers.get("content-length", "0")))
        return
    while size := _chunk_size(stream):
        yield from _exactly(stream, size)
        if stream.readline(MAX_LINE_BYTES).strip():
            raise _bad_chunk()
    for _ in range(MAX_TRAILERS):  # which tell nothing that is needed
        if not stream.readline(MAX_LINE_BYTES).strip():
            return
    raise _bad_chunk()


def check_framing(headers: Mapping[str, str]) -> None:
    """Raises Refusal unless the headers say in one way how long the body is."""
    length = headers.get("content-length", "0")
    if headers.get("transfer-encoding", "chunked").strip().lower() != "chunked":
        raise Refusal(400, "INVALID_REQUEST", "Only chunked transfer encoding is supported")
    if "transfer-encoding" in headers and "content-length" in headers:
        raise Refusal(400, "INVALID_REQUEST", "Both Content-Length and Transfer-Encoding are sent")
    if not (length.isascii() and length.isdigit() and len(length) < 19):
        raise Refusal(400, "INVALID_REQUEST", "Content-Length is not a number")


def has_body(headers: Mapping[str, str]) -> bool:
    """Whether a body follows the headers."""
    return "transfer-encoding" in headers or headers.get("content-length", "0").strip("0") != ""


def head_of(response: Response, framing: Mapping[str, str], keep_alive: bool) -> bytes:
    """Status line and headers; the response's own headers win, in any case."""
    own = {
        "Server": "venice-sandbox",
        "Date": formatdate(usegmt=True),
        "Content-Type": response.content_type,
        "Connection": "keep-alive" if keep_alive else "close",
        **framing,
    }
    headers = {name.lower(): (name, text) for name, text in (own | dict(response.headers)).items()}
    status = response.status
    reason = HTTPStatus(status).phrase if status in set(HTTPStatus) else "Unknown"
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{n}: {text}" for n, text in headers.values())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def with_head(response: Response, keep_alive: bool, without_body: bool = False) -> bytes:
    """The whole response as bytes; only its head, which tells the length all the same, for HEAD."""
    head = head_of(response, {"Content-Length": str(len(response.body))}, keep_alive)
    return head if without_body else head + response.body


def _exactly(stream: BinaryIO, count: int) -> Iterator[bytes]:
    while count > 0:
        part = stream.read(min(count, READ_BYTES))
        if not part:
            raise ConnectionError("The client went away in the middle of its request")
        count -= len(part)
        yield part


def _chunk_size(stream: BinaryIO) -> int:
    line = stream.readline(MAX_LINE_BYTES)
    digits = line.split(b";")[0].strip()
    if not line.endswith(b"\n") or not digits or digits.strip(b"0123456789abcdefABCDEF"):
        raise _bad_chunk()
    return int(digits[-16:], 16) if len(digits) <= 16 else READ_BYTES << 30


def _bad_chunk() -> Refusal:
    return Refusal(400, "INVALID_REQUEST", "The chunks of the body are not as they should be")
