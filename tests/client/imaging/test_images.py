"""Encoded images to pixels: every format and mode, and whatever else may come instead."""

from __future__ import annotations

import io
import random
import struct
import threading
import time
import warnings
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFile

from venice_client.errors import BadResponseError
from venice_client.imaging import images

FORMATS = ("PNG", "JPEG", "WEBP")


def picture(width: int = 48, height: int = 32) -> Image.Image:
    """A smooth gradient with some noise, so that no format packs it into nothing."""
    across = np.linspace(0, 255, width, dtype=np.uint8)[None, :].repeat(height, 0)
    down = np.linspace(0, 255, height, dtype=np.uint8)[:, None].repeat(width, 1)
    noise = np.random.default_rng(7).integers(0, 255, (height, width), dtype=np.uint8)
    return Image.fromarray(np.stack([across, down, noise], axis=2))


def encoded(image: Image.Image, format: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def claiming(width: int, height: int) -> bytes:
    """A small PNG whose head claims that size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(10_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.fixture(params=[False, True], ids=["strict Pillow", "lenient Pillow"])
def lenient(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other packs set this switch for the whole process; cut files then decode to grey."""
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", request.param)


@pytest.mark.parametrize("format", FORMATS)
def test_decodes_what_was_encoded(format: str) -> None:
    options = {"lossless": True} if format == "WEBP" else {}
    data = encoded(picture(), format, **options)

    array = images.decode(data)

    read = images.EncodedImage.read(data)
    assert read == images.EncodedImage(data, 48, 32, format.lower())
    assert (array.shape, array.dtype) == ((32, 48, 3), np.uint8)
    if format != "JPEG":
        assert np.array_equal(array, np.array(picture()))


@pytest.mark.usefixtures("lenient")
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"with_thumbnail": True}])
@pytest.mark.parametrize("format", FORMATS)
def test_a_cut_file_is_an_error_wherever_it_is_cut(format: str, options: dict[str, bool]) -> None:
    if options and format != "JPEG":
        pytest.skip("only JPEG has these")
    image = picture(64, 64)
    if "with_thumbnail" in options:
        exif = Image.Exif()
        exif[0x010E] = "\xff\xd9"
        thumbnail = encoded(picture(16, 16), "JPEG")
        data = encoded(image, format, exif=exif, comment=thumbnail)
    else:
        data = encoded(image, format, **options)
    lengths = sorted({*range(1, 64), *range(64, len(data), 37), len(data) - 8, len(data) - 2})
    for length in lengths:
        with pytest.raises(BadResponseError) as caught:
            images.decode(data[:length])
        assert "may have been charged" in str(caught.value)


@pytest.mark.parametrize("behind", [bytes(3), b"\xff\xd9" * 500, b"<html>" * 100_000])
@pytest.mark.parametrize("format", FORMATS)
def test_what_comes_after_the_end_does_no_harm(format: str, behind: bytes) -> None:
    data = encoded(picture(), format)
    assert np.array_equal(images.decode(data + behind), images.decode(data))


@pytest.mark.parametrize("format", ["GIF", "BMP", "TIFF"])
def test_a_format_that_the_api_does_not_have_is_no_image(format: str) -> None:
    with pytest.raises(BadResponseError, match=r"isn't a readable image .*bytes starting with"):
        images.decode(encoded(picture(), format))


def with_chunk(png: bytes, kind: bytes, data: bytes, is_right: bool = True, at: int = 33) -> bytes:
    """A PNG with one more chunk, behind its head by default."""
    checksum = zlib.crc32(kind + data) ^ (not is_right)
    return (
        png[:at]
        + struct.pack(">I", len(data))
        + kind
        + data
        + struct.pack(">I", checksum)
        + png[at:]
    )


def test_texts_that_pillow_does_not_take_cost_no_image() -> None:
    png = encoded(picture(), "PNG")
    for odd in (
        with_chunk(png, b"tEXt", b"a\0b", is_right=False),
        with_chunk(png, b"zTXt", b"a\0\0" + zlib.compress(bytes(5_000_000))),
        with_chunk(png, b"iCCP", b"a\0\0" + zlib.compress(bytes(5_000_000))),
        with_chunk(png, b"iCCP", b"a\0\7"),
        with_chunk(png, b"eXIf", b"odd", is_right=False),
        with_chunk(png, b"eXIf", b"odd"),
    ):
        assert np.array_equal(images.decode(odd), np.array(picture()))
    for bad in (
        with_chunk(png, b"ABCD", b"", is_right=False),
        with_chunk(png, b"tRNS", b"", False),
    ):
        with pytest.raises(BadResponseError, match="checksum"):
            images.decode(bad)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "it is empty"),
        (b"<html><body>502</body></html>", "a web page"),
        (b"\n <!doctype html>", "a web page"),
        (b'{"error":"no"}', "14 bytes starting with"),
        (b"RIFF\x04\x00\x00\x00WAVE", "12 bytes starting with"),
        (b"%PDF-1.7", "8 bytes starting with"),
        (bytes(100), "100 bytes starting with"),
    ],
)
def test_what_is_no_image_is_named(data: bytes, said: str) -> None:
    with pytest.raises(BadResponseError, match=said) as caught:
        images.decode(data)
    assert "may have been charged" in str(caught.value)


