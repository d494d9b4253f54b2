"""Float tensors [B, H, W, C] in 0..1, and the encoded images and arrays they come from."""

from __future__ import annotations

import hashlib
import io
import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image

from ...venice_client import BadResponseError, EncodedImage, InvalidRequestError
from ...venice_client.for_nodes import InputImage, images
from .daemon_pool import DaemonPool

Size = tuple[int, int]
Encoder = Callable[..., tuple[list[Any], list[str]]]
"""What `encode_all` and `input_images` are, or what stands in their place."""

QUALITIES = (95, 85)
"""Qualities of JPEG and WebP, the best first. Below, a picture is better made smaller."""

PNG_EFFORT = 4
"""How hard zlib tries; higher levels take much longer for little."""

MAX_PACKED_PART = 1.01
"""How many bytes a PNG may have for each of its values, where nothing in it can be packed."""

LONGEST = {"JPEG": 65_500, "WEBP": 16_383}
"""Most pixels of a side that each format can hold."""

MAX_COMMON_PIXELS = 20_000_000
"""Most pixels of each picture of a batch that shares its size; Venice makes 16,777,216 at most. One
alone may have more."""

OPAQUE = 254.5 / 255
"""Least alpha that is 255 in 8 bits."""

OPAQUE_IN_ANSWERS = 251.5 / 255
"""Alpha from here on is meant as opaque: some models leave 252 to 254 in opaque parts."""


@dataclass(frozen=True)
class Fit:
    """How a picture of another size is brought to that of the others.

    apply: from an array to one of width × height. say: from (width, height) before and after to
    what was done, such as "scaled to 64×64", or "" for nothing to say.
    """

    apply: Callable[[images.Array, int, int], images.Array]
    say: Callable[[Size, Size], str]


def in_pixels(size: Size) -> str:
    """A size in words."""
    return f"{size[0]}×{size[1]}"


def _fitted(own: Size, size: Size) -> str:
    return "" if own == size else f"fitted to {in_pixels(size)}"


def _covered(own: Size, size: Size) -> str:
    is_whole = own[0] * size[1] == own[1] * size[0]
    how = "scaled" if is_whole else "scaled and cropped"
    return "" if own == size else f"{how} to {in_pixels(size)} (keep_size)"


FIT = Fit(images.fit_to, _fitted)
"""Nothing is cut off."""

COVER = Fit(images.cover, _covered)
"""Nothing stays empty."""

_pool = DaemonPool("venice-decode", max_workers=min(4, os.cpu_count() or 4))


def decode_batch(
    encoded: Sequence[EncodedImage],
    mode: Literal["RGB", "RGBA"] = "RGB",
    size: Size | None = None,
    fit: Fit = FIT,
    labels: Sequence[str] = (),
) -> tuple[torch.Tensor | None, list[BadResponseError | None], list[str]]:
    """Encoded images as one float32 tensor [B, H, W, 3 or 4] in 0..1 on the CPU.

    size: (width, height) of the tensor, that of the first image by default, which for several is
    scaled down to MAX_COMMON_PIXELS; `fit` brings other sizes there. labels: what tells each image
    from the others, by default "picture 1" and so on. Returns the tensor of those that can be
    decoded (None if none can), the error of each image or None, and what was done to those of
    another size. Raises MemoryError, or torch's RuntimeError, where there is not enough memory.
    """
    sizes = [(image.width, image.height) for image in encoded]
    width, height = size = size or _common_size(sizes)
    batch = torch.empty((len(encoded), height, width, len(mode)), dtype=torch.float32)

    def fill(index: int) -> BadResponseError | None:
        out = batch[index].numpy()
        try:
            if sizes[index] == size and fit in (FIT, COVER):  # there is nothing to fit
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
    labels = labels or [f"picture {i + 1}" for i in range(len(encoded))]
    notes = _fitting_notes([(sizes[i], labels[i]) for i in good], size, fit)
    return (batch if len(good) == len(encoded) else batch[good]), errors, notes


