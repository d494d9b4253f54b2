"""An image that came whole is shown, however its answer is made; a damaged one never."""

from __future__ import annotations

import base64
import gzip
import io
import json
import re
import socket
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import posting
from fault_table import in_json, picture
from scripted_server import Script, ScriptedServer, read_request, saying
from venice_client import GenerateRequest, ImageResult, VeniceClient
from venice_client.catalogue import catalogue
from venice_client.errors import BadResponseError, MaybeChargedError, ResponseLostError
from venice_client.imaging.images import decode
from venice_client.transport import connections

MakeClient = Callable[..., VeniceClient]
RequestFor = Callable[..., GenerateRequest]
Ask = Callable[..., ImageResult]

PNG = picture()
OTHER = picture(32, 32)
TEXT = base64.b64encode(PNG).decode()
assert PNG[-12:] not in PNG[:-12]


def told(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


def listed(text: object) -> bytes:
    return told(images=[text])


BODIES = {
    "the picture": PNG,
    "bytes behind it": PNG + bytes(1000) + b"<html>",
    "base64 in JSON": listed(TEXT),
    "line breaks": listed(re.sub("(.{76})", "\\1\r\n", TEXT)),
    "blanks around it": listed(f"  {TEXT}\t\n"),
    "slashes escaped": listed(TEXT).replace(b"/", b"\\/"),
    "a data URL": listed(f"data:image/png;base64,{TEXT}"),
    "a data URL with parameters": listed(f"data:image/png;name=a.png;base64,{TEXT}"),
    "a data URL without a type": listed(f"data:;base64,{TEXT}"),
    "a data URL in capitals": listed(f"DATA:IMAGE/PNG;BASE64,{TEXT}"),
    "a data URL of a wrong type": listed(f"data:application/octet-stream;base64,{TEXT}"),
    "NaN": listed(TEXT)[:-1] + b', "timing": {"total": NaN, "a": Infinity, "b": -Infinity}}',
    "numbers without end": listed(TEXT)[:-1] + b', "timing": {"total": 1e999}}',
    "a mark before JSON": b"\xef\xbb\xbf\r\n" + listed(TEXT),
    "null beside it": told(images=[TEXT], request=None, timing=None, id=None),
}


@pytest.fixture
def ask(
    make_client: MakeClient, request_for: RequestFor, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., ImageResult]:
    """What a client makes of the answer of a scripted server."""
    monkeypatch.setattr(catalogue, "MAX_REFRESH_WAIT", 0.01)

    def run(script: Script | bytes, *, timeout: float = 60.0, **changes: Any) -> ImageResult:
        script = saying(script) if isinstance(script, bytes) else script
        with ScriptedServer(script) as server:
            client = make_client(server.base_url, timeout=timeout)
            return client.generate_images(request_for(**changes))

    return run


def answer(body: bytes, *headers: str, length: int | None = None) -> bytes:
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(body) if length is None else length}"]
    if not any("keep-alive" in header for header in headers):
        lines.append("Connection: close")
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body


def is_png(result: ImageResult) -> bool:
    (image,) = result.images
    return np.array_equal(decode(image), decode(PNG))


@pytest.mark.parametrize("variants", [1, 2])
@pytest.mark.parametrize("name", BODIES)
def test_a_whole_image_is_shown_in_whatever_form_it_comes(
    name: str, variants: int, ask: Ask
) -> None:
    """Whether the image itself was asked for, or JSON."""
    kind = "application/json" if "JSON" in name else "image/webp"
    result = ask(answer(BODIES[name], f"Content-Type: {kind}"), variants=variants)
    assert is_png(result)
    json.dumps(result.facts(), allow_nan=False).encode()
    missing = ["Venice returned 1 image instead of 2."]
    assert [w for w in result.warnings if "instead of" in w] == (missing if variants == 2 else [])


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
def test_the_bytes_say_what_it_is(format: str, ask: Ask) -> None:
    data = picture(kind=format)
    (image,) = ask(answer(data, "Content-Type: image/avif")).images
    assert (image.data, image.format) == (data, format.lower())


def test_an_animation_is_said(ask: Ask) -> None:
    out, first = io.BytesIO(), Image.linear_gradient("L")
    first.save(out, "WEBP", save_all=True, append_images=[first.rotate(90)])
    (warning,) = ask(answer(out.getvalue())).warnings
    assert "animated WEBP; only its first frame" in warning


