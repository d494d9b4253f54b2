"""Venice Edit Image with a mask: what goes along, what comes back, and what costs nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from bench import Bench
from faulty_sandbox import Fault
from form_fields import fields_of

Pictures = Callable[..., torch.Tensor]
FIRERED = "firered-image-edit"
ALONE = "luma-uni-1-edit"
MULTI = "/image/multi-edit"


def edit(bench: Bench, image: torch.Tensor, mask: torch.Tensor, **inputs: Any) -> Any:
    inputs = {"prompt": "make it night", "model": FIRERED, **inputs}
    return bench.run("VeniceEditImage", image=image, mask=mask, **inputs)


def box(count: int = 1, width: int = 320, height: int = 240) -> torch.Tensor:
    mask = torch.zeros(count, height, width)
    mask[:, height // 4 : height // 2, width // 4 : width // 2] = 1
    return mask


def same_bits(a: torch.Tensor, b: torch.Tensor) -> bool:
    return torch.equal(a.contiguous().view(torch.int32), b.contiguous().view(torch.int32))


def test_the_mask_goes_along_as_a_layer(
    bench: Bench, pictures: Pictures, opened: Any, judge: Any
) -> None:
    mask = box()
    end = edit(bench, pictures(), mask)
    (request,) = bench.sandbox.paid_requests
    assert request.path == MULTI
    judge.validate_request(MULTI, fields_of(request))
    base, layer = map(opened, fields_of(request)["images"])
    assert base.size == layer.size == (320, 320)  # the ratio of the answer
    assert [layer.getpixel(at) for at in ((0, 40), (100, 140))] == [(0, 0, 0), (255, 255, 255)]
    assert end.info["estimated_cost_usd"] == end.charged


def test_outside_stays_bit_for_bit_and_inside_is_the_edit(
    bench: Bench, pictures: Pictures, encoded: Any
) -> None:
    image = pictures() * 0.913 + 0.0171  # hardly a value is a multiple of 1/255
    mask = box()
    bench.sandbox.add_fault(Fault.body(encoded((1024, 1024), (10, 20, 30))), path=MULTI)
    end = edit(bench, image, mask)
    assert same_bits(end.tensor[mask == 0], image[mask == 0])
    inside = end.tensor[mask == 1].mul(255).round()
    assert inside.unique(dim=0).tolist() == [[10, 20, 30]]


def test_other_images_go_before_the_mask(bench: Bench, pictures: Pictures, opened: Any) -> None:
    edit(bench, pictures(), box(), image_4=pictures(start=3))
    sent = fields_of(bench.sandbox.paid_requests[0])["images"]
    assert [opened(image).getpixel((0, 0)) for image in sent] == [(0, 0, 0), (0, 0, 111), (0, 0, 0)]


@pytest.mark.parametrize("layers", [{}, {"image_2": 1, "image_3": 2}])
def test_where_the_model_takes_no_more_images_the_mask_stays_here(
    bench: Bench, pictures: Pictures, layers: dict[str, int]
) -> None:
    image, mask = pictures(), box()
    more = {name: pictures(start=start) for name, start in layers.items()}
    end = edit(bench, image, mask, model=FIRERED if layers else ALONE, **more)
    assert len(end.sent[0].get("images", [0])) == 1 + len(layers)
    assert any("doesn't accept a mask as an extra image" in text for text in end.info["warnings"])
    assert same_bits(end.tensor[mask == 0], image[mask == 0])
    assert not torch.equal(end.tensor[mask == 1], image[mask == 1])


@pytest.mark.parametrize("size", [(240, 320), (64, 64), (1, 1)])
def test_an_empty_mask_sends_nothing_and_changes_nothing(
    bench: Bench, pictures: Pictures, size: tuple[int, int]
) -> None:
    image = pictures(count=2) * 0.913
    end = edit(bench, image, torch.zeros(1, *size))
    assert bench.sandbox.requests == []
    assert same_bits(end.tensor, image)
    assert end.info["estimated_cost_usd"] == 0
    assert end.info["requests"] == []
    assert "empty" in end.info["warnings"][0]
    assert "empty" in end.texts[-1]


def test_a_practically_empty_mask_sends_nothing(bench: Bench, pictures: Pictures) -> None:
    image = pictures(count=2)
    mask = torch.full((2, 240, 320), 0.4 / 255)
    end = edit(bench, image, mask)
    assert bench.sandbox.requests == []
    assert same_bits(end.tensor, image)
    assert "empty" in end.info["warnings"][0]
    mask[1, 50:60, 50:60] = 1
    assert len(edit(bench, image, mask).sent) == 1


def test_an_empty_mask_needs_nothing_else_to_be_right(bench: Bench, pictures: Pictures) -> None:
    end = edit(bench, pictures(100, 100), torch.zeros(1, 64, 64), prompt="", model="nobodys")
    assert end.error is None
    assert bench.sandbox.requests == []


def test_one_empty_mask_of_a_batch_costs_nothing(bench: Bench, pictures: Pictures) -> None:
    image, mask = pictures(count=3) * 0.913, box(3)
    mask[1] = 0
    end = edit(bench, image, mask)
    assert len(end.sent) == 2
    assert same_bits(end.tensor[1], image[1])
    assert not torch.equal(end.tensor[0], image[0])
    assert not torch.equal(end.tensor[2], image[2])
    assert any("empty mask" in text and "free" in text for text in end.info["warnings"])


def test_one_mask_goes_with_all_images(bench: Bench, pictures: Pictures) -> None:
    image, mask = pictures(count=2), box()
    end = edit(bench, image, mask)
    assert len(end.sent) == 2
    assert same_bits(end.tensor[:, mask[0] == 0], image[:, mask[0] == 0])


def test_each_answer_goes_back_under_its_own_mask(
    bench: Bench, pictures: Pictures, encoded: Any
) -> None:
    image, mask = pictures(count=2), torch.zeros(2, 240, 320)
    mask[0, :, :100] = 1
    mask[1, :, 200:] = 1
    end = edit(bench, image, mask)
    for i in range(2):
        assert same_bits(end.tensor[i][mask[i] == 0], image[i][mask[i] == 0])
        assert not torch.equal(end.tensor[i][mask[i] == 1], image[i][mask[i] == 1])


@pytest.mark.parametrize(("base", "count"), [(1, 2), (3, 2)])
def test_other_numbers_of_masks_are_refused(
    bench: Bench, pictures: Pictures, base: int, count: int
) -> None:
    end = edit(bench, pictures(count=base), box(count))
    assert end.error_name == "InvalidRequestError"
    assert f"mask has {count} images. Connect 1 " in end.first_line
    assert end.sent == ()


def test_no_mask_at_all_in_a_mask_input_is_refused(bench: Bench, pictures: Pictures) -> None:
    end = edit(bench, pictures(), torch.zeros(0, 240, 320))
    assert end.error_name == "InvalidRequestError"
    assert "mask" in end.first_line


@pytest.mark.parametrize("shape", [(240, 320), (1, 1, 240, 320), (1, 240, 320, 1)])
def test_masks_of_other_shapes_that_occur_are_taken(
    bench: Bench, pictures: Pictures, shape: tuple[int, ...]
) -> None:
    image, mask = pictures(), box()
    end = edit(bench, image, mask.reshape(shape))
    assert end.error is None
    assert same_bits(end.tensor[mask == 0], image[mask == 0])


@pytest.mark.parametrize("shape", [(320,), (1, 240, 320, 3), (1, 1, 1, 240, 320)])
def test_what_is_no_mask_is_refused(
    bench: Bench, pictures: Pictures, shape: tuple[int, ...]
) -> None:
    end = edit(bench, pictures(), torch.ones(shape))
    assert end.error_name == "InvalidRequestError"
    assert "mask" in end.first_line
    assert end.sent == ()


def test_a_mask_of_another_size_is_stretched(bench: Bench, pictures: Pictures) -> None:
    image = pictures()
    mask = torch.zeros(1, 120, 160)
    mask[:, 30:60, 40:80] = 1
    end = edit(bench, image, mask)
    assert same_bits(end.tensor[0, :58], image[0, :58])
    assert same_bits(end.tensor[0, :, 164:], image[0, :, 164:])
    assert not torch.equal(end.tensor[0, 64:116, 84:156], image[0, 64:116, 84:156])


def test_a_soft_mask_mixes(bench: Bench, encoded: Any) -> None:
    image, mask = torch.zeros(1, 256, 256, 3), torch.zeros(1, 256, 256)
    mask[:, :, 100:] = 0.25
    mask[:, :, 200:] = 1
    bench.sandbox.add_fault(Fault.body(encoded((256, 256), "white")), path=MULTI)
    end = edit(bench, image, mask)
    assert end.tensor[0, 5, [0, 99, 100, 199, 200, 255], 1].tolist() == [0, 0, 0.25, 0.25, 1, 1]


def test_under_a_mask_the_size_is_kept_and_that_is_said(bench: Bench, pictures: Pictures) -> None:
    end = edit(bench, pictures(), box(), keep_size=False)
    assert end.tensor.shape == (1, 240, 320, 3)
    assert any("the input's size" in text for text in end.info["warnings"])


def test_another_mask_asks_again_where_it_is_sent(bench: Bench, pictures: Pictures) -> None:
    edit(bench, pictures(), box())
    assert edit(bench, pictures(), box()).sent == ()
    other = box()
    other[:, 0, 0] = 1
    assert len(edit(bench, pictures(), other).sent) == 1


def test_another_mask_is_free_where_it_stays_here(bench: Bench, pictures: Pictures) -> None:
    edit(bench, pictures(), box(), model=ALONE)
    end = edit(bench, pictures(), 1 - box(), model=ALONE)
    assert end.sent == ()
    assert end.info["estimated_cost_usd"] == 0
