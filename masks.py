"""Putting an edit back into its original under a feathered mask."""

from __future__ import annotations

import torch
import torch.nn.functional as F

FEATHER = 128
"""The feather is as many pixels wide as this goes into the shorter side."""


def fit_mask(mask: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """A mask [H, W] in 0..1 of any size as one of height × width."""
    mask = torch.nan_to_num(mask.detach().to("cpu", torch.float32)).clamp(0, 1)
    if mask.shape == (height, width):
        return mask
    scaled = F.interpolate(mask[None, None], (height, width), mode="bilinear")
    return scaled[0, 0]


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
