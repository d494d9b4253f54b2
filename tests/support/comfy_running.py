"""A real ComfyUI under test, and the sandbox that its nodes reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from comfy_client import ComfyClient
from comfyui_process import ComfyUIProcess
from venice_client.sandbox import Sandbox

KEY = "test-key"


@dataclass
class Running:
    """`client` speaks to ComfyUI, `sandbox` is the API, `process` is ComfyUI itself."""

    client: ComfyClient
    sandbox: Sandbox
    process: ComfyUIProcess

    @property
    def sent(self) -> list[Any]:
        """The bodies of this test's paid requests, in the order in which they arrived."""
        return [request.json for request in self.sandbox.paid_requests]
