"""An image as it is to be seen: turned as its EXIF says, in sRGB, and its first frame."""

from __future__ import annotations

import io
import struct
import threading
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageOps, features

import icc_profiles
from venice_client.imaging.images import BAND, TURNS, EncodedImage, decode, decode_into

needs_cms = pytest.mark.skipif(not features.check("littlecms2"), reason="Pillow without ImageCms")
Array = Any


def noise(*shape: int) -> Array:
    return np.random.default_rng(7).integers(0, 256, shape, np.uint8)


def encoded(array: Array, format: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    lossless = {"lossless": True, "exact": True} if format == "WEBP" else {}
    Image.fromarray(array).save(out, format, **lossless, **options)
    return out.getvalue()


def turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


@pytest.mark.parametrize("format", ["PNG", "WEBP", "JPEG"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_it(format: str, orientation: int) -> None:
    data = encoded(noise(24, 40, 3), format, exif=turned(orientation))
    with Image.open(io.BytesIO(data)) as opened:
        wanted = np.asarray(ImageOps.exif_transpose(opened))

    read = EncodedImage.read(data)

    assert (read.height, read.width) == wanted.shape[:2]
    assert np.array_equal(decode(read), wanted)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_is_none_turns_nothing(orientation: int) -> None:
    array = noise(24, 40, 3)
    assert np.array_equal(decode(encoded(array, exif=turned(orientation))), array)


@pytest.mark.parametrize("exif", [b"", b"odd", b"Exif\0\0MM\0*\xff\xff\xff\xff", b"II*\0" * 9])
def test_exif_that_is_none_costs_no_image(exif: bytes) -> None:
    array = noise(24, 40, 3)
    for format in ("PNG", "WEBP"):
        assert np.array_equal(decode(encoded(array, format, exif=exif)), array)
    assert decode(encoded(array, "JPEG", exif=b"Exif\0\0" + exif)).shape == (24, 40, 3)


def test_exif_behind_the_pixels_turns_it_too() -> None:
    array = noise(24, 40, 3)
    png, exif = encoded(array), b"eXIf" + turned(6).tobytes()[6:]
    chunk = struct.pack(">I", len(exif) - 4) + exif + struct.pack(">I", zlib.crc32(exif))
    assert np.array_equal(decode(png[:-12] + chunk + png[-12:]), np.rot90(array, -1))


RGB = {"Display P3": icc_profiles.DISPLAY_P3, "Adobe RGB": icc_profiles.ADOBE_RGB}


@needs_cms
@pytest.mark.parametrize("format", ["PNG", "WEBP", "JPEG"])
@pytest.mark.parametrize("name", RGB)
def test_colours_come_to_srgb(name: str, format: str) -> None:
    array = noise(16, 24, 3)
    data = encoded(array, format, icc_profile=icc_profiles.rgb_profile(RGB[name]))
    with Image.open(io.BytesIO(data)) as opened:
        wanted = icc_profiles.rgb_in_srgb(np.asarray(opened), RGB[name])
    assert np.abs(decode(data) - wanted).max() < 1.5
    assert np.abs(decode(data, "RGBA")[..., :3] - wanted).max() < 1.5


@needs_cms
@pytest.mark.parametrize("gamma", [1.8, 2.2])
@pytest.mark.parametrize("bits", [8, 16])
def test_shades_of_grey_come_to_srgb(gamma: float, bits: int) -> None:
    shades = np.arange(256, dtype=np.uint8).reshape(8, 32)
    array = shades if bits == 8 else shades.astype(np.uint16) * 257
    made = decode(encoded(array, icc_profile=icc_profiles.grey_profile(gamma)))
    assert np.abs(made[..., 1] - icc_profiles.grey_in_srgb(shades, gamma)).max() < 2
    assert np.array_equal(made[..., 0], made[..., 2])


@needs_cms
def test_transparency_stays_as_the_colours_change() -> None:
    profile = icc_profiles.rgb_profile(icc_profiles.DISPLAY_P3)
    array = noise(16, 24, 4)
    made = decode(encoded(array, icc_profile=profile), "RGBA")
    assert np.array_equal(made[..., 3], array[..., 3])
    wanted = icc_profiles.rgb_in_srgb(array[..., :3], icc_profiles.DISPLAY_P3)
    assert np.abs(made[..., :3] - wanted).max() < 1.5
    red = (255, 0, 0)  # one colour of it stands for nothing
    flat = np.full((8, 8, 3), red, np.uint8)
    made = decode(encoded(flat, icc_profile=profile, transparency=red), "RGBA")
    assert (made[..., 3] == 0).all()


@needs_cms
def test_a_palette_has_a_profile_too() -> None:
    image = Image.fromarray(noise(16, 24, 3)).quantize(32)
    out = io.BytesIO()
    image.save(out, "PNG", icc_profile=icc_profiles.rgb_profile(icc_profiles.DISPLAY_P3))
    wanted = icc_profiles.rgb_in_srgb(np.asarray(image.convert("RGB")), icc_profiles.DISPLAY_P3)
    assert np.abs(decode(out.getvalue()) - wanted).max() < 1.5


def profiles_that_change_nothing() -> dict[str, bytes]:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return {
        "sRGB": srgb,
        "no profile": b"nothing of the kind",
        "half of one": srgb[:200],
        "of grey, for colours": icc_profiles.grey_profile(1.8),
    }


@needs_cms
@pytest.mark.parametrize("name", ["sRGB", "no profile", "half of one", "of grey, for colours"])
def test_other_profiles_change_nothing(name: str) -> None:
    array = noise(16, 24, 3)
    profile = profiles_that_change_nothing()[name]
    assert np.array_equal(decode(encoded(array, icc_profile=profile)), array)


def test_a_pillow_without_profiles_shows_the_colours_as_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def is_missing(*_: object) -> None:
        raise ImportError("no littlecms")

    monkeypatch.setattr(ImageCms, "ImageCmsProfile", is_missing)
    array = noise(16, 24, 3)
    profile = icc_profiles.rgb_profile((icc_profiles.SRGB, 1.5))
    assert np.array_equal(decode(encoded(array, icc_profile=profile)), array)


@needs_cms
def test_profiles_are_applied_side_by_side() -> None:
    array = noise(64, 64, 3)
    data = {
        name: encoded(array, icc_profile=icc_profiles.rgb_profile(colours))
        for name, colours in RGB.items()
    }
    wanted = {name: icc_profiles.rgb_in_srgb(array, colours) for name, colours in RGB.items()}
    errors: list[float] = []

    def work(name: str) -> None:
        for _ in range(20):
            errors.append(float(np.abs(decode(data[name]) - wanted[name]).max()))

    threads = [threading.Thread(target=work, args=(name,)) for name in [*RGB] * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(errors) == 120
    assert max(errors) < 1.5


FRAMES = [Image.new("RGB", (24, 16), colour) for colour in ("red", "green", "blue")]


@pytest.mark.parametrize("format", ["WEBP", "PNG"])
def test_of_an_animation_the_first_frame_is_seen(format: str) -> None:
    out = io.BytesIO()
    FRAMES[0].save(out, format, save_all=True, append_images=FRAMES[1:], duration=100)
    read = EncodedImage.read(out.getvalue())
    assert read.is_animated
    assert np.abs(decode(read).astype(int) - (255, 0, 0)).max() < 12
    assert not EncodedImage.read(encoded(np.asarray(FRAMES[1]), format)).is_animated


def test_a_film_behind_a_jpeg_is_no_animation() -> None:
    out = io.BytesIO()
    FRAMES[0].save(out, "MPO", save_all=True, append_images=FRAMES[1:])
    assert not EncodedImage.read(out.getvalue()).is_animated


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from([3, 4]), st.sampled_from([1, 6]))
def test_decoding_into_an_array_gives_the_same(
    height: int, width: int, channels: int, orientation: int
) -> None:
    image = EncodedImage.read(encoded(noise(height, width, channels), exif=turned(orientation)))
    out = np.full((image.height, image.width, channels), np.nan, np.float32)
    decode_into(image, out)
    array = decode(image, "RGB" if channels == 3 else "RGBA")
    assert np.array_equal(out, array / np.float32(255))


def test_an_image_of_several_bands_is_put_together_right() -> None:
    array = noise(3 * BAND // 1000, 1001, 3)
    image = EncodedImage.read(encoded(array))
    out = np.empty(array.shape, np.float32)
    decode_into(image, out)
    assert np.array_equal(out, array / np.float32(255))
    assert np.array_equal(decode(image), array)
    with pytest.raises(ValueError, match="contiguous"):
        decode_into(image, np.empty((array.shape[0], 2002, 3), np.float32)[:, ::2])
    assert set(TURNS) == set(range(2, 9))
