"""Encoded images to arrays, with limits. Looks at the bytes, never at a name or a header."""

from __future__ import annotations

import io
import re
import struct
import zlib
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from .errors import CHARGED, BadResponseError, InvalidRequestError
from .text import beginning

Array = npt.NDArray[np.uint8]

MAX_ENCODED_BYTES = 100 * 1024 * 1024
MAX_PIXELS = 50_000_000
"""The largest pictures of the API have 33,177,600 pixels."""

MAX_CHUNKS = 50_000
"""Of a PNG; at the usual 8 KiB that is 400 MB. Each costs time and memory, also an empty one."""

MAX_SCANS = 100
"""Of a JPEG; a progressive one has some 10. Each goes over all pixels, however few bytes it has."""

PNG_END = b"IEND\xaeB`\x82"
DAMAGE = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    struct.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)
"""What Pillow raises for damaged files, and for a size beyond its own limit."""

_MARKER = re.compile(rb"\xff[\x02-\xcf\xd8-\xfe]")
"""Of a JPEG, but for those that stand within a scan: after FF comes 00 there, or a restart."""


def image_format(data: bytes) -> str | None:
    """ "png", "jpeg" or "webp" by the first bytes of `data`, or None."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if data.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    return None


def decode(data: bytes, mode: Literal["RGB", "RGBA"] = "RGB") -> Array:
    """An encoded PNG, JPEG or WebP as uint8 [height, width, 3 or 4].

    Raises BadResponseError for anything else, and for a file that is empty, cut, damaged or
    too large.
    """
    image = _open(data)
    try:
        return np.array(_plain(image).convert(mode), dtype=np.uint8)
    except DAMAGE as error:
        raise BadResponseError(
            f"The image cannot be decoded: it is damaged ({error}). {CHARGED}"
        ) from None


def size_of(data: bytes) -> tuple[int, int]:
    """(width, height) of an encoded image, from its head; raises as `decode` does."""
    return _open(data).size


def size_of_input(data: bytes) -> tuple[int, int]:
    """(width, height) of an encoded image that is to be sent. Raises InvalidRequestError."""
    try:
        return size_of(data)
    except BadResponseError:
        raise InvalidRequestError(
            f"The input is no whole PNG, JPEG or WebP image of at most {MAX_PIXELS:,} pixels: "
            f"{_describe(data)}.",
            "image",
        ) from None


def without_metadata(data: bytes) -> bytes:
    """The same pixels as a PNG that holds nothing else. Raises as `decode` does."""
    out = io.BytesIO()
    Image.fromarray(decode(data, "RGBA")).save(out, "PNG")
    return out.getvalue()


def fit_to(array: Array, width: int, height: int) -> Array:
    """`array` scaled to fit into width × height with nothing cut off, on black."""
    if array.shape[:2] == (height, width):
        return array
    padded = ImageOps.pad(Image.fromarray(array), (width, height), Image.Resampling.LANCZOS)
    return np.array(padded, dtype=np.uint8)


def cover(array: Array, width: int, height: int) -> Array:
    """`array` scaled to fill width × height, what is over cut off evenly on both sides."""
    if array.shape[:2] == (height, width):
        return array
    filled = ImageOps.fit(Image.fromarray(array), (width, height), Image.Resampling.LANCZOS)
    return np.array(filled, dtype=np.uint8)


def stretch(array: Array, width: int, height: int) -> Array:
    """`array` scaled to width × height, whatever its ratio."""
    if array.shape[:2] == (height, width):
        return array
    scaled = Image.fromarray(array).resize((width, height), Image.Resampling.LANCZOS)
    return np.array(scaled, dtype=np.uint8)


def _open(data: bytes) -> Image.Image:
    name = image_format(data)
    if name is None:
        raise BadResponseError(
            f"What came is no PNG, JPEG or WebP image: {_describe(data)}. {CHARGED}"
        )
    if len(data) > MAX_ENCODED_BYTES:
        raise BadResponseError(
            f"The image has {len(data) >> 20} MiB, which no picture needs. {CHARGED}"
        )
    if not _is_whole(data, name):
        raise BadResponseError(
            f"The {name.upper()} image is cut short ({len(data)} bytes). {CHARGED}"
        )
    if name == "png" and not _is_intact(data):
        raise BadResponseError(
            f"The PNG image is damaged: a checksum in it is wrong, or it has over {MAX_CHUNKS:,} "
            f"chunks. {CHARGED}"
        )
    if name == "jpeg" and _has_many_scans(data):
        raise BadResponseError(
            f"The JPEG image has over {MAX_SCANS} scans, which no picture needs: not decoded. "
            f"{CHARGED}"
        )
    try:
        image = Image.open(io.BytesIO(data), formats=[name.upper()])
    except DAMAGE as error:
        raise BadResponseError(
            f"The {name.upper()} image cannot be read ({error}). {CHARGED}"
        ) from None
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise BadResponseError(
            f"The image claims {width}×{height} pixels, more than {MAX_PIXELS:,}: not decoded. "
            f"{CHARGED}"
        )
    return image


def _plain(image: Image.Image) -> Image.Image:
    """`image` in a mode that converts to RGB as it looks.

    Pillow would take the low byte of 16 bits of grey, and warn of a palette with transparency.
    """
    if image.mode.startswith("I"):
        return Image.fromarray((np.asarray(image, dtype=np.uint32) // 257).astype(np.uint8))
    if image.mode == "P" and "transparency" in image.info:
        return image.convert("RGBA")
    return image


def _is_whole(data: bytes, name: str) -> bool:
    """Whether the end is there. Pillow may be set, by anyone, to fill cut images with grey."""
    if name == "png":
        return PNG_END in data[-64:]
    if name == "jpeg":
        return b"\xff\xd9" in data[_first_scan(data) :]
    return len(data) >= 8 + int.from_bytes(data[4:8], "little")


def _is_intact(png: bytes) -> bool:
    """Whether the checksums of all chunks that pixels are made of are right.

    Pillow does not look at those of the pixels, and shows a damaged picture in part black.
    """
    at, kind = 8, b""
    for _ in range(MAX_CHUNKS):
        if kind == b"IEND" or at + 12 > len(png):
            break
        end = at + 8 + int.from_bytes(png[at : at + 4], "big")
        kind = png[at + 4 : at + 8]
        is_critical = kind[:1].isupper()
        checksum = zlib.crc32(memoryview(png)[at + 4 : end]) if is_critical else 0
        if is_critical and checksum.to_bytes(4, "big") != png[end : end + 4]:
            return False
        at = end + 4
    return kind == b"IEND"


def _first_scan(jpeg: bytes) -> int:
    """Where the pixels of a JPEG begin; what is before, such as a thumbnail, has its own ends."""
    at = 2
    while jpeg[at : at + 1] == b"\xff" and jpeg[at + 1 : at + 2] != b"\xda":
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
    return at


def _has_many_scans(jpeg: bytes) -> bool:
    """Whether there are over MAX_SCANS before the picture's end, or very many other segments."""
    at, scans = _first_scan(jpeg), 0
    for _ in range(10 * MAX_SCANS):
        marker = _MARKER.search(jpeg, at)
        if marker is None or marker[0] == b"\xff\xd9":
            return scans > MAX_SCANS
        scans += marker[0] == b"\xff\xda"
        at = marker.end() + int.from_bytes(jpeg[marker.end() : marker.end() + 2], "big")
    return True


def _describe(data: bytes) -> str:
    if not data:
        return "nothing at all"
    if data.lstrip()[:1] == b"<":
        return "a web page"
    return f"{len(data)} bytes that begin with {beginning(data, 24)}"
