"""What a hostile page or program on this machine cannot do to the sandbox."""

from __future__ import annotations

import base64
import os
import socket
import struct
import subprocess
import sys
import threading
import zlib
from pathlib import Path

import pytest

from venice_client.sandbox import server, service
from venice_client.sandbox.form import MAX_JSON_VALUES
from venice_client.sandbox.wire import MAX_HEAD_BYTES

ROOT = Path(__file__).resolve().parents[2]
KEY = "canary-key-5d41"
MiB = 1024 * 1024


class Raw:
    """A connection that says what it likes."""

    def __init__(self, sandbox) -> None:
        self.port = sandbox.port
        self.connection = socket.create_connection(("127.0.0.1", self.port), timeout=60)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def say(self, text: bytes) -> None:
        self.connection.sendall(text.replace(b"\n", b"\r\n"))

    def post(self, *headers: str, path: str = "/image/generate", host: str | None = None) -> None:
        """The head of a request with the key, unless the headers say otherwise."""
        lines = [
            f"POST /api/v1{path} HTTP/1.1",
            f"Host: {host or f'127.0.0.1:{self.port}'}",
            "Content-Type: application/json",
            *headers,
        ]
        if not any(header.startswith("Authorization") for header in headers):
            lines.append(f"Authorization: Bearer {KEY}")
        self.say("\n".join([*lines, "", ""]).encode())

    def status(self) -> int:
        """The status of the next answer."""
        received = b""
        while b"\r\n\r\n" not in received:
            chunk = self.connection.recv(65_536)
            if not chunk:
                return 0
            received += chunk
        return int(received.split(b" ")[1])


@pytest.fixture
def raw(sandbox):
    with Raw(sandbox) as connection:
        yield connection


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "localhost", "127.0.0.1:1"]
)
def test_a_name_that_was_led_here_is_refused_before_the_body_comes(raw, sandbox, host):
    raw.post("Content-Length: 1000000", host=host.format(port=raw.port))

    assert raw.status() == 421
    assert sandbox.requests == []


def test_a_target_with_another_host_and_a_second_host_are_refused(sandbox):
    for head in (
        "GET http://evil.example/api/v1/models HTTP/1.1\nHost: localhost:{port}\n\n",
        "GET /api/v1/models HTTP/1.1\nHost: localhost:{port}\nHost: evil.example\n\n",
        "GET /api/v1/models HTTP/1.1\n\n",
    ):
        with Raw(sandbox) as raw:
            raw.say(head.format(port=raw.port).encode())
            assert raw.status() in (400, 421)


def test_the_names_of_this_machine_are_taken(sandbox):
    for name in ("localhost", "LOCALHOST", "127.0.0.1"):
        with Raw(sandbox) as raw:
            raw.say(f"GET /api/v1/models HTTP/1.1\nHost: {name}:{raw.port}\n\n".encode())
            assert raw.status() == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (("Authorization: Bearer wrong", "Content-Length: 34000000"), 401),
        (("Authorization: Bearer wrong", "Transfer-Encoding: chunked"), 401),
        (("Content-Length: 35000001",), 413),
        (("Content-Length: 99999999999999999999",), 400),
        (("Content-Length: -1",), 400),
        (("Content-Length: ١٢",), 400),
        (("Content-Length: 5", "Transfer-Encoding: chunked"), 400),
        (("Transfer-Encoding: gzip",), 400),
        (("X-Large: " + "x" * MAX_HEAD_BYTES,), 431),
        (("Content-Length: 5", "Content-Length: 6"), 400),
    ],
)
def test_what_can_be_refused_without_a_body_is(raw, headers, status):
    """No body is ever sent here: each of these answers before it."""
    raw.post(*headers)

    assert raw.status() == status


def test_a_form_may_be_larger_than_json(raw):
    headers = ("Content-Type: multipart/form-data; boundary=x", "Content-Length: 35000001")
    lines = f"POST /api/v1/image/edit HTTP/1.1\nHost: localhost:{raw.port}\n"
    raw.say(f"{lines}Authorization: Bearer {KEY}\nExpect: 100-continue\n".encode())
    raw.say("\n".join([*headers, "", ""]).encode())

    assert raw.status() == 100


@pytest.mark.parametrize(
    "chunks",
    [
        b"zz\r\n",
        b"\r\n",
        b"-5\r\n",
        b"3\r\nabcdef\r\n",
        b"FFFFFFFFFFFFFFFFFFFFF\r\nabc",
        b"2\n{}\n1;",
    ],
)
def test_odd_chunks_are_refused(raw, chunks):
    raw.post("Transfer-Encoding: chunked")
    raw.connection.sendall(chunks + b"x" * 2000)
    raw.connection.shutdown(socket.SHUT_WR)

    assert raw.status() in (0, 400)


