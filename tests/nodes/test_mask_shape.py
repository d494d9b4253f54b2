"""Venice Edit Image: a mask that grows, shrinks, and is feathered over so many pixels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from bench import Bench, End
from faulty_sandbox import Fault
from form_fields import fields_of

Pictures = Callable[..., torch.Tensor]
MULTI = "/image/multi-edit"
COLOR = (10, 20, 30)


def edit(bench: Bench, encoded: Any, image: torch.Tensor, **inputs: Any) -> End:
    """An edit whose answer has one color only."""
    bench.sandbox.add_fault(Fault.body(encoded((1024, 1024), COLOR)), path=MULTI)
    return bench.run(
        "VeniceEditImage", image=image, prompt="night", model="firered-image-edit", **inputs
    )


def box(top: int = 100, bottom: int = 140, left: int = 100, right: int = 180) -> torch.Tensor:
    mask = torch.zeros(1, 240, 320)
    mask[:, top:bottom, left:right] = 1
    return mask


def same_bits(a: torch.Tensor, b: torch.Tensor) -> bool:
    return torch.equal(a.contiguous().view(torch.int32), b.contiguous().view(torch.int32))


@pytest.mark.parametrize("by", [-10, 0, 30])
def test_a_grown_mask_is_sent_and_used(
    bench: Bench, pictures: Pictures, encoded: Any, opened: Any, by: int
) -> None:
    image = pictures() * 0.913
    end = edit(bench, encoded, image, mask=box(), grow_mask=by, feather=0)
    grown = box(100 - by, 140 + by, 100 - by, 180 + by)[0] == 1
    assert same_bits(end.tensor[0][~grown], image[0][~grown])
    assert end.tensor[0][grown].mul(255).round().unique(dim=0).tolist() == [list(COLOR)]
    layer = opened(fields_of(bench.sandbox.paid_requests[0])["images"][-1]).convert("L")
    assert layer.getbbox() == (100 - by, 140 - by, 180 + by, 180 + by)  # 40 pixels of frame


def test_a_feather_fades_in_over_so_many_pixels(
    bench: Bench, pictures: Pictures, encoded: Any
) -> None:
    image = torch.ones_like(pictures())
    end = edit(bench, encoded, image, mask=box(), feather=16)
    edge = end.tensor[0, 120, 99:116, 0]
    assert edge[0] == 1
    assert bool((edge.diff() < 0).all())
    assert torch.allclose(edge[8], 1 + (COLOR[0] / 255 - edge[0]) / 2, atol=1e-5)


def test_a_mask_that_is_shrunk_to_nothing_costs_nothing(
    bench: Bench, pictures: Pictures, encoded: Any
) -> None:
    image = pictures()
    end = edit(bench, encoded, image, mask=box(), grow_mask=-20)
    assert bench.sandbox.requests == []
    assert same_bits(end.tensor, image)
    assert "after shrinking" in end.info["warnings"][0]
    assert "Raise grow_mask" in end.texts[-1]
    end = edit(bench, encoded, image, mask=torch.zeros(1, 240, 320), grow_mask=-20)
    assert "shrunk" not in end.info["warnings"][0]


@pytest.mark.parametrize(
    "wrong", [{"grow_mask": 257}, {"grow_mask": -257}, {"feather": 257}, {"feather": -2}]
)
def test_what_is_out_of_range_is_refused(
    bench: Bench, pictures: Pictures, encoded: Any, wrong: dict[str, int]
) -> None:
    end = edit(bench, encoded, pictures(), mask=box(), **wrong)
    assert end.error_name == "InvalidRequestError"
    assert next(iter(wrong)) in end.first_line
    assert bench.sandbox.requests == []
