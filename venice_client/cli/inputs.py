"""Read image files as the API accepts them: PNG, JPEG or WebP, upright and in sRGB."""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from ..errors import BadResponseError, InvalidRequestError
from ..imaging.images import (
    DAMAGE,
    MAX_ENCODED_BYTES,
    MAX_PIXELS,
    TURNS,
    decode,
    open_image,
    orientation,
    plain,
    size_of_input,
    to_srgb,
    upright,
)
from ..imaging.input_image import InputImage
from ..imaging.whole_image import image_format
from ..request.checks import MAX_INPUT_BYTES
from .files import path_from

CONVERTIBLE = ("BMP", "DIB", "GIF", "ICO", "JPEG2000", "PCX", "PPM", "QOI", "SGI", "TGA", "TIFF")
CONVERTIBLE_WHERE_BUILT_IN = ("AVIF", "HEIF")
"""Formats that Pillow reads without starting a program."""

LOSSY_QUALITY = 95


@dataclass(frozen=True)
class Input:
    """An image from a file, read again when sent, since hundreds don't fit into memory.

    name: as typed. warnings: the changes before sending.
    """

    name: str
    path: Path
    image: InputImage
    warnings: tuple[str, ...] = ()


def read_input(name: str, check: Callable[..., None], only_colors: bool = False) -> Input:
    """Return the image in a file; a complete, upright sRGB PNG, JPEG or WebP unchanged.

    check: raises for a width and height that the endpoint doesn't accept; `what` names the file.
    only_colors: leaves its transparency out, as the nodes do if an endpoint has no use for it.
    Raises InvalidRequestError, with the file's name, if it can't be read or sent.
    """
    path = path_from(name)
    data, warnings = _read(path, name, check, only_colors)
    identity = hashlib.sha256(data).hexdigest()

    def pack() -> bytes:
        again = _bytes_of(path, name)
        if warnings:  # it was converted
            again, _ = _read(path, name, check, only_colors)
        if hashlib.sha256(again).hexdigest() != identity:
            raise InvalidRequestError(f"Not sent. {name} changed meanwhile.", "image")
        return again

    return Input(name, path, InputImage(identity, *size_of_input(data), pack), warnings)


def _read(
    path: Path, name: str, check: Callable[..., None], only_colors: bool
) -> tuple[bytes, tuple[str, ...]]:
    """Return the bytes to send, and warnings."""
    data = _bytes_of(path, name)
    own = image_format(data)
    image = _open(data, own, name)
    check(*image.size, what=name)
    if own:
        _check_whole(data, name)
    done = ["turned as its EXIF says"] if orientation(image) in TURNS else []
    done += ["converted to sRGB"] if to_srgb(image) else []
    is_faded = only_colors and _is_transparent(image, name)
    warning = ""
    if own is None or done or is_faded:
        data, warning = _converted(image, own, name, done, is_faded)
    if len(data) >= MAX_INPUT_BYTES:
        raise InvalidRequestError(
            f"{name} is {len(data) / 1e6:.1f} MB; Venice accepts less than "
            f"{MAX_INPUT_BYTES / 1e6:.0f} MB. Resize it first.",
            "image",
        )
    return data, (warning,) if warning else ()


def _converted(
    image: Image.Image, own: str | None, name: str, done: Sequence[str], is_faded: bool
) -> tuple[bytes, str]:
    """Encode the image again, upright and in an accepted form; return it and a warning.

    done: the change, in words.
    """
    parts = 1 if own == "jpeg" else getattr(image, "n_frames", 1)
    which = f"The first of {parts} images in {name}" if parts > 1 else name
    loaded = _loaded(image, name)
    if is_faded:
        loaded = loaded.convert(loaded.mode.removesuffix("A"))
    data, sent_as = _encoded(loaded, "JPEG" if own == "jpeg" else "PNG")
    how = f"is {' and '.join(done)}, and sent as" if done else "is sent as"
    without = " without its transparency" if is_faded else ""
    return data, f"{which} {how} {sent_as}{without}."


def _bytes_of(path: Path, name: str) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_ENCODED_BYTES + 1)
    except OSError as error:
        raise InvalidRequestError(f"{name} can't be read ({error.strerror}).", "image") from None
    if len(data) > MAX_ENCODED_BYTES:
        raise InvalidRequestError(
            f"{name} is larger than {MAX_ENCODED_BYTES / 1e6:.0f} MB. Resize it first.", "image"
        )
    return data


def _open(data: bytes, own: str | None, name: str) -> Image.Image:
    """Open the image and read its head. A JPEG stays one even if a phone appended data."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image: Image.Image
            if own:
                image = open_image(data, own)
            else:
                image = Image.open(io.BytesIO(data), formats=_formats())
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_large(name) from None
    except (BadResponseError, *DAMAGE):
        raise _unreadable(name) from None
    if image.width * image.height > MAX_PIXELS:
        raise _too_large(name)
    return image


def _is_transparent(image: Image.Image, name: str) -> bool:
    """Whether any part is transparent."""
    if "A" not in image.getbands() and "transparency" not in image.info:
        return False
    loaded = _loaded(image, name)
    return "A" in loaded.getbands() and loaded.getchannel("A").getextrema() != (255, 255)


def _formats() -> list[str]:
    Image.init()
    return [name for name in (*CONVERTIBLE, *CONVERTIBLE_WHERE_BUILT_IN) if name in Image.OPEN]


def _loaded(image: Image.Image, name: str) -> Image.Image:
    """Return the image upright and in sRGB, in a mode for every format."""
    try:
        return plain(upright(image))
    except DAMAGE:
        raise _unreadable(name) from None


def _encoded(image: Image.Image, format: str) -> tuple[bytes, str]:
    """Encode the image in `format`, lossy only if PNG is too large; return it and its name."""
    for name in (format, "WEBP" if "A" in image.getbands() else "JPEG"):
        out = io.BytesIO()
        how = {} if name == "PNG" else {"quality": LOSSY_QUALITY, "subsampling": 0}
        profile = image.info.get("icc_profile")
        image.save(out, name, exif=b"", icc_profile=profile, **how)
        if out.tell() < MAX_INPUT_BYTES:
            break
    return out.getvalue(), "WebP" if name == "WEBP" else name


def _check_whole(data: bytes, name: str) -> None:
    """Raise InvalidRequestError if the file is damaged: Venice may charge for it."""
    try:
        decode(data)
    except BadResponseError:
        raise _unreadable(name) from None


def _too_large(name: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"{name} has more than {MAX_PIXELS:,} pixels. Resize it first.", "image"
    )


def _unreadable(name: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"{name} isn't a complete, readable image. Save it as PNG, JPEG or WebP.",
        "image",
    )