def test_chunks_are_read_with_extensions_and_trailers(raw):
    raw.post("Transfer-Encoding: chunked")
    raw.say(b"1;name=value\n{\n01\n}\n0\nX-Trailer: 1\n\n")

    assert raw.status() == 400
    raw.post("Content-Length: 2")
    raw.say(b"{}")
    assert raw.status() == 400


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"nonsense\n\n",
        b"GET\n\n",
        b"GET / HTTP/9.9\n\n",
        b"GET / HTTP/1.1\n:\n\n",
        b"\0\n\n",
    ],
)
def test_no_request_line_brings_a_traceback(sandbox, capsys, line):
    with Raw(sandbox) as raw:
        raw.say(line)
        raw.connection.shutdown(socket.SHUT_WR)
        raw.status()
    with Raw(sandbox) as raw:
        raw.say(f"GET /api/v1/models HTTP/1.1\nHost: localhost:{raw.port}\n\n".encode())
        assert raw.status() == 200

    assert capsys.readouterr().err == ""


def test_no_more_connections_are_held_than_allowed(sandbox, monkeypatch):
    monkeypatch.setattr(server, "MAX_CONNECTIONS", 3)
    held = [Raw(sandbox) for _ in range(3)]
    for raw in held:
        raw.say(f"GET /api/v1/models HTTP/1.1\nHost: localhost:{raw.port}\n\n".encode())
        assert raw.status() == 200

    with Raw(sandbox) as one_more:
        assert one_more.status() == 0
    for raw in held:
        raw.connection.close()


def test_bodies_wait_until_there_is_room_for_them():
    budget, came = service.Budget(10), threading.Event()

    def second():
        with budget.hold(6):
            came.set()

    with budget.hold(6):
        thread = threading.Thread(target=second, daemon=True)
        thread.start()
        assert not came.wait(0.2)
    assert came.wait(60)
    thread.join(60)


def test_a_body_of_countless_values_is_refused(api):
    body = b"[" + b"[]," * MAX_JSON_VALUES + b"[]]"

    answer = api.post("/image/generate", data=body, headers={"Content-Type": "application/json"})

    assert (answer.status_code, "too many values" in answer.json()["error"]) == (400, True)


def black_png(width, height):
    """A PNG of some hundred kilobytes that decodes to so many pixels."""

    def chunk(name, data):
        checksum = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", checksum)

    packer = zlib.compressobj(9)
    rows = packer.compress(b"")
    row = bytes(1 + 3 * width)
    for _ in range(height):
        rows += packer.compress(row)
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = chunk(b"IDAT", rows + packer.flush())
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + data + chunk(b"IEND", b"")


@pytest.mark.parametrize("path", ["/image/edit", "/image/upscale", "/image/background-remove"])
def test_an_image_of_too_many_pixels_is_refused_undecoded(api, monkeypatch, path):
    decoded = []
    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", decoded.append)
    image = base64.b64encode(black_png(7000, 7000)).decode()

    answer = api.post(path, {"image": image, **({"prompt": "x"} if path == "/image/edit" else {})})

    assert (answer.status_code, answer.json()["code"]) == (422, "IMAGE_TOO_LARGE")
    assert decoded == []


MEASURED = f"""
import base64, resource, sys, threading, requests
import venice_client.sandbox as stand_in
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
with stand_in.Sandbox(keys=("{KEY}",)) as sandbox:
    url = sandbox.base_url + sys.argv[1]
    headers = {{"Authorization": "Bearer " + sys.argv[2], "Content-Type": "application/json"}}
    before = peak()
    def send():
        def parts():
            for _ in range(int(sys.argv[3])): yield bytes(1024 * 1024)
        session = requests.Session(); session.trust_env = False
        try: session.post(url, data=parts(), headers=headers, timeout=60)
        except requests.ConnectionError: pass
    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    print(peak() - before)
"""


@pytest.mark.long
@pytest.mark.skipif(os.name == "nt", reason="measures with `resource`")
@pytest.mark.parametrize(("key", "limit"), [("wrong", 60), (KEY, 400)])
def test_large_bodies_take_little_memory(key, limit):
    """Six of 190 MiB at once: without the key nothing is kept, with it no more than allowed."""
    command = [sys.executable, "-c", MEASURED, "/image/generate", key, "190"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=250)

    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < limit