DAMAGED = {
    "half a picture": (PNG[:90], "is incomplete"),
    "all but its end": (PNG[:-12], "is incomplete"),
    "a wrong checksum": (PNG[:60] + bytes([PNG[60] ^ 1]) + PNG[61:], "checksum"),
    "half a JPEG": (picture(kind="JPEG")[:-20], "is incomplete"),
    "half of base64": (listed(TEXT[: len(TEXT) // 2]), "is incomplete"),
    "base64 cut within a letter": (listed(TEXT[: len(TEXT) // 8 * 4 + 1]), "isn't valid base64"),
    "odd letters in base64": (listed(TEXT[:50] + "é*" + TEXT[52:]), "isn't valid base64"),
    "JSON cut in its picture": (listed(TEXT)[:-40], "isn't a readable image"),
    "an address": (told(images=["https://cdn.example/a.png"]), "isn't valid base64"),
    "no picture in base64": (listed("aGVsbG8gd29ybGQ="), "can't be read .11 bytes"),
    "nothing listed": (told(images=[], data=[TEXT]), "contains no image"),
    "null": (b"null", "contains no image .4 bytes"),
    "a PDF": (b"%PDF-1.7", "isn't a readable image .8 bytes"),
}


@pytest.mark.parametrize("variants", [1, 2])
@pytest.mark.parametrize("name", DAMAGED)
def test_what_is_not_whole_is_an_error_that_holds_what_came(
    name: str, variants: int, ask: Ask
) -> None:
    body, says = DAMAGED[name]
    with pytest.raises(BadResponseError, match=says) as caught:
        ask(answer(body), variants=variants)
    assert caught.value.body == body
    assert caught.value.may_have_been_charged


def chunked(body: bytes, *more: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"%x\r\n%s\r\n" % (len(body), body) + b"".join(more)


def encoded(body: bytes, name: str) -> bytes:
    return answer(body, f"Content-Encoding: {name}")


LIES = {
    "a length too large": answer(PNG, length=len(PNG) + 7),
    "a length far too large": answer(PNG, length=10**15),
    "a length of JSON too large": answer(listed(TEXT), length=10**6),
    "no end of chunks": chunked(PNG),
    "a broken end of chunks": chunked(PNG, b"zz\r\n"),
    "half an end of chunks": chunked(PNG, b"0\r\n"),
    "a chunk that says more": chunked(PNG).replace(b"%x\r\n" % len(PNG), b"fffff\r\n"),
    "gzip that is none": encoded(PNG, "gzip"),
    "deflate that is none": encoded(listed(TEXT), "deflate"),
    "br that is none": encoded(PNG, "br"),
    "an encoding that nobody knows": encoded(PNG, "rot13"),
    "two encodings that are none": encoded(PNG, "gzip, gzip"),
    "gzip": encoded(gzip.compress(PNG), "gzip"),
    "x-gzip": encoded(gzip.compress(PNG), " X-GZIP "),
    "deflate": encoded(zlib.compress(PNG), "deflate"),
    "raw deflate": encoded(zlib.compress(PNG)[2:-4], "deflate"),
    "gzip of JSON": encoded(gzip.compress(listed(TEXT)), "gzip"),
    "gzip that breaks behind the picture": answer(
        gzip.compress(PNG), "Content-Encoding: gzip", length=10**6
    ),
}


@pytest.mark.parametrize("name", LIES)
def test_a_header_that_lies_costs_no_image(name: str, ask: Ask) -> None:
    assert is_png(ask(LIES[name]))


@pytest.mark.long
@pytest.mark.parametrize("body", [PNG, listed(TEXT)])
def test_a_connection_that_stays_open_behind_the_image(body: bytes, ask: Ask) -> None:
    """Until the time limit: there is nothing that says that it is whole."""

    def script(connection: socket.socket) -> None:
        connection.sendall(answer(body, "Connection: keep-alive", length=len(body) + 7))
        read_request(connection)

    assert is_png(ask(script, timeout=1.0))


LOST = {
    "cut": answer(PNG[:-1], length=len(PNG)),
    "cut JSON": answer(listed(TEXT)[:-2], length=len(listed(TEXT))),
    "cut JPEG": answer(picture(kind="JPEG")[:-2], length=10**6),
    "cut chunks": chunked(PNG[:-1]),
    "cut gzip": answer(gzip.compress(PNG)[:-30], "Content-Encoding: gzip", length=10**6),
    "a damaged PNG, cut behind": answer(b"\x89PNG", length=100),
}


@pytest.mark.parametrize("name", LOST)
def test_an_answer_that_is_cut_is_lost(name: str, ask: Ask) -> None:
    with pytest.raises(ResponseLostError, match="lost before the response arrived"):
        ask(LOST[name])


INTERIM = {
    "100": b"HTTP/1.1 100 Continue\r\n\r\n",
    "102": b"HTTP/1.1 102 Processing\r\n\r\n",
    "103": b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n",
    "several": b"HTTP/1.1 102 Processing\r\nContent-Length: 5\r\n\r\n" * 30
    + b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 199 x\r\n\r\n",
}


@pytest.mark.parametrize("name", INTERIM)
def test_an_interim_answer_is_none(name: str, ask: Ask) -> None:
    assert is_png(ask(INTERIM[name] + answer(PNG)))


@pytest.mark.parametrize("name", INTERIM)
def test_an_interim_answer_with_nothing_behind_it_may_have_been_charged(
    name: str, ask: Ask
) -> None:
    with pytest.raises(ResponseLostError, match="may have been charged"):
        ask(INTERIM[name])


def test_a_connection_is_used_again_behind_a_whole_image_only(make_client: MakeClient) -> None:
    bodies = iter([PNG, listed(TEXT), PNG[:90], PNG, PNG])

    def script(connection: socket.socket) -> None:
        for body in bodies:
            connection.sendall(answer(body, "Connection: keep-alive"))
            if not read_request(connection):
                return

    with ScriptedServer(script) as server:
        client = make_client(server.base_url)
        opened = []
        for _ in range(5):
            posting.post(client)
            opened.append(server.connections)
    assert opened == [1, 1, 1, 2, 2]


def test_the_other_side_is_asked_whether_it_is_there(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer may take minutes without a byte, which what lies between may take for dead."""
    found: list[tuple[int, ...]] = []
    real = connections._keep_alive

    def keep_alive(sock: socket.socket) -> None:
        real(sock)
        names = [name for name in connections.KEEP_ALIVE if hasattr(socket, name)]
        options = [getattr(socket, name) for name in names]
        found.append(
            (
                sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
                *(sock.getsockopt(socket.IPPROTO_TCP, option) for option in options),
            )
        )

    monkeypatch.setattr(connections, "_keep_alive", keep_alive)
    assert is_png(ask(answer(PNG)))
    assert found
    assert all(is_on for is_on, *_ in found)
    assert all(seconds <= 60 for _, *times in found for seconds in times)


def test_a_system_without_these_options_connects_all_the_same(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "KEEP_ALIVE", {"SO_KEEPALIVE": 999_999, "TCP_NONE": 1})
    monkeypatch.setattr(socket, "SO_KEEPALIVE", 9999)
    assert is_png(ask(answer(PNG)))


def test_what_is_whole_is_kept_and_shown_from_the_store(
    make_client: MakeClient,
    request_for: RequestFor,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(catalogue, "MAX_REFRESH_WAIT", 0.01)
    with ScriptedServer(saying(answer(BODIES["line breaks"], length=10**6))) as server:
        client = make_client(server.base_url, store_mb=10.0)
        first = client.generate_images(request_for())
        assert client.generate_images(request_for()).from_store
        assert is_png(first)
        assert len([r for r in server.requests if r.startswith(b"POST")]) == 1
    assert len(list((home / "results").glob("*.result"))) == 1


def test_the_error_tells_that_it_may_have_been_charged() -> None:
    assert issubclass(BadResponseError, MaybeChargedError)
    assert BadResponseError("x").body == b""


def test_a_good_image_beside_odd_ones(ask: Ask) -> None:
    body = told(images=[None, TEXT, {"b64_json": TEXT}, f"data:;base64,{TEXT}"], timing={"a": 1})
    result = ask(answer(body), variants=4)
    assert [decode(image).shape for image in result.images] == [(64, 64, 3)] * 2
    assert sum("left out" in warning for warning in result.warnings) == 2
    assert result.timing == {"a": 1}


def test_no_more_than_was_asked_for_is_read(ask: Ask) -> None:
    result = ask(answer(in_json(PNG, OTHER)))
    assert is_png(result)
    assert "Venice returned 2 images instead of 1; the extra ones are left out." in result.warnings
