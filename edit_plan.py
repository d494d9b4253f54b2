"""How a batch of pictures is edited: what is sent of it, and what becomes of the answers."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from . import masks
from .outcomes import Made
from .tensors import COVER, check_batch, encode_all
from .venice_client.catalogue import Model
from .venice_client.edits import MAX_EDIT_PIXELS, MAX_INPUT_BYTES, check_pixels
from .venice_client.errors import InvalidRequestError


class EditPlan:
    """Which pictures of a batch are sent, with which images, and how the answers are put back.

    base: [B, H, W, 3]. mask: [B or 1, H, W] or [H, W], 1 where to change, or None for everywhere.
    indices: the pictures of the batch whose mask is not empty.
    """

    def __init__(self, base: torch.Tensor, mask: torch.Tensor | None) -> None:
        self.base = base
        self.masks = None if mask is None else _masks_for(mask, base)
        self.indices = [
            i for i in range(len(base)) if self.masks is None or bool((self.masks[i] > 0).any())
        ]

    def encode(
        self, layers: Mapping[str, torch.Tensor], model: Model
    ) -> tuple[list[tuple[bytes, ...]], list[str]]:
        """The images of each request, and notes. Raises InvalidRequestError.

        layers: what goes along with the pictures, by the name of the input.
        """
        for name, batch in {"image": self.base, **layers}.items():
            check_size(batch, MAX_EDIT_PIXELS, name)
        requests, notes = [], []
        count = len(self.base)
        for i in self.indices:
            pictures = [self.base[i], *(_one_of(x, i, count, name) for name, x in layers.items())]
            if self.masks is not None:
                note = _add_mask(pictures, self.masks[i], model)
                notes += [note] if note else []
            encoded, more = encode_all(pictures, MAX_INPUT_BYTES)
            requests.append(tuple(encoded))
            notes += more
        return requests, notes

    def finish(self, made: Made, keep_size: bool) -> tuple[torch.Tensor, list[str]]:
        """The answers as one tensor; under a mask put back into the originals."""
        _, height, width, _ = self.base.shape
        if self.masks is None and not keep_size:
            return made.decode()
        edited, notes = made.decode(size=(width, height), fit=COVER)
        if self.masks is None:
            return edited, notes
        result = self.base.detach().to("cpu", torch.float32).clone()
        for i, edit in zip(self.indices, edited, strict=True):
            result[i] = masks.put_back(result[i], edit, self.masks[i])
        if not keep_size:
            notes.append("Under a mask the input's size is kept.")
        if len(self.indices) < len(self.base):
            notes.append("Where the mask is empty, the input is returned, free.")
        return result, notes


def check_size(image: torch.Tensor, most_pixels: int, name: str = "image") -> None:
    """Refuses what is no batch of pictures, and pictures with fewer or more pixels than taken."""
    check_batch(image, name)
    _, height, width, _ = image.shape
    check_pixels(width, height, most_pixels, f"`{name}`")


def _add_mask(pictures: list[torch.Tensor], mask: torch.Tensor, model: Model) -> str:
    """Adds the mask as a layer where the model takes one more image; else answers a note."""
    most = model.max_input_images
    if most is not None and len(pictures) < most:
        pictures.append(masks.as_layer(mask))
        return ""
    whole = "it edits the whole picture, and only the masked part of that is used."
    if most is None:
        return f"Whether {model.id} takes a mask as a further image is not known: {whole}"
    return f"{model.id} takes no further image for the mask: {whole}"


def _masks_for(mask: torch.Tensor, base: torch.Tensor) -> list[torch.Tensor]:
    mask = masks.as_batch(mask)
    _, height, width, _ = base.shape
    one_of = [_one_of(mask, i, len(base), "mask") for i in range(len(base))]
    return [masks.fit_mask(each, height, width) for each in one_of]


def _one_of(batch: torch.Tensor, index: int, count: int, name: str) -> torch.Tensor:
    """The picture that goes with number `index` of `count`: one for all, or one for each."""
    if len(batch) not in (1, count):
        raise InvalidRequestError(
            f"`{name}` has {len(batch)} and `image` has {count} pictures: give 1 for all of them, "
            f"or {count}.",
            name,
        )
    return batch[0 if len(batch) == 1 else index]
