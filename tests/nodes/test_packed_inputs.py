"""Pictures that are sent: packed while others are sent, and named by their pixels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from bench import Bench
from waiting import wait_for

Pictures = Callable[..., torch.Tensor]
LIMIT = 25_000_000


def upscale(bench: Bench, image: torch.Tensor) -> Any:
    return bench.run("VeniceUpscaleImage", image=image, scale="2x", creativity=0.01)


@pytest.fixture
def tensors(bench: Bench) -> Any:
    return bench.pack.venice_nodes.imaging.tensors


def test_the_last_picture_is_packed_after_the_first_request_has_left(
    bench: Bench, tensors: Any, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = pictures(count=3)
    pack = tensors.encode

    def late(pixels: torch.Tensor, limit: int) -> Any:
        if torch.equal(pixels, image[2]):
            wait_for(lambda: bench.sandbox.paid_requests)
        return pack(pixels, limit)

    monkeypatch.setattr(tensors, "encode", late)

    end = upscale(bench, image)

    assert end.error is None
    assert end.pictures == 3


def test_the_same_pixels_packed_in_another_way_are_the_same_request(
    bench: Bench, tensors: Any, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = upscale(bench, pictures())
    monkeypatch.setattr(tensors, "PNG_EFFORT", 0)

    again = upscale(bench, pictures())

    assert len(first.sent) == 1
    assert again.sent == ()
    assert torch.equal(first.tensor, again.tensor)


def test_a_picture_that_goes_with_several_is_packed_once_and_named_as_ever(
    bench: Bench, tensors: Any, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    base, layer = pictures(count=2), pictures(count=1, start=9)
    edit = {"prompt": "make it night", "model": "firered-image-edit", "image_2": layer}
    packed: list[torch.Tensor] = []
    pack = tensors.encode

    def counted(pixels: torch.Tensor, limit: int) -> Any:
        packed.append(pixels)
        return pack(pixels, limit)

    monkeypatch.setattr(tensors, "encode", counted)

    both = bench.run("VeniceEditImage", image=base, **edit)
    alone = bench.run("VeniceEditImage", image=base[:1], **edit)

    assert both.error is None
    assert sum(torch.equal(pixels, layer[0]) for pixels in packed) == 1
    assert alone.sent == ()


def test_a_picture_that_changes_before_it_is_sent_is_not_sent(
    bench: Bench, tensors: Any, pictures: Pictures
) -> None:
    batch = pictures()
    (image,), notes = tensors.input_images(batch, LIMIT)
    batch[0, 5, 5] = 0.5

    with pytest.raises(bench.pack.venice_client.InvalidRequestError, match="changed"):
        image.pack()
    assert notes == []


def test_what_may_be_too_large_is_packed_at_once(tensors: Any, pictures: Pictures) -> None:
    batch = pictures()
    (image,), _ = tensors.input_images(batch, 2000)
    batch[0, 5, 5] = 0.5

    assert len(image.pack()) < 2000
