"""Putting an edit back into its original under a feathered mask."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from .venice_client.errors import InvalidRequestError

FEATHER = 128
"""The feather is as many pixels wide as this goes into the shorter side."""

EXACT = 2**18
"""Steps of a mask that was scaled."""


def as_batch(mask: torch.Tensor) -> torch.Tensor:
    """A mask input as [B, H, W], also where it came as [H, W] or with a channel of its own."""
    shape = tuple(mask.shape)
    if mask.ndim == 4 and 1 in (shape[1], shape[3]):
        mask = mask[:, 0] if shape[1] == 1 else mask[..., 0]
    if mask.ndim == 2:
        mask = mask[None]
    if mask.ndim != 3 or 0 in mask.shape[1:]:
        raise InvalidRequestError(f"`mask` is no mask [B, H, W]: its shape is {shape}.", "mask")
    return mask


def fit_mask(mask: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """A mask [H, W] in 0..1 of any size as one of height × width."""
    mask = torch.nan_to_num(mask.detach().to("cpu", torch.float32)).clamp(0, 1)
    if mask.shape == (height, width):
        return mask
    # Pillow looks at every pixel when it makes a mask smaller, so that no thin line is lost.
    scaled = Image.fromarray(mask.numpy()).resize((width, height), Image.Resampling.BILINEAR)
    # Its sums are off in the last bits, and 1 must stay 1.
    steps = torch.from_numpy(np.array(scaled)).mul(EXACT).round()
    return steps.div(EXACT).clamp(0, 1)


def feathered(mask: torch.Tensor) -> torch.Tensor:
    """How much of the edit to show, [H, W] in 0..1: never more than the mask allows.

    A mask with soft edges is taken as it is. A hard one is feathered inwards, so that everything
    outside stays untouched; its innermost part is 1.
    """
    if ((mask > 0) & (mask < 1)).any():
        return mask
    width = max(1, min(mask.shape) // FEATHER)
    outside = (mask == 0).to(torch.float32)[None, None]
    depth = torch.zeros_like(mask)
    for _ in range(width):
        inside = outside[0, 0] == 0
        if not inside.any():
            break
        depth += inside
        outside = F.max_pool2d(outside, kernel_size=3, stride=1, padding=1)
    return depth / depth.max().clamp(min=1)


def put_back(original: torch.Tensor, edit: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """`edit` over `original`, both [H, W, 3], where `mask` [H, W] is above 0.

    Every pixel where the mask is 0 is the original's, bit for bit.
    """
    share = feathered(mask)[..., None]
    mixed = torch.where(share >= 1, edit, original + (edit - original) * share)
    return torch.where(share > 0, mixed, original)


def as_layer(mask: torch.Tensor) -> torch.Tensor:
    """A mask [H, W] as a picture [H, W, 3], white where the change goes."""
    return mask[..., None].expand(*mask.shape, 3)
