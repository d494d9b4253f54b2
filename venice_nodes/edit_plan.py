"""Plan the edit of a batch: which images to send, and how to put the edits back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import torch

from ..venice_client import EditRequest, InvalidRequestError, Model
from ..venice_client.for_nodes import (
    MAX_EDIT_PIXELS,
    MAX_INPUT_BYTES,
    InputFile,
    MaskLayout,
    check_pixels,
    masks,
)
from .imaging.tensors import COVER, Encoder, Fit, input_images, opaque_mask
from .run.node_output import BatchResults


def _as_it_is(image: torch.Tensor) -> torch.Tensor:
    return image


class EditPlan:
    """The images of a batch to send, with their extra images, and the way back.

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
        self._layout: MaskLayout | None = None

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
        layout = None
        if self.masks is not None:
            size = self.width, self.height
            layout = self._layout = template.mask_layout(1 + len(layers), *size, model)
            notes += [layout.warning] if layout.warning else []
        columns = [self._encoded(self.base, notes, self._around if layout else _as_it_is)]
        columns += [self._encoded(layer, notes) for layer in layers.values()]
        if self.masks is not None and layout and layout.is_mask_sent:
            columns.append(self._encoded(self.masks, notes, self._mask_layer))
        rows = zip(self.indices, zip(*columns, strict=True), strict=True)
        return [replace(template, images=row, label=f"image {i + 1}") for i, row in rows], notes

    def finish(
        self, made: BatchResults, keep_size: bool
    ) -> tuple[torch.Tensor, torch.Tensor, list[str]]:
        """Return the edits as one tensor, with a mask inside the originals; their transparency
        [B, H, W]; and notes."""
        size = (self.width, self.height)
        if self.masks is None:
            return made.decode_with_mask(*((size, COVER) if keep_size else ()))
        edited, notes = made.decode(size=size, fit=self._unframed())
        result = self.base.detach().to("cpu", torch.float32).clone()
        for i, edit in zip(self.indices, edited.numpy(), strict=True):
            share = masks.feathered(_of(self.masks, i).numpy(), self._feather)
            result[i] = torch.from_numpy(masks.put_back(result[i].numpy(), edit, share))
        if not keep_size:
            notes.append("With a mask, the result has the input's size.")
        if len(self.indices) < len(self.base):
            notes.append("Images with an empty mask are returned unchanged, for free.")
        return result, opaque_mask(result), notes

    def _fitted(self, mask: torch.Tensor) -> list[torch.Tensor]:
        """The masks in the size of the images: one for all, or one per image."""
        _check_number(mask, self.base, "mask")
        fitted = [masks.fit_mask(each.numpy(), self.height, self.width) for each in mask]
        return [torch.from_numpy(masks.grown(each, self._grow)) for each in fitted]

    @property
    def _mask_layout(self) -> MaskLayout:
        assert self._layout is not None, "only a masked edit has one"
        return self._layout

    def _around(self, image: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(self._mask_layout.frame.around(image.numpy()))

    def _mask_layer(self, mask: torch.Tensor) -> torch.Tensor:
        framed = torch.from_numpy(self._mask_layout.frame.around_mask(mask.numpy()))
        return framed[..., None].expand(*framed.shape, 3)

    def _encoded(
        self,
        images: torch.Tensor | Sequence[torch.Tensor],
        notes: list[str],
        prepare: Callable[[torch.Tensor], torch.Tensor] = _as_it_is,
    ) -> list[InputFile]:
        """The extra image for each image to send. A shared one is encoded once."""
        is_one = len(images) == 1
        used = [images[i] for i in ([0] if is_one else self.indices)]
        are_shared = is_one and len(self.indices) > 1
        encoded, more = self._encode(used, MAX_INPUT_BYTES, prepare, are_shared)
        notes += more
        return encoded * len(self.indices) if is_one else encoded

    def _unframed(self) -> Fit:
        """Return the fit that puts an edit back into its place in the frame."""
        layout = self._mask_layout
        return Fit(
            lambda array, _width, _height: layout.frame.cut_out(array),
            lambda own, _size: layout.shift(*own),
        )


def check_size(image: torch.Tensor, max_pixels: int, name: str = "image") -> None:
    """Raise InvalidRequestError if Venice doesn't accept this many pixels."""
    _, height, width, _ = image.shape
    check_pixels(width, height, max_pixels, name)


def _check_number(batch: torch.Tensor, base: torch.Tensor, name: str) -> None:
    """Raise InvalidRequestError unless there is one for all of `base`, or one for each."""
    if len(batch) in (1, len(base)):
        return
    right = f"1 or {len(base)} images" if len(base) > 1 else "1 image"
    raise InvalidRequestError(f"{name} has {len(batch)} images. Connect {right}.", name)


def _of(each: Sequence[torch.Tensor], index: int) -> torch.Tensor:
    """Return the item for image `index`: the one for all, or its own."""
    return each[0 if len(each) == 1 else index]
