"""An edit that changes only what its mask covers.

Models answer in their own ratios, and nobody knows what they do with an image of another ratio:
they may crop, squash or pad it. Under a mask the edit must line up, so the image is padded to the
expected ratio by repeating its edges (`masks.Frame`). The answer is stretched to that frame, cut
to the image, and put under the feathered mask.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from ..catalogue.model import Model
from ..catalogue.sizing import is_other_ratio
from ..errors import BadResponseError, InvalidRequestError, MaybeChargedError
from ..imaging.encoding import input_image
from ..imaging.images import Array, EncodedImage, Mode, bands, decode, open_image, orientation
from ..imaging.input_image import InputFile, InputImage
from ..imaging.masks import (
    BY_THICKNESS,
    MAX_PIXELS,
    Floats,
    Frame,
    feathered,
    fit_mask,
    grown,
    put_back,
)
from ..imaging.whole_image import image_format
from .checks import MAX_EDIT_PIXELS, MAX_INPUT_BYTES, check_range

EMPTY = "The mask is empty, so the image is returned unchanged, for free."


@dataclass(frozen=True)
class MaskLayout:
    """The alignment of a masked edit with its image.

    frame: what is sent around the image. is_mask_sent: whether the mask goes with it, as the last
    image. warning: why it doesn't, or "".
    """

    frame: Frame
    is_mask_sent: bool
    warning: str = ""

    def shift(self, width: int, height: int) -> str:
        """A warning if an answer of this size can't line up, or ""."""
        whole_width, whole_height = self.frame.whole
        if not is_other_ratio(width, height, whole_width / whole_height):
            return ""
        return (
            f"stretched from {width} × {height} to {whole_width} × {whole_height}, since the model "
            "used another ratio. The edit may be shifted under the mask"
        )


@dataclass(frozen=True)
class MaskedEdit:
    """The image of an edit, and its mask: white where to change. Both stay encoded, to save memory.

    grow, feather: in pixels of the image. layout: None if nothing is to be changed.
    """

    image: InputFile
    mask: InputFile
    grow: int = 0
    feather: int = BY_THICKNESS
    layout: MaskLayout | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to be changed."""
        return self.layout is None

    def check(self) -> tuple[int, int, bool]:
        """Return width and height, and whether anything is to be changed.

        Reads all pixels, so that nothing is paid that couldn't be put back. Raises
        InvalidRequestError.
        """
        check_range("grow_mask", self.grow, -MAX_PIXELS, MAX_PIXELS)
        check_range("feather", self.feather, BY_THICKNESS, MAX_PIXELS)
        height, width = _pixels(self.image, "RGB", "image").shape[:2]
        return width, height, bool((self._grown(width, height) > 0).any())

    def laid_out(self, layout: MaskLayout) -> MaskedEdit:
        """The same, with something to be changed."""
        return replace(self, layout=layout)

    def to_send(self, layers: tuple[InputFile, ...]) -> tuple[tuple[InputFile, ...], list[str]]:
        """The images to send, with `layers` in between, and warnings."""
        assert self.layout is not None, "something is to be changed"
        frame, notes, sent = self.layout.frame, [self.layout.warning], [self.image, *layers]
        if frame.is_needed or _is_turned(self.image):
            sent[0], note = input_image(
                lambda: frame.around(_pixels(self.image, "RGB", "image")), MAX_INPUT_BYTES
            )
            notes.append(note)
        if self.layout.is_mask_sent:
            layer, note = input_image(lambda: self._layer(frame), MAX_INPUT_BYTES)
            sent.append(layer)
            notes.append(note)
        return tuple(sent), [note for note in notes if note]

    def put_back(self, edit: EncodedImage | None) -> EncodedImage:
        """The image as a PNG with `edit` under the mask; unchanged without an edit.

        Every pixel outside the mask stays bit for bit as it is. Raises BadResponseError if the
        edit is damaged, and MaybeChargedError if the image can no longer be read.
        """
        answer = None if edit is None or self.layout is None else decode(edit, "RGB")
        try:
            result = _pixels(self.image, "RGBA", "image")
            share = None if answer is None else self._share(result)
        except InvalidRequestError as error:
            if edit is None:
                raise
            raise MaybeChargedError(
                "The image or its mask changed while Venice edited it, so the edit can't be "
                "combined with it. Restore the file and run again; the edit is saved."
                f"\n{error}"
            ) from None
        if answer is not None and share is not None and self.layout is not None:
            _blend(result, self.layout.frame.cut_out(answer), share)
        return EncodedImage.read(_png(result))

    def _share(self, image: Array) -> Floats:
        height, width = image.shape[:2]
        return feathered(self._grown(width, height), self.feather)

    def _grown(self, width: int, height: int) -> Floats:
        """The mask [H, W] in the image's size."""
        pixels = _pixels(self.mask, "RGBA", "mask")
        gray = pixels[..., 0].astype(np.float32)
        is_gray = (pixels[..., 0] == pixels[..., 1]) & (pixels[..., 1] == pixels[..., 2])
        if not is_gray.all():
            colors = pixels[..., :3].astype(np.float32)
            mixed = colors @ np.array([0.299, 0.587, 0.114], np.float32)
            gray = np.where(is_gray, gray, mixed)  # gray stays exact
        share = gray * pixels[..., 3] / np.float32(255**2)
        return grown(fit_mask(share, height, width), self.grow)

    def _layer(self, frame: Frame) -> Array:
        """The mask as an image to send, black over the frame."""
        framed = frame.around_mask(self._grown(frame.width, frame.height))
        return np.repeat(np.rint(framed * 255).astype(np.uint8)[..., None], 3, axis=2)