def _fitting_notes(came: Sequence[tuple[Size, str]], size: Size, fit: Fit) -> list[str]:
    """Warnings of what was done to pictures of another size: one for all of a size."""
    labels: dict[Size, list[str]] = {}
    for own, label in came:
        labels.setdefault(own, []).append(label)
    notes = []
    for own, names in labels.items():
        if done := fit.say(own, size):
            were = "were" if len(names) > 1 else "was"
            notes.append(f"{_named(names)} came as {in_pixels(own)} and {were} {done}.")
    return notes


def _named(labels: Sequence[str]) -> str:
    """Pictures by their labels: "Pictures 1–3, 5", "The picture of seed 7"."""
    word, _, _ = labels[0].partition(" ")
    many = "s" if len(labels) > 1 else ""
    numbers = list(dict.fromkeys(label.partition(" ")[2] for label in labels))
    if word == "picture":
        return f"Picture{many} {_runs(numbers)}"
    return f"The picture{many} of {word}{'s' if len(numbers) > 1 else ''} {_runs(numbers)}"


def _runs(numbers: Sequence[str]) -> str:
    """Numbers in words, those that follow one another as one: "1–3, 5"."""
    runs: list[list[str]] = []
    for number in numbers:
        if runs and number.isdigit() and runs[-1][-1] == str(int(number) - 1):
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(run[0] if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs)


def to_rgb(image: torch.Tensor) -> tuple[torch.Tensor, list[str]]:
    """A batch as float32 [B, H, W, 3] on the CPU, and a warning where transparency is lost."""
    if image.shape[-1] == 1:
        return image.expand(-1, -1, -1, 3), []
    is_transparent = image.shape[-1] == 4 and bool((image[..., 3] < OPAQUE).any())
    lost = ["The input's transparency is left out: only its colors are used."]
    return image[..., :3], lost if is_transparent else []


