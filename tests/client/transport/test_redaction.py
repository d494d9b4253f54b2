"""The key, should the service echo it: out of what is shown and kept, and the images as good."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import echo_table
from faulty_sandbox import Fault, Sandbox
from posting import post
from scripted_server import ScriptedServer, saying
from venice_client import GenerateRequest, ImageResult, VeniceClient
from venice_client.errors import ApiError, BadResponseError, ResponseLostError, VeniceError
from venice_client.imaging.images import decode

CANARY = "vn-Canary-9f8e7D6c5b4a39281706"
OTHER = "just-some-words-of-the-same-kind"
MakeClient = Callable[..., VeniceClient]
RequestFor = Callable[..., GenerateRequest]
JSON = "application/json"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(keys=(CANARY,)) as running:
        yield running


@pytest.fixture
def client(sandbox: Sandbox, make_client: MakeClient) -> VeniceClient:
    made = make_client(sandbox.base_url, key=CANARY, store_mb=10.0, timeout=5.0)
    made.catalogue.refresh()
    return made


def kept(home: Path) -> list[bytes]:
    """The bodies in the store, as they lie there."""
    files = (home / "results").glob("*.result")
    return [file.read_bytes().split(b"\n", 2)[2] for file in files]


def found_in(data: bytes, key: str = CANARY) -> list[str]:
    """The forms in which `data` holds the key, or its beginning."""
    return [name for name, form in echo_table.forms(key[:12]).items() if form in data]


def told_by(result: ImageResult) -> str:
    return repr([result.warnings, result.request_id, result.timing, result.sent])


@pytest.mark.parametrize("name", echo_table.pictures(CANARY))
def test_an_image_loses_the_key_and_keeps_its_pixels(
    name: str, client: VeniceClient, sandbox: Sandbox, request_for: RequestFor, home: Path
) -> None:
    image = echo_table.pictures(CANARY)[name]
    assert found_in(image), "the search for the key does not find it"
    sandbox.add_fault(Fault.body(image))

    (shown,) = client.generate_images(request_for()).images

    assert not found_in(shown.data)
    assert np.array_equal(decode(shown, "RGBA"), decode(image, "RGBA"))
    assert kept(home) == [shown.data]


@pytest.mark.parametrize("name", echo_table.answers(CANARY))
def test_an_answer_loses_the_key_and_keeps_its_images(
    name: str, client: VeniceClient, sandbox: Sandbox, request_for: RequestFor, home: Path
) -> None:
    body = echo_table.answers(CANARY)[name]
    assert found_in(body), "the search for the key does not find it"
    sandbox.add_fault(Fault.body(body, JSON))

    result = client.generate_images(request_for(variants=2))

    assert CANARY[:12] not in told_by(result)
    assert not [place for each in kept(home) for place in found_in(each)]
    assert len(result.images) == (1 if name == "no base64" else 2)
    first = json.loads(body.decode("utf-8-sig"))["images"][0]
    assert result.images[0].data == base64.b64decode(first)


@pytest.mark.parametrize("name", echo_table.in_base64(CANARY))
def test_what_base64_holds_is_not_told(
    name: str, client: VeniceClient, sandbox: Sandbox, request_for: RequestFor
) -> None:
    sandbox.add_fault(Fault.body(echo_table.in_base64(CANARY)[name], JSON))

    result = client.generate_images(request_for(variants=2))

    assert len(result.images) == 1
    assert any("left out" in warning for warning in result.warnings)
    assert CANARY[:6] not in told_by(result)


@pytest.mark.parametrize("name", echo_table.pictures(OTHER))
def test_an_image_without_the_key_stays_as_it_came(
    name: str, client: VeniceClient, sandbox: Sandbox, request_for: RequestFor, home: Path
) -> None:
    image = echo_table.pictures(OTHER)[name]
    sandbox.add_fault(Fault.body(image))
    assert client.generate_images(request_for()).images[0].data == image
    assert kept(home) == [image]


@pytest.mark.parametrize("name", echo_table.answers(OTHER))
def test_an_answer_without_the_key_stays_as_it_came(
    name: str, client: VeniceClient, sandbox: Sandbox, request_for: RequestFor, home: Path
) -> None:
    body = echo_table.answers(OTHER)[name]
    sandbox.add_fault(Fault.body(body, JSON))
    client.generate_images(request_for(variants=2))
    assert kept(home) == [body]


@pytest.mark.parametrize("variants", [1, 2])
@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize("name", echo_table.unreadable(CANARY))
def test_what_cannot_be_shown_is_quoted_without_the_key(
    name: str,
    status: int,
    variants: int,
    client: VeniceClient,
    sandbox: Sandbox,
    request_for: RequestFor,
    home: Path,
) -> None:
    body = echo_table.unreadable(CANARY)[name]
    fault = Fault.status(status, body=body, headers={"Content-Type": JSON})
    sandbox.add_fault(fault)
    with pytest.raises(VeniceError) as caught:
        client.generate_images(request_for(variants=variants))
    assert isinstance(caught.value, ApiError) == (status == 400)
    told = str(caught.value)
    for letters in (told, re.sub(r"[ \0]|\\x00|\\0", "", told)):
        assert CANARY[:8] not in letters
        assert escaped_start() not in letters
    assert kept(home) == []


def escaped_start() -> str:
    return echo_table.escaped(CANARY[:6])


@pytest.mark.parametrize("key", ["k", "i", "7654321"])
def test_a_short_key_is_not_looked_for(
    key: str, make_client: MakeClient, request_for: RequestFor
) -> None:
    """It stands in the name of a model, or in base64, by chance."""
    body = echo_table.in_json(echo_table.picture(), id=f"generate-{key}-image")
    with Sandbox(keys=(key,)) as sandbox:
        client = make_client(sandbox.base_url, key=key)
        client.catalogue.refresh()
        sandbox.add_fault(Fault.body(body, JSON, {"x-venice-model-id": "likes-kiwis"}))
        result = client.generate_images(request_for(return_binary=False))
        assert result.request_id == f"generate-{key}-image"
        assert result.images[0].data == echo_table.picture()
        sandbox.add_fault(Fault.status(400, {"error": "Somebody picks another kind"}))
        with pytest.raises(VeniceError, match="picks another kind") as caught:
            client.generate_images(request_for(seed=8))
        assert "[key]" not in str(caught.value)
        assert "*" not in repr([model.id for model in client.catalogue.models("image")])


@pytest.mark.parametrize("length", [0, 270, 280, 290, 299, 300])
def test_a_garbled_status_line_is_quoted_without_the_key(
    make_client: MakeClient, length: int
) -> None:
    """What is quoted of it is cut after 300 characters, perhaps in the middle of the key."""
    with ScriptedServer(saying(b"P" * length + CANARY.encode() + b"\r\n\r\n")) as server:
        client = make_client(server.base_url, key=CANARY)
        with pytest.raises(ResponseLostError) as caught:
            post(client)
    assert CANARY[:4] not in str(caught.value)


def test_a_garbled_length_is_not_quoted(make_client: MakeClient, request_for: RequestFor) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {CANARY}\r\n\r\n"
    with ScriptedServer(saying(head.encode())) as server:
        client = make_client(server.base_url, key=CANARY)
        with pytest.raises(BadResponseError, match="it is empty") as caught:
            client.generate_images(request_for())
    assert CANARY[:4] not in str(caught.value)


@pytest.mark.parametrize("name", [CANARY, CANARY.lower(), CANARY.upper()])
def test_a_header_named_like_the_key_is_kept_without_it(
    client: VeniceClient, sandbox: Sandbox, request_for: RequestFor, home: Path, name: str
) -> None:
    sandbox.add_fault(Fault.headers({f"x-venice-{name}": "yes"}))
    client.generate_images(request_for())
    (file,) = (home / "results").glob("*.result")
    assert CANARY.lower().encode() not in file.read_bytes().lower()


def test_the_lists_hold_no_key_behind_escapes(
    client: VeniceClient, sandbox: Sandbox, home: Path
) -> None:
    styles = f'["Anime", "{echo_table.escaped(CANARY)}"]'.encode()
    fault = Fault.status(200, body=styles, headers={"Content-Type": JSON})
    sandbox.add_fault(fault, path="/image/styles", times=None)
    assert client.list_styles() == ["Anime", "*" * len(CANARY)]
    client.catalogue.refresh()
    (file,) = home.glob("catalogue-*.json")
    assert CANARY not in file.read_text()
