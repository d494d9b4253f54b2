"""From tensors to what is sent: lossless where it fits, and said where it does not."""

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
from form_fields import fields_of

Pictures = Callable[..., torch.Tensor]
LIMIT = 25_000_000


@pytest.fixture(scope="module")
def noise() -> torch.Tensor:
    """Noise of 4000×3000: about 36 MB as PNG."""
    array = np.random.default_rng(5).integers(0, 256, (1, 3000, 4000, 3), dtype=np.uint8)
    return torch.from_numpy(array).to(torch.float32).div_(255)


def picture(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


@given(
    st.integers(1, 50), st.integers(1, 50), st.sampled_from([1, 3, 4]), st.integers(0, 2**32 - 1)
)
def test_eight_bits_survive_both_ways(
    pack: Any, height: int, width: int, channels: int, seed: int
) -> None:
    shape = (height, width, channels)
    array = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    data, note = pack.venice_nodes.imaging.tensors.encode(
        torch.from_numpy(array.astype(np.float32) / 255), LIMIT
    )
    assert note == ""
    assert picture(data).format == "PNG"
    mode = "RGBA" if channels == 4 else "RGB"
    tensor, errors, notes = pack.venice_nodes.imaging.tensors.decode_batch(
        [pack.venice_client.EncodedImage.read(data)], mode
    )
    assert (errors, notes) == ([None], [])
    expected = np.broadcast_to(array, (height, width, max(3, channels))).astype(np.float32) / 255
    assert np.array_equal(tensor[0].numpy(), expected)


@given(st.floats(width=32, allow_nan=True, allow_infinity=True))
def test_any_float_becomes_its_nearest_byte(pack: Any, value: float) -> None:
    byte = int(pack.venice_nodes.imaging.tensors.to_array(torch.full((1, 1, 3), value))[0, 0, 0])
    inside = 0.0 if np.isnan(value) else min(max(value, 0.0), 1.0)
    assert abs(byte - inside * 255) <= 0.5001


def test_png_is_given_up_only_at_the_limit(pack: Any, noise: torch.Tensor) -> None:
    small = noise[0, :200, :200]
    png, _ = pack.venice_nodes.imaging.tensors.encode(small, LIMIT)
    same, note = pack.venice_nodes.imaging.tensors.encode(small, len(png) + 1)
    assert (same, note) == (png, "")
    other, note = pack.venice_nodes.imaging.tensors.encode(small, len(png))
    assert picture(other).format == "JPEG"
    assert "JPEG" in note
    assert "200 × 200" in note


def test_a_jpeg_keeps_the_colour_of_every_pixel(pack: Any, noise: torch.Tensor) -> None:
    image = noise[0, :256, :256].clone()  # too much for a small PNG
    stripes = image[:, :128]
    stripes.zero_()
    stripes[:, ::2, 0] = 1  # red beside blue: with half the chroma, both would be purple
    stripes[:, 1::2, 2] = 1
    png, _ = pack.venice_nodes.imaging.tensors.encode(image, LIMIT)
    data, _ = pack.venice_nodes.imaging.tensors.encode(image, len(png))
    assert picture(data).format == "JPEG"
    came = np.asarray(picture(data)).astype(int)[:, :128]
    assert np.abs(came - pack.venice_nodes.imaging.tensors.to_array(stripes)).max() < 40


@pytest.mark.parametrize("channels", [3, 4])
def test_the_best_quality_that_fits_is_used_and_said(
    pack: Any, noise: torch.Tensor, channels: int
) -> None:
    small = noise[0, :200, :200]
    if channels == 4:
        small = torch.cat([small, small[..., :1]], dim=2)
    png, _ = pack.venice_nodes.imaging.tensors.encode(small, LIMIT)
    best, told_best = pack.venice_nodes.imaging.tensors.encode(small, len(png))
    good, told_good = pack.venice_nodes.imaging.tensors.encode(small, len(best))
    assert "with quality 95" in told_best
    assert "with quality 85" in told_good
    assert len(good) < len(best) < len(png)
    with pytest.raises(pack.venice_client.errors.InvalidRequestError, match="Resize it"):
        pack.venice_nodes.imaging.tensors.encode(small, len(good))


def test_alpha_is_kept_where_png_is_too_large(pack: Any, noise: torch.Tensor) -> None:
    small = torch.cat([noise[0, :200, :200], noise[0, 200:400, :200, :1]], dim=-1)
    data, note = pack.venice_nodes.imaging.tensors.encode(small, 150_000)
    assert picture(data).format == "WEBP"
    assert "WEBP" in note
    alpha = np.asarray(picture(data).getchannel("A"))
    assert np.array_equal(alpha, pack.venice_nodes.imaging.tensors.to_array(small)[..., 3])


def test_what_is_too_large_in_any_form_is_refused(pack: Any, noise: torch.Tensor) -> None:
    with pytest.raises(pack.venice_client.errors.InvalidRequestError, match="Resize it"):
        pack.venice_nodes.imaging.tensors.encode(noise[0, :200, :200], 1000)


def test_what_webp_cannot_hold_is_refused(pack: Any) -> None:
    wide = torch.rand(4, 17_000, 4)
    with pytest.raises(pack.venice_client.errors.InvalidRequestError, match="Resize it"):
        pack.venice_nodes.imaging.tensors.encode(wide, 100_000)


def test_images_are_encoded_in_order(pack: Any, pictures: Pictures) -> None:
    encoded, notes = pack.venice_nodes.imaging.tensors.encode_all(pictures(count=9), LIMIT)
    assert notes == []
    assert [picture(data).getpixel((0, 0))[2] for data in encoded] == [
        i * 37 % 256 for i in range(9)
    ]


def test_jpeg_is_close(pack: Any, pictures: Pictures) -> None:
    smooth = pictures(640, 480)[0]
    data, _ = pack.venice_nodes.imaging.tensors.encode(smooth, 20_000)
    tensor, _, _ = pack.venice_nodes.imaging.tensors.decode_batch(
        [pack.venice_client.EncodedImage.read(data)]
    )
    assert (tensor[0] - smooth).abs().max() < 0.05


@pytest.mark.long
def test_over_25_mb_a_jpeg_goes_and_info_says_so(bench: Bench, noise: torch.Tensor) -> None:
    end = bench.run(
        "VeniceEditImage", image=noise, prompt="make it night", model="firered-image-edit"
    )
    assert end.error is None
    assert end.tensor.shape == (1, 3000, 4000, 3)
    (request,) = bench.sandbox.paid_requests
    assert fields_of(request)["image"].startswith("/9j/")  # JPEG, in base64
    assert len(fields_of(request)["image"]) * 3 / 4 < LIMIT
    (warning,) = [text for text in end.info["warnings"] if "JPEG" in text]
    assert "4000 × 3000" in warning
    assert "25 MB" in warning
    assert "JPEG" in end.texts[-1]


@pytest.mark.long
def test_a_reference_over_8_mb_becomes_a_jpeg_and_generate_says_so(
    bench: Bench, noise: torch.Tensor
) -> None:
    images = noise[:, :1500, :2000]
    end = bench.run("VeniceStyleReferences", images=images, strength=0.5)
    (references,) = end.outputs
    assert picture(references[0].image).format == "JPEG"
    assert len(references[0].image) < 8_000_000
    made = bench.generate(model="krea-v2-large", style_references=references)
    assert made.error is None
    (warning,) = [text for text in made.info["warnings"] if "JPEG" in text]
    assert "2000 × 1500" in warning
    assert "8 MB" in warning


def test_each_image_is_encoded_once(
    bench: Bench, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    tensors = bench.pack.venice_nodes.imaging.tensors
    encode, sizes = tensors.encode_array, []

    def counted(array: Any, *limit: int) -> Any:
        sizes.append(tuple(array.shape[:2]))
        return encode(array, *limit)

    monkeypatch.setattr(tensors, "encode_array", counted)
    settings = {"prompt": "night", "model": "nano-banana-2-edit"}
    image, mask = pictures(count=4), torch.ones(1, 240, 320)
    end = bench.run(
        "VeniceEditImage", **settings, image=image, mask=mask, image_2=pictures(300, 300, count=4)
    )
    assert len(end.sent) == 4
    assert len(sizes) == 4 + 4 + 1
    sizes.clear()
    mask = torch.zeros(4, 240, 320)
    mask[1:] = 1
    end = bench.run(
        "VeniceEditImage",
        **settings,
        image=image,
        mask=mask,
        image_2=pictures(300, 300),
        variation=1,
    )
    assert len(end.sent) == 3
    assert sizes.count((300, 300)) == 1
    assert len(sizes) == 3 + 1 + 3
