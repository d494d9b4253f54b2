"""Float tensors [B, H, W, C] in 0..1, and the encoded images and arrays they come from."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from .venice_client import images
from .venice_client.errors import BadAnswer

_pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="venice-decode")


def decode_batch(
    encoded: Sequence[bytes],
) -> tuple[torch.Tensor | None, list[BadAnswer | None], list[str]]:
    """Encoded images as one float32 tensor [B, H, W, 3] in 0..1 on the CPU.

    Answers the tensor of those that can be decoded (None if none can), the error of each image
    or None, and a note for each that had to be fitted to the size of the first.
    """
    sizes: list[tuple[int, int] | BadAnswer] = [_size_or_error(data) for data in encoded]
    first = next((size for size in sizes if not isinstance(size, BadAnswer)), None)
    if first is None:
        return None, [size if isinstance(size, BadAnswer) else None for size in sizes], []
    width, height = first
    batch = torch.empty((len(encoded), height, width, 3), dtype=torch.float32)

    def fill(index: int) -> BadAnswer | None:
        size = sizes[index]
        if isinstance(size, BadAnswer):
            return size
        try:
            array = images.fit_to(images.decode(encoded[index]), width, height)
        except BadAnswer as error:
            return error
        np.divide(array, np.float32(255), out=batch[index].numpy())
        return None

    errors = list(_pool.map(fill, range(len(encoded))))
    notes = [
        f"Picture {i + 1} came as {size[0]}×{size[1]} and was fitted to {width}×{height}."
        for i, size in enumerate(sizes)
        if not isinstance(size, BadAnswer) and size != first
    ]
    good = [i for i, error in enumerate(errors) if error is None]
    if not good:
        return None, errors, []
    return (batch if len(good) == len(encoded) else batch[good]), errors, notes


def _size_or_error(data: bytes) -> tuple[int, int] | BadAnswer:
    try:
        return images.size_of(data)
    except BadAnswer as error:
        return error
