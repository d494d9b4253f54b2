"""Tensors as they come by wire: checked, and brought to the form that the nodes work with."""

from __future__ import annotations

import torch

from ...venice_client import InvalidRequestError

TOLERANCE = 0.05
"""How far outside of 0..1 a value may lie: resizing and sharpening overshoot. It is clipped."""


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
        raise InvalidRequestError(f"{name} holds no picture: give at least one.", name)
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
            f"{name} must be a batch of {wanted}, not {type(value).__name__}: check what is "
            "connected to it.",
            name,
        )
    if value.is_meta or value.layout != torch.strided or value.is_complex():
        raise InvalidRequestError(
            f"{name} is a tensor without readable pixels ({value.dtype}, {value.layout}, "
            f"{value.device}): connect a decoded picture.",
            name,
        )
    if value.dtype == torch.bool:
        value = value.float()
    if not value.is_floating_point():
        raise InvalidRequestError(
            f"{name} holds {value.dtype} values, and pictures are floats in 0..1: convert it, and "
            "divide by 255 where it has 0..255.",
            name,
        )
    return value.detach().to("cpu", torch.float32)


def _in_range(tensor: torch.Tensor, name: str) -> torch.Tensor:
    low, high = (float(bound) for bound in torch.aminmax(tensor))  # NaN where there is any
    if low >= -TOLERANCE and high <= 1 + TOLERANCE:
        return tensor
    if low != low or high != high or float("inf") in (-low, high):
        found, remedy = "NaN or infinite values", "the node before it failed: check its output"
    else:
        found = f"values from {low:.4g} to {high:.4g}"
        remedy = "divide it by 255" if low >= 0 and high > 2 else "bring it to 0..1"
    raise InvalidRequestError(f"{name} holds {found}, and pictures have 0..1: {remedy}.", name)


def _wrong_shape(value: object, name: str, wanted: str) -> InvalidRequestError:
    shape = tuple(value.shape) if isinstance(value, torch.Tensor) else ()
    return InvalidRequestError(
        f"{name} must be {wanted}, and its shape is {shape}: check what is connected to it.", name
    )
