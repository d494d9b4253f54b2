"""Float tensors [B, H, W, C] in 0..1, and the encoded images and arrays they come from."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch

from ...venice_client import BadResponseError, EncodedImage, InvalidRequestError
from ...venice_client.for_nodes import (
    MAX_PACKED_PART,
    InputImage,
    encode_array,
    images,
    pixel_hash,
)
from .daemon_pool import DaemonPool

Size = tuple[int, int]
Encoder = Callable[..., tuple[list[Any], list[str]]]
"""`encode_all`, `input_images` or a replacement."""

MAX_COMMON_PIXELS = 20_000_000
"""Most pixels of each image of a batch, which shares one size. Venice generates at most 16,777,216.
A single image can have more."""

OPAQUE = 254.5 / 255
"""Least alpha that is 255 in 8 bits."""

OPAQUE_IN_ANSWERS = 251.5 / 255
"""Least alpha that counts as opaque: some models leave 252 to 254 in opaque parts."""


@dataclass(frozen=True)
class Fit:
    """A conversion of images to the size of the others.

    apply: from an array to one of width × height. say: from (width, height) before and after to a
    description such as "scaled from 80 × 80 to 64 × 64", "" if nothing changes.
    """

    apply: Callable[[images.Array, int, int], images.Array]
    say: Callable[[Size, Size], str]


def in_pixels(size: Size) -> str:
    """A size in words."""
    return f"{size[0]} × {size[1]}"


def _fitted(own: Size, size: Size) -> str:
    return "" if own == size else f"fitted from {in_pixels(own)} to {in_pixels(size)}"


def _covered(own: Size, size: Size) -> str:
    is_whole = own[0] * size[1] == own[1] * size[0]
    how = "scaled" if is_whole else "scaled and cropped"
    return "" if own == size else f"{how} from {in_pixels(own)} to {in_pixels(size)} (keep_size)"


FIT = Fit(images.fit_to, _fitted)
"""Without cropping."""

COVER = Fit(images.cover, _covered)
"""Without empty borders."""

_pool = DaemonPool("venice-decode", max_workers=min(4, os.cpu_count() or 4))


def decode_batch(
    encoded: Sequence[EncodedImage],
    mode: Literal["RGB", "RGBA"] = "RGB",
    size: Size | None = None,
    fit: Fit = FIT,
    labels: Sequence[str] = (),
) -> tuple[torch.Tensor | None, list[BadResponseError | None], list[str]]:
    """Encoded images as one float32 tensor [B, H, W, 3 or 4] in 0..1 on the CPU.

    size: (width, height) of the tensor, by default that of the first image, at most
    MAX_COMMON_PIXELS for several; `fit` converts other sizes. labels: a name for each image, by
    default "image 1" and so on. Returns the tensor of the readable images (None if there are none),
    the error of each image or None, and notes about other sizes. Raises MemoryError, or torch's
    RuntimeError, without enough memory.
    """
    sizes = [(image.width, image.height) for image in encoded]
    width, height = size = size or _common_size(sizes)
    # Both are named wherever a tensor is made: another pack may have set other defaults for all.
    batch = torch.empty((len(encoded), height, width, len(mode)), dtype=torch.float32, device="cpu")

    def fill(index: int) -> BadResponseError | None:
        out = batch[index].numpy()
        try:
            if sizes[index] == size and fit in (FIT, COVER):  # nothing to fit
                images.decode_into(encoded[index], out)
            else:
                array = fit.apply(images.decode(encoded[index], mode), width, height)
                np.divide(array, np.float32(255), out=out)
        except BadResponseError as error:
            return error
        return None

    errors = _pool.map(fill, range(len(encoded)))
    good = [i for i, error in enumerate(errors) if error is None]
    if not good:
        return None, errors, []
    labels = labels or [f"image {i + 1}" for i in range(len(encoded))]
    notes = _fitting_notes([(sizes[i], labels[i]) for i in good], size, fit)
    return (batch if len(good) == len(encoded) else batch[good]), errors, notes


def _fitting_notes(sized: Sequence[tuple[Size, str]], size: Size, fit: Fit) -> list[str]:
    """Warnings about images of another size, one for each size."""
    labels: dict[Size, list[str]] = {}
    for own, label in sized:
        labels.setdefault(own, []).append(label)
    return [
        f"{_named(names)}: {done}." for own, names in labels.items() if (done := fit.say(own, size))
    ]


def _named(labels: Sequence[str]) -> str:
    """Images by their labels: "Images 1–3, 5", "Seed 7"."""
    word, _, _ = labels[0].partition(" ")
    numbers = list(dict.fromkeys(label.partition(" ")[2] for label in labels))
    return f"{word.capitalize()}{'s' if len(numbers) > 1 else ''} {_runs(numbers)}"


def _runs(numbers: Sequence[str]) -> str:
    """Numbers as text, with ranges: "1–3, 5"."""
    runs: list[list[str]] = []
    for number in numbers:
        if runs and number.isdigit() and runs[-1][-1] == str(int(number) - 1):
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(run[0] if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs)


def to_rgb(image: torch.Tensor) -> tuple[torch.Tensor, list[str]]:
    """A batch as float32 [B, H, W, 3] on the CPU, and a warning if transparency is lost."""
    if image.shape[-1] == 1:
        return image.expand(-1, -1, -1, 3), []
    is_transparent = image.shape[-1] == 4 and bool((image[..., 3] < OPAQUE).any())
    lost = ["The input's transparency is ignored."]
    return image[..., :3], lost if is_transparent else []


def split_alpha(image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Colors [B, H, W, 3] of an answer, and its mask [B, H, W] as LoadImage returns it: 1 where
    transparent, 0 where opaque or without alpha."""
    if image.shape[-1] == 3:
        return image, opaque_mask(image)
    alpha = image[..., 3]
    mask = torch.where(alpha >= OPAQUE_IN_ANSWERS, 0.0, 1.0 - alpha)
    return image[..., :3].contiguous(), mask


