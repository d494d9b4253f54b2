"""Read the format of an encoded image from its bytes, and whether it's complete.

Pillow doesn't verify the checksums of a PNG's pixels, and shows a JPEG or WebP without its end.
"""

from __future__ import annotations

import re
import zlib

from ..errors import CHARGED, BadResponseError
from ..text import beginning

MAX_CHUNKS = 50_000
"""The most chunks of a PNG (400 MB at the usual 8 KiB). Even an empty one costs time."""

MAX_SCANS = 100
"""The most scans of a JPEG. A progressive one has about 10. Each visits all pixels, even if it has
only a few bytes."""

MAX_SEGMENTS = 5_000
"""The most segments of a JPEG. One for texts or a profile holds up to 64 KiB."""

_MARKER = re.compile(rb"\xff[\x02-\xcf\xd8-\xfe]")
"""The markers of a JPEG, except those within a scan: after FF comes 00 there, or a restart."""


def image_format(data: bytes) -> str | None:
    """Return "png", "jpeg" or "webp", the API's formats, by the first bytes; else None."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if data.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    return "webp" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else None


def is_whole(data: bytes) -> bool:
    """Whether this is an image up to its end; more may follow."""
    format = image_format(data)
    try:
        return format is not None and _END[format](data) > 0
    except BadResponseError:
        return False


def check_whole(data: bytes) -> str:
    """Return the format of an image. Raises BadResponseError unless it's complete, and no bomb."""
    format = image_format(data)
    if format is None:
        raise BadResponseError(
            f"Venice's response isn't a readable image ({describe(data)}). {CHARGED}"
        )
    if not _END[format](data):
        raise BadResponseError(
            f"The {format.upper()} image is incomplete ({len(data):,} bytes). {CHARGED}"
        )
    if format == "png" and not _is_intact(data):
        raise BadResponseError(f"The PNG image is damaged (wrong checksum). {CHARGED}")
    return format


def describe(data: bytes) -> str:
    """Describe `data` in words: its first letters, or that it's a web page."""
    if not data:
        return "it is empty"
    if data.lstrip()[:1] == b"<":
        return "a web page"
    return f"{len(data):,} bytes starting with {beginning(data, 24)}"


def png_part(png: bytes, kind: bytes) -> bytes:
    """Return the content of all chunks of a kind, joined."""
    view = memoryview(png)
    return b"".join(view[at + 8 : end - 4] for of, at, end in _png_chunks(png) if of == kind)


def png_without_texts(png: bytes) -> bytes:
    """Return the PNG with only its pixels."""
    return png[:8] + b"".join(
        png[at:end] for kind, at, end in _png_chunks(png) if _has_pixels(kind)
    )


def _png_chunks(png: bytes) -> list[tuple[bytes, int, int]]:
    """Find kind, begin and end of each chunk up to IEND, or up to a cut.

    Raises BadResponseError for more than MAX_CHUNKS.
    """
    found: list[tuple[bytes, int, int]] = []
    at = 8
    while len(found) < MAX_CHUNKS:
        end = at + 12 + int.from_bytes(png[at : at + 4], "big")
        kind = png[at + 4 : at + 8]
        if end > len(png):
            return found
        found.append((kind, at, end))
        if kind == b"IEND":
            return found
        at = end
    raise BadResponseError(
        f"The PNG image has over {MAX_CHUNKS:,} chunks, more than any image needs, so it isn't "
        f"decoded. {CHARGED}"
    )


def _has_pixels(kind: bytes) -> bool:
    """Whether the pixels depend on a chunk of this kind; the others hold texts and the like."""
    return kind[:1].isupper() or kind == b"tRNS"


def _is_intact(png: bytes) -> bool:
    """Whether the checksums of all chunks with pixels are right."""
    view = memoryview(png)
    return all(
        zlib.crc32(view[begin + 4 : end - 4]).to_bytes(4, "big") == png[end - 4 : end]
        for kind, begin, end in _png_chunks(png)
        if _has_pixels(kind)
    )


def _png_end(png: bytes) -> int:
    chunks = _png_chunks(png)
    return chunks[-1][2] if chunks and chunks[-1][0] == b"IEND" else 0


def _jpeg_end(jpeg: bytes) -> int:
    """Find the end of a JPEG. One inside a segment, such as a thumbnail's, doesn't count."""
    at, scans = 2, 0
    for _ in range(MAX_SEGMENTS):
        marker = _MARKER.search(jpeg, at)
        if marker is None or marker[0] == b"\xff\xd9":
            return marker.end() if marker and scans else 0
        scans += marker[0] == b"\xff\xda"
        if scans > MAX_SCANS:
            break
        at = marker.end() + int.from_bytes(jpeg[marker.end() : marker.end() + 2], "big")
    raise BadResponseError(
        f"The JPEG image has over {MAX_SCANS} scans, or {MAX_SEGMENTS:,} segments, which no "
        f"image needs, so it isn't decoded. {CHARGED}"
    )


def _webp_end(webp: bytes) -> int:
    end = 8 + int.from_bytes(webp[4:8], "little")
    return end if 20 <= end <= len(webp) else 0


_END = {"png": _png_end, "jpeg": _jpeg_end, "webp": _webp_end}
"""Functions that find the end of an image, by format: 0 without one. They raise for a bomb."""
