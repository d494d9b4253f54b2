"""Pictures that come with a request: base64, data URI or an uploaded file."""

from __future__ import annotations

import base64
import binascii
import io

from PIL import Image, UnidentifiedImageError

from .answers import Refusal, invalid_field

# "Under 25 MB" and "under 8 MB", read as the smaller of the two megabytes there are.
MAX_PICTURE_BYTES = 25_000_000
MAX_REFERENCE_BYTES = 8_000_000
FORMATS = ("PNG", "JPEG", "WEBP")
MIN_PIXELS = 65_536
MAX_PIXELS = 33_177_600


def open_picture(
    name: str,
    value: object,
    max_bytes: int = MAX_PICTURE_BYTES,
    max_pixels: int | None = MAX_PIXELS,
) -> Image.Image:
    """The decoded picture of a field; max_pixels None: as many as can be decoded.

    Raises:
        Refusal: no picture, a damaged one, or one of too many bytes or pixels.
    """
    content = _content(name, value)
    if len(content) >= max_bytes:
        told = f"{name}: file size must be less than {max_bytes // 1_000_000}MB"
        raise Refusal(422, "IMAGE_TOO_LARGE", told)
    try:
        picture = Image.open(io.BytesIO(content), formats=FORMATS)
        if max_pixels is not None and picture.width * picture.height > max_pixels:
            raise _too_many_pixels(name, picture)
        picture.load()
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        told = f"{name}: the image cannot be decoded"
        raise Refusal(400, "CORRUPTED_IMAGE", told) from error
    except Image.DecompressionBombError as error:
        told = f"{name}: image dimensions must not exceed {MAX_PIXELS} pixels"
        raise Refusal(422, "IMAGE_TOO_LARGE", told) from error
    return picture


def open_sized_picture(name: str, value: object) -> Image.Image:
    """The decoded picture of a field, which must have the pixels an edit needs.

    Raises:
        Refusal: as `open_picture`, and 400 IMAGE_TOO_SMALL.
    """
    picture = open_picture(name, value)
    if picture.width * picture.height < MIN_PIXELS:
        told = (
            f"{name}: image dimensions must be at least {MIN_PIXELS} pixels,"
            f" received {picture.width}x{picture.height}"
        )
        raise Refusal(400, "IMAGE_TOO_SMALL", told)
    return picture


def _too_many_pixels(name: str, picture: Image.Image) -> Refusal:
    told = (
        f"{name}: image dimensions must not exceed {MAX_PIXELS} pixels,"
        f" received {picture.width}x{picture.height}"
    )
    return Refusal(422, "IMAGE_TOO_LARGE", told)


def _content(name: str, value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str) or not value:
        raise invalid_field(name, "Expected an image as base64 or as a file")
    if value.startswith(("http://", "https://")):
        raise invalid_field(name, "The sandbox fetches no URLs; send the image itself")
    encoded = value
    if value.startswith("data:"):
        head, _, encoded = value.partition(",")
        if not head.startswith("data:image/") or not head.endswith(";base64"):
            raise invalid_field(name, "Expected a data URI of the form data:image/…;base64,…")
    try:
        return base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise Refusal(400, "CORRUPTED_IMAGE", f"{name}: not valid base64") from error