@pytest.mark.parametrize("side", [7_072, 20_000, 2**31 - 1])
def test_an_image_that_claims_too_many_pixels_is_not_decoded(
    side: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for pillows_own_limit in (Image.MAX_IMAGE_PIXELS, None, 1_000_000):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", pillows_own_limit)
        with pytest.raises(BadResponseError, match=r"pixels|limit"):
            images.decode(claiming(side, side))


def test_too_many_bytes_are_not_looked_into(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAX_ENCODED_BYTES", 100)
    with pytest.raises(BadResponseError, match="more than any image needs"):
        images.decode(encoded(picture(), "PNG"))


def with_more_scans(jpeg: bytes, more: int, between: bytes = b"") -> bytes:
    """A progressive JPEG whose last scan comes `more` times again, which changes nothing in it."""
    last, end = jpeg.rindex(b"\xff\xda"), jpeg.rindex(b"\xff\xd9")
    return jpeg[:end] + (between + jpeg[last:end]) * more + jpeg[end:]


@pytest.mark.parametrize("hidden_end", [b"", b"\xff\xfe\x00\x04\xff\xd9"])
def test_a_jpeg_of_very_many_scans_is_not_decoded(hidden_end: bytes) -> None:
    """Each scan is a few bytes, and goes over all pixels; a comment may hold what looks like an
    end."""
    plain = encoded(Image.new("RGB", (3000, 3000), (10, 20, 30)), "JPEG", progressive=True)
    bomb = with_more_scans(plain, 20_000, hidden_end)
    began = time.thread_time()
    for look in (images.EncodedImage.read, images.decode):
        with pytest.raises(BadResponseError, match=r"over 100 scans.*may have been charged"):
            look(bomb)
    assert time.thread_time() - began < 5, "decoding it would take minutes"
    assert np.array_equal(images.decode(with_more_scans(plain, 50)), images.decode(plain))


def test_very_many_segments_between_scans_are_not_decoded() -> None:
    jpeg = encoded(picture(), "JPEG", progressive=True)
    with pytest.raises(BadResponseError, match="scans"):
        images.decode(with_more_scans(jpeg, 1, b"\xff\xfe\x00\x02" * 1_000_000))


def test_what_looks_like_scans_behind_the_end_is_none() -> None:
    """Phones put a film there."""
    jpeg = encoded(picture(), "JPEG")
    assert np.array_equal(images.decode(jpeg + b"\xff\xda\0\x0c" * 5000), images.decode(jpeg))


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}])
def test_noise_in_a_jpeg_is_not_taken_for_scans(options: dict[str, Any]) -> None:
    noise = np.random.default_rng(3).integers(0, 255, (700, 700, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), "JPEG", quality=95, **options)
    assert images.decode(data).shape == (700, 700, 3)


def test_sixteen_bits_of_grey_keep_their_shades() -> None:
    shades = np.linspace(0, 65535, 256).astype(np.uint16)[None, :].repeat(4, 0)
    array = images.decode(encoded(Image.fromarray(shades), "PNG"))
    wanted = (shades / 257).round()
    assert np.abs(array[..., 0] - wanted).max() <= 1
    assert np.array_equal(array[..., 0], array[..., 2])


def test_grey_palette_and_single_bits_become_colours() -> None:
    grey = picture().convert("L")
    for image in (grey, grey.convert("1"), picture().quantize(16), grey.convert("LA")):
        array = images.decode(encoded(image, "PNG"))
        assert np.array_equal(array, np.array(image.convert("RGB")))


def test_transparency_is_dropped_or_kept_as_asked() -> None:
    image = picture().convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    for format in ("PNG", "WEBP"):
        data = encoded(
            image, format, **({"lossless": True, "exact": True} if format == "WEBP" else {})
        )
        assert np.array_equal(images.decode(data), np.array(picture()))
        assert np.array_equal(images.decode(data, "RGBA"), np.array(image))


def test_a_palette_with_transparency() -> None:
    image = picture().quantize(16)
    data = encoded(image, "PNG", transparency=bytes(range(0, 256, 16)))
    assert np.array_equal(images.decode(data), np.array(image.convert("RGB")))
    assert images.decode(data, "RGBA")[..., 3].min() < 255


def test_ink_becomes_light() -> None:
    data = encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG")
    red, green, blue = images.decode(data)[8, 8]
    assert red > 200
    assert green < 60
    assert blue < 60


@pytest.mark.usefixtures("lenient")
def test_no_damage_ends_in_anything_but_a_bad_answer() -> None:
    chance = random.Random(7)
    for format in FORMATS:
        whole = encoded(picture(), format)
        for _ in range(400):
            data = bytearray(whole)
            for _ in range(chance.choice([1, 3, 20])):
                data[chance.randrange(len(data))] = chance.randrange(256)
            try:
                array = images.decode(bytes(data))
            except BadResponseError:
                continue
            assert array.ndim == 3
            assert array.size <= images.MAX_PIXELS * 3


def test_decoding_side_by_side_leaves_the_warnings_of_the_process_alone() -> None:
    data = encoded(picture(256, 256), "PNG")
    before = list(warnings.filters)

    def work() -> None:
        for _ in range(50):
            images.decode(data)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(warnings.filters) == before


def test_fitting_to_the_first_cuts_nothing_off() -> None:
    white = np.full((10, 40, 3), 255, np.uint8)
    fitted = images.fit_to(white, 20, 20)
    assert fitted.shape == (20, 20, 3)
    assert fitted[10, 0].min() == 255
    assert fitted[10, 19].min() == 255
    assert fitted[0].max() == 0


def test_what_has_the_size_already_is_the_same_array() -> None:
    array = np.zeros((4, 6, 3), np.uint8)
    assert images.fit_to(array, 6, 4) is array
