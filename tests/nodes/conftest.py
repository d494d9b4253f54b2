"""What tests of the nodes share: the pack set up for a sandbox, nodes on a bench, and pictures."""

from __future__ import annotations

import asyncio
import base64
import io
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import process_state
from bench import KEY, Bench
from venice_client.sandbox import Sandbox

RunNode = Callable[..., Any]


@pytest.fixture
def part(pack: ModuleType) -> Callable[[str], ModuleType]:
    """A module of the loaded pack: `part("venice_client.transport.retry")`."""
    return lambda name: sys.modules[f"{pack.__name__}.{name}"]


@pytest.fixture(autouse=True)
def short_waits(pack: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    process_state.reset(monkeypatch, pack)


@pytest.fixture
def service(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """The sandbox, as the service that the environment names."""
    monkeypatch.setenv("VENICE_API_BASE", sandbox.base_url)
    monkeypatch.setenv("VENICE_API_KEY", KEY)
    monkeypatch.setenv("VENICE_TIMEOUT", "60")
    return sandbox


@pytest.fixture
def run(pack: ModuleType) -> RunNode:
    """Runs a node as ComfyUI does, in an event loop of its own: `run("VeniceSeed", seed=7)`."""

    def run_node(node: str, **inputs: Any) -> Any:
        made = pack.NODE_CLASS_MAPPINGS[node]()
        return asyncio.run(getattr(made, made.FUNCTION)(**inputs))

    return run_node


@pytest.fixture
def generate(run: RunNode) -> RunNode:
    """Runs Generate with small pictures: `generate(seed=7, batch_size=4)`."""
    given = {"model": "z-image-turbo", "prompt": "a fox", "width": 64, "height": 64, "seed": 7}
    return lambda **inputs: run("VeniceGenerateImage", **{**given, "batch_size": 1, **inputs})


@pytest.fixture
def bench(pack: ModuleType, sandbox: Sandbox, home: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """The nodes with the settings of a user whose service is the sandbox."""
    monkeypatch.setenv("VENICE_API_KEY", KEY)
    monkeypatch.setenv("VENICE_API_BASE", sandbox.base_url)
    made = Bench(pack, sandbox, home)
    monkeypatch.setattr(pack.venice_nodes.run.comfyui, "status_listener", made.texts.append)
    return made


@pytest.fixture
def client(bench: Bench) -> Any:
    """The client of the pack, with those same settings."""
    return bench.pack.venice_client.VeniceClient()


@pytest.fixture(scope="session")
def pictures() -> Callable[..., torch.Tensor]:
    """Tensors [count, height, width, channels] of smooth pictures, each another one."""

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
    """Decodes a picture, as base64 or as it is."""

    def decode(data: str | bytes) -> Image.Image:
        image = Image.open(io.BytesIO(base64.b64decode(data) if isinstance(data, str) else data))
        image.load()
        return image

    return decode


@pytest.fixture(scope="session")
def encoded() -> Callable[..., bytes]:
    """An encoded picture of one colour: size, colour, format."""

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
