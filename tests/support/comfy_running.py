"""A real ComfyUI under test, and the sandbox that its nodes reach."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PIL import Image

from comfy_client import ComfyClient, Run
from comfyui_process import ComfyUIProcess
from venice_client.sandbox import Sandbox

KEY = "test-key"


@dataclass
class Running:
    """`client` speaks to ComfyUI, `sandbox` is the API, `process` is ComfyUI itself.

    `start` starts another ComfyUI with the same folders.
    """

    client: ComfyClient
    sandbox: Sandbox
    process: ComfyUIProcess
    start: Callable[[], ComfyUIProcess]

    @property
    def sent(self) -> list[Any]:
        """The bodies of this test's paid requests, in the order in which they arrived."""
        return [request.json for request in self.sandbox.paid_requests]

    @property
    def paths(self) -> list[str]:
        """The endpoints of this test's paid requests, in the order in which they arrived."""
        return [request.path for request in self.sandbox.paid_requests]

    def load(self, name: str, picture: Image.Image) -> str:
        """Put a picture into the input folder; return its name for LoadImage."""
        data = io.BytesIO()
        picture.save(data, "PNG")
        return self.client.upload(f"{name}.png", data.getvalue())

    def saved(self, run: Run, node: str) -> Image.Image:
        """The one picture that a SaveImage or PreviewImage node wrote."""
        (image,) = run.images(node)
        return Image.open(io.BytesIO(self.client.view(image)))
