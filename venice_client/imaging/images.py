"""Turn encoded images into arrays, within limits. The bytes decide, not a name or a header.

Other packs change Pillow's global settings: its limit of pixels, truncated images, the readers of
formats. This module ignores them, and changes nothing for others.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, WebPImagePlugin
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from ..errors import CHARGED, BadResponseError, InvalidRequestError
from .input_image import ImageSource, InputImage, load
from .whole_image import check_whole, describe, png_part, png_without_texts

if TYPE_CHECKING:
    from PIL.ImageCms import ImageCmsTransform

Array = npt.NDArray[np.uint8]
Mode = Literal["RGB", "RGBA"]

MAX_ENCODED_BYTES = 100 * 1024 * 1024
MAX_PIXELS = 50_000_000
"""The most pixels of an image; the API's largest have 33,177,600."""

BAND = 2**18
"""Pixels to convert and copy at a time."""

DAMAGE = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    RuntimeError,
    struct.error,
    Image.DecompressionBombError,
    Warning,
)
"""Pillow's errors for damaged files, and its warning, which another pack may make an error."""

NO_EXIF = (*DAMAGE, LookupError, TypeError, AttributeError)
"""Pillow's errors for unreadable EXIF."""

NEAREST = Image.Resampling.NEAREST
ORIENTATION = 0x0112
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""The turn for each EXIF orientation; from 5 on, width and height change places."""

CLOSE_TO_SRGB = 2
"""The most steps of 255 by which a profile that counts as sRGB differs from it."""


@dataclass(frozen=True)
class EncodedImage:
    """An image as Venice sent it: whole, within the limits, and not decoded yet.

    width, height: of the upright image, turned as its EXIF says. format: "png", "jpeg" or "webp".
    is_animated: whether it has more than one frame; only the first is decoded. has_alpha: whether
    parts of it may be transparent.
    """

    data: bytes = field(repr=False)
    width: int
    height: int
    format: str
    is_animated: bool = False
    has_alpha: bool = False

    @classmethod
    def read(cls, data: bytes) -> EncodedImage:
        """Check everything but the pixels.

        Raise BadResponseError unless `data` is an image that is whole and within the limits.
        """
        if len(data) > MAX_ENCODED_BYTES:
            raise BadResponseError(
                f"The image is {len(data) / 1e6:.0f} MB, more than any image needs. {CHARGED}"
            )
        format = check_whole(data)
        image = _open(data, format)
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise BadResponseError(
                f"The image claims {width} × {height} pixels, more than {MAX_PIXELS:,}, so it "
                f"isn't decoded. {CHARGED}"
            )
        if orientation(image) >= 5:
            width, height = height, width
        is_animated = bool(getattr(image, "is_animated", False))
        return cls(data, width, height, format, is_animated, image.has_transparency_data)


def decode(image: EncodedImage | bytes, mode: Mode = "RGB") -> Array:
    """An image as uint8 [height, width, 3 or 4], upright and in sRGB.

    Bytes are checked first, as EncodedImage.read does. Raise BadResponseError if the pixels are
    damaged.
    """
    image = EncodedImage.read(image) if isinstance(image, bytes) else image
    array = np.empty((image.height, image.width, len(mode)), np.uint8)
    _fill(array, image, mode)
    return array


def decode_into(image: EncodedImage, out: npt.NDArray[np.float32]) -> None:
    """Decode into a contiguous float32 [height, width, 3 or 4], in 0..1.

    Besides `out` and Pillow's own memory it needs none: the last quarter of `out` holds the 8-bit
    values until they become floats, from the front.
    """
    packed = np.frombuffer(out, np.uint8)[-out.size :].reshape(out.shape)
    _fill(packed, image, "RGB" if out.shape[2] == 3 else "RGBA")
    for rows in bands(image.width, image.height):
        np.divide(packed[rows], np.float32(255), out=out[rows])


def bands(width: int, height: int) -> Iterator[slice]:
    """Iterate over the rows of an image in bands of about BAND pixels."""
    rows = max(1, BAND // width)
    return (slice(y, min(y + rows, height)) for y in range(0, height, rows))


def size_of_input(source: ImageSource) -> tuple[int, int]:
    """Return the (width, height) of an image to send. Raises InvalidRequestError."""
    file = load(source)
    if isinstance(file, InputImage):
        return file.width, file.height
    try:
        image = EncodedImage.read(file)
    except BadResponseError:
        image = None
    if image is None:
        raise InvalidRequestError(
            f"The input must be a complete PNG, JPEG or WebP image of at most {MAX_PIXELS:,} "
            f"pixels ({describe(file)}).",
            "image",
        )
    return image.width, image.height


def fit_to(array: Array, width: int, height: int) -> Array:
    """Scale `array` to fit into width × height, uncropped, on black."""
    if array.shape[:2] == (height, width):
        return array
    padded = ImageOps.pad(Image.fromarray(array), (width, height), Image.Resampling.LANCZOS)
    return np.array(padded, dtype=np.uint8)


def cover(array: Array, width: int, height: int) -> Array:
    """Scale `array` to fill width × height, and crop both sides evenly."""
    if array.shape[:2] == (height, width):
        return array
    filled = ImageOps.fit(Image.fromarray(array), (width, height), Image.Resampling.LANCZOS)
    return np.array(filled, dtype=np.uint8)


def stretch(array: Array, width: int, height: int) -> Array:
    """Stretch `array` to width × height."""
    if array.shape[:2] == (height, width):
        return array
    scaled = Image.fromarray(array).resize((width, height), Image.Resampling.LANCZOS)
    return np.array(scaled, dtype=np.uint8)


def open_image(data: bytes, format: str) -> ImageFile:
    """Open a PNG, JPEG or WebP with Pillow, which reads its head. Raises one of DAMAGE.

    If Pillow refuses the texts of a PNG, open it without them.
    """
    if format == "webp":
        if not WebPImagePlugin.SUPPORTED:
            raise OSError("this Pillow is built without WebP")
        return WebPImagePlugin.WebPImageFile(_HeadInPieces(data))
    if format == "jpeg":
        return _Jpeg(io.BytesIO(data))
    try:
        image = PngImageFile(io.BytesIO(data))
    except DAMAGE:
        if (bare := png_without_texts(data)) == data:
            raise
        return PngImageFile(io.BytesIO(bare))
    if exif := png_part(data, b"eXIf"):
        image.info.setdefault("exif", b"Exif\0\0" + exif)  # it may follow the pixels
    return image


class _HeadInPieces(io.BytesIO):
    """A file that returns its first bytes in pieces.

    Given a whole head, Pillow 13 compares the size of a WebP with its own limit.
    """

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(size if size is None or size < 0 else min(size, 16))


class _Jpeg(JpegImageFile):
    """A JPEG that ignores damaged EXIF, which the constructor reads too."""

    def getexif(self) -> Image.Exif:
        try:
            return super().getexif()
        except NO_EXIF:
            return Image.Exif()


def orientation(image: Image.Image) -> int:
    """Return the EXIF orientation; 1, upright, if there is none."""
    if image.format == "PNG" and not {"exif", "Raw profile type exif"} & image.info.keys():
        return 1  # else Pillow would decode all of it, to look behind the pixels
    try:
        found = int(image.getexif().get(ORIENTATION, 1))
    except NO_EXIF:
        return 1
    return found if found in TURNS else 1


def upright(image: Image.Image) -> Image.Image:
    """Decode `image` and turn it as its EXIF says."""
    image.load()  # which turns a TIFF by itself
    turn = TURNS.get(orientation(image))
    return image if turn is None else image.transpose(turn)


def plain(image: Image.Image) -> Image.Image:
    """Convert `image` to sRGB, as L, LA, RGB or RGBA.

    Pillow alone would take the low byte of 16-bit gray, and warn of a palette with transparency.
    Raises ValueError for plain numbers, which have no white.
    """
    if image.mode == "F":
        raise ValueError("its pixels are numbers, not colors")
    if image.mode.startswith("I"):
        gray = Image.fromarray((np.asarray(image, dtype=np.uint32) // 257).astype(np.uint8))
        gray.info = image.info
        image = gray
    elif "transparency" in image.info or image.mode in ("PA", "La", "RGBa"):
        image = image.convert("RGBA")
    elif image.mode not in ("L", "LA", "RGB", "RGBA", "CMYK"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    if transform := to_srgb(image):
        alpha = image.getchannel("A") if "A" in image.getbands() else None
        image = transform.apply(image.convert(transform.input_mode))
        if alpha:
            image.putalpha(alpha)
    elif image.mode == "CMYK":
        image = image.convert("RGB")
    else:
        return image
    image.info.pop("icc_profile", None)
    return image


def to_srgb(image: Image.Image) -> ImageCmsTransform | None:
    """Return the transform from the colors of `image` to sRGB; None if they're sRGB already.

    It takes its `input_mode` and returns RGB.
    """
    mode = "CMYK" if image.mode == "CMYK" else "L" if image.mode[0] in "L1I" else "RGB"
    profile = image.info.get("icc_profile")
    return _transform(profile, mode) if profile else None


@lru_cache(maxsize=4)
def _transform(profile: bytes, mode: str) -> ImageCmsTransform | None:
    """Return the transform from an ICC profile to sRGB.

    None if it would change next to nothing, if the profile is damaged or for other colors, and
    without ImageCms in this Pillow.
    """
    from PIL import ImageCms  # late, since few images need it

    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        srgb = ImageCms.createProfile("sRGB")
        transform = ImageCms.buildTransform(source, srgb, mode, "RGB")
    except (ImageCms.PyCMSError, ImportError, *DAMAGE):
        return None
    if mode == "CMYK":
        return transform
    steps = np.linspace(0, 255, 6 if mode == "RGB" else 256).astype(np.uint8)
    colors = np.stack(np.meshgrid(*[steps] * len(mode)), axis=-1).reshape(1, -1, len(mode))
    probe = Image.fromarray(colors if mode == "RGB" else colors[..., 0])
    made = np.asarray(transform.apply(probe), dtype=np.int16)
    is_close = np.abs(made - np.asarray(probe.convert("RGB"))).max() <= CLOSE_TO_SRGB
    return None if is_close else transform


def _open(data: bytes, format: str) -> ImageFile:
    try:
        return open_image(data, format)
    except DAMAGE as error:
        raise BadResponseError(
            f"The {format.upper()} image can't be read ({error}). {CHARGED}"
        ) from None


def _pixels(image: ImageFile, data: bytes) -> Image.Image:
    """Decode the image. Raises one of DAMAGE unless all of its pixels are there.

    `ImageFile.load` would fill in missing ones if another pack tells it to.
    """
    if image.format == "WEBP":  # whose own decoder is strict
        image.load()
        return image
    if not image.tile:
        raise ValueError("it has no pixels")
    codec, _, _, arguments = image.tile[0]
    arguments = arguments if isinstance(arguments, tuple) else (arguments,)
    if isinstance(image, PngImageFile):
        data = png_part(data, b"IDAT")
        arguments = (*arguments, int(bool(image.info.get("interlace"))))
    decoded = Image.frombytes(image.mode, image.size, data, codec, *arguments)
    decoded.palette, decoded.info = image.palette, image.info
    return decoded


def _fill(out: Array, image: EncodedImage, mode: Mode) -> None:
    """Decode into `out` in bands, without a second copy of the whole."""
    try:
        opened = _open(image.data, image.format)
        turn = TURNS.get(orientation(opened))
        pixels = _pixels(opened, image.data)
        pixels = pixels if turn is None else pixels.transpose(turn)
        if pixels.size != (image.width, image.height):
            raise ValueError("its size changes")
        for rows in bands(image.width, image.height):
            box = (0, rows.start, image.width, rows.stop)
            # It cuts out as `crop` does, which would look at Pillow's own limit.
            band = pixels.resize((image.width, rows.stop - rows.start), NEAREST, box)
            out[rows] = np.asarray(plain(band).convert(mode))
    except DAMAGE as error:
        raise BadResponseError(
            f"The image is damaged and can't be decoded ({error}). {CHARGED}"
        ) from None
