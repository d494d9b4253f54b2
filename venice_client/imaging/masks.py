"""Put an edit back into its original, under a feathered mask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from .images import Array, stretch

Truths = npt.NDArray[np.bool_]
Numbers = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]

MAX_PIXELS = 256
"""The most that a mask can grow, shrink or be feathered."""

BY_THICKNESS = -1
"""As a feather: a width from the image size, for hard masks only."""

FEATHER = 128
"""The shorter side divided by the automatic feather."""

EXACT = 2**18
"""Steps of a scaled mask."""

FAINTEST = 0.5 / 255
"""Least value of a mask. Less vanishes in the 8 bits that are sent, but would still cost."""


@dataclass(frozen=True)
class Frame:
    """An image of width × height, centered in one of `whole` pixels (width, height).

    A model may crop, squash or pad an image whose ratio differs from its output's. If the ratio is
    the same, everything stays in place.
    """

    width: int
    height: int
    whole: tuple[int, int]

    @classmethod
    def of_ratio(cls, width: int, height: int, ratio: float) -> Frame:
        """The smallest frame around width × height whose sides have `ratio`."""
        whole = max(width, round(height * ratio)), max(height, round(width / ratio))
        return cls(width, height, whole)

    @property
    def corner(self) -> tuple[int, int]:
        """Left and top of the image."""
        return (self.whole[0] - self.width) // 2, (self.whole[1] - self.height) // 2

    @property
    def is_needed(self) -> bool:
        """Whether it is larger than the image."""
        return self.whole != (self.width, self.height)

    def around(self, image: Numbers) -> Numbers:
        """An image [H, W, C] with its edges repeated over the frame."""
        left, top = self.corner
        rows = (np.arange(self.whole[1]) - top).clip(0, self.height - 1)
        columns = (np.arange(self.whole[0]) - left).clip(0, self.width - 1)
        return np.ascontiguousarray(image[rows][:, columns])

    def around_mask(self, mask: Floats) -> Floats:
        """A mask [H, W], 0 over the frame."""
        left, top = self.corner
        framed = np.zeros((self.whole[1], self.whole[0]), np.float32)
        framed[top : top + self.height, left : left + self.width] = mask
        return framed

    def cut_out(self, array: Array) -> Array:
        """The image from `array` [H, W, C], which shows the whole frame in any size."""
        left, top = self.corner
        return stretch(array, *self.whole)[top : top + self.height, left : left + self.width]


def fit_mask(mask: Floats, height: int, width: int) -> Floats:
    """A mask [H, W] scaled to height × width in 0..1, and 0 where it's almost 0."""
    mask = mask.clip(0, 1)
    mask[mask < FAINTEST] = 0
    if mask.shape == (height, width):
        return mask
    # Pillow uses every pixel when it shrinks a mask, so no thin line is lost.
    scaled = Image.fromarray(mask).resize((width, height), Image.Resampling.BILINEAR)
    # Its sums are inexact, and 1 must stay 1.
    steps = np.rint(np.asarray(scaled) * np.float32(EXACT))
    return np.asarray((steps / np.float32(EXACT)).clip(0, 1), np.float32)


def grown(mask: Floats, by: int) -> Floats:
    """A mask [H, W] grown by some pixels to all sides and diagonally; below 0 it shrinks.

    It doesn't shrink at the border of the image.
    """
    if not by:
        return mask
    sign = 1 if by > 0 else -1
    largest = _max_near(_max_near(sign * mask, abs(by)).T, abs(by)).T
    return np.ascontiguousarray(sign * largest)


def feathered(mask: Floats, width: int = BY_THICKNESS) -> Floats:
    """Return the edit's share of each pixel, [H, W] in 0..1: never more than the mask allows.

    It's feathered inwards over `width` pixels, so everything outside stays untouched. The innermost
    pixels are 1 even in thin parts. BY_THICKNESS leaves a mask with soft edges unchanged.
    """
    if width == BY_THICKNESS:
        is_soft = bool(((mask > 0) & (mask < 1)).any())
        width = 0 if is_soft else max(1, min(mask.shape) // FEATHER)
    inside = mask > 0
    if not width or not inside.any():
        return mask
    share = np.zeros(inside.shape, dtype=np.float32)
    box = _box(inside)
    depth = _depth(inside[box], width)
    maximum = _max_near(_max_near(depth, width).T, width).T
    share[box] = depth.astype(np.float32) / np.maximum(maximum, 1).astype(np.float32)
    return np.minimum(mask, share)


def _box(inside: Truths) -> tuple[slice, slice]:
    """The box around everything inside, a pixel larger on each side if possible."""
    rows, columns = (np.flatnonzero(inside.any(axis=axis)) for axis in (1, 0))
    return (
        slice(max(0, rows[0] - 1), rows[-1] + 2),
        slice(max(0, columns[0] - 1), columns[-1] + 2),
    )


def _depth(inside: Truths, width: int) -> Numbers:
    """Steps to the nearest pixel outside, diagonals included, at most `width`."""
    depth = np.zeros(inside.shape, np.min_scalar_type(width))
    for _ in range(width):
        if not inside.any():
            break
        depth += inside
        tall = inside.copy()
        tall[1:] &= inside[:-1]
        tall[:-1] &= inside[1:]
        inside = tall.copy()
        inside[:, 1:] &= tall[:, :-1]
        inside[:, :-1] &= tall[:, 1:]
    return depth


def _max_near(numbers: Numbers, reach: int) -> Numbers:
    """The largest number within `reach` rows of each."""
    maximum = np.pad(numbers, ((reach, reach), (0, 0)), mode="edge")
    whole, span = 2 * reach + 1, 1
    while span < whole:
        step = min(span, whole - span)
        maximum = np.maximum(maximum[:-step], maximum[step:])
        span += step
    return maximum


def put_back(original: Floats, edit: Floats, share: Floats) -> Floats:
    """`edit` over `original`, both [H, W, C], where `share` [H, W] is above 0.

    share: of the edit, from `feathered`. If it's 0, every pixel stays the original's, bit for
    bit.
    """
    share = share[..., None]
    with np.errstate(invalid="ignore"):  # an original may hold infinities
        mixed = np.where(share >= 1, edit, original + (edit - original) * share)
    return np.where(share > 0, mixed, original)
