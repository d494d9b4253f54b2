"""A real ComfyUI that a test can restart, and the sandbox for its nodes."""

from __future__ import annotations

import io
import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from bench import held_until
from comfy_client import ComfyClient, Run
from comfyui_process import CTRL_C, ComfyUIProcess, Installation
from faulty_sandbox import Sandbox
from form_fields import fields_of
from venice_client.settings.api_key import ApiKey
from venice_client.settings.settings import save_key
from waiting import wait_for

# The user's environment, before fixtures change it.
ENVIRON = {name: value for name, value in os.environ.items() if not name.startswith("VENICE_")}

CANARY = "canary-Zq81LtWm40cYx7Rb"
"""The key of all runs, which must appear nowhere."""

HELD_S = 50.0
"""The most seconds for a run to end while its responses are held, for a minute at most."""

START_S = 400.0
"""About ten times the start of an idle computer."""


@dataclass
class Running:
    """A running ComfyUI. client: for the current one. sandbox: its API.

    flags: more options of ComfyUI, from its next start on.
    """

    installation: Installation
    base: Path
    sandbox: Sandbox
    logs: list[str] = field(default_factory=list)
    flags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self._process: ComfyUIProcess | None = None

    def start(self) -> None:
        """Start ComfyUI with an empty memory and its old disk. Raises StartFailed."""
        settings = {"VENICE_API_BASE": self.sandbox.base_url, "VENICE_HOME": str(self.home)}
        self.use_key(CANARY)
        arguments = ["--cpu", *_cached_in(self.installation), *self.flags]
        environ = {**ENVIRON, **settings}
        self._process = ComfyUIProcess(self.installation, self.base, environ, arguments)
        self._process.wait_until_ready(START_S)
        self.client = ComfyClient(self._process.url)

    def stop(self, first: signal.Signals = CTRL_C) -> None:
        """End ComfyUI as Ctrl-C does, or with `first`; keep its log."""
        if self._process is not None:
            self._process.stop(first)
            self.logs.append(self._process.log.read_text("utf-8", "replace"))
            self._process = None

    def use_key(self, key: str) -> None:
        """Log in from the next run on, as `python -m venice_client login` does."""
        save_key([self.home], ApiKey(key))

    def use_limit(self, usd: str) -> None:
        """Set the limit per run in USD from the next run on, in the settings file."""
        file = self.home / "venice.json"
        values = {**json.loads(file.read_text("utf-8")), "VENICE_MAX_USD_PER_RUN": usd}
        file.write_text(json.dumps(values), "utf-8")

    @contextmanager
    def held(self, times: int | None = None) -> Iterator[None]:
        """Hold the responses to the next `times` paid requests (all) during the block.

        Whatever ends within it hasn't waited for them. After it, all that they bring is saved.
        """
        go = threading.Event()
        self.sandbox.add_fault(held_until(go.is_set), path=None, times=times)
        try:
            yield
        finally:
            go.set()
            self.sandbox.clear_faults()
            wait_for(lambda: all(request.status for request in self.sandbox.paid_requests))
            wait_for(lambda: not list((self.home / "journal").glob("*.jsonl")))

    @property
    def home(self) -> Path:
        return self.base / "venice-home"

    @property
    def log(self) -> str:
        """ComfyUI's output, of all starts."""
        now = self._process.log.read_text("utf-8", "replace") if self._process else ""
        return "\n".join([*self.logs, now])

    @property
    def sent(self) -> list[Any]:
        """The bodies of this test's paid requests, in order of arrival."""
        return [fields_of(request) for request in self.sandbox.paid_requests]

    @property
    def paths(self) -> list[str]:
        """The endpoints of this test's paid requests, in order of arrival."""
        return [request.path for request in self.sandbox.paid_requests]

    @property
    def seeds(self) -> list[int]:
        """The seeds of this test's paid requests, sorted."""
        return sorted(body["seed"] for body in self.sent if "seed" in body)

    def load(self, name: str, picture: Image.Image) -> str:
        """Put an image into the input folder; return its name for LoadImage."""
        data = io.BytesIO()
        picture.save(data, "PNG")
        return self.client.upload(f"{name}.png", data.getvalue())

    def saved(self, run: Run, node: str) -> Image.Image:
        """The one image from a SaveImage or PreviewImage node."""
        (image,) = run.images(node)
        return Image.open(io.BytesIO(self.client.view(image)))


def _cached_in(installation: Installation) -> list[str]:
    """Options to keep ComfyUI from its makers' servers, if this version has them."""
    known = (installation.path / "comfy" / "cli_args.py").read_text("utf-8")
    nowhere = ["--comfy-api-base", "http://127.0.0.1:9"]
    return nowhere if nowhere[0] in known else []
