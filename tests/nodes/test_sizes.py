"""What is said of answers of another size: once for all of that size, and what was done to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from bench import Bench
from faulty_sandbox import Fault

Pictures = Callable[..., torch.Tensor]
FIRERED = {"prompt": "make it night", "model": "firered-image-edit"}
EDIT, CUTOUT = "/image/edit", "/image/background-remove"


def edit(bench: Bench, image: torch.Tensor, **inputs: Any) -> Any:
    return bench.run("VeniceEditImage", image=image, **{**FIRERED, **inputs})


def test_what_keep_size_throws_away_is_said(bench: Bench, pictures: Pictures) -> None:
    end = edit(bench, pictures(640, 448), aspect_ratio="9:16")
    assert end.info["warnings"] == [
        "Image 1: scaled and cropped from 768 × 1360 to 640 × 448 (keep_size)."
    ]


def test_where_nothing_is_cut_off_nothing_is_said_of_it(bench: Bench, pictures: Pictures) -> None:
    end = edit(bench, pictures(512, 512))
    assert end.info["warnings"] == ["Image 1: scaled from 1024 × 1024 to 512 × 512 (keep_size)."]


def test_images_of_one_size_are_said_together(bench: Bench, pictures: Pictures) -> None:
    end = edit(bench, pictures(count=8))
    assert end.info["warnings"] == [
        "Images 1–8: scaled and cropped from 1024 × 1024 to 320 × 240 (keep_size)."
    ]
    assert end.texts[-1].count("1024 × 1024") == 1


def test_each_size_is_said(bench: Bench, pictures: Pictures) -> None:
    image = pictures(count=4)
    edit(bench, image[[0, 2, 3]])
    bench.sandbox.add_fault(Fault.size(640, 480), path=EDIT)
    end = edit(bench, image)
    assert end.info["warnings"] == [
        "Images 1, 3–4: scaled and cropped from 1024 × 1024 to 320 × 240 (keep_size).",
        "Image 2: scaled from 640 × 480 to 320 × 240 (keep_size).",
    ]


def test_images_from_a_prompt_are_named_by_their_seed(bench: Bench) -> None:
    other = Fault.size(96, 48)
    bench.sandbox.add_fault(other, times=None, when=lambda sent: sent["seed"] in (101, 103))
    end = bench.generate(batch_size=4)
    assert end.info["warnings"] == ["Seeds 101, 103: fitted from 96 × 48 to 64 × 64."]


def test_an_upscale_of_another_size_than_asked_is_said(
    bench: Bench, pictures: Pictures, encoded: Any
) -> None:
    bench.sandbox.add_fault(Fault.body(encoded((512, 300))), path="/image/upscale")
    end = bench.run("VeniceUpscaleImage", image=pictures(), scale="2x", creativity=0.01)
    assert end.info["warnings"] == ["upscaler returned 512 × 300 instead of 640 × 480."]


@pytest.mark.parametrize(
    ("inputs", "came", "notes"),
    [
        ({}, (64, 64), []),
        ({}, (80, 48), ["z-image-turbo returned 80 × 48 instead of 64 × 64."]),
        (
            {"width": 100},
            (64, 64),
            ["z-image-turbo returned 64 × 64 instead of 104 × 64."],
        ),
        ({"width": 100}, (104, 64), []),
        ({"model": "seedream-v4", "width": 1024, "height": 1024}, (1024, 1024), []),
        (
            {"model": "seedream-v4", "width": 1024, "height": 1024, "resolution": "2K"},
            (640, 640),
            ["seedream-v4 returned 640 × 640 instead of 1024 × 1024."],
        ),
        ({"model": "seedream-v4", "width": 1024, "height": 1000}, (640, 640), []),
    ],
)
def test_another_size_than_was_to_be_expected_is_said(
    bench: Bench, inputs: dict[str, Any], came: tuple[int, int], notes: list[str]
) -> None:
    bench.sandbox.add_fault(Fault.size(*came))
    end = bench.generate(**inputs)
    assert [text for text in end.info["warnings"] if " returned " in text] == notes


@pytest.mark.parametrize("count", [1, 2])
def test_a_cutout_of_another_size_is_brought_to_its_input(
    bench: Bench, pictures: Pictures, encoded: Any, count: int
) -> None:
    if count == 2:
        bench.run("VeniceRemoveBackground", image=pictures(count=2)[1:])
    half = encoded((160, 120), (200, 90, 40, 255))
    bench.sandbox.add_fault(Fault.body(half), path=CUTOUT)
    end = bench.run("VeniceRemoveBackground", image=pictures(count=count))
    image, mask, cutout, _ = end.outputs
    assert image.shape == (count, 240, 320, 3)
    assert mask.shape == (count, 240, 320)
    assert cutout.shape == (count, 240, 320, 4)
    assert bool((mask[0] == 0).all())
    assert "Image 1: fitted from 160 × 120 to 320 × 240." in end.info["warnings"]
