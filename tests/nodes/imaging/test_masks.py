"""Putting an edit back under a mask: outside is untouched bit for bit, inside is the edit."""

from __future__ import annotations

import time
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

SIDES = st.integers(1, 270)
SEEDS = st.integers(0, 2**32 - 1)
Boxes = list[tuple[float, float, float, float]]
BOXES = st.lists(st.tuples(*[st.floats(0, 1)] * 4), min_size=1, max_size=4)


@pytest.fixture(scope="module")
def masks(pack: ModuleType) -> Any:
    return pack.venice_nodes.imaging.masks


def noise(seed: int, *shape: int) -> torch.Tensor:
    """Any floats, few of them in 0..1 and almost none a multiple of 1/255."""
    return torch.from_numpy(np.random.default_rng(seed).normal(0.5, 1, shape).astype(np.float32))


def drawn(boxes: Boxes, height: int, width: int) -> torch.Tensor:
    """A hard mask of rectangles, some a single line, some on the border."""
    mask = torch.zeros(height, width)
    for top, left, tall, wide in boxes:
        y, x = int(top * (height - 1)), int(left * (width - 1))
        mask[y : y + 1 + int(tall * height), x : x + 1 + int(wide * width)] = 1
    return mask


def same_bits(a: torch.Tensor, b: torch.Tensor) -> bool:
    return torch.equal(a.contiguous().view(torch.int32), b.contiguous().view(torch.int32))


def depth(mask: torch.Tensor) -> torch.Tensor:
    """Steps from each pixel to the nearest one outside; many where there is none."""
    outside = np.argwhere(mask.numpy() == 0)
    far = np.full(mask.shape, 10**6)
    for y, x in np.argwhere(mask.numpy() > 0):
        if len(outside):
            far[y, x] = np.abs(outside - (y, x)).max(axis=1).min()
    return torch.from_numpy(far)


@given(SIDES, SIDES, BOXES, SEEDS)
def test_outside_of_a_hard_mask_every_bit_is_the_originals(
    masks: Any, height: int, width: int, boxes: Boxes, seed: int
) -> None:
    mask = drawn(boxes, height, width)
    original, edit = noise(seed, height, width, 3), noise(seed + 1, height, width, 3)
    result = masks.put_back(original, edit, mask)
    assert same_bits(result[mask == 0], original[mask == 0])


@given(SIDES, SIDES, SEEDS)
def test_outside_of_a_soft_mask_every_bit_is_the_originals(
    masks: Any, height: int, width: int, seed: int
) -> None:
    mask = noise(seed, height, width).clamp(0, 1)
    original, edit = noise(seed + 1, height, width, 3), noise(seed + 2, height, width, 3)
    result = masks.put_back(original, edit, mask)
    assert same_bits(result[mask == 0], original[mask == 0])
    assert same_bits(result[mask == 1], edit[mask == 1])
    assert bool((result >= torch.minimum(original, edit) - 1e-5).all())
    assert bool((result <= torch.maximum(original, edit) + 1e-5).all())


def test_not_even_what_is_no_number_changes_outside(masks: Any) -> None:
    original = torch.tensor([float("nan"), float("inf"), -float("inf"), -0.0]).reshape(1, 4, 1)
    original = original.expand(1, 4, 3)
    mask = torch.tensor([[0.0, 0.0, 0.0, 0.0]])
    assert same_bits(masks.put_back(original, torch.ones(1, 4, 3), mask), original)


@given(st.integers(1, 48), st.integers(1, 48), BOXES, SEEDS)
def test_a_small_mask_is_the_edit_from_its_first_pixel(
    masks: Any, height: int, width: int, boxes: Boxes, seed: int
) -> None:
    mask = drawn(boxes, height, width)
    original, edit = noise(seed, height, width, 3), noise(seed + 1, height, width, 3)
    result = masks.put_back(original, edit, mask)
    assert same_bits(result[mask > 0], edit[mask > 0])


