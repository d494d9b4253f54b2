"""A small server in a process of its own that answers as Venice, and as ComfyUI's partner, do.

The images are ready before they are asked for, so that it costs hardly any time of its own. Both
sides get the same image, after the same latency, from the same code. `StandIn` starts it.
"""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import requests
from PIL import Image

KEY = "bench"
DATA = Path(__file__).resolve().parent.parent / "venice_client" / "catalogue" / "data"
GENERATE, PARTNER = "/image/generate", "/proxy/openai/images/generations"
BY_ADDRESS, PICTURE = "dall-e-3", "/picture.png"
"""The partner's model whose answer is the address of the image."""

FILES = ("/image/edit", "/image/upscale")
CHUNK = 2**20


@cache
def picture(width: int, height: int, format: str = "png") -> bytes:
    """An image with soft forms and fine grain, which takes about as many bytes as a photo."""
    random = np.random.default_rng(7)
    soft = random.integers(0, 256, (24, 24, 3), dtype=np.uint8)
    forms = Image.fromarray(soft).resize((width, height), Image.Resampling.BICUBIC)
    grain = random.integers(0, 7, (height, width, 3), dtype=np.uint8)
    pixels = np.clip(np.asarray(forms, np.int16) + grain - 3, 0, 255).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, format)
    return out.getvalue()


class Control:
    """Says how the server at `url` answers, and reads what it was asked."""

    def __init__(self, url: str = "") -> None:
        self.url = url
        self._session = requests.Session()
        self._session.trust_env = False

    @property
    def environ(self) -> dict[str, str]:
        """The settings with which the pack asks it."""
        return {"VENICE_API_KEY": KEY, "VENICE_API_BASE": self.url}

    def answer(
        self, latency: float = 0.0, size: Sequence[int] = (1024, 1024), format: str = "png"
    ) -> int:
        """Has it answer with an image of that size after `latency` seconds, and forget its log.

        Returns how many bytes the image has.
        """
        how = {"latency": latency, "size": list(size), "format": format}
        response = self._session.post(f"{self.url}/bench", json=how, timeout=300)
        return int(response.json()["bytes"])

    def asked(self) -> tuple[list[dict[str, Any]], int]:
        """The requests to generate since `answer`, in order, and the bytes of files that came."""
        log = self._session.get(f"{self.url}/bench", timeout=60).json()
        return log["requests"], log["bytes"]


class StandIn(Control):
    """The server, which runs while the `with` block does."""

    def __enter__(self) -> StandIn:
        command = [sys.executable, __file__]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.terminate()
        self._process.wait()


class _State:
    latency = 0.0
    answers: dict[str, tuple[str, bytes]] = {}  # noqa: RUF012 (there is one server)
    log: list[dict[str, Any]] = []  # noqa: RUF012
    received = 0
    lock = threading.Lock()


def _prepare(latency: float, size: Sequence[int], format: str) -> int:
    data = picture(size[0], size[1], format)
    text = base64.b64encode(data).decode()
    listed = {"id": "bench", "images": [text], "timing": {"total": 1}}
    _State.latency = latency
    _State.log, _State.received = [], 0
    _State.answers = {
        "binary": (f"image/{format}", data),
        "json": ("application/json", json.dumps(listed).encode()),
        PARTNER: ("application/json", json.dumps({"data": [{"b64_json": text}]}).encode()),
    }
    return len(data)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/bench":
            log = {"requests": _State.log, "bytes": _State.received}
            self._send("application/json", json.dumps(log).encode())
            return
        if path == PICTURE:
            self._send(*_State.answers["binary"])
            return
        name = {"/models": "models.json", "/image/styles": "styles.json"}[path]
        self._send("application/json", b'{"data": %b}' % (DATA / name).read_bytes())

    def do_POST(self) -> None:
        body = self._body()
        if self.path == "/bench":
            size = _prepare(**json.loads(body))
            self._send("application/json", json.dumps({"bytes": size}).encode())
            return
        came = time.monotonic()
        answer = "binary" if self.path in FILES else self.path
        if self.path == GENERATE:
            fields = json.loads(body)
            answer = "binary" if fields.get("return_binary") else "json"
            with _State.lock:
                _State.log.append({**fields, "came": came})
        kind, data = _State.answers[answer]
        if self.path == PARTNER and json.loads(body)["model"] == BY_ADDRESS:
            address = f"http://{self.headers['Host']}{PICTURE}"
            data = json.dumps({"data": [{"url": address}]}).encode()
        time.sleep(max(0.0, came + _State.latency - time.monotonic()))
        self._send(kind, data)

    def _body(self) -> bytes:
        """The body of a request; of one with files only that it was read."""
        left = int(self.headers.get("Content-Length", 0))
        if self.path not in FILES:
            return self.rfile.read(left)
        if not left:  # it comes in chunks
            while size := int(self.rfile.readline(), 16):
                self._skip(size)
                self.rfile.readline()
            self.rfile.readline()
        self._skip(left)
        return b""

    def _skip(self, size: int) -> None:
        with _State.lock:
            _State.received += size
        while size > 0:
            size -= len(self.rfile.read(min(size, CHUNK)))

    def _send(self, kind: str, data: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


if __name__ == "__main__":
    _prepare(0.0, (1024, 1024), "png")
    server = _Server(("127.0.0.1", 0), _Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()
