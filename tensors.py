"""Float tensors [B, H, W, C] in 0..1, and the encoded images and arrays they come from."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image

from .venice_client import images
from .venice_client.errors import BadAnswer, InvalidRequestError
from .workers import Workers

Fit = Callable[[images.Array, int, int], images.Array]
Size = tuple[int, int]

JPEG_QUALITY = 95
PNG_EFFORT = 4
"""zlib level; higher ones take much longer for little."""

LONGEST = {"JPEG": 65_500, "WEBP": 16_383}
"""Pixels of a side that each format can hold."""

MAX_COMMON_PIXELS = 20_000_000
"""Of each picture of a batch that shares its size; Venice makes 16,777,216 at most. One alone may
have more."""

OPAQUE = 254.5 / 255
"""Alpha from here on is 255 in 8 bits."""

_pool = Workers("venice-decode", most=4)


def decode_batch(
    encoded: Sequence[bytes],
    mode: Literal["RGB", "RGBA"] = "RGB",
    size: Size | None = None,
    fit: Fit = images.fit_to,
) -> tuple[torch.Tensor | None, list[BadAnswer | None], list[str]]:
    """Encoded images as one float32 tensor [B, H, W, 3 or 4] in 0..1 on the CPU.

    size: (width, height) of the tensor, that of the first image by default, which for several is
    scaled down to MAX_COMMON_PIXELS; `fit` brings other sizes there. Answers the tensor of those
    that can be decoded (None if none can), the error of each image or None, and a note for each
    that had to be fitted. Raises MemoryError, or torch's RuntimeError, where there is not enough
    memory.
    """
    sizes: list[Size | BadAnswer] = [_size_or_error(data) for data in encoded]
    size = size or _common_size([own for own in sizes if not isinstance(own, BadAnswer)])
    if size is None:
        return None, [own if isinstance(own, BadAnswer) else None for own in sizes], []
    width, height = size
    batch = torch.empty((len(encoded), height, width, len(mode)), dtype=torch.float32)

    def fill(index: int) -> BadAnswer | None:
        own = sizes[index]
        if isinstance(own, BadAnswer):
            return own
        try:
            array = fit(images.decode(encoded[index], mode), width, height)
        except BadAnswer as error:
            return error
        np.divide(array, np.float32(255), out=batch[index].numpy())
        return None

    errors = _pool.map(fill, range(len(encoded)))
    notes = [
        f"Picture {i + 1} came as {own[0]}×{own[1]} and was fitted to {width}×{height}."
        for i, own in enumerate(sizes)
        if not isinstance(own, BadAnswer) and own != size
    ]
    good = [i for i, error in enumerate(errors) if error is None]
    if not good:
        return None, errors, []
    return (batch if len(good) == len(encoded) else batch[good]), errors, notes


def check_batch(image: torch.Tensor, name: str) -> None:
    """Refuses what is no batch of pictures [B, H, W, 1, 3 or 4], and an empty one."""
    if image.ndim != 4 or image.shape[-1] not in (1, 3, 4) or 0 in image.shape[1:]:
        raise InvalidRequestError(
            f"`{name}` is no batch of pictures [B, H, W, 3]: its shape is {tuple(image.shape)}.",
            name,
        )
    if not len(image):
        raise InvalidRequestError(f"`{name}` holds no picture.", name)


def colours(image: torch.Tensor) -> tuple[torch.Tensor, list[str]]:
    """A batch as float32 [B, H, W, 3] on the CPU, and a note where transparency is lost by it."""
    image = image.detach().to("cpu", torch.float32)
    if image.shape[-1] == 1:
        return image.expand(-1, -1, -1, 3), []
    is_transparent = image.shape[-1] == 4 and bool((image[..., 3] < OPAQUE).any())
    lost = ["The input's transparency is left out: only its colours are used."]
    return image[..., :3], lost if is_transparent else []


def to_array(image: torch.Tensor) -> images.Array:
    """One picture [H, W, C] in 0..1 as uint8; what is outside of 0..1 is clipped, NaN is 0."""
    scaled = torch.nan_to_num(image.detach().to("cpu", torch.float32)).clamp(0, 1).mul(255)
    array: images.Array = scaled.round().to(torch.uint8).numpy()
    return array


def encode(image: torch.Tensor, most_bytes: int) -> tuple[bytes, str]:
    """One picture [H, W, 3 or 4] as a lossless PNG, and a note, "" as a rule.

    Where the PNG would have `most_bytes` or more it is a high-quality JPEG (WebP with alpha)
    instead, and the note says so. Raises InvalidRequestError where that is too large as well.
    """
    if image.ndim != 3 or image.shape[-1] not in (1, 3, 4):
        raise InvalidRequestError(f"The input is no picture: its shape is {tuple(image.shape)}.")
    array = to_array(image)
    picture = Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array)
    png = _saved(picture, "PNG", compress_level=PNG_EFFORT)
    if len(png) < most_bytes:
        return png, ""
    name = "WEBP" if picture.mode == "RGBA" else "JPEG"
    limit = f"{most_bytes / 1e6:.0f} MB"
    if max(picture.size) > LONGEST[name]:
        raise InvalidRequestError(
            f"The image has {len(png) / 1e6:.0f} MB as PNG, Venice takes less than {limit}, and "
            f"{picture.width}×{picture.height} is too long for {name}: make it smaller.",
            "image",
        )
    lossy = _saved(picture, name, quality=JPEG_QUALITY)
    if len(lossy) >= most_bytes:
        raise InvalidRequestError(
            f"The image has {len(lossy) / 1e6:.0f} MB even as {name}, and Venice takes less than "
            f"{limit}: make it smaller.",
            "image",
        )
    return lossy, (
        f"An input of {picture.width}×{picture.height} was sent as {name} of quality "
        f"{JPEG_QUALITY}, since as PNG it has {len(png) / 1e6:.0f} MB, over the limit of {limit}."
    )


def encode_all(
    pictures: torch.Tensor | Sequence[torch.Tensor], most_bytes: int
) -> tuple[list[bytes], list[str]]:
    """`encode` for several pictures, side by side; the notes without the empty ones."""
    pairs = _pool.map(lambda picture: encode(picture, most_bytes), pictures)
    return [data for data, _ in pairs], [note for _, note in pairs if note]


def _saved(picture: Image.Image, format: str, **how: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, format, **how)
    return out.getvalue()


def _common_size(sizes: Sequence[Size]) -> Size | None:
    """The size of the first; where there are several, of no more than MAX_COMMON_PIXELS."""
    if not sizes:
        return None
    width, height = sizes[0]
    if len(sizes) == 1 or width * height <= MAX_COMMON_PIXELS:
        return width, height
    scale = math.sqrt(MAX_COMMON_PIXELS / (width * height))
    return max(1, int(width * scale)), max(1, int(height * scale))


def _size_or_error(data: bytes) -> Size | BadAnswer:
    try:
        return images.size_of(data)
    except BadAnswer as error:
        return error
