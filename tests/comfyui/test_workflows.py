"""The example workflows: what they are, and that ComfyUI runs them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from comfy_running import Running
from comfyui_process import ROOT

TWINS = Path(__file__).parent / "api"
WORKFLOWS = ROOT / "example_workflows"

GENERATE = "/image/generate"
# Each workflow with the requests that a run of it sends.
SENT = {
    "Venice cut out on a new background": ["/image/background-remove", GENERATE, GENERATE],
    "Venice edit my picture": [GENERATE, "/image/multi-edit"],
    "Venice style references": [GENERATE, GENERATE],
    "Venice compare styles": [GENERATE] * 4,
    "Venice text to image": [GENERATE],
    "Venice text to image and upscale": [GENERATE],
    "Venice upscale my picture": [GENERATE, "/image/upscale"],
}
NAMES = sorted(SENT)

# Boxes of text on the canvas: nothing that runs.
NOTES = {"Note", "MarkdownNote"}


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def widgets(node: dict[str, Any]) -> dict[str, Any]:
    """The values on a saved node by name; the mode that follows a seed has no name."""
    names = [slot["widget"]["name"] for slot in node["inputs"] if "widget" in slot]
    values = list(node.get("widgets_values", []))
    if len(values) == len(names) + 1:
        del values[names.index("seed") + 1]
    return dict(zip(names, values, strict=True))


def as_prompt(workflow: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Classes, links and widget values of a saved workflow, in the shape of an API prompt."""
    came_from = {link[0]: [str(link[1]), link[2]] for link in workflow["links"]}
    prompt = {}
    for node in workflow["nodes"]:
        if node["type"] in NOTES:
            continue
        linked = {
            slot["name"]: came_from[slot["link"]]
            for slot in node["inputs"]
            if slot.get("link") is not None
        }
        inputs = {**widgets(node), **linked}
        prompt[str(node["id"])] = {"class_type": node["type"], "inputs": inputs}
    return prompt


@pytest.mark.parametrize("name", NAMES)
def test_the_twins_agree(name: str) -> None:
    twin = read(TWINS / f"{name}.json")
    expected = {
        node: {"class_type": part["class_type"], "inputs": part["inputs"]}
        for node, part in twin.items()
    }
    assert as_prompt(read(WORKFLOWS / f"{name}.json")) == expected


def test_every_workflow_has_a_twin_and_a_thumbnail() -> None:
    assert sorted(path.stem for path in WORKFLOWS.glob("*.json")) == NAMES
    assert sorted(path.stem for path in TWINS.glob("*.json")) == NAMES
    for name in NAMES:
        with Image.open(WORKFLOWS / f"{name}.jpg") as thumbnail:
            assert thumbnail.format == "JPEG"


@pytest.mark.parametrize("name", NAMES)
def test_a_shared_workflow_tells_nothing_of_who_made_it(name: str) -> None:
    text = (WORKFLOWS / f"{name}.json").read_text(encoding="utf-8").lower()
    for trace in ("bearer", "authorization", "127.0.0.1", "localhost", "/home/", "/users/"):
        assert trace not in text


@pytest.mark.parametrize("name", NAMES)
def test_a_shared_workflow_says_what_it_shows(name: str) -> None:
    notes = [n for n in read(WORKFLOWS / f"{name}.json")["nodes"] if n["type"] in NOTES]
    (text,) = (note["widgets_values"][0] for note in notes)
    assert text.startswith("## Venice ")


def price_told(name: str) -> float:
    """What a workflow's note says that it costs, in USD."""
    notes = [n for n in read(WORKFLOWS / f"{name}.json")["nodes"] if n["type"] in NOTES]
    (told,) = re.findall(r"Costs about (\d\.\d\d) USD on Venice", notes[0]["widgets_values"][0])
    return float(told)


@pytest.mark.parametrize("name", NAMES)
def test_a_shared_workflow_says_what_it_costs(name: str) -> None:
    assert price_told(name) > 0


@pytest.mark.parametrize("name", NAMES)
def test_only_what_is_not_connected_is_null(name: str) -> None:
    """Older pages complain of any other null when they open the file."""
    text = (WORKFLOWS / f"{name}.json").read_text(encoding="utf-8")
    assert set(re.findall(r'"(\w+)": null', text)) <= {"link", "links"}


@pytest.mark.parametrize("name", NAMES)
def test_a_shared_workflow_needs_no_file(name: str) -> None:
    kinds = {node["type"] for node in read(WORKFLOWS / f"{name}.json")["nodes"]}
    assert not {kind for kind in kinds if kind.startswith("Load")}


@pytest.mark.parametrize("name", NAMES)
def test_runs_as_it_is(comfyui: Running, name: str) -> None:
    prompt = read(TWINS / f"{name}.json")
    run = comfyui.client.run(prompt)
    assert run.succeeded, run.messages
    assert sorted(request.path for request in comfyui.sandbox.paid_requests) == SENT[name]
    assert comfyui.sandbox.charged_usd == pytest.approx(price_told(name))
    saved = [node for node, part in prompt.items() if part["class_type"] == "SaveImage"]
    assert all(run.images(node) for node in saved)
