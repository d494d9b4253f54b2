"""Reads from the bytes of an encoded image, without Pillow, its format and whether it is whole.

Pillow does not check the checksums of a PNG's pixels, and any pack in the process may have set it
to fill what is missing of a cut image with grey.
"""

from __future__ import annotations

import re
import zlib

from ..errors import CHARGED, BadResponseError
from ..text import beginning

SENDABLE = ("png", "jpeg", "webp")
"""The formats that every endpoint takes."""

MAX_CHUNKS = 50_000
"""Most chunks of a PNG (400 MB at the usual 8 KiB each). Each costs time, also an empty one."""

MAX_SCANS = 100
"""Most scans of a JPEG, a progressive one has about 10. Each goes over all pixels, however few
bytes it has."""

MAX_SEGMENTS = 5_000
"""Most segments of a JPEG; those of texts and profiles hold up to 64 KiB each."""

MAX_BLOCKS = 1_000_000
"""Most blocks of a GIF before its first picture ends, of up to 255 bytes each."""

MAX_BOXES = 1_000
"""Most boxes of an AVIF or HEIF image."""

_MARKER = re.compile(rb"\xff[\x02-\xcf\xd8-\xfe]")
"""The markers of a JPEG, but for those within a scan: after FF comes 00 there, or a restart."""

_AVIF = {b"avif", b"avis"}
_HEIF = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_GIF_PICTURE, _GIF_EXTENSION = 0x2C, 0x21
_BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)
"""How many bytes a BMP's header may have, by the version of the format."""


def image_format(data: bytes) -> str | None:
    """ "png", "jpeg", "webp", "gif", "bmp", "avif" or "heif" by the first bytes, or None."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if data.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if data.startswith(b"BM") and _number(data, 14) in _BMP_HEADERS:
        return "bmp"
    if data[4:8] == b"ftyp":
        end = min(int.from_bytes(data[:4], "big"), 256)
        brands = {data[at : at + 4] for at in (8, *range(16, end, 4))}
        return "avif" if brands & _AVIF else "heif" if brands & _HEIF else None
    return None


def is_whole(data: bytes) -> bool:
    """Whether this is an image whose end is there; more may come behind it."""
    format = image_format(data)
    try:
        return format is not None and _END[format](data) > 0
    except BadResponseError:
        return False


def check_whole(data: bytes) -> str:
    """The format of an image. Raises BadResponseError unless it is whole, and no bomb."""
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
    """Describe `data` to a person: its first letters, or that it is a web page."""
    if not data:
        return "it is empty"
    if data.lstrip()[:1] == b"<":
        return "a web page"
    return f"{len(data):,} bytes starting with {beginning(data, 24)}"


def png_parts(png: bytes, wanted: bytes = b"") -> bytes:
    """What the first chunk of a kind holds; else the PNG with its pixels and nothing else."""
    chunks = _png_chunks(png)
    if wanted:
        found = (png[begin + 8 : end - 4] for kind, begin, end in chunks if kind == wanted)
        return next(found, b"")
    return png[:8] + b"".join(png[begin:end] for kind, begin, end in chunks if _has_pixels(kind))


def has_second_frame(gif: bytes) -> bool:
    """Whether a GIF is animated."""
    return _gif_end(gif, frames=2) > 0


def _png_chunks(png: bytes) -> list[tuple[bytes, int, int]]:
    """(kind, begin, end) of each chunk up to IEND; of those that are there, where it is cut.

    Raises BadResponseError for over MAX_CHUNKS.
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
    """Whether the checksums of all chunks that pixels are made of are right."""
    view = memoryview(png)
    return all(
        zlib.crc32(view[begin + 4 : end - 4]).to_bytes(4, "big") == png[end - 4 : end]
        for kind, begin, end in _png_chunks(png)
        if _has_pixels(kind)
    )


def _number(data: bytes, at: int, size: int = 4) -> int:
    return int.from_bytes(data[at : at + size], "little")


def _png_end(png: bytes) -> int:
    chunks = _png_chunks(png)
    return chunks[-1][2] if chunks and chunks[-1][0] == b"IEND" else 0


def _jpeg_end(jpeg: bytes) -> int:
    """The end of a JPEG. One within a segment, such as that of a thumbnail, does not count."""
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
    end = 8 + _number(webp, 4)
    return end if 20 <= end <= len(webp) else 0


def _gif_end(gif: bytes, frames: int = 1) -> int:
    """The end of so many frames; only the first one is used."""
    at, inside = 13 + _colour_table(gif, 10), 0
    for _ in range(MAX_BLOCKS):
        if at >= len(gif):
            return 0
        byte = gif[at]
        if inside and byte:  # the size of a block, of a picture or an extension
            at += 1 + byte
        elif inside:
            frames -= inside == _GIF_PICTURE
            at, inside = at + 1, 0
            if not frames:
                return at
        elif byte == _GIF_PICTURE:
            at, inside = at + 11 + _colour_table(gif, at + 9), byte
        elif byte == _GIF_EXTENSION:
            at, inside = at + 2, byte
        else:
            return 0
    raise BadResponseError(f"The GIF image has over {MAX_BLOCKS:,} blocks. {CHARGED}")


def _colour_table(gif: bytes, at: int) -> int:
    """The bytes of the table that the flags at `at` speak of."""
    flags = gif[at] if at < len(gif) else 0
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _bmp_end(bmp: bytes) -> int:
    is_old = _number(bmp, 14) == _BMP_HEADERS[0]
    width, height = (_number(bmp, at, 2) for at in (18, 20)) if is_old else _sides(bmp)
    bits, packing = (_number(bmp, 24, 2), 0) if is_old else (_number(bmp, 28, 2), _number(bmp, 30))
    if packing not in (0, 3):  # by its runs, which Pillow unpacks a byte at a time
        raise BadResponseError(f"The BMP image is packed, and not read here. {CHARGED}")
    end = _number(bmp, 10) + (width * bits + 31) // 32 * 4 * height
    return end if len(bmp) >= end > 26 else 0


def _sides(bmp: bytes) -> tuple[int, int]:
    """Width and height; a negative height means that the first row is the top one."""
    height = int.from_bytes(bmp[22:26], "little", signed=True)
    return _number(bmp, 18), abs(height)


def _boxes_end(image: bytes) -> int:
    at, kinds = 0, set()
    for _ in range(MAX_BOXES):
        size, kind = int.from_bytes(image[at : at + 4], "big"), image[at + 4 : at + 8]
        if size == 1:
            size = int.from_bytes(image[at + 8 : at + 16], "big")
        elif size == 0:  # it goes on to the end
            size = len(image) - at
        if size < 8 or at + size > len(image):
            return 0
        at += size
        kinds.add(kind)
        if b"meta" in kinds and (b"mdat" in kinds or at == len(image)):
            return at
    return 0


_END = {
    "png": _png_end,
    "jpeg": _jpeg_end,
    "webp": _webp_end,
    "gif": _gif_end,
    "bmp": _bmp_end,
    "avif": _boxes_end,
    "heif": _boxes_end,
}
"""Functions that find the end of an image, by format: 0 without one. They raise for a bomb."""
