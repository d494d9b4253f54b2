"""Images that are sent: packed while others are sent, and named by their pixels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from bench import Bench
from waiting import wait_for

Pictures = Callable[..., torch.Tensor]
LIMIT = 25_000_000


def upscale(bench: Bench, image: torch.Tensor) -> Any:
    return bench.run("VeniceUpscaleImage", image=image, scale="2x", creativity=0.01)


@pytest.fixture
def tensors(bench: Bench) -> Any:
    return bench.pack.venice_nodes.imaging.tensors


def test_the_last_image_is_packed_after_the_first_request_has_left(
    bench: Bench, tensors: Any, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = pictures(count=3)
    pack, last = tensors.encode_array, tensors.to_array(image[2])

    def late(array: Any, limit: int) -> Any:
        if np.array_equal(array, last):
            wait_for(lambda: bench.sandbox.paid_requests)
        return pack(array, limit)

    monkeypatch.setattr(tensors, "encode_array", late)

    end = upscale(bench, image)

    assert end.error is None
    assert end.pictures == 3


def test_the_same_pixels_packed_in_another_way_are_the_same_request(
    bench: Bench, tensors: Any, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = upscale(bench, pictures())
    monkeypatch.setattr(bench.pack.venice_client.imaging.encoding, "PNG_EFFORT", 0)

    again = upscale(bench, pictures())

    assert len(first.sent) == 1
    assert again.sent == ()
    assert torch.equal(first.tensor, again.tensor)


def test_an_image_that_goes_with_several_is_packed_once_and_named_as_ever(
    bench: Bench, tensors: Any, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    base, layer = pictures(count=2), pictures(count=1, start=9)
    edit = {"prompt": "make it night", "model": "firered-image-edit", "image_2": layer}
    packed: list[Any] = []
    pack = tensors.encode_array

    def counted(array: Any, limit: int) -> Any:
        packed.append(array)
        return pack(array, limit)

    monkeypatch.setattr(tensors, "encode_array", counted)

    both = bench.run("VeniceEditImage", image=base, **edit)
    alone = bench.run("VeniceEditImage", image=base[:1], **edit)

    assert both.error is None
    assert sum(np.array_equal(array, tensors.to_array(layer[0])) for array in packed) == 1
    assert alone.sent == ()


def test_an_image_that_changes_before_it_is_sent_is_not_sent(
    bench: Bench, tensors: Any, pictures: Pictures
) -> None:
    batch = pictures()
    (image,), notes = tensors.input_images(batch, LIMIT)
    batch[0, 5, 5] = 0.5

    with pytest.raises(bench.pack.venice_client.InvalidRequestError, match="changed"):
        image.pack()
    assert notes == []


@pytest.mark.parametrize("limit", [LIMIT, 2000])
def test_what_is_sent_has_the_pixels_that_name_it(
    bench: Bench,
    tensors: Any,
    pictures: Pictures,
    opened: Callable[[bytes], Image.Image],
    monkeypatch: pytest.MonkeyPatch,
    limit: int,
) -> None:
    batch = pictures()
    same = tensors.input_images(batch, LIMIT)[0][0].identity
    encoding = bench.pack.venice_client.imaging.encoding
    named = encoding.hashlib.sha256

    class Late:
        """Another node writes into the image as soon as it has a name."""

        def __init__(self, data: bytes) -> None:
            self._own = named(data)
            self.update = self._own.update

        def hexdigest(self) -> str:
            batch[0, :120] = 0
            return str(self._own.hexdigest())

    if limit < LIMIT:
        monkeypatch.setattr(encoding, "hashlib", type("Hashes", (), {"sha256": Late}))
    (image,), _ = tensors.input_images(batch, limit)
    monkeypatch.setattr(encoding, "hashlib", type("Hashes", (), {"sha256": Late}))

    shown = np.asarray(opened(image.pack()))

    assert image.identity == same
    assert shown[:120].any()


@pytest.mark.parametrize(
    ("error", "words"), [(MemoryError("no room"), "no room"), (OSError(28, "full"), "full")]
)
def test_an_image_that_cannot_be_packed_costs_nothing(
    bench: Bench,
    tensors: Any,
    pictures: Pictures,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    words: str,
) -> None:
    def fail(*_: Any) -> Any:
        raise error

    monkeypatch.setenv("VENICE_MAX_USD_PER_DAY", "0.05")
    whole = tensors.encode_array
    for _ in range(4):
        monkeypatch.setattr(tensors, "encode_array", fail)
        end = upscale(bench, pictures(count=2))
        assert words in str(end.error)
        assert "charged" not in str(end.error) or "nothing" in str(end.error).lower()
        assert end.charged == 0
    monkeypatch.setattr(tensors, "encode_array", whole)

    assert upscale(bench, pictures(count=2)).error is None


def test_what_may_be_too_large_is_packed_at_once(tensors: Any, pictures: Pictures) -> None:
    batch = pictures()
    (image,), _ = tensors.input_images(batch, 2000)
    batch[0, 5, 5] = 0.5

    assert len(image.pack()) < 2000