def split_alpha(image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Colors [B, H, W, 3] of an answer, and its mask [B, H, W] as LoadImage gives it: 1 where it is
    transparent, 0 where it is opaque or has no alpha."""
    if image.shape[-1] == 3:
        return image, opaque_mask(image)
    alpha = image[..., 3]
    mask = torch.where(alpha >= OPAQUE_IN_ANSWERS, 0.0, 1.0 - alpha)
    return image[..., :3].contiguous(), mask


def opaque_mask(image: torch.Tensor) -> torch.Tensor:
    """The mask [B, H, W] of pictures without transparency: zeros.

    numpy's zeros take memory only where somebody writes; torch writes all of them at once.
    """
    return torch.from_numpy(np.zeros(image.shape[:-1], np.float32))


def to_array(image: torch.Tensor) -> images.Array:
    """One image [H, W, C] in 0..1 as uint8; what is outside of 0..1 is clipped."""
    array = np.empty(image.shape, np.uint8)
    for rows, band in _bands(image):
        array[rows] = band
    return array


def _bands(image: torch.Tensor) -> Iterator[tuple[slice, images.Array]]:
    """The rows of one image as `to_array`, a band after the other: the floats are large."""
    for rows in images.bands(image.shape[1], image.shape[0]):
        band = image[rows].clamp(0, 1).mul_(255).round_().to(torch.uint8)
        yield rows, np.ascontiguousarray(band.numpy())


def encode(image: torch.Tensor, max_bytes: int) -> tuple[bytes, str]:
    """One picture [H, W, 3 or 4] as a lossless PNG, and a warning, "" as a rule.

    Where the PNG would have `max_bytes` or more it is the best JPEG of QUALITIES that fits (WebP
    with alpha) instead, and the warning says so. Raises InvalidRequestError where none fits.
    """
    return encode_array(to_array(image), max_bytes)


def encode_array(array: images.Array, max_bytes: int) -> tuple[bytes, str]:
    """The same of uint8."""
    picture = Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array)
    png = _saved(picture, "PNG", compress_level=PNG_EFFORT)
    if len(png) < max_bytes:
        return png, ""
    return _lossy(picture, max_bytes, f"as PNG it has {len(png) / 1e6:.0f} MB")


def _lossy(picture: Image.Image, max_bytes: int, why: str) -> tuple[bytes, str]:
    name = "WEBP" if picture.mode == "RGBA" else "JPEG"
    size, limit = in_pixels(picture.size), f"{max_bytes / 1e6:.0f} MB"
    if max(picture.size) > LONGEST[name]:
        raise InvalidRequestError(
            f"The image is too large to send: {why}, Venice takes less than {limit}, and {size} is "
            f"too long for {name}: make it smaller.",
            "image",
        )
    how = {"subsampling": 0} if name == "JPEG" else {}  # a colour for each pixel
    for quality in QUALITIES:
        data = _saved(picture, name, quality=quality, **how)
        if len(data) < max_bytes:
            sent = f"An input of {size} was sent as {name} of quality {quality}"
            return data, f"{sent}, since {why}, over the limit of {limit}."
    raise InvalidRequestError(
        f"The image has {len(data) / 1e6:.0f} MB even as {name} of quality {quality}, and Venice "
        f"takes less than {limit}: make it smaller.",
        "image",
    )


def encode_all(
    pictures: torch.Tensor | Sequence[torch.Tensor],
    max_bytes: int,
    prepare: Callable[[torch.Tensor], torch.Tensor] = lambda picture: picture,
) -> tuple[list[bytes], list[str]]:
    """`encode` for several pictures, side by side; the warnings without the empty ones.

    prepare: makes of each picture the one to encode.
    """
    pairs = _pool.map(lambda picture: encode(prepare(picture), max_bytes), pictures)
    return [data for data, _ in pairs], [note for _, note in pairs if note]


def input_images(
    pictures: torch.Tensor | Sequence[torch.Tensor],
    max_bytes: int,
    prepare: Callable[[torch.Tensor], torch.Tensor] = lambda picture: picture,
    are_shared: bool = False,
) -> tuple[list[InputImage], list[str]]:
    """Several pictures as files to come, and warnings, as `encode_all`.

    Each is packed when its request leaves, while others are sent. Those of several requests, and
    those that may be too large, are packed now.
    """

    def one(picture: torch.Tensor) -> tuple[InputImage, str]:
        pixels = prepare(picture)
        height, width = pixels.shape[:2]
        if are_shared or pixels.numel() * MAX_PACKED_PART >= max_bytes:
            array = to_array(pixels)
            data, note = encode_array(array, max_bytes)
            return InputImage(_hash(array.shape, [array]), width, height, lambda: data), note
        identity = _hash(pixels.shape, (band for _, band in _bands(pixels)))

        def pack() -> bytes:
            return _pool.submit(lambda: _packed(prepare(picture), identity, max_bytes)).result()

        return InputImage(identity, width, height, pack), ""

    pairs = _pool.map(one, pictures)
    return [image for image, _ in pairs], [note for _, note in pairs if note]


def _packed(pixels: torch.Tensor, identity: str, max_bytes: int) -> bytes:
    """The file of an input. Raises InvalidRequestError unless it is as when it was planned."""
    array = to_array(pixels)  # read once: another node may write into it at any moment
    if _hash(array.shape, [array]) != identity:
        raise InvalidRequestError(
            "An input changed while it was to be sent: another node writes into its picture. Queue "
            "again, or give each of them a copy.",
            "image",
        )
    return encode_array(array, max_bytes)[0]


def _hash(shape: Sequence[int], bands: Iterable[images.Array]) -> str:
    """A hash of what a picture [H, W, C] will show."""
    digest = hashlib.sha256(f"{tuple(shape)}\n".encode())
    for band in bands:
        digest.update(band.data)
    return digest.hexdigest()


def _saved(picture: Image.Image, format: str, **how: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, format, **how)
    return out.getvalue()


def _common_size(sizes: Sequence[Size]) -> Size:
    """The size of the first; where there are several, of no more than MAX_COMMON_PIXELS."""
    width, height = sizes[0]
    if len(sizes) == 1 or width * height <= MAX_COMMON_PIXELS:
        return width, height
    scale = math.sqrt(MAX_COMMON_PIXELS / (width * height))
    return max(1, int(width * scale)), max(1, int(height * scale))
