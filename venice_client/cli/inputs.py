"""Pictures in files, as the API takes them: PNG, JPEG or WebP, upright."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from ..errors import BadResponseError, InvalidRequestError
from ..images import DAMAGE, MAX_ENCODED_BYTES, MAX_PIXELS, decode, image_format
from ..request.pictures import MAX_INPUT_BYTES
from .files import path_from

CONVERTIBLE = ("BMP", "DIB", "GIF", "ICO", "JPEG2000", "PCX", "PPM", "QOI", "SGI", "TGA", "TIFF")
CONVERTIBLE_WHERE_BUILT_IN = ("AVIF",)
"""Formats that Pillow reads by itself; for some others it would start a program."""

ORIENTATION = 0x0112
UPRIGHT = 1
PLAIN_MODES = ("1", "L", "LA", "RGB", "RGBA")
LOSSY_QUALITY = 95


@dataclass(frozen=True)
class Input:
    """A picture from a file.

    name: as it was given. data: encoded, as it is sent. notes: how it was changed for that.
    """

    name: str
    path: Path
    data: bytes
    notes: tuple[str, ...] = ()


def read_input(name: str, check: Callable[..., None], only_colours: bool = False) -> Input:
    """The picture in a file. A whole PNG, JPEG or WebP that is upright goes as it is.

    check: refuses a width and height that the endpoint does not take; `what` names the file.
    only_colours: leaves its transparency out, as the nodes do where an endpoint has no use for it.
    Raises InvalidRequestError, with the file's name, for what cannot be read or sent.
    """
    path = path_from(name)
    data = _bytes_of(path, name)
    own = image_format(data)
    image = _open(data, own, name)
    check(*image.size, what=name)
    if own:
        _check_whole(data, name)
    is_turned = not _is_upright(image, name)
    is_faded = only_colours and _is_transparent(image, name)
    note = ""
    if own is None or is_turned or is_faded:
        data, note = _converted(image, own, name, is_turned, is_faded)
    if len(data) >= MAX_INPUT_BYTES:
        raise InvalidRequestError(
            f"{name} has {len(data) / 1e6:.1f} MB, and Venice takes less than "
            f"{MAX_INPUT_BYTES / 1e6:.0f} MB: make it smaller.",
            "image",
        )
    return Input(name, path, data, (note,) if note else ())


def _converted(
    image: Image.Image, own: str | None, name: str, is_turned: bool, is_faded: bool
) -> tuple[bytes, str]:
    """The picture encoded anew, upright and without what is to be left out, and a note of that."""
    parts = 1 if own == "jpeg" else getattr(image, "n_frames", 1)
    which = f"The first of {parts} pictures in {name}" if parts > 1 else name
    plain = _loaded(image, name)
    if is_faded:
        plain = plain.convert(plain.mode.removesuffix("A"))
    data, sent_as = _encoded(plain, "JPEG" if own == "jpeg" else "PNG")
    how = "is turned as its EXIF says, and sent as" if is_turned else "is sent as"
    without = ", without its transparency: only its colours are used" if is_faded else ""
    return data, f"{which} {how} {sent_as}{without}."


def _bytes_of(path: Path, name: str) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_ENCODED_BYTES + 1)
    except OSError as error:
        raise InvalidRequestError(f"{name} cannot be read ({error.strerror}).", "image") from None
    if len(data) > MAX_ENCODED_BYTES:
        raise InvalidRequestError(
            f"{name} has more than {MAX_ENCODED_BYTES >> 20} MiB: make it smaller.", "image"
        )
    return data


def _open(data: bytes, own: str | None, name: str) -> Image.Image:
    """The picture, its head read. A JPEG stays one also where a phone has put more behind it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data), formats=[own.upper()] if own else _formats())
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_large(name) from None
    except DAMAGE:
        raise _unreadable(name) from None
    if image.width * image.height > MAX_PIXELS:
        raise _too_large(name)
    return image


def _is_upright(image: Image.Image, name: str) -> bool:
    try:
        return bool(image.getexif().get(ORIENTATION, UPRIGHT) == UPRIGHT)
    except DAMAGE:
        raise _unreadable(name) from None


def _is_transparent(image: Image.Image, name: str) -> bool:
    """Whether any of it can be seen through."""
    if "A" not in image.getbands() and "transparency" not in image.info:
        return False
    plain = _loaded(image, name)
    return "A" in plain.getbands() and plain.getchannel("A").getextrema() != (255, 255)


def _formats() -> list[str]:
    Image.init()
    return [name for name in (*CONVERTIBLE, *CONVERTIBLE_WHERE_BUILT_IN) if name in Image.OPEN]


def _loaded(image: Image.Image, name: str) -> Image.Image:
    """The picture upright, in a mode that every format can hold."""
    try:
        image = ImageOps.exif_transpose(image)
        if image.mode in PLAIN_MODES and "transparency" not in image.info:
            return image
        if image.mode.startswith("I"):  # 16 bits, of which convert() would take the low ones
            return Image.fromarray((np.asarray(image, np.uint32) // 257).astype(np.uint8))
        if image.mode == "F":  # numbers, of which nobody says what is black and what is white
            raise _unreadable(name)
        has_alpha = "transparency" in image.info or "A" in image.getbands()
        plain = image.convert("RGBA" if has_alpha else "RGB")
    except DAMAGE:
        raise _unreadable(name) from None
    if image.mode != "P":
        plain.info.pop("icc_profile", None)  # which was for other colours
    return plain


def _encoded(image: Image.Image, format: str) -> tuple[bytes, str]:
    """The picture in `format`, and its name; lossy only where PNG would be too large to send."""
    for name in (format, "WEBP" if "A" in image.getbands() else "JPEG"):
        out = io.BytesIO()
        how = {} if name == "PNG" else {"quality": LOSSY_QUALITY, "subsampling": 0}
        profile = image.info.get("icc_profile")
        image.save(out, name, exif=b"", icc_profile=profile, **how)
        if out.tell() < MAX_INPUT_BYTES:
            break
    return out.getvalue(), "WebP" if name == "WEBP" else name


def _check_whole(data: bytes, name: str) -> None:
    """Refuses a damaged file here, rather than have it refused, or misread, for money."""
    try:
        decode(data)
    except BadResponseError:
        raise _unreadable(name) from None


def _too_large(name: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"{name} has more than {MAX_PIXELS:,} pixels: make it smaller.", "image"
    )


def _unreadable(name: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"{name} is no whole picture that can be read here: save it as PNG, JPEG or WebP first.",
        "image",
    )