def lay_out(width: int, height: int, ratio: float, why_not: str) -> MaskLayout:
    """The layout of an edit of an image of width × height.

    ratio: of the answer. why_not: why the mask isn't sent, or "". Raises InvalidRequestError if
    the frame is larger than Venice accepts.
    """
    frame = Frame.of_ratio(width, height, ratio)
    pixels = frame.whole[0] * frame.whole[1]
    if pixels > MAX_EDIT_PIXELS:
        raise InvalidRequestError(
            f"With a mask, the image is padded to the output aspect ratio. That makes it "
            f"{frame.whole[0]} × {frame.whole[1]} = {pixels:,} pixels, above Venice's limit of "
            f"{MAX_EDIT_PIXELS:,}. Resize it, or choose an aspect_ratio closer to its own.",
            "image",
        )
    return MaskLayout(frame, not why_not, why_not)


def why_not_sent(images: int, model: Model) -> str:
    """Return why a mask can't be sent with this many images, or ""."""
    maximum = model.max_input_images
    if maximum is not None and images < maximum:
        return ""
    whole = "The model edits the whole image; the result takes only the masked area."
    if maximum is None:
        return f"{model.id} might not accept a mask as an extra image. {whole}"
    return f"{model.id} doesn't accept a mask as an extra image. {whole}"


def _pixels(file: InputFile, mode: Mode, what: str) -> Array:
    """The pixels of a file. Raises InvalidRequestError if they are damaged."""
    data = file.pack() if isinstance(file, InputImage) else file
    try:
        return decode(data, mode)
    except BadResponseError:
        raise InvalidRequestError(
            f"The {what} isn't a complete, readable PNG, JPEG or WebP.", what
        ) from None


def _is_turned(file: InputFile) -> bool:
    """Whether EXIF turns an image: a model may ignore that, and the mask does not."""
    if isinstance(file, InputImage):
        return False
    return orientation(open_image(file, image_format(file) or "")) != 1


def _blend(image: Array, edit: Array, share: Floats) -> None:
    """Put `edit`, which is opaque, into `image` with alpha: by bands, since floats are large."""
    height, width = share.shape
    for rows in bands(width, height):
        opaque = np.full((*share[rows].shape, 1), 255, np.uint8)
        answer = np.concatenate([edit[rows], opaque], axis=2).astype(np.float32)
        mixed = put_back(image[rows].astype(np.float32), answer, share[rows])
        is_inside = share[rows] > 0
        image[rows][is_inside] = np.rint(mixed[is_inside]).astype(np.uint8)


def _png(array: Array) -> bytes:
    """A PNG, without an alpha channel if all is opaque."""
    is_opaque = bool((array[..., 3] == 255).all())
    out = io.BytesIO()
    # Twice as fast as PNG_EFFORT, and the file isn't sent.
    Image.fromarray(array[..., :3] if is_opaque else array).save(out, "PNG", compress_level=2)
    return out.getvalue()
