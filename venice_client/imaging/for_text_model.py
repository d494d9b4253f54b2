"""The image for a text model: upright, in sRGB, without metadata, and no larger than it needs."""

from __future__ import annotations

import hashlib
import io

from PIL import Image

from ..errors import BadResponseError, InvalidRequestError
from .images import decode, size_of_input
from .input_image import InputFile, InputImage

MAX_SIDE = 2048
"""Pixels of the long side. Text models see no more than that."""

MIN_SIDE = 64
"""Pixels that the API needs per side."""

JPEG_QUALITY = 92


def image_for_text_model(file: InputFile) -> InputImage:
    """Return the image to send: JPEG, or PNG if it is transparent, encoded when it leaves.

    Raises InvalidRequestError if its size can't be sent.
    """
    width, height = size_of_input(file)
    check_size(width, height)
    new = _fitted(width, height)
    name = file.identity if isinstance(file, InputImage) else hashlib.sha256(file).hexdigest()
    return InputImage(name, *new, lambda: _encoded(file, new))


def check_size(width: int, height: int, what: str = "The image") -> None:
    """Raise InvalidRequestError if an image of this size can't be sent."""
    new = _fitted(width, height)
    if min(new) < MIN_SIDE:
        scaled = "" if new == (width, height) else f", or {new[0]} × {new[1]} as it would be sent"
        raise InvalidRequestError(
            f"{what} is {width} × {height} pixels{scaled}; Venice needs at least {MIN_SIDE} per "
            "side. Crop or resize it first.",
            "image",
        )


def scaling_warning(file: InputFile, sent: InputImage) -> str:
    """Return the warning that an image is sent smaller than it is, or ""."""
    width, height = size_of_input(file)
    if (width, height) == (sent.width, sent.height):
        return ""
    return f"The image is {width} × {height} and is sent as {sent.width} × {sent.height}."


def _fitted(width: int, height: int) -> tuple[int, int]:
    """Return the size within MAX_SIDE, in the same ratio."""
    scale = min(1.0, MAX_SIDE / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _encoded(file: InputFile, size: tuple[int, int]) -> bytes:
    data = file.pack() if isinstance(file, InputImage) else file
    try:
        array = decode(data, "RGBA")
    except BadResponseError as error:
        why = str(error).partition("\n")[0].replace(" You may have been charged.", "")
        raise InvalidRequestError(f"The input image can't be read. {why}", "image") from None
    image = Image.fromarray(array if array[..., 3].min() < 255 else array[..., :3])
    if image.size != size:
        image = image.resize(size, Image.Resampling.LANCZOS)
    out = io.BytesIO()
    if image.mode == "RGBA":
        image.save(out, "PNG", compress_level=3)
    else:
        image.save(out, "JPEG", quality=JPEG_QUALITY)
    return out.getvalue()
