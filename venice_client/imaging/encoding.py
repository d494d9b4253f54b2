"""Encode arrays of pixels to send them, and name them by a hash."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from PIL import Image

from ..errors import InvalidRequestError
from .images import Array
from .input_image import InputImage

QUALITIES = (95, 85)
"""Qualities of JPEG and WebP, the best first. Below, resizing looks better."""

PNG_EFFORT = 4
"""zlib's level; higher ones take much longer for little."""

MAX_PACKED_PART = 1.01
"""Most bytes of a PNG per value, if nothing in it can be compressed."""

LONGEST = {"JPEG": 65_500, "WEBP": 16_383}
"""Most pixels of a side that each format can hold."""


def encode_array(array: Array, max_bytes: int) -> tuple[bytes, str]:
    """Encode one image [H, W, 1, 3 or 4] as a lossless PNG; return it and a warning, usually "".

    If the PNG has `max_bytes` or more, it's the best JPEG of QUALITIES that fits (WebP with alpha)
    instead, with a warning. Raises InvalidRequestError if none fits.
    """
    image = Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array)
    png = _saved(image, "PNG", compress_level=PNG_EFFORT)
    if len(png) < max_bytes:
        return png, ""
    return _lossy(image, max_bytes, f"as PNG it is {len(png) / 1e6:.0f} MB")


def _lossy(image: Image.Image, max_bytes: int, why: str) -> tuple[bytes, str]:
    name = "WEBP" if image.mode == "RGBA" else "JPEG"
    size, limit = f"{image.width} × {image.height}", f"{max_bytes / 1e6:.0f} MB"
    if max(image.size) > LONGEST[name]:
        raise InvalidRequestError(
            f"The image is too large to send ({why}; Venice's limit is {limit}), and {size} is too "
            f"long for {name}. Resize it.",
            "image",
        )
    how = {"subsampling": 0} if name == "JPEG" else {}  # a color for each pixel
    for quality in QUALITIES:
        data = _saved(image, name, quality=quality, **how)
        if len(data) < max_bytes:
            sent = f"An input of {size} was sent as {name} with quality {quality}"
            return data, f"{sent}, since {why}; Venice's limit is {limit}."
    raise InvalidRequestError(
        f"The image is {len(data) / 1e6:.0f} MB even as {name} with quality {quality}. Venice's "
        f"limit is {limit}. Resize it.",
        "image",
    )


def input_image(make: Callable[[], Array], max_bytes: int) -> tuple[InputImage, str]:
    """An image to send, encoded when its request leaves, and a warning as in `encode_array`.

    make: gives the pixels [H, W, 3], now and again when they are encoded.
    """
    array = make()
    height, width = array.shape[:2]
    identity = pixel_hash(array.shape, [array])
    if array.size * MAX_PACKED_PART < max_bytes:
        return InputImage(identity, width, height, lambda: encode_array(make(), max_bytes)[0]), ""
    data, note = encode_array(array, max_bytes)
    return InputImage(identity, width, height, lambda: data), note


def pixel_hash(shape: Sequence[int], bands: Iterable[Array]) -> str:
    """A hash of the pixels of an image [H, W, C]."""
    digest = hashlib.sha256(f"{tuple(shape)}\n".encode())
    for band in bands:
        digest.update(band.data)
    return digest.hexdigest()


def _saved(image: Image.Image, format: str, **how: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, format, **how)
    return out.getvalue()
