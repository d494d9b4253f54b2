"""Transparent backgrounds of Generate and Edit: what is asked for, and the masks that come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from bench import Bench, End
from faulty_sandbox import Fault

Pictures = Callable[..., torch.Tensor]
CLEAR = "gpt-image-2-5-flare"
CLEAR_EDIT = "gpt-image-2-5-flare-edit"


def clear(bench: Bench, **inputs: Any) -> End:
    return bench.generate(model=CLEAR, transparent_background=True, **inputs)


def edit(bench: Bench, image: torch.Tensor, **inputs: Any) -> End:
    inputs = {"prompt": "a logo", "model": CLEAR_EDIT, "transparent_background": True, **inputs}
    return bench.run("VeniceEditImage", image=image, **inputs)


def mask_of(end: End) -> torch.Tensor:
    mask: torch.Tensor = end.shown[2]
    return mask


@pytest.mark.parametrize("format", ["png", "webp"])
def test_the_corner_is_transparent_and_the_middle_is_not(bench: Bench, format: str) -> None:
    end = clear(bench, batch_size=2, format=format)
    mask = mask_of(end)
    assert [sent["transparent_background"] for sent in end.sent] == [True, True]
    assert end.tensor.shape == (*mask.shape, 3)
    assert (mask.dtype, mask.is_contiguous(), end.tensor.is_contiguous()) == (
        torch.float32,
        True,
        True,
    )
    assert bool((mask[:, 0, 0] == 1).all())
    height, width = mask.shape[1:]
    middle = mask[:, height * 2 // 5 : height * 3 // 5, width * 2 // 5 : width * 3 // 5]
    assert bool((middle == 0).all()), "252 to 254 is meant as opaque"


def test_an_edit_has_its_mask_in_the_size_of_the_input(bench: Bench, pictures: Pictures) -> None:
    end = edit(bench, pictures(count=2))
    mask = mask_of(end)
    assert end.tensor.shape == (2, 240, 320, 3)
    assert mask.shape == (2, 240, 320)
    assert bool((mask[:, 0, 0] == 1).all())
    assert bool((mask[:, 120, 160] == 0).all())
    assert edit(bench, pictures(), keep_size=False).tensor.shape[1:3] != (240, 320)


def test_color_and_mask_are_what_load_image_gives(bench: Bench, encoded: Any) -> None:
    """LoadImage takes the colors under the transparency as they are, and turns alpha around."""
    data = encoded((64, 64), (200, 90, 40, 51))
    bench.sandbox.add_fault(Fault.body(data), path="/image/generate")
    end = bench.generate()
    assert end.tensor[0, 5, 5].mul(255).round().tolist() == [200, 90, 40]
    assert torch.equal(mask_of(end), torch.full((1, 64, 64), 1 - 51 / 255))


@pytest.mark.parametrize(("alpha", "opaque"), [(251, False), (252, True), (254, True), (255, True)])
def test_alpha_from_252_on_is_opaque(bench: Bench, encoded: Any, alpha: int, opaque: bool) -> None:
    data = encoded((64, 64), (200, 90, 40, alpha))
    bench.sandbox.add_fault(Fault.body(data), path="/image/generate")
    assert bool((mask_of(bench.generate()) == 0).all()) is opaque


def test_without_transparency_the_mask_is_zero(bench: Bench, pictures: Pictures) -> None:
    end = bench.generate(batch_size=2)
    assert torch.equal(mask_of(end), torch.zeros(2, 64, 64))
    assert "transparent_background" not in end.sent[0]
    plain = edit(bench, pictures(), transparent_background=False)
    assert torch.equal(mask_of(plain), torch.zeros(1, 240, 320))
    masked = edit(bench, pictures(), transparent_background=False, mask=torch.ones(1, 240, 320))
    assert torch.equal(mask_of(masked), torch.zeros(1, 240, 320))
    empty = edit(bench, pictures(), mask=torch.zeros(1, 240, 320))
    assert torch.equal(mask_of(empty), torch.zeros(1, 240, 320))


def test_a_batch_of_both_has_zeros_where_there_is_no_alpha(bench: Bench, encoded: Any) -> None:
    data = encoded((64, 64), (200, 90, 40, 0))
    bench.sandbox.add_fault(Fault.body(data), path="/image/generate", times=1)
    mask = mask_of(bench.generate(batch_size=2))
    assert sorted(float(own.mean()) for own in mask) == [0, 1]


def test_an_opaque_answer_to_it_is_a_warning(bench: Bench, encoded: Any) -> None:
    bench.sandbox.add_fault(Fault.body(encoded((1024, 1024))), path="/image/generate")
    end = clear(bench)
    assert any("no transparent background" in text for text in end.info["warnings"])
    assert "no transparent background" in end.texts[-1]


@pytest.mark.parametrize(
    ("inputs", "words"),
    [({"format": "jpeg"}, "png or webp"), ({"model": "z-image-turbo"}, CLEAR.partition("-2")[0])],
)
def test_what_cannot_be_transparent_is_refused(
    bench: Bench, inputs: dict[str, Any], words: str
) -> None:
    end = bench.generate(**{"model": CLEAR, "transparent_background": True, **inputs})
    assert end.error_name == "InvalidRequestError"
    assert words in end.first_line
    assert bench.sandbox.paid_requests == []


def test_under_a_mask_it_is_refused_with_the_reason(bench: Bench, pictures: Pictures) -> None:
    end = edit(bench, pictures(), mask=torch.ones(1, 240, 320))
    assert end.error_name == "InvalidRequestError"
    assert "A mask doesn't work with transparent_background" in end.first_line
    assert "Use only one of them." in end.first_line
    assert bench.sandbox.paid_requests == []


def test_joined_and_saved_it_has_the_alpha_that_came(bench: Bench, opened: Any) -> None:
    """What Join Image with Alpha and SaveImage make of it."""
    end = clear(bench)
    joined = torch.cat([end.tensor, 1 - mask_of(end)[..., None]], dim=-1)[0]
    saved = Image.fromarray(np.clip(255 * joined.numpy(), 0, 255).astype(np.uint8))
    (result,) = bench.entries
    came = bench.store().get(result.stem).body
    before, after = (np.asarray(image)[..., 3].astype(int) for image in (opened(came), saved))
    assert np.abs(before - after).max() <= 255 - 252
    assert set(np.unique(after[before >= 252])) == {255}