def test_deeper_than_the_feather_it_is_the_edit(masks: Any) -> None:
    height, width = 400, 600  # a feather of 3 pixels
    mask = torch.zeros(height, width)
    mask[190:210, 280:320] = 1
    mask[195:205, 275:280] = 1
    original, edit = noise(1, height, width, 3), noise(2, height, width, 3)
    result = masks.put_back(original, edit, mask)
    far = _box_depth(mask)
    deep = (mask > 0) & (far >= 3)
    assert deep.sum() > 300
    assert same_bits(result[deep], edit[deep])
    edge = (mask > 0) & (far == 1)
    third = original + (edit - original) / 3
    assert torch.allclose(result[edge], third[edge], atol=1e-5)


def _box_depth(mask: torch.Tensor) -> torch.Tensor:
    """`depth`, around the middle of the mask only: elsewhere there is nothing inside."""
    ys, xs = torch.nonzero(mask, as_tuple=True)
    y, x = slice(int(ys.min()) - 2, int(ys.max()) + 3), slice(int(xs.min()) - 2, int(xs.max()) + 3)
    far = torch.zeros(mask.shape, dtype=torch.int64)
    far[y, x] = depth(mask[y, x])
    return torch.where(mask > 0, far, 0)


def by_definition(mask: torch.Tensor, width: int) -> torch.Tensor:
    """Steps from outside, at most `width`, over the most that there are within `width` of it."""
    outside, steps = (mask == 0).float()[None, None], torch.zeros(mask.shape)
    for _ in range(width):
        steps += outside[0, 0] == 0
        outside = F.max_pool2d(outside, 3, 1, 1)
    most = F.max_pool2d(steps[None, None], 2 * width + 1, 1, width)[0, 0]
    return steps / most.clamp(min=1)


@pytest.mark.long
@given(st.integers(200, 520), st.integers(200, 520), BOXES)
def test_a_feather_is_what_it_is_defined_to_be(
    masks: Any, height: int, width: int, boxes: Boxes
) -> None:
    mask = drawn(boxes, height, width)
    assert same_bits(masks.feathered(mask), by_definition(mask, min(height, width) // 128))


@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 40), BOXES, st.booleans(), SEEDS)
def test_a_feather_of_so_many_pixels_is_what_it_is_defined_to_be(
    masks: Any, height: int, width: int, feather: int, boxes: Boxes, is_soft: bool, seed: int
) -> None:
    mask = drawn(boxes, height, width)
    if is_soft:
        mask = mask * noise(seed, height, width).clamp(0.01, 1)
    share = masks.feathered(mask, feather)
    ramp = by_definition(mask, feather) if feather else (mask > 0).float()
    assert same_bits(share, torch.minimum(mask, ramp))
    assert torch.equal(share > 0, mask > 0)


@given(st.integers(1, 60), st.integers(1, 60), st.integers(-70, 70), SEEDS)
def test_a_mask_grows_and_shrinks_to_all_sides(
    masks: Any, height: int, width: int, by: int, seed: int
) -> None:
    mask = noise(seed, height, width).clamp(0, 1)
    kept, sign, size = mask.clone(), 1 if by > 0 else -1, 2 * abs(by) + 1
    row = F.max_pool2d(sign * mask[None, None], (1, size), 1, (0, abs(by)))
    wanted = sign * F.max_pool2d(row, (size, 1), 1, (abs(by), 0))[0, 0]
    assert torch.equal(masks.grown(mask, by), wanted)
    assert torch.equal(mask, kept)


@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 60), BOXES)
def test_what_grows_and_shrinks_again_has_lost_nothing(
    masks: Any, height: int, width: int, by: int, boxes: Boxes
) -> None:
    mask = drawn(boxes, height, width)
    assert bool((masks.grown(masks.grown(mask, by), -by) >= mask).all())
    assert bool((masks.grown(masks.grown(mask, -by), by) <= mask).all())


def test_a_full_mask_does_not_shrink_and_an_empty_one_does_not_grow(masks: Any) -> None:
    assert bool((masks.grown(torch.ones(40, 50), -256) == 1).all())
    assert bool((masks.grown(torch.zeros(40, 50), 256) == 0).all())


