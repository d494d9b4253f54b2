"""Venice Remove Background: colours, a mask as Load Image gives it, and a cutout with alpha."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from bench import Bench
from faulty_sandbox import Fault

Pictures = Callable[..., torch.Tensor]
PATH = "/image/background-remove"


def remove(bench: Bench, image: torch.Tensor) -> Any:
    return bench.run("VeniceRemoveBackground", image=image)


def loaded(data: bytes) -> tuple[torch.Tensor, torch.Tensor]:
    """Image and mask as ComfyUI's Load Image makes them."""
    picture = Image.open(io.BytesIO(data))
    image = torch.from_numpy(np.array(picture.convert("RGB")).astype(np.float32) / 255.0)
    alpha = torch.from_numpy(np.array(picture.getchannel("A")).astype(np.float32) / 255.0)
    return image, 1.0 - alpha


def saved(image: torch.Tensor) -> bytes:
    """One image as ComfyUI's Save Image writes it."""
    array = np.clip(255.0 * image.cpu().numpy(), 0, 255).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(array).save(out, "PNG", compress_level=4)
    return out.getvalue()


def png(array: np.ndarray[Any, Any]) -> bytes:
    out = io.BytesIO()
    Image.fromarray(array).save(out, "PNG")
    return out.getvalue()


def test_the_corner_is_transparent_and_the_middle_is_not(
    bench: Bench, pictures: Pictures, judge: Any
) -> None:
    end = remove(bench, pictures())
    image, mask, cutout, _ = end.outputs
    assert image.shape == (1, 240, 320, 3)
    assert mask.shape == (1, 240, 320)
    assert cutout.shape == (1, 240, 320, 4)
    assert mask[0, 0, 0] == 1
    assert mask[0, 120, 160] == 0
    assert all(output.dtype == torch.float32 for output in (image, mask, cutout))
    assert end.info["warnings"] == []
    assert end.info["size"] == [320, 240]
    assert end.info["estimated_cost_usd"] == end.charged == 0.03
    assert list(end.sent[0]) == ["image"]
    judge.validate_request(PATH, end.sent[0])


def test_it_gives_what_load_image_would_give(bench: Bench, pictures: Pictures) -> None:
    array = np.random.default_rng(1).integers(0, 256, (240, 320, 4), dtype=np.uint8)
    data = png(array)
    bench.sandbox.add_fault(Fault.body(data), path=PATH)
    image, mask, cutout, _ = remove(bench, pictures()).outputs
    expected_image, expected_mask = loaded(data)
    assert torch.equal(image[0], expected_image)
    assert torch.equal(mask[0], expected_mask)
    assert torch.equal(cutout[0, ..., :3], expected_image)


def test_save_image_writes_the_cutout_with_its_alpha(bench: Bench, pictures: Pictures) -> None:
    array = np.random.default_rng(2).integers(0, 256, (240, 320, 4), dtype=np.uint8)
    bench.sandbox.add_fault(Fault.body(png(array)), path=PATH)
    cutout = remove(bench, pictures()).outputs[2]
    picture = Image.open(io.BytesIO(saved(cutout[0])))
    assert picture.mode == "RGBA"
    assert np.array_equal(np.array(picture), array)


def test_every_alpha_comes_through_save_image(pack: Any) -> None:
    array = np.zeros((16, 16, 4), dtype=np.uint8)
    array[..., 3] = np.arange(256).reshape(16, 16)
    array[..., 0] = array[..., 3]
    tensor, errors, _ = pack.venice_nodes.imaging.tensors.decode_batch(
        [pack.venice_client.EncodedImage.read(png(array))], "RGBA"
    )
    assert errors == [None]
    assert np.array_equal(np.array(Image.open(io.BytesIO(saved(tensor[0])))), array)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_alpha_survives_both_ways(pack: Any, height: int, width: int, seed: int) -> None:
    shape = (height, width, 4)
    array = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    tensor, _, _ = pack.venice_nodes.imaging.tensors.decode_batch(
        [pack.venice_client.EncodedImage.read(png(array))], "RGBA"
    )
    again, note = pack.venice_nodes.imaging.tensors.encode(tensor[0], 25_000_000)
    assert note == ""
    assert np.array_equal(np.array(Image.open(io.BytesIO(again))), array)
    assert np.array_equal(np.array(Image.open(io.BytesIO(saved(tensor[0])))), array)


def test_images_of_a_batch_go_side_by_side_and_in_order(bench: Bench, pictures: Pictures) -> None:
    bench.hold(3, PATH)
    end = remove(bench, pictures(count=3))
    assert bench.sandbox.max_concurrent == 3
    assert end.charged == 0.09
    blue = end.tensor[:, 120, 160, 2].mul(255).round().tolist()
    assert blue == [0, 37, 74]


def test_an_answer_without_alpha_warns(bench: Bench, pictures: Pictures, encoded: Any) -> None:
    bench.sandbox.add_fault(Fault.body(encoded((320, 240), format="JPEG")), path=PATH)
    end = remove(bench, pictures())
    assert end.outputs[2].shape == (1, 240, 320, 4)
    assert bool((end.outputs[1] == 0).all())
    assert any("found no background" in text for text in end.info["warnings"])
    assert "found no background" in end.texts[-1]


def test_one_answer_without_alpha_among_others_is_named(
    bench: Bench, pictures: Pictures, encoded: Any
) -> None:
    image = pictures(count=3)
    remove(bench, image[[0, 2]])
    bench.sandbox.add_fault(Fault.body(encoded((320, 240))), path=PATH)
    end = remove(bench, image)
    (warning,) = end.info["warnings"]
    assert "no background to remove in image 2" in warning


def test_an_input_with_alpha_is_sent_with_it(bench: Bench, pictures: Pictures, opened: Any) -> None:
    end = remove(bench, pictures(channels=4))
    assert opened(end.sent[0]["image"]).mode == "RGBA"


def test_the_same_image_is_paid_for_once(bench: Bench, pictures: Pictures) -> None:
    first, second = remove(bench, pictures()), remove(bench, pictures())
    assert second.sent == ()
    assert torch.equal(first.outputs[2], second.outputs[2])
    assert second.info["estimated_cost_usd"] == 0


@pytest.mark.parametrize(
    "size", [(100, 100), (1, 1), pytest.param((5761, 5760), marks=pytest.mark.long)]
)
def test_an_image_is_taken_whatever_its_pixels(bench: Bench, size: tuple[int, int]) -> None:
    bench.sandbox.add_fault(Fault.size(64, 64), path=PATH)  # large ones take long to draw
    end = remove(bench, torch.zeros(1, 1, 1, 3).expand(1, size[1], size[0], 3))
    assert end.error is None
    assert end.charged == 0.03


def test_what_could_not_be_shown_is_not_sent(bench: Bench) -> None:
    end = remove(bench, torch.zeros(1, 1, 1, 3).expand(1, 8000, 7000, 3))
    assert end.error_name == "InvalidRequestError"
    assert "image is 7000 × 8000 = 56,000,000 pixels" in end.first_line
    assert "50,000,000" in end.first_line
    assert bench.sandbox.paid_requests == []


@pytest.mark.long
def test_the_client_does_not_send_what_could_not_be_shown(
    client: Any, bench: Bench, encoded: Any
) -> None:
    package = bench.pack.venice_client
    request = package.RemoveBackgroundRequest(encoded((8000, 7000)))
    with pytest.raises(package.errors.InvalidRequestError, match="50,000,000"):
        client.remove_background(request)
    assert bench.sandbox.paid_requests == []