def opaque_mask(image: torch.Tensor) -> torch.Tensor:
    """The mask [B, H, W] of images without transparency: zeros.

    numpy's zeros take memory only where they're written to; torch writes all of them.
    """
    return torch.from_numpy(np.zeros(image.shape[:-1], np.float32))


def to_array(image: torch.Tensor) -> images.Array:
    """One image [H, W, C] as uint8; values outside 0..1 are clipped."""
    array = np.empty(image.shape, np.uint8)
    for rows, band in _bands(image):
        array[rows] = band
    return array


def _bands(image: torch.Tensor) -> Iterator[tuple[slice, images.Array]]:
    """The rows of one image as in `to_array`, band by band, since the floats are large."""
    for rows in images.bands(image.shape[1], image.shape[0]):
        band = image[rows].clamp(0, 1).mul_(255).round_().to(torch.uint8)
        yield rows, np.ascontiguousarray(band.numpy())


def encode(image: torch.Tensor, max_bytes: int) -> tuple[bytes, str]:
    """Encode one image [H, W, 3 or 4] as a lossless PNG; return it and a warning, usually "".

    If the PNG has `max_bytes` or more, it's the best JPEG of QUALITIES that fits (WebP with alpha)
    instead, with a warning. Raises InvalidRequestError if none fits.
    """
    return encode_array(to_array(image), max_bytes)


def encode_all(
    batch: torch.Tensor | Sequence[torch.Tensor],
    max_bytes: int,
    prepare: Callable[[torch.Tensor], torch.Tensor] = lambda image: image,
) -> tuple[list[bytes], list[str]]:
    """`encode` for several images in parallel, without the empty warnings.

    prepare: converts each image before encoding.
    """
    pairs = _pool.map(lambda image: encode(prepare(image), max_bytes), batch)
    return [data for data, _ in pairs], [note for _, note in pairs if note]


def input_images(
    batch: torch.Tensor | Sequence[torch.Tensor],
    max_bytes: int,
    prepare: Callable[[torch.Tensor], torch.Tensor] = lambda image: image,
    are_shared: bool = False,
) -> tuple[list[InputImage], list[str]]:
    """Several images as files to be encoded, and warnings as in `encode_all`.

    Each is encoded when its request leaves, while others are sent. Images of several requests, and
    those that may be too large, are encoded now.
    """

    def one(image: torch.Tensor) -> tuple[InputImage, str]:
        pixels = prepare(image)
        height, width = pixels.shape[:2]
        if are_shared or pixels.numel() * MAX_PACKED_PART >= max_bytes:
            array = to_array(pixels)
            data, note = encode_array(array, max_bytes)
            return InputImage(pixel_hash(array.shape, [array]), width, height, lambda: data), note
        identity = pixel_hash(pixels.shape, (band for _, band in _bands(pixels)))

        def pack() -> bytes:
            return _pool.submit(lambda: _packed(prepare(image), identity, max_bytes)).result()

        return InputImage(identity, width, height, pack), ""

    pairs = _pool.map(one, batch)
    return [image for image, _ in pairs], [note for _, note in pairs if note]


def _packed(pixels: torch.Tensor, identity: str, max_bytes: int) -> bytes:
    """The file of an input. Raises InvalidRequestError if it changed since it was planned."""
    array = to_array(pixels)  # read once: another node can write into it at any time
    if pixel_hash(array.shape, [array]) != identity:
        raise InvalidRequestError(
            "An input image changed during upload, probably by another node. Queue again, or give "
            "each node its own copy.",
            "image",
        )
    return encode_array(array, max_bytes)[0]


def _common_size(sizes: Sequence[Size]) -> Size:
    """The size of the first; for several images at most MAX_COMMON_PIXELS."""
    width, height = sizes[0]
    if len(sizes) == 1 or width * height <= MAX_COMMON_PIXELS:
        return width, height
    scale = math.sqrt(MAX_COMMON_PIXELS / (width * height))
    return max(1, int(width * scale)), max(1, int(height * scale))
