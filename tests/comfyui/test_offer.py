"""What a person finds in ComfyUI once the pack is installed."""

from __future__ import annotations

import io

import pytest
import requests
from PIL import Image

from comfy_running import Running
from comfyui_process import PACK_FOLDER, ROOT
from contract import CONTRACT, kept

WORKFLOWS = ROOT / "example_workflows"


def test_the_nodes_are_those_of_the_contract(comfyui: Running) -> None:
    offered = comfyui.client.get("/object_info").json()
    ours = f"custom_nodes.{PACK_FOLDER}"
    named = {name for name, node in offered.items() if node["python_module"] == ours}
    assert named == set(CONTRACT)


@pytest.mark.parametrize("node", CONTRACT)
def test_a_node_is_served_as_the_contract_has_it(comfyui: Running, node: str) -> None:
    offered, contract = comfyui.client.object_info(node), CONTRACT[node]
    inputs, order = offered["input"], offered["input_order"]
    assert set(inputs) <= {"required", "optional", "hidden"}
    for part in ("required", "optional"):
        assert order.get(part, []) == list(contract[part])
        served = {name: kept(name, *given) for name, given in inputs.get(part, {}).items()}
        assert served == contract[part]
    outputs = zip(offered["output_name"], offered["output"], strict=True)
    assert [list(output) for output in outputs] == contract["outputs"]
    assert offered["output_is_list"] == contract.get("lists", [False] * len(offered["output"]))


@pytest.mark.parametrize("node", CONTRACT)
def test_a_node_is_found_by_its_name(comfyui: Running, node: str) -> None:
    offered = comfyui.client.object_info(node)
    assert offered["display_name"] == CONTRACT[node]["name"]
    assert offered["category"] == "Venice"
    assert offered["description"]


@pytest.mark.parametrize("name", sorted(path.stem for path in WORKFLOWS.glob("*.json")))
def test_the_workflows_are_offered_with_an_image(comfyui: Running, name: str) -> None:
    assert name in comfyui.client.get("/workflow_templates").json()[PACK_FOLDER]
    address = f"/api/workflow_templates/{PACK_FOLDER}/{name}"
    assert comfyui.client.get(f"{address}.json").json()["nodes"]
    thumbnail = Image.open(io.BytesIO(comfyui.client.get(f"{address}.jpg").content))
    assert thumbnail.format == "JPEG"


def test_the_blueprints_are_offered(comfyui: Running) -> None:
    try:
        offered = comfyui.client.get("/global_subgraphs").json().values()
    except requests.HTTPError:
        pytest.skip("this ComfyUI serves no blueprints")
    ours = [entry for entry in offered if entry["info"]["node_pack"].endswith(PACK_FOLDER)]
    names = sorted(path.stem for path in (ROOT / "subgraphs").glob("*.json"))
    assert sorted(entry["name"] for entry in ours) == names
