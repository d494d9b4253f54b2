"""A small client of a running ComfyUI, like a browser or script."""

from __future__ import annotations

import contextlib
import json
import struct
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import requests
import websocket

from waiting import wait_for

PROGRESS_TEXT = 3  # ComfyUI's number for a binary message that carries a node's status text.

Prompt = dict[str, dict[str, Any]]

NOTHING: Prompt = {
    "1": {"class_type": "SolidMask", "inputs": {"value": 1.0, "width": 16, "height": 16}},
    "2": {"class_type": "PreviewAny", "inputs": {"source": ["1", 0]}},
}
"""A prompt that does nothing."""


class PromptRefused(Exception):
    """ComfyUI refused a prompt; the message is its answer."""


@dataclass(frozen=True)
class Run:
    """The end of a queued prompt, by the history."""

    status: str
    messages: dict[str, dict[str, Any]]
    outputs: dict[str, dict[str, Any]]

    @property
    def succeeded(self) -> bool:
        """Whether it ran to its end."""
        return self.status == "success"

    @property
    def interrupted(self) -> bool:
        """Whether somebody interrupted it."""
        return "execution_interrupted" in self.messages

    @property
    def error(self) -> dict[str, Any]:
        """The failure: `exception_message`, `node_id`, `node_type`, `traceback`."""
        return self.messages["execution_error"]

    def text(self, node: str) -> str:
        """The text of a PreviewAny node."""
        return str(self.outputs[node]["text"][0])

    def images(self, node: str) -> list[dict[str, str]]:
        """The files that a SaveImage or PreviewImage node wrote."""
        return list(self.outputs[node]["images"])


@dataclass
class Events:
    """ComfyUI's messages to one browser over its websocket."""

    client_id: str
    texts: list[tuple[str, str]] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)

    def take(self, message: str | bytes) -> None:
        """Keep one message: status texts as (node id, text), others unchanged."""
        if isinstance(message, str):
            self.messages.append(json.loads(message))
        elif struct.unpack(">I", message[:4])[0] == PROGRESS_TEXT:
            end = 8 + int(struct.unpack(">I", message[4:8])[0])
            self.texts.append((message[8:end].decode(), message[end:].decode()))


class ComfyClient:
    """Speaks to the ComfyUI at `url`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = requests.Session()
        self._session.trust_env = False

    def get(self, path: str, **params: Any) -> requests.Response:
        """GET `path`; raises for an error status."""
        response = self._session.get(self.url + path, params=params, timeout=60)
        response.raise_for_status()
        return response

    def post(self, path: str, body: Any) -> requests.Response:
        """POST `body` as JSON to `path`; the caller looks at the status."""
        return self._session.post(self.url + path, json=body, timeout=60)

    def object_info(self, node: str) -> dict[str, Any]:
        """Get ComfyUI's description of a node class. Raises KeyError without one."""
        description: dict[str, Any] = self.get(f"/object_info/{node}").json()[node]
        return description

    def queue(self, prompt: Prompt, client_id: str = "tests") -> str:
        """Queue an API-format prompt; return its id. Raises PromptRefused."""
        response = self.post("/prompt", {"prompt": prompt, "client_id": client_id})
        if response.status_code != 200:
            raise PromptRefused(response.text)
        return str(response.json()["prompt_id"])

    def wait(self, prompt_id: str, timeout_s: float = 120.0) -> Run:
        """Return how the prompt ended. Raises TimeoutError."""
        entry = wait_for(lambda: self.get(f"/history/{prompt_id}").json(), timeout_s)[prompt_id]
        messages = dict(entry["status"]["messages"])
        return Run(entry["status"]["status_str"], messages, entry["outputs"])

    def run(self, prompt: Prompt, timeout_s: float = 120.0, client_id: str = "tests") -> Run:
        """Queue a prompt and wait for its end."""
        return self.wait(self.queue(prompt, client_id), timeout_s)

    def interrupt(self) -> None:
        """Interrupt, as the cancel button does."""
        self.post("/interrupt", {}).raise_for_status()

    def free(self) -> None:
        """Make ComfyUI forget its cached results.

        It does so when it waits for a prompt and after each one, so one prompt may come first: the
        one run here.
        """
        self.post("/free", {"unload_models": True, "free_memory": True}).raise_for_status()
        assert self.run(NOTHING).succeeded

    def view(self, image: dict[str, str]) -> bytes:
        """Get an image of a run, as bytes."""
        return self.get("/view", **image).content

    def upload(self, name: str, data: bytes) -> str:
        """Put an image into the input folder; return the name for LoadImage."""
        files = {"image": (name, data)}
        response = self._session.post(self.url + "/upload/image", files=files, timeout=60)
        response.raise_for_status()
        return str(response.json()["name"])

    @contextlib.contextmanager
    def listen(self) -> Iterator[Events]:
        """Collect ComfyUI's messages to a browser; queue with the `client_id` of the result."""
        events = Events(uuid.uuid4().hex)
        address = self.url.replace("http", "ws", 1) + f"/ws?clientId={events.client_id}"
        connection = websocket.create_connection(address, timeout=60)
        reader = threading.Thread(target=_read, args=(connection, events), daemon=True)
        reader.start()
        try:
            yield events
        finally:
            connection.close()
            reader.join(timeout=60)


def _read(connection: websocket.WebSocket, events: Events) -> None:
    with contextlib.suppress(websocket.WebSocketException, OSError):
        while True:
            message = connection.recv()
            if not message:
                return
            events.take(message)
