"""Images in files: what goes as it is, what is converted, what is refused."""

from __future__ import annotations

import io
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, features

import icc_profiles
from venice_client.cli.inputs import Input, read_input
from venice_client.errors import InvalidRequestError
from venice_client.imaging.images import decode
from venice_client.imaging.whole_image import image_format
from venice_client.request.edit import check_pixels

needs_cms = pytest.mark.skipif(not features.check("littlecms2"), reason="Pillow without ImageCms")
CHECK = partial(check_pixels, maximum=33_177_600)
SIZE = (320, 256)


def sent_bytes(read: Input) -> bytes:
    """The bytes of an input as they leave."""
    return read.image.pack()


def picture(mode: str = "RGB") -> Image.Image:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", SIZE, "red")
    image.paste("blue", (SIZE[0] // 2, 0, *SIZE))
    return image.convert(mode)


def saved(path: Path, mode: str = "RGB", **how: Any) -> str:
    picture(mode).save(path, **how)
    return str(path)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "png-inside.tiff"])
def test_what_the_api_takes_goes_as_it_is(tmp_path: Path, name: str) -> None:
    format = {"a.jpg": "JPEG", "a.webp": "WEBP"}.get(name, "PNG")
    path = saved(tmp_path / name, format=format)

    read = read_input(path, CHECK)

    assert sent_bytes(read) == Path(path).read_bytes()
    assert read.warnings == ()


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("a.bmp", "RGB"),
        ("a.gif", "P"),
        ("a.tiff", "RGB"),
        ("a.tiff", "RGBA"),
        ("a.tiff", "CMYK"),
        ("a.ppm", "RGB"),
        ("a.tga", "RGB"),
    ],
)
def test_other_formats_are_converted_and_look_the_same(
    tmp_path: Path, name: str, mode: str
) -> None:
    path = saved(tmp_path / name, mode)

    read = read_input(path, CHECK)

    assert image_format(sent_bytes(read)) == "png"
    assert read.warnings == (f"{path} is sent as PNG.",)
    assert np.allclose(decode(sent_bytes(read)), np.asarray(picture()), atol=2)


def test_sixteen_bits_of_grey_keep_their_brightness(tmp_path: Path) -> None:
    values = np.full((256, 256), 0x8080, np.uint16)
    Image.fromarray(values).save(tmp_path / "a.tiff")

    read = read_input(str(tmp_path / "a.tiff"), CHECK)

    assert (decode(sent_bytes(read)) == 0x80).all()


def test_transparency_stays(tmp_path: Path) -> None:
    image = Image.new("P", SIZE, 0)
    image.save(tmp_path / "a.gif", transparency=0)

    read = read_input(str(tmp_path / "a.gif"), CHECK)

    assert (decode(sent_bytes(read), "RGBA")[..., 3] == 0).all()


