"""What a person finds in ComfyUI once the pack is installed."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from comfy_running import Running
from comfyui_process import PACK_FOLDER, ROOT

pytestmark = [pytest.mark.comfyui, pytest.mark.timeout(300)]

WORKFLOWS = ROOT / "example_workflows"
GENERATE_REQUIRED = ["model", "prompt", "width", "height", "seed", "batch_size"]
GENERATE_OPTIONAL = [
    "style",
    "negative_prompt",
    "aspect_ratio",
    "resolution",
    "quality",
    "steps",
    "cfg_scale",
    "lora_strength",
    "format",
    "hide_watermark",
    "safe_mode",
    "enhance_prompt",
    "enable_web_search",
    "skip_prompt_thinking",
    "batch_mode",
    "if_flagged",
    "style_references",
]
TITLES = {
    "VeniceGenerateImage": "Venice Generate Image",
    "VeniceStylePreset": "Venice Style Preset",
    "VeniceSeed": "Venice Seed",
    "VeniceStyleReferences": "Venice Style References",
    "VeniceUpscaleImage": "Venice Upscale Image",
    "VeniceEditImage": "Venice Edit Image",
    "VeniceRemoveBackground": "Venice Remove Background",
    "VeniceStyleSweep": "Venice Style Sweep",
    "VeniceModelSweep": "Venice Model Sweep",
    "VeniceContactSheet": "Venice Contact Sheet",
}


@pytest.mark.parametrize("node", TITLES)
def test_the_nodes_are_there(comfyui: Running, node: str) -> None:
    offered = comfyui.client.object_info(node)
    assert offered["display_name"] == TITLES[node]
    assert offered["category"] == "Venice"
    assert offered["description"]


def test_generate_has_its_inputs_in_order(comfyui: Running) -> None:
    order = comfyui.client.object_info("VeniceGenerateImage")["input_order"]
    assert order["required"] == GENERATE_REQUIRED
    assert order["optional"][: len(GENERATE_OPTIONAL)] == GENERATE_OPTIONAL
    assert not order.get("hidden")


@pytest.mark.parametrize("name", sorted(path.stem for path in WORKFLOWS.glob("*.json")))
def test_the_workflows_are_offered_with_a_picture(comfyui: Running, name: str) -> None:
    assert name in comfyui.client.get("/workflow_templates").json()[PACK_FOLDER]
    address = f"/api/workflow_templates/{PACK_FOLDER}/{name}"
    assert comfyui.client.get(f"{address}.json").json()["nodes"]
    thumbnail = Image.open(io.BytesIO(comfyui.client.get(f"{address}.jpg").content))
    assert thumbnail.format == "JPEG"
