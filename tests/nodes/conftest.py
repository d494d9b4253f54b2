"""What tests of the nodes share: the nodes on a bench, and images to put in."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from bench import Bench, make_bench
from faulty_sandbox import Sandbox


@pytest.fixture
def bench(pack: ModuleType, sandbox: Sandbox, home: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return make_bench(pack, sandbox, home, monkeypatch)


@pytest.fixture
def client(bench: Bench) -> Any:
    """The client of the pack, with those same settings."""
    return bench.pack.venice_client.VeniceClient()


@pytest.fixture(scope="session")
def pictures() -> Callable[..., torch.Tensor]:
    """Tensors [count, height, width, channels] of smooth images, each another one."""

    def make(
        width: int = 320, height: int = 240, count: int = 1, channels: int = 3, start: int = 0
    ) -> torch.Tensor:
        x = torch.linspace(0, 1, width)[None, :, None].expand(height, width, 1)
        y = torch.linspace(0, 1, height)[:, None, None].expand(height, width, 1)
        own = [torch.full_like(x, (start + i) * 37 % 256 / 255) for i in range(count)]
        whole = [torch.cat([x, y, each, torch.ones_like(x)], dim=2) for each in own]
        return torch.stack(whole)[..., :channels].contiguous()

    return make


@pytest.fixture(scope="session")
def opened() -> Callable[[str | bytes], Image.Image]:
    """Decodes an image, as base64 or as it is."""

    def decode(data: str | bytes) -> Image.Image:
        image = Image.open(io.BytesIO(base64.b64decode(data) if isinstance(data, str) else data))
        image.load()
        return image

    return decode


@pytest.fixture(scope="session")
def encoded() -> Callable[..., bytes]:
    """An encoded image of one colour: size, colour, format."""

    def encode(size: tuple[int, int], colour: Any = (200, 90, 40), format: str = "PNG") -> bytes:
        out = io.BytesIO()
        mode = "RGBA" if isinstance(colour, tuple) and len(colour) == 4 else "RGB"
        Image.new(mode, size, colour).save(out, format)
        return out.getvalue()

    return encode


@pytest.fixture(scope="session")
def arrays() -> Callable[[torch.Tensor], Any]:
    """A tensor as the bytes that SaveImage would write."""
    return lambda tensor: np.clip(255.0 * tensor.cpu().numpy(), 0, 255).astype(np.uint8)
