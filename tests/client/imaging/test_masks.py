"""Putting an edit back under a mask: outside is untouched bit for bit, inside is the edit."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from venice_client.imaging import masks

SIDES = st.integers(1, 270)
SEEDS = st.integers(0, 2**32 - 1)
Floats = npt.NDArray[np.float32]
Boxes = list[tuple[float, float, float, float]]
BOXES = st.lists(st.tuples(*[st.floats(0, 1)] * 4), min_size=1, max_size=4)


def noise(seed: int, *shape: int) -> Floats:
    """Any floats, few of them in 0..1 and almost none a multiple of 1/255."""
    return np.random.default_rng(seed).normal(0.5, 1, shape).astype(np.float32)


def zeros(*shape: int) -> Floats:
    return np.zeros(shape, np.float32)


def ones(*shape: int) -> Floats:
    return np.ones(shape, np.float32)


def put_back(original: Floats, edit: Floats, mask: Floats) -> Floats:
    return masks.put_back(original, edit, masks.feathered(mask))


def largest(values: npt.NDArray[Any], rows: int, columns: int) -> npt.NDArray[Any]:
    """The largest value within so many rows and columns of each."""
    wide = np.pad(values, ((rows, rows), (columns, columns)), constant_values=-np.inf)
    across = np.lib.stride_tricks.sliding_window_view(wide, 2 * columns + 1, axis=1).max(axis=-1)
    return np.lib.stride_tricks.sliding_window_view(across, 2 * rows + 1, axis=0).max(axis=-1)


def drawn(boxes: Boxes, height: int, width: int) -> Floats:
    """A hard mask of rectangles, some a single line, some on the border."""
    mask = zeros(height, width)
    for top, left, tall, wide in boxes:
        y, x = int(top * (height - 1)), int(left * (width - 1))
        mask[y : y + 1 + int(tall * height), x : x + 1 + int(wide * width)] = 1
    return mask


def same_bits(a: Floats, b: Floats) -> bool:
    return a.shape == b.shape and a.tobytes() == b.tobytes()


def depth(mask: Floats) -> npt.NDArray[np.int64]:
    """Steps from each pixel to the nearest one outside; many where there is none."""
    outside = np.argwhere(mask == 0)
    far = np.full(mask.shape, 10**6)
    for y, x in np.argwhere(mask > 0):
        if len(outside):
            far[y, x] = np.abs(outside - (y, x)).max(axis=1).min()
    return far


@given(SIDES, SIDES, BOXES, SEEDS)
def test_outside_of_a_hard_mask_every_bit_is_the_originals(
    height: int, width: int, boxes: Boxes, seed: int
) -> None:
    mask = drawn(boxes, height, width)
    original, edit = noise(seed, height, width, 3), noise(seed + 1, height, width, 3)
    result = put_back(original, edit, mask)
    assert same_bits(result[mask == 0], original[mask == 0])


@given(SIDES, SIDES, SEEDS)
def test_outside_of_a_soft_mask_every_bit_is_the_originals(
    height: int, width: int, seed: int
) -> None:
    mask = noise(seed, height, width).clip(0, 1)
    original, edit = noise(seed + 1, height, width, 3), noise(seed + 2, height, width, 3)
    result = put_back(original, edit, mask)
    assert same_bits(result[mask == 0], original[mask == 0])
    assert same_bits(result[mask == 1], edit[mask == 1])
    assert bool((result >= np.minimum(original, edit) - 1e-5).all())
    assert bool((result <= np.maximum(original, edit) + 1e-5).all())


def test_not_even_what_is_no_number_changes_outside() -> None:
    original = np.array([np.nan, np.inf, -np.inf, -0.0], np.float32).reshape(1, 4, 1)
    original = original.repeat(3, axis=2)
    assert same_bits(put_back(original, ones(1, 4, 3), zeros(1, 4)), original)


@given(st.integers(1, 48), st.integers(1, 48), BOXES, SEEDS)
def test_a_small_mask_is_the_edit_from_its_first_pixel(
    height: int, width: int, boxes: Boxes, seed: int
) -> None:
    mask = drawn(boxes, height, width)
    original, edit = noise(seed, height, width, 3), noise(seed + 1, height, width, 3)
    result = put_back(original, edit, mask)
    assert same_bits(result[mask > 0], edit[mask > 0])


def test_deeper_than_the_feather_it_is_the_edit() -> None:
    height, width = 400, 600  # a feather of 3 pixels
    mask = zeros(height, width)
    mask[190:210, 280:320] = 1
    mask[195:205, 275:280] = 1
    original, edit = noise(1, height, width, 3), noise(2, height, width, 3)
    result = put_back(original, edit, mask)
    far = _box_depth(mask)
    deep = (mask > 0) & (far >= 3)
    assert deep.sum() > 300
    assert same_bits(result[deep], edit[deep])
    edge = (mask > 0) & (far == 1)
    third = original + (edit - original) / 3
    assert np.allclose(result[edge], third[edge], atol=1e-5)


def _box_depth(mask: Floats) -> npt.NDArray[np.int64]:
    """`depth`, around the middle of the mask only: elsewhere there is nothing inside."""
    ys, xs = np.nonzero(mask)
    y, x = slice(int(ys.min()) - 2, int(ys.max()) + 3), slice(int(xs.min()) - 2, int(xs.max()) + 3)
    far = np.zeros(mask.shape, np.int64)
    far[y, x] = depth(mask[y, x])
    return np.where(mask > 0, far, 0)


def by_definition(mask: Floats, width: int) -> Floats:
    """Steps from outside, at most `width`, over the most that there are within `width` of it."""
    outside, steps = (mask == 0).astype(np.float32), np.zeros_like(mask)
    for _ in range(width):
        steps += outside == 0
        outside = largest(outside, 1, 1)
    return steps / largest(steps, width, width).clip(1)


@pytest.mark.long
@given(st.integers(200, 520), st.integers(200, 520), BOXES)
def test_a_feather_is_what_it_is_defined_to_be(height: int, width: int, boxes: Boxes) -> None:
    mask = drawn(boxes, height, width)
    assert same_bits(masks.feathered(mask), by_definition(mask, min(height, width) // 128))


@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 40), BOXES, st.booleans(), SEEDS)
def test_a_feather_of_so_many_pixels_is_what_it_is_defined_to_be(
    height: int, width: int, feather: int, boxes: Boxes, is_soft: bool, seed: int
) -> None:
    mask = drawn(boxes, height, width)
    if is_soft:
        mask = mask * noise(seed, height, width).clip(0.01, 1)
    share = masks.feathered(mask, feather)
    ramp = by_definition(mask, feather) if feather else (mask > 0).astype(np.float32)
    assert same_bits(share, np.minimum(mask, ramp))
    assert np.array_equal(share > 0, mask > 0)


@given(st.integers(1, 60), st.integers(1, 60), st.integers(-70, 70), SEEDS)
def test_a_mask_grows_and_shrinks_to_all_sides(height: int, width: int, by: int, seed: int) -> None:
    mask = noise(seed, height, width).clip(0, 1)
    kept, sign = mask.copy(), 1 if by > 0 else -1
    wanted = sign * largest(sign * mask, abs(by), abs(by))
    assert np.array_equal(masks.grown(mask, by), wanted)
    assert np.array_equal(mask, kept)


@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 60), BOXES)
def test_what_grows_and_shrinks_again_has_lost_nothing(
    height: int, width: int, by: int, boxes: Boxes
) -> None:
    mask = drawn(boxes, height, width)
    assert bool((masks.grown(masks.grown(mask, by), -by) >= mask).all())
    assert bool((masks.grown(masks.grown(mask, -by), by) <= mask).all())


def test_a_full_mask_does_not_shrink_and_an_empty_one_does_not_grow() -> None:
    assert bool((masks.grown(ones(40, 50), -256) == 1).all())
    assert bool((masks.grown(zeros(40, 50), 256) == 0).all())


def test_a_feather_is_measured_in_less_time_than_its_definition() -> None:
    mask = zeros(1024, 1024)
    mask[10:1000, 10:1000] = 1
    began = time.process_time()
    by_definition(mask, 8)
    between = time.process_time()
    masks.feathered(mask)
    assert time.process_time() - between < (between - began) / 2


def test_a_thin_part_is_no_fainter_for_a_thick_one_elsewhere() -> None:
    line, block = zeros(1024, 1024), zeros(1024, 1024)  # a feather of 8 pixels
    line[500:503, 100:900] = 1
    block[600:900, 100:900] = 1
    both = masks.feathered(line + block)
    assert same_bits(both[:550], masks.feathered(line)[:550])
    assert same_bits(both[550:], masks.feathered(block)[550:])
    assert both[500:503, 500].tolist() == [0.5, 1, 0.5]
    assert both[599:609, 500].tolist() == [0, *(step / 8 for step in range(1, 9)), 1]


@pytest.mark.parametrize("thickness", [1, 2, 3])
def test_a_thin_mask_still_shows_the_edit(thickness: int) -> None:
    mask = zeros(1024, 1024)  # a feather of 8 pixels
    mask[500 : 500 + thickness, 100:900] = 1
    share = masks.feathered(mask)
    assert share.max() == 1
    assert np.array_equal(share > 0, mask > 0)


def test_the_border_of_the_image_is_no_edge_of_the_mask() -> None:
    mask = zeros(512, 512)
    mask[:256] = 1
    share = masks.feathered(mask)
    assert bool((share[:250] == 1).all())
    assert bool((share[255] < 1).all())


@pytest.mark.parametrize("size", [(1, 1), (3, 300), (512, 512)])
def test_a_full_mask_is_the_edit(size: tuple[int, int]) -> None:
    original, edit = noise(1, *size, 3), noise(2, *size, 3)
    assert same_bits(put_back(original, edit, ones(*size)), edit)


@given(SIDES, SIDES, SIDES, SIDES, BOXES)
def test_a_mask_of_another_size_is_neither_lost_nor_out_of_range(
    height: int, width: int, tall: int, wide: int, boxes: Boxes
) -> None:
    mask = drawn(boxes, height, width)
    fitted = masks.fit_mask(mask, tall, wide)
    assert fitted.shape == (tall, wide)
    assert bool((fitted > 0).any())
    assert fitted.max() <= 1
    assert fitted.min() >= 0


@given(SIDES, SIDES, SIDES, SIDES)
def test_a_full_or_empty_mask_stays_so_at_any_size(
    height: int, width: int, tall: int, wide: int
) -> None:
    assert bool((masks.fit_mask(ones(height, width), tall, wide) == 1).all())
    assert bool((masks.fit_mask(zeros(height, width), tall, wide) == 0).all())


def test_a_line_is_not_lost_in_a_smaller_image() -> None:
    mask = zeros(2048, 2048)
    mask[1001, :] = 1
    assert bool((masks.fit_mask(mask, 256, 256) > 0).any())


def test_a_mask_of_the_same_size_stays_as_it_is() -> None:
    mask = noise(3, 40, 50).clip(0, 1)
    mask[mask < 0.5 / 255] = 0
    assert np.array_equal(masks.fit_mask(mask, 40, 50), mask)


@pytest.mark.parametrize("size", [(40, 50), (80, 25)])
def test_what_is_nothing_in_8_bits_is_nothing(size: tuple[int, int]) -> None:
    assert bool((masks.fit_mask(ones(40, 50) * np.float32(0.49 / 255), *size) == 0).all())
    assert bool((masks.fit_mask(ones(40, 50) * np.float32(0.51 / 255), *size) > 0).all())
