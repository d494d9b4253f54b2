"""Every way to run a paid node: the columns of the fault matrix."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from bench import GENERATE

SIDE = 256
"""Pixels; the endpoints for images need at least 256×256."""


@dataclass(frozen=True)
class Column:
    """One way to run a node: its inputs, and the number of requests and images.

    inputs: new for each run. is_json: whether its responses are JSON with base64. usd: the price of
    one request. has_flag: whether it has `if_flagged`; without it, a flagged image appears with a
    warning. All columns request different things, so that all can run in parallel.
    """

    name: str
    path: str
    node: str
    inputs: Callable[[], Mapping[str, Any]]
    usd: float
    requests: int = 1
    pictures: int = 1
    is_json: bool = False
    has_flag: bool = True

    @property
    def is_edit(self) -> bool:
        """Whether it edits an image, which Venice may charge for even if it refuses it."""
        return "edit" in self.path

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of its responses: "json" or "binary", "generated" or "changed", and "edited" if
        a prompt changed the image."""
        is_generated = self.path == "/image/generate"
        kinds = "json" if self.is_json else "binary", "generated" if is_generated else "changed"
        return (*kinds, "edited") if self.is_edit else kinds


def pictures(count: int = 1, start: int = 0) -> torch.Tensor:
    """[count, SIDE, SIDE, 3]: slopes, each of another colour."""
    across = torch.linspace(0, 1, SIDE).expand(SIDE, SIDE)
    colours = [torch.full_like(across, (start + i) % 8 / 8) for i in range(count)]
    return torch.stack([torch.stack([across, across.T, own], dim=2) for own in colours])


def _edit() -> Mapping[str, Any]:
    return {"image": pictures(), "prompt": "add snow", "model": "firered-image-edit"}


def _multi_edit() -> Mapping[str, Any]:
    layer = pictures(start=3)
    return {**_edit(), "model": "flux-2-max-edit", "image_2": layer}


def _upscale(count: int, start: int = 0) -> Mapping[str, Any]:
    return {"image": pictures(count, start), "scale": "2x", "creativity": 0.01}


COLUMNS = (
    Column("one picture", "/image/generate", "VeniceGenerateImage", lambda: GENERATE, 0.01),
    Column(
        "a batch of 4",
        "/image/generate",
        "VeniceGenerateImage",
        lambda: {**GENERATE, "batch_size": 4, "seed": 200},
        0.01,
        requests=4,
        pictures=4,
    ),
    Column(
        "4 variants",
        "/image/generate",
        "VeniceGenerateImage",
        lambda: {**GENERATE, "batch_size": 4, "batch_mode": "variants"},
        0.04,
        pictures=4,
        is_json=True,
    ),
    Column("an edit", "/image/edit", "VeniceEditImage", _edit, 0.04),
    Column(
        "an edit of two images",
        "/image/multi-edit",
        "VeniceEditImage",
        _multi_edit,
        0.12 + 0.0345,
    ),
    Column(
        "an upscale",
        "/image/upscale",
        "VeniceUpscaleImage",
        lambda: _upscale(1),
        0.02,
        has_flag=False,
    ),
    Column(
        "upscales of 3",
        "/image/upscale",
        "VeniceUpscaleImage",
        lambda: _upscale(3, start=4),
        0.02,
        requests=3,
        pictures=3,
        has_flag=False,
    ),
    Column(
        "a cutout",
        "/image/background-remove",
        "VeniceRemoveBackground",
        lambda: {"image": pictures()},
        0.03,
        has_flag=False,
    ),
)