def faded(path: Path, mode: str, alpha: int) -> str:
    """An image whose right half has this alpha."""
    image = picture().convert(mode)
    half = Image.new("L", SIZE, 255)
    half.paste(alpha, (SIZE[0] // 2, 0, *SIZE))
    image.putalpha(half)
    image.save(path, lossless=True)
    return str(path)


@pytest.mark.parametrize(
    ("name", "mode"), [("a.png", "RGB"), ("a.png", "L"), ("a.webp", "RGB"), ("a.tiff", "RGB")]
)
def test_transparency_is_left_out_where_only_colours_are_used(
    tmp_path: Path, name: str, mode: str
) -> None:
    path = faded(tmp_path / name, mode, 254)

    read = read_input(path, CHECK, only_colors=True)

    assert read.warnings == (f"{path} is sent as PNG without its transparency.",)
    with Image.open(io.BytesIO(sent_bytes(read))) as image:
        assert (image.format, image.mode) == ("PNG", mode)
    assert (decode(sent_bytes(read)) == np.asarray(picture().convert(mode).convert("RGB"))).all()


def test_a_transparent_colour_is_left_out_too(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", transparency=(255, 0, 0))

    read = read_input(path, CHECK, only_colors=True)

    assert "without its transparency" in read.warnings[0]
    assert (decode(sent_bytes(read), "RGBA")[..., 3] == 255).all()
    assert (decode(sent_bytes(read)) == np.asarray(picture())).all()


@pytest.mark.parametrize("name", ["a.png", "a.webp"])
def test_alpha_that_hides_nothing_goes_as_it_is(tmp_path: Path, name: str) -> None:
    path = faded(tmp_path / name, "RGB", 255)

    read = read_input(path, CHECK, only_colors=True)

    assert sent_bytes(read) == Path(path).read_bytes()
    assert read.warnings == ()


def test_what_is_turned_loses_its_transparency_as_well(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    image = picture("RGBA")
    image.putalpha(7)
    image.save(tmp_path / "a.png", exif=exif)

    read = read_input(str(tmp_path / "a.png"), CHECK, only_colors=True)

    (note,) = read.warnings
    assert "turned as its EXIF says, and sent as PNG without its transparency" in note
    assert decode(sent_bytes(read), "RGBA").shape == (SIZE[0], SIZE[1], 4)
    assert (decode(sent_bytes(read), "RGBA")[..., 3] == 255).all()


def test_the_first_of_several_is_taken_and_that_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    more = [Image.new("RGB", SIZE, "green")]
    picture().save(path, save_all=True, append_images=more)

    read = read_input(str(path), CHECK)

    assert read.warnings == (f"The first of 2 images in {path} is sent as PNG.",)
    assert decode(sent_bytes(read))[0, 0].tolist()[1] < 20


@pytest.mark.parametrize(("name", "sent"), [("a.jpg", "JPEG"), ("a.tiff", "PNG"), ("a.png", "PNG")])
def test_the_orientation_of_a_camera_is_honoured(tmp_path: Path, name: str, sent: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90° clockwise
    exif[0x010F] = "a camera"
    path = saved(tmp_path / name, exif=exif)

    read = read_input(path, CHECK)

    assert read.warnings == (f"{path} is turned as its EXIF says, and sent as {sent}.",)
    assert image_format(sent_bytes(read)) == sent.lower()
    array = decode(sent_bytes(read))
    assert array.shape[:2] == SIZE  # (height, width) of what was (width, height)
    assert array[0, 0].tolist()[0] > 200  # what was left is above
    assert array[-1, 0].tolist()[2] > 200
    with Image.open(io.BytesIO(sent_bytes(read))) as image:
        assert not image.getexif()


def test_reading_the_same_file_twice_gives_the_same_request(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.bmp")

    assert sent_bytes(read_input(path, CHECK)) == sent_bytes(read_input(path, CHECK))


@pytest.mark.parametrize("name", ["a.png", "a.bmp"])
def test_a_file_that_changes_before_it_is_sent_is_not_sent(tmp_path: Path, name: str) -> None:
    read = read_input(saved(tmp_path / name), CHECK)
    Image.new("RGB", SIZE, "green").save(tmp_path / name)

    with pytest.raises(InvalidRequestError, match="changed meanwhile"):
        sent_bytes(read)


def refusal(path: object) -> str:
    with pytest.raises(InvalidRequestError) as error:
        read_input(str(path), CHECK)
    text = str(error.value)
    assert "\n" not in text
    assert text.startswith(str(path))
    return text


def test_what_is_no_image_is_refused_with_its_name(tmp_path: Path) -> None:
    whole = Path(saved(tmp_path / "whole.png")).read_bytes()
    contents = {
        "empty.png": b"",
        "text.png": b"some text, no picture at all",
        "cut.png": whole[:-30],
        "damaged.png": whole[:80] + bytes(8) + whole[88:],
        "page.jpg": b"<html>",
        "drawing.eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 300 300\n",
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        assert "isn't a complete, readable image" in refusal(tmp_path / name)


def test_an_image_of_plain_numbers_is_refused(tmp_path: Path) -> None:
    Image.fromarray(np.full((256, 256), 0.5, np.float32)).save(tmp_path / "a.tiff")

    assert "isn't a complete, readable image" in refusal(tmp_path / "a.tiff")


def test_what_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    assert "No such file" in refusal(tmp_path / "missing.png")
    assert "can't be read" in refusal(tmp_path)


def test_too_few_and_too_many_pixels_are_refused(tmp_path: Path) -> None:
    Image.new("RGB", (100, 100)).save(tmp_path / "small.png")
    Image.new("1", (20_000, 10_000)).save(tmp_path / "huge.png")
    Image.new("1", (8000, 6000)).save(tmp_path / "large.bmp")

    assert "65,536" in refusal(tmp_path / "small.png")
    assert "Resize it first" in refusal(tmp_path / "huge.png")
    assert "33,177,600" in refusal(tmp_path / "large.bmp")


@pytest.mark.long
def test_what_png_makes_too_large_is_sent_as_jpeg(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (3000, 3000, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.bmp")

    read = read_input(str(tmp_path / "noise.bmp"), CHECK)

    assert image_format(sent_bytes(read)) == "jpeg"
    assert len(sent_bytes(read)) < 25_000_000
    assert read.warnings == (f"{tmp_path / 'noise.bmp'} is sent as JPEG.",)


def test_a_file_of_25_mb_is_refused(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (3000, 3000, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png", compress_level=0)

    assert "less than 25 MB" in refusal(tmp_path / "noise.png")


def colourful(path: Path, **how: Any) -> np.ndarray[Any, Any]:
    """An image of all kinds of colours in a file; its pixels as Pillow reads them."""
    array = np.random.default_rng(1).integers(0, 256, (256, 320, 3), np.uint8)
    Image.fromarray(array).save(path, **how)
    with Image.open(path) as image:
        return np.asarray(image)


P3 = icc_profiles.rgb_profile(icc_profiles.DISPLAY_P3)


@needs_cms
@pytest.mark.parametrize(
    ("name", "sent"), [("a.png", "PNG"), ("a.jpg", "JPEG"), ("a.webp", "PNG"), ("a.tiff", "PNG")]
)
def test_colours_of_another_space_are_sent_as_srgb(tmp_path: Path, name: str, sent: str) -> None:
    array = colourful(tmp_path / name, icc_profile=P3)

    read = read_input(str(tmp_path / name), CHECK)

    assert read.warnings == (f"{tmp_path / name} is converted to sRGB, and sent as {sent}.",)
    error = np.abs(
        decode(sent_bytes(read)) - icc_profiles.rgb_in_srgb(array, icc_profiles.DISPLAY_P3)
    )
    assert error.max() < 1.5 if sent == "PNG" else error.mean() < 3
    with Image.open(io.BytesIO(sent_bytes(read))) as image:
        assert "icc_profile" not in image.info


@needs_cms
def test_what_is_turned_and_of_other_colours_is_both(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    array = colourful(tmp_path / "a.png", icc_profile=P3, exif=exif)

    read = read_input(str(tmp_path / "a.png"), CHECK)

    (note,) = read.warnings
    assert "is turned as its EXIF says and converted to sRGB, and sent as PNG." in note
    wanted = icc_profiles.rgb_in_srgb(array[::-1, ::-1], icc_profiles.DISPLAY_P3)
    assert np.abs(decode(sent_bytes(read)) - wanted).max() < 1.5


@needs_cms
@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_a_profile_of_srgb_goes_as_it_is(tmp_path: Path, name: str) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    colourful(tmp_path / name, icc_profile=profile)

    read = read_input(str(tmp_path / name), CHECK)

    assert sent_bytes(read) == (tmp_path / name).read_bytes()
    assert read.warnings == ()
