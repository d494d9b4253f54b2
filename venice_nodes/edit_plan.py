"""Plan the edit of a batch: which images to send, and how to put the edits back.

Models answer in their own ratios, and nobody knows what they do with an image of another ratio:
they may crop, squash or pad it. Under a mask the edit must line up, so the image is padded to the
expected ratio by repeating its edges (`masks.Frame`). The answer is stretched to that frame, cut
to the image, and put under the feathered mask.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import torch

from ..venice_client import EditRequest, InvalidRequestError, Model
from ..venice_client.for_nodes import (
    MAX_EDIT_PIXELS,
    MAX_INPUT_BYTES,
    InputFile,
    check_pixels,
    is_other_ratio,
)
from .imaging import masks
from .imaging.tensors import COVER, Encoder, Fit, Size, in_pixels, input_images, opaque_mask
from .run.node_output import BatchImages


class EditPlan:
    """Which images of a batch to send, with which others, and how to put the edits back.

    base: [B, H, W, 3]. mask: [B or 1, H, W] or [H, W], 1 where to change, or None for everywhere.
    grow, feather: of the mask, in pixels of the base. indices: the images of the batch whose mask
    isn't empty.
    """

    def __init__(
        self,
        base: torch.Tensor,
        mask: torch.Tensor | None,
        encode: Encoder = input_images,
        grow: int = 0,
        feather: int = masks.BY_THICKNESS,
    ) -> None:
        self.base = base
        self._encode = encode
        self._grow, self._feather = grow, feather
        _, self.height, self.width, _ = base.shape
        is_large = self.width * self.height > MAX_EDIT_PIXELS
        if mask is not None and is_large and bool((mask > 0).any()):
            check_size(base, MAX_EDIT_PIXELS)  # before the work on the mask
        self.masks = None if mask is None else self._fitted(mask)
        self.indices = [
            i
            for i in range(len(base))
            if self.masks is None or bool((_of(self.masks, i) > 0).any())
        ]
        self._frame = masks.Frame(self.width, self.height, (self.width, self.height))

    def requests(
        self, template: EditRequest, layers: Mapping[str, torch.Tensor], model: Model
    ) -> tuple[list[EditRequest], list[str]]:
        """Return a request like `template` for each image to send, and warnings.

        layers: the extra images, by the name of their input. Raises InvalidRequestError.
        """
        for name, batch in {"image": self.base, **layers}.items():
            check_size(batch, MAX_EDIT_PIXELS, name)
            _check_number(batch, self.base, name)
        notes: list[str] = []
        is_mask_sent = False
        if self.masks is not None and template.transparent_background:
            raise InvalidRequestError(
                "A mask doesn't work with transparent_background, since everything outside the "
                "mask stays as it is. Disconnect mask, or turn transparent_background off.",
                "transparent_background",
            )
        if self.masks is not None:
            note = _why_mask_stays(1 + len(layers), model)
            notes += [note] if note else []
            is_mask_sent = not note
            images = 1 + len(layers) + is_mask_sent
            ratio = template.answer_ratio(images, self.width, self.height, model)
            self._frame = _checked_frame(self.width, self.height, ratio)
        columns = [self._encoded(self.base, notes, self._frame.around)]
        columns += [self._encoded(layer, notes) for layer in layers.values()]
        if self.masks is not None and is_mask_sent:
            columns.append(self._encoded(self.masks, notes, self._mask_layer))
        rows = zip(self.indices, zip(*columns, strict=True), strict=True)
        return [replace(template, images=row, label=f"image {i + 1}") for i, row in rows], notes

    def finish(
        self, made: BatchImages, keep_size: bool
    ) -> tuple[torch.Tensor, torch.Tensor, list[str]]:
        """Return the edits as one tensor, with a mask inside the originals; their transparency
        [B, H, W]; and notes."""
        size = (self.width, self.height)
        if self.masks is None:
            return made.decode_with_mask(*((size, COVER) if keep_size else ()))
        edited, notes = made.decode(size=size, fit=self._unframed())
        result = self.base.detach().to("cpu", torch.float32).clone()
        for i, edit in zip(self.indices, edited, strict=True):
            result[i] = masks.put_back(result[i], edit, _of(self.masks, i), self._feather)
        if not keep_size:
            notes.append("With a mask, the result has the input's size.")
        if len(self.indices) < len(self.base):
            notes.append("Images with an empty mask are returned unchanged, for free.")
        return result, opaque_mask(result), notes

    def _fitted(self, mask: torch.Tensor) -> list[torch.Tensor]:
        """The masks in the size of the images: one for all, or one per image."""
        _check_number(mask, self.base, "mask")
        fitted = [masks.fit_mask(each, self.height, self.width) for each in mask]
        return [masks.grown(each, self._grow) for each in fitted]

    def _mask_layer(self, mask: torch.Tensor) -> torch.Tensor:
        return masks.mask_to_image(self._frame.around_mask(mask))

    def _encoded(
        self,
        images: torch.Tensor | Sequence[torch.Tensor],
        notes: list[str],
        prepare: Callable[[torch.Tensor], torch.Tensor] = lambda image: image,
    ) -> list[InputFile]:
        """The one of `images` that goes with each image to send. A shared one is encoded once."""
        is_one = len(images) == 1
        used = [images[i] for i in ([0] if is_one else self.indices)]
        are_shared = is_one and len(self.indices) > 1
        encoded, more = self._encode(used, MAX_INPUT_BYTES, prepare, are_shared)
        notes += more
        return encoded * len(self.indices) if is_one else encoded

    def _unframed(self) -> Fit:
        """How to bring an edit back to the place of its image in the frame."""
        frame = self._frame

        def say(own: Size, _size: Size) -> str:
            if not is_other_ratio(*own, frame.whole[0] / frame.whole[1]):
                return ""
            return (
                f"stretched from {in_pixels(own)} to {in_pixels(frame.whole)}, since the model "
                "used another ratio. The edit may be shifted under the mask"
            )

        return Fit(lambda array, _width, _height: frame.cut_out(array), say)


def check_size(image: torch.Tensor, max_pixels: int, name: str = "image") -> None:
    """Raise InvalidRequestError if Venice doesn't accept so many pixels."""
    _, height, width, _ = image.shape
    check_pixels(width, height, max_pixels, name)


