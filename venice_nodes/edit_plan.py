"""Plans the edit of a batch: what is sent of it, and how the answers are put back."""

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
    """Which pictures of a batch are sent, with which images, and how the answers are put back.

    base: [B, H, W, 3]. mask: [B or 1, H, W] or [H, W], 1 where to change, or None for everywhere.
    grow, feather: of the mask, in pixels of the base. indices: the pictures of the batch whose
    mask is not empty.
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
            check_size(base, MAX_EDIT_PIXELS)  # before the work that a mask makes
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
        """A request as `template` for each picture to send, and warnings.

        layers: what goes along with the pictures, by the name of the input. Raises
        InvalidRequestError.
        """
        for name, batch in {"image": self.base, **layers}.items():
            check_size(batch, MAX_EDIT_PIXELS, name)
            _check_number(batch, self.base, name)
        notes: list[str] = []
        is_mask_sent = False
        if self.masks is not None and template.transparent_background:
            raise InvalidRequestError(
                "With a mask there can be no transparent background: only the masked part of the "
                "edit is used, and all around it stays as it was. Disconnect mask, or switch "
                "transparent_background off.",
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
        return [replace(template, images=row, label=f"picture {i + 1}") for i, row in rows], notes

    def finish(
        self, made: BatchImages, keep_size: bool
    ) -> tuple[torch.Tensor, torch.Tensor, list[str]]:
        """The answers as one tensor, under a mask put back into the originals; where they are
        transparent, [B, H, W]; and notes."""
        size = (self.width, self.height)
        if self.masks is None:
            return made.decode_with_mask(*((size, COVER) if keep_size else ()))
        edited, notes = made.decode(size=size, fit=self._unframed())
        result = self.base.detach().to("cpu", torch.float32).clone()
        for i, edit in zip(self.indices, edited, strict=True):
            result[i] = masks.put_back(result[i], edit, _of(self.masks, i), self._feather)
        if not keep_size:
            notes.append("Under a mask the input's size is kept.")
        if len(self.indices) < len(self.base):
            notes.append("Where the mask is empty, the input is returned, free.")
        return result, opaque_mask(result), notes

    def _fitted(self, mask: torch.Tensor) -> list[torch.Tensor]:
        """The masks in the size of the pictures: one for all, or one for each."""
        _check_number(mask, self.base, "mask")
        fitted = [masks.fit_mask(each, self.height, self.width) for each in mask]
        return [masks.grown(each, self._grow) for each in fitted]

    def _mask_layer(self, mask: torch.Tensor) -> torch.Tensor:
        return masks.mask_to_image(self._frame.around_mask(mask))

    def _encoded(
        self,
        pictures: torch.Tensor | Sequence[torch.Tensor],
        notes: list[str],
        prepare: Callable[[torch.Tensor], torch.Tensor] = lambda picture: picture,
    ) -> list[InputFile]:
        """For each picture to send its own of `pictures`; one for all is packed once."""
        is_one = len(pictures) == 1
        used = [pictures[i] for i in ([0] if is_one else self.indices)]
        are_shared = is_one and len(self.indices) > 1
        encoded, more = self._encode(used, MAX_INPUT_BYTES, prepare, are_shared)
        notes += more
        return encoded * len(self.indices) if is_one else encoded

    def _unframed(self) -> Fit:
        """How an answer is brought back to where its picture was in the frame."""
        frame = self._frame

        def say(own: Size, _size: Size) -> str:
            if not is_other_ratio(*own, frame.whole[0] / frame.whole[1]):
                return ""
            return (
                f"stretched to {in_pixels(frame.whole)}, another ratio than was asked for: the "
                "edit may be shifted under the mask"
            )

        return Fit(lambda array, _width, _height: frame.cut_out(array), say)


def check_size(image: torch.Tensor, max_pixels: int, name: str = "image") -> None:
    """Raises InvalidRequestError unless the pictures have as many pixels as Venice takes."""
    _, height, width, _ = image.shape
    check_pixels(width, height, max_pixels, name)


def _checked_frame(width: int, height: int, ratio: float) -> masks.Frame:
    frame = masks.Frame.of_ratio(width, height, ratio)
    pixels = frame.whole[0] * frame.whole[1]
    if pixels > MAX_EDIT_PIXELS:
        raise InvalidRequestError(
            f"Under a mask image goes with its edges repeated to the ratio of the answer, as "
            f"{in_pixels(frame.whole)} = {pixels:,} pixels, and Venice takes at most "
            f"{MAX_EDIT_PIXELS:,}: resize it first, or choose the aspect_ratio nearest to its "
            "own.",
            "image",
        )
    return frame


def _why_mask_stays(images: int, model: Model) -> str:
    """Why the mask does not go along with so many images, or ""."""
    maximum = model.max_input_images
    if maximum is not None and images < maximum:
        return ""
    whole = "it edits the whole picture, and only the masked part of that is used."
    if maximum is None:
        return f"Whether {model.id} takes a mask as a further image is not known: {whole}"
    return f"{model.id} takes no further image for the mask: {whole}"


def _check_number(batch: torch.Tensor, base: torch.Tensor, name: str) -> None:
    """Raises InvalidRequestError unless there is one for all of `base`, or one for each."""
    if len(batch) in (1, len(base)):
        return
    right = f"give 1 for all of them, or {len(base)}" if len(base) > 1 else "give 1"
    has = f"{name} has {len(batch)} pictures and image has {len(base)}"
    raise InvalidRequestError(f"{has}: {right}.", name)


def _of(each: Sequence[torch.Tensor], index: int) -> torch.Tensor:
    """The one that goes with picture `index`: of one for all, or of one for each."""
    return each[0 if len(each) == 1 else index]
