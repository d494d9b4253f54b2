"""Images in a request: base64, data URI or an uploaded file."""

from __future__ import annotations

import base64
import io

from PIL import Image

from .response import Refusal, invalid_field

# "Under 25 MB" and "under 8 MB", in the smaller kind of megabyte.
MAX_IMAGE_BYTES = 25_000_000
MAX_REFERENCE_BYTES = 8_000_000
MIN_PIXELS = 65_536
MIN_SIDE = 64
MAX_PIXELS = 33_177_600
MAX_CUTOUT_PIXELS = 40_000_000  # unpublished: the most for this computer
Image.init()
FORMATS = tuple(name for name in ("PNG", "JPEG", "WEBP", "AVIF") if name in Image.OPEN)


def open_image(
    name: str,
    value: object,
    max_bytes: int = MAX_IMAGE_BYTES,
    max_pixels: int = MAX_PIXELS,
    raw_only: bool = False,
) -> Image.Image:
    """Decode the image in a field. raw_only: base64 without a data URI.

    Raises Refusal unless it's a complete image within the limits of bytes and pixels.
    """
    content = _content(name, value, raw_only)
    if len(content) >= max_bytes:
        told = f"{name}: file size must be less than {max_bytes // 1_000_000}MB"
        raise Refusal(422, "IMAGE_TOO_LARGE", told)
    try:
        image = Image.open(io.BytesIO(content), formats=FORMATS)
        if image.width * image.height <= max_pixels:
            image.load()
            return image
        size = f"received {image.width}x{image.height}"
    except Image.DecompressionBombError:
        size = "received far more"
    except Exception as error:  # any error of a decoder for a damaged file
        told = f"{name}: the image cannot be decoded"
        raise Refusal(400, "CORRUPTED_IMAGE", told) from error
    told = f"{name}: image dimensions must not exceed {max_pixels} pixels, {size}"
    raise Refusal(422, "IMAGE_TOO_LARGE", told)


def open_sized_image(name: str, value: object, raw_only: bool = False) -> Image.Image:
    """Decode as `open_image` does. Raises Refusal (IMAGE_TOO_SMALL) below an edit's minimum."""
    image = open_image(name, value, raw_only=raw_only)
    if image.width * image.height < MIN_PIXELS or min(image.size) < MIN_SIDE:
        told = (
            f"{name}: image dimensions must be at least {MIN_PIXELS} pixels and {MIN_SIDE} a side,"
            f" received {image.width}x{image.height}"
        )
        raise Refusal(400, "IMAGE_TOO_SMALL", told)
    return image


def _content(name: str, value: object, raw_only: bool) -> bytes:
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str) or not value:
        raise invalid_field(name, "Expected an image as base64 or as a file")
    if value.startswith(("http://", "https://")):
        raise invalid_field(name, "The sandbox fetches no URLs; send the image itself")
    encoded = value
    if value.startswith("data:") and not raw_only:
        head, _, encoded = value.partition(",")
        if not head.startswith("data:image/") or not head.endswith(";base64"):
            raise invalid_field(name, "Expected a data URI of the form data:image/…;base64,…")
    try:
        return base64.b64decode(encoded, validate=True)
    except ValueError as error:
        raise Refusal(400, "CORRUPTED_IMAGE", f"{name}: not valid base64") from error