def _checked_frame(width: int, height: int, ratio: float) -> masks.Frame:
    frame = masks.Frame.of_ratio(width, height, ratio)
    pixels = frame.whole[0] * frame.whole[1]
    if pixels > MAX_EDIT_PIXELS:
        raise InvalidRequestError(
            f"With a mask, the image is padded to the output aspect ratio. That makes it "
            f"{in_pixels(frame.whole)} = {pixels:,} pixels, above Venice's limit of "
            f"{MAX_EDIT_PIXELS:,}. Resize it, or choose an aspect_ratio closer to its own.",
            "image",
        )
    return frame


def _why_mask_stays(images: int, model: Model) -> str:
    """Why the mask can't be sent with so many images, or ""."""
    maximum = model.max_input_images
    if maximum is not None and images < maximum:
        return ""
    whole = "It edits the whole image, and only the masked area is used."
    if maximum is None:
        return f"It isn't known whether {model.id} accepts a mask as an extra image. {whole}"
    return f"{model.id} doesn't accept a mask as an extra image. {whole}"


def _check_number(batch: torch.Tensor, base: torch.Tensor, name: str) -> None:
    """Raise InvalidRequestError unless there is one for all of `base`, or one for each."""
    if len(batch) in (1, len(base)):
        return
    right = f"1 or {len(base)} images" if len(base) > 1 else "1 image"
    raise InvalidRequestError(f"{name} has {len(batch)} images. Connect {right}.", name)


def _of(each: Sequence[torch.Tensor], index: int) -> torch.Tensor:
    """The one for image `index`: of one for all, or of one for each."""
    return each[0 if len(each) == 1 else index]
