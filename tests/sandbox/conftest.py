"""A sandbox of its own for every test, and plain HTTP to it."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image

from faulty_sandbox import Sandbox

KEY = "canary-key-5d41"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leaves the sandbox's own tests to `make test-all`: whatever uses it tries it as well."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("long")


@dataclass
class Api:
    """Requests to one sandbox, with the key."""

    sandbox: Sandbox
    session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self.session.trust_env = False
        self.session.headers["Authorization"] = f"Bearer {KEY}"

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.session.get(self.sandbox.base_url + path, timeout=60, **options)

    def post(self, path: str, json: Any = None, **options: Any) -> requests.Response:
        url = self.sandbox.base_url + path
        return self.session.post(url, json=json, **{"timeout": 60, **options})

    def generate(self, **fields: Any) -> requests.Response:
        """A small binary PNG, unless the fields say otherwise; a field that is ... is left out."""
        payload = {
            "model": "z-image-turbo",
            "prompt": "a fox",
            "width": 64,
            "height": 64,
            "seed": 7,
            "format": "png",
            "return_binary": True,
            **fields,
        }
        return self.post("/image/generate", {k: v for k, v in payload.items() if v is not ...})


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(keys=(KEY,)) as running:
        yield running


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[Api]:
    with (opened := Api(sandbox)).session:
        yield opened


@pytest.fixture
def connect() -> Iterator[Callable[..., Api]]:
    """Opens sandboxes with other settings, and stops them."""
    running: list[Api] = []

    def open_sandbox(**settings: Any) -> Api:
        running.append(Api(Sandbox(**{"keys": (KEY,), **settings}).start()))
        return running[-1]

    yield open_sandbox
    for each in running:
        each.session.close()
        each.sandbox.stop()


@pytest.fixture(scope="session")
def picture() -> Callable[..., bytes]:
    """Encoded images to send; of one colour, so that they stay small."""

    @cache
    def make(width: int = 320, height: int = 240) -> bytes:
        out = io.BytesIO()
        Image.new("RGB", (width, height), (200, 90, 40)).save(out, "PNG", compress_level=1)
        return out.getvalue()

    return make


@pytest.fixture(scope="session")
def encoded_picture(picture: Callable[..., bytes]) -> Callable[..., str]:
    """The same as base64."""
    return lambda *size: base64.b64encode(picture(*size)).decode()


@pytest.fixture(scope="session")
def opened() -> Callable[[bytes], Image.Image]:
    """Decodes an image, all of it."""

    def decode(content: bytes) -> Image.Image:
        image = Image.open(io.BytesIO(content))
        image.load()
        return image

    return decode