def test_a_feather_is_measured_in_less_time_than_its_definition(masks: Any) -> None:
    mask = torch.zeros(1024, 1024)
    mask[10:1000, 10:1000] = 1
    began = time.process_time()
    by_definition(mask, 8)
    between = time.process_time()
    masks.feathered(mask)
    assert time.process_time() - between < (between - began) / 2


def test_a_thin_part_is_no_fainter_for_a_thick_one_elsewhere(masks: Any) -> None:
    line, block = torch.zeros(1024, 1024), torch.zeros(1024, 1024)  # a feather of 8 pixels
    line[500:503, 100:900] = 1
    block[600:900, 100:900] = 1
    both = masks.feathered(line + block)
    assert same_bits(both[:550], masks.feathered(line)[:550])
    assert same_bits(both[550:], masks.feathered(block)[550:])
    assert both[500:503, 500].tolist() == [0.5, 1, 0.5]
    assert both[599:609, 500].tolist() == [0, *(step / 8 for step in range(1, 9)), 1]


@pytest.mark.parametrize("thickness", [1, 2, 3])
def test_a_thin_mask_still_shows_the_edit(masks: Any, thickness: int) -> None:
    mask = torch.zeros(1024, 1024)  # a feather of 8 pixels
    mask[500 : 500 + thickness, 100:900] = 1
    share = masks.feathered(mask)
    assert share.max() == 1
    assert torch.equal(share > 0, mask > 0)


def test_the_border_of_the_picture_is_no_edge_of_the_mask(masks: Any) -> None:
    mask = torch.zeros(512, 512)
    mask[:256] = 1
    share = masks.feathered(mask)
    assert bool((share[:250] == 1).all())
    assert bool((share[255] < 1).all())


@pytest.mark.parametrize("size", [(1, 1), (3, 300), (512, 512)])
def test_a_full_mask_is_the_edit(masks: Any, size: tuple[int, int]) -> None:
    original, edit = noise(1, *size, 3), noise(2, *size, 3)
    assert same_bits(masks.put_back(original, edit, torch.ones(size)), edit)


@given(SIDES, SIDES, SIDES, SIDES, BOXES)
def test_a_mask_of_another_size_is_neither_lost_nor_out_of_range(
    masks: Any, height: int, width: int, tall: int, wide: int, boxes: Boxes
) -> None:
    mask = drawn(boxes, height, width)
    fitted = masks.fit_mask(mask, tall, wide)
    assert fitted.shape == (tall, wide)
    assert bool((fitted > 0).any())
    assert fitted.max() <= 1
    assert fitted.min() >= 0


@given(SIDES, SIDES, SIDES, SIDES)
def test_a_full_or_empty_mask_stays_so_at_any_size(
    masks: Any, height: int, width: int, tall: int, wide: int
) -> None:
    assert bool((masks.fit_mask(torch.ones(height, width), tall, wide) == 1).all())
    assert bool((masks.fit_mask(torch.zeros(height, width), tall, wide) == 0).all())


def test_a_line_is_not_lost_in_a_smaller_picture(masks: Any) -> None:
    mask = torch.zeros(2048, 2048)
    mask[1001, :] = 1
    assert bool((masks.fit_mask(mask, 256, 256) > 0).any())


def test_a_mask_of_the_same_size_stays_as_it_is(masks: Any) -> None:
    mask = noise(3, 40, 50).clamp(0, 1)
    mask[mask < 0.5 / 255] = 0
    assert torch.equal(masks.fit_mask(mask, 40, 50), mask)


@pytest.mark.parametrize("size", [(40, 50), (80, 25)])
def test_what_is_nothing_in_8_bits_is_nothing(masks: Any, size: tuple[int, int]) -> None:
    assert bool((masks.fit_mask(torch.full((40, 50), 0.49 / 255), *size) == 0).all())
    assert bool((masks.fit_mask(torch.full((40, 50), 0.51 / 255), *size) > 0).all())


def test_as_a_layer_it_is_white_where_the_change_goes(masks: Any) -> None:
    layer = masks.mask_to_image(torch.tensor([[0.0, 0.5], [1.0, 0.0]]))
    assert layer.shape == (2, 2, 3)
    assert layer[..., 2].tolist() == [[0, 0.5], [1, 0]]
