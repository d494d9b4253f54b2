"""What tests of the client share: a client of the sandbox, and waits cut short."""

from __future__ import annotations

import io
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import process_state
from faulty_sandbox import Sandbox
from venice_client import GenerateRequest, Settings, VeniceClient
from venice_client.settings.api_key import ApiKey

KEY = "test-key"
MakeClient = Callable[..., VeniceClient]


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    process_state.reset(monkeypatch)


@pytest.fixture
def make_client(home: Path) -> MakeClient:
    """Makes a client: `make_client(base_url, key=…, session=…, timeout=…)`."""

    def make(base_url: str, *, key: str = KEY, session: Any = None, **settings: Any) -> Any:
        free = {"store_mb": 0.0, "max_usd_per_run": None}  # these have tests of their own
        settings = {"timeout": 60.0, "home": home, "key": ApiKey(key), **free, **settings}
        return VeniceClient(Settings(base_url=base_url, **settings), session=session)

    return make


@pytest.fixture
def client(sandbox: Sandbox, make_client: MakeClient) -> VeniceClient:
    """A client of the sandbox, with its lists fetched already."""
    made = make_client(sandbox.base_url)
    made.catalogue.refresh()
    sandbox.forget()
    return made


@pytest.fixture
def request_for() -> Callable[..., GenerateRequest]:
    """A small request: `request_for(seed=7, …)`."""

    def build(**changes: Any) -> GenerateRequest:
        given = {"model": "z-image-turbo", "prompt": "a fox", "width": 64, "height": 64, "seed": 7}
        return GenerateRequest(**{**given, **changes})

    return build


@pytest.fixture(scope="session")
def encode_image() -> Callable[[tuple[int, int]], bytes]:
    """Makes a PNG of one colour in a size."""

    def encode(size: tuple[int, int]) -> bytes:
        file = io.BytesIO()
        Image.new("RGB", size, "red").save(file, "PNG")
        return file.getvalue()

    return encode


@pytest.fixture(scope="session")
def edit_image(encode_image: Callable[[tuple[int, int]], bytes]) -> bytes:
    """A PNG of 256 × 256, the least that edits take."""
    return encode_image((256, 256))


@pytest.fixture
def strict_sandbox() -> Iterator[Sandbox]:
    """A sandbox that is not held against the published document, for answers out of it."""
    with Sandbox(keys=(KEY,)) as running:
        yield running


@pytest.fixture
def self_signed() -> ssl.SSLContext:
    """A server's side of TLS with a certificate that nobody vouches for (made for these tests)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(Path(__file__).parent / "transport" / "data" / "self-signed.pem")
    return context
