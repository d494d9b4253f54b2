"""A canary for a key: it is in nothing that a real ComfyUI with the pack writes or serves."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image, PngImagePlugin, UnidentifiedImageError

import echo_table
from comfy_client import Events
from comfy_running import CANARY, Running
from fault_table import in_json, picture
from faulty_sandbox import Fault
from graphs import Graph, second

# In clear, and in the disguises that an answer or a file may put on it.
DISGUISES = {
    "in clear": CANARY.encode(),
    "reversed case": CANARY.swapcase().encode(),
    "base64": base64.b64encode(f"Bearer {CANARY}".encode())[10:-6],
    "percent": CANARY.replace("-", "%2D").encode(),
    "JSON escapes": CANARY.replace("-", "\\u002d").encode(),
    "UTF-16": CANARY.encode("utf-16-le"),
}
ROUTES = (
    "/object_info", "/history", "/queue", "/prompt", "/settings", "/users", "/system_stats",
    "/userdata?dir=&recurse=true", "/internal/logs", "/internal/logs/raw", "/extensions",
    "/embeddings", "/workflow_templates", "/internal/folder_paths", "/i18n", "/features",
    "/api/venice", "/venice", "/userdata/__venice%2Fvenice.json",
    "/userdata/..%2F__venice%2Fvenice.json", "/view?filename=venice.json&type=input",
)  # fmt: skip


def png_with_key() -> bytes:
    """An image whose text chunk holds the key."""
    told = PngImagePlugin.PngInfo()
    told.add_text("prompt", f"Bearer {CANARY}")
    out = io.BytesIO()
    Image.open(io.BytesIO(picture())).save(out, "PNG", pnginfo=told)
    return out.getvalue()


ECHOES = {
    "error": Fault.echo_key,
    "error page": lambda: Fault.status(502, body=f"<html>{CANARY}".encode()),
    "error text": lambda: Fault.status(422, body=CANARY.encode()),
    "escaped error": lambda: Fault.status(
        400,
        body=json.dumps({"error": "x"}).replace("x", CANARY.replace("-", "\\u002d")).encode(),
        headers={"Content-Type": "application/json"},
    ),
    "fields": lambda: Fault.status(400, {"error": "No", "details": {CANARY: {"_errors": ["x"]}}}),
    "redirect": lambda: Fault.redirect(f"https://{CANARY}.invalid/{CANARY}"),
    "rate limit": lambda: Fault.status(429, {"error": CANARY}, headers={"Retry-After": "0"}),
    "headers": lambda: Fault.headers(
        {
            "x-request-id": CANARY,
            "x-venice-enhanced-prompt": f"use {CANARY}",
            "x-venice-model-deprecation-warning": CANARY,
            "x-venice-model-id": CANARY,
            f"x-venice-{CANARY}": "yes",
        }
    ),
    "percent in a header": lambda: Fault.headers(
        {"x-venice-enhanced-prompt": CANARY.replace("-", "%2D")}
    ),
    "picture": lambda: Fault.body(png_with_key()),
    "no picture": lambda: Fault.body(CANARY.encode()),
    "encoding": lambda: Fault.headers({"Content-Encoding": CANARY}),
    "lost": Fault.reset,
    **{
        f"400, {name}": partial(Fault.status, 400, body=echo_table.unreadable(CANARY)[name])
        for name in ("text", "cut JSON of escapes")
    },
    **{name: partial(Fault.body, body) for name, body in echo_table.pictures(CANARY).items()},
}
JSON_ECHOES = {
    "id": lambda: Fault.body(in_json(picture(), id=CANARY, timing={CANARY: 1}), "application/json"),
    "escaped id": lambda: Fault.body(
        in_json(picture(), id="KEY").replace(b"KEY", CANARY.replace("-", "\\u002d").encode()),
        "application/json",
    ),
    "request": lambda: Fault.body(
        in_json(picture(), request={"Authorization": f"Bearer {CANARY}"}), "application/json"
    ),
    "bad image": lambda: Fault.body(in_json(CANARY), "application/json"),
    **{
        f"in JSON, {name}": partial(Fault.body, body, "application/json")
        for name, body in {**echo_table.answers(CANARY), **echo_table.unreadable(CANARY)}.items()
    },
}


def run_everything(comfyui: Running, events: Events, words: str) -> list[Any]:
    """A run that is saved, and one for each echo; answers what the runs told."""
    graph = Graph()
    images = graph.generate(prompt=words)
    graph.add("SaveImage", images=images, filename_prefix="canary")
    graph.show(second(images))
    told: list[Any] = [comfyui.client.run(graph.prompt, client_id=events.client_id)]
    echoes = [(make, {}) for make in ECHOES.values()]
    echoes += [(make, {"batch_size": 2, "batch_mode": "variants"}) for make in JSON_ECHOES.values()]
    for number, (make, inputs) in enumerate(echoes):
        comfyui.sandbox.add_fault(make())
        graph = Graph()
        images = graph.generate(prompt=words, seed=1000 + number, **inputs)
        graph.add("SaveImage", images=images, filename_prefix="canary")
        graph.show(second(images))
        told.append(comfyui.client.run(graph.prompt, client_id=events.client_id))
    return told


def test_the_canary_is_found_nowhere(comfyui: Running, words: str) -> None:
    with comfyui.client.listen() as events:
        runs = run_everything(comfyui, events, words)
    assert runs[0].succeeded, runs[0].messages
    sent = comfyui.sandbox.paid_requests
    assert len(sent) >= 1 + len(ECHOES) + len(JSON_ECHOES)
    assert {request.headers["authorization"] for request in sent} == {f"Bearer {CANARY}"}

    found = []
    looked = 0
    for place, data in everything(comfyui, events, runs):
        looked += 1
        found += [f"{name} in {place}" for name, form in DISGUISES.items() if form in data]
    print(f"{looked} places looked at, {len(sent)} requests")
    assert not found, "\n".join(found)


def everything(comfyui: Running, events: Events, runs: list[Any]) -> Iterator[tuple[str, bytes]]:
    """All that was written or is served, with the place where it is."""
    yield "runs", repr(runs).encode()
    yield "status texts", repr(events.texts).encode()
    yield "websocket", repr(events.messages).encode()
    yield "log", comfyui.log.encode()
    for route in ROUTES:
        for prefix in ("", "/api"):
            answer = comfyui.client._session.get(comfyui.client.url + prefix + route, timeout=60)
            yield prefix + route, answer.content + repr(answer.headers).encode()
    for path in comfyui.base.rglob("*"):
        if path == comfyui.home / "venice.json":
            assert path.stat().st_mode & 0o777 == 0o600
        elif path.is_file() and "custom_nodes" not in path.parts:
            data = path.read_bytes()
            place = str(path.relative_to(comfyui.base))
            yield place, data + place.encode()
            yield from _unpacked(path, place, data)


def _unpacked(path: Path, place: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    """What an image's texts, and an answer's base64, hold."""
    if path.suffix == ".png":
        yield f"texts of {place}", _texts(data)
    if path.suffix == ".json" and "unreadable" not in path.parts:
        yield f"JSON of {place}", repr(json.loads(data)).encode()
    if path.suffix == ".result":
        yield f"texts of {place}", _texts(data.split(b"\n", 2)[2])
        for number, text in enumerate(re.findall(rb"[A-Za-z0-9+/]{100,}={0,2}", data)):
            decoded = base64.b64decode(text + b"=" * (-len(text) % 4))
            yield f"base64 {number} of {place}", decoded + _texts(decoded)


def _texts(data: bytes) -> bytes:
    """The texts of an image, also those that are packed; nothing of what is none."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            return repr(image.info).encode()
    except UnidentifiedImageError:
        return b""
