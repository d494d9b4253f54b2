"""Check connected tensors, and convert them to the form that the nodes use."""

from __future__ import annotations

import torch

from ...venice_client import InvalidRequestError

TOLERANCE = 0.05
"""The tolerance around 0..1, since resizing and sharpening overshoot. The rest is clipped."""


def image_batch(value: object, name: str, may_be_empty: bool = False) -> torch.Tensor:
    """An image input as float32 [B, H, W, 1, 3 or 4] on the CPU; also from [H, W, C].

    Raises InvalidRequestError for anything else, an empty batch, and values outside of colors.
    """
    image = _dense(value, name, "images [B, H, W, 3]")
    if image.ndim == 3 and image.shape[-1] in (1, 3, 4):
        image = image[None]
    if image.ndim != 4 or image.shape[-1] not in (1, 3, 4) or 0 in image.shape[1:]:
        raise _wrong_shape(value, name, "images [B, H, W, 3]")
    if not len(image):
        if may_be_empty:
            return image
        raise InvalidRequestError(f"{name} contains no image.", name)
    return _in_range(image, name)


def mask_batch(value: object, name: str) -> torch.Tensor:
    """A mask input as float32 [B, H, W] on the CPU; also from [H, W], [B, 1, H, W], [B, H, W, 1].

    Raises InvalidRequestError as `image_batch` does.
    """
    mask = _dense(value, name, "masks [B, H, W]")
    if mask.ndim == 4 and 1 in (mask.shape[1], mask.shape[3]):
        mask = mask[:, 0] if mask.shape[1] == 1 else mask[..., 0]
    if mask.ndim == 2:
        mask = mask[None]
    if mask.ndim != 3 or 0 in mask.shape:
        raise _wrong_shape(value, name, "masks [B, H, W]")
    return _in_range(mask, name)


def _dense(value: object, name: str, wanted: str) -> torch.Tensor:
    if not isinstance(value, torch.Tensor):
        raise InvalidRequestError(
            f"{name} must be a batch of {wanted}, not {type(value).__name__}. Check what's "
            "connected to it.",
            name,
        )
    if value.is_meta or value.layout != torch.strided or value.is_complex():
        raise InvalidRequestError(
            f"{name} is a tensor without readable pixels ({value.dtype}, {value.layout}, "
            f"{value.device}). Connect a decoded image.",
            name,
        )
    numbers = value.float() if value.dtype == torch.bool else value
    if not numbers.is_floating_point():
        raise InvalidRequestError(
            f"{name} contains {value.dtype} values instead of floats from 0 to 1. Convert it, and "
            "divide it by 255 if its values go up to 255.",
            name,
        )
    return numbers.detach().to("cpu", torch.float32)


def _in_range(tensor: torch.Tensor, name: str) -> torch.Tensor:
    low, high = (float(bound) for bound in torch.aminmax(tensor))  # NaN where there is any
    if low >= -TOLERANCE and high <= 1 + TOLERANCE:
        return tensor
    if low != low or high != high or float("inf") in (-low, high):
        found, remedy = "NaN or infinite values", "Check the output of the node before it"
    else:
        found = f"values from {low:.4g} to {high:.4g}"
        remedy = "Divide it by 255" if low >= 0 and high > 2 else "Scale it to 0..1"
    raise InvalidRequestError(f"{name} contains {found} instead of 0..1. {remedy}.", name)


def _wrong_shape(value: object, name: str, wanted: str) -> InvalidRequestError:
    shape = tuple(value.shape) if isinstance(value, torch.Tensor) else ()
    return InvalidRequestError(
        f"{name} must be {wanted}, but its shape is {shape}. Check what's connected to it.", name
    )
