"""The example workflows: what they are, and that ComfyUI runs them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from comfy_running import Running
from comfyui_process import ROOT
from page_server import PageClient

TWINS = ROOT / "example_workflows" / "api"
BLUEPRINT_TWINS = Path(__file__).parent / "blueprints"
WORKFLOWS = ROOT / "example_workflows"

SUBGRAPHS = ROOT / "subgraphs"
MAX_THUMBNAIL_BYTES = 60_000

GENERATE, EDIT, CUT = "/image/generate", "/image/edit", "/image/background-remove"
UPSCALE, MULTI_EDIT = "/image/upscale", "/image/multi-edit"
CHAT = "/chat/completions"
# Each workflow with the requests that a run of it sends.
SENT = {
    "Venice compare styles": [GENERATE] * 4,
    "Venice compare styles and models": [GENERATE] * 6,
    "Venice cut out": [CUT],
    "Venice cut out on a new background": [CUT, GENERATE, GENERATE],
    "Venice describe an image and generate a variation": [CHAT, GENERATE],
    "Venice edit my image": [MULTI_EDIT],
    "Venice edit my image.app": [EDIT],
    "Venice erase an object (inpaint)": [MULTI_EDIT],
    "Venice expand an image (outpaint)": [MULTI_EDIT],
    "Venice logo with transparent background": [GENERATE],
    "Venice replace background": [CUT, MULTI_EDIT],
    "Venice style references": [GENERATE, GENERATE],
    "Venice text to image": [GENERATE],
    "Venice text to image and upscale": [GENERATE, UPSCALE],
    "Venice text to image.app": [GENERATE],
    "Venice three prompts from one idea": [CHAT, *[GENERATE] * 3],
    "Venice upscale my image": [UPSCALE],
}
NAMES = sorted(SENT)
APPS = [name for name in NAMES if name.endswith(".app")]
BLUEPRINTS = {"Venice Edit My Image": [EDIT], "Venice Text to Image": [GENERATE]}

# Comes with ComfyUI, and stands in Load Image until a person chooses another image.
EXAMPLE_IMAGE = "example.png"

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
    named = dict(zip(names, values, strict=True))
    named.pop("upload", None)  # The button of Load Image.
    return named


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
    assert sorted(path.stem for path in WORKFLOWS.glob("*.jpg")) == NAMES
    for name in NAMES:
        file = WORKFLOWS / f"{name}.jpg"
        assert file.stat().st_size < MAX_THUMBNAIL_BYTES
        with Image.open(file) as thumbnail:
            assert (thumbnail.format, thumbnail.size) == ("JPEG", (512, 512))


@pytest.mark.parametrize("name", APPS)
def test_an_app_shows_inputs_and_results_that_it_has(name: str) -> None:
    workflow = read(WORKFLOWS / f"{name}.json")
    assert workflow["extra"]["linearMode"] is True
    nodes = {str(node["id"]): node for node in workflow["nodes"]}
    shown = workflow["extra"]["linearData"]
    assert shown["inputs"]
    assert [entry for entry in shown["inputs"] if entry[1] not in widgets(nodes[entry[0]])] == []
    assert [nodes[node]["type"] for node in shown["outputs"]] == ["SaveImage"]


@pytest.mark.parametrize("name", BLUEPRINTS)
def test_a_blueprint_is_one_node_with_what_its_twin_has(name: str) -> None:
    blueprint = read(SUBGRAPHS / f"{name}.json")
    (outer,), (inner,) = blueprint["nodes"], blueprint["definitions"]["subgraphs"]
    assert (outer["type"], outer["title"], inner["name"]) == (inner["id"], name, name)
    assert all(slot["linkIds"] for slot in [*inner["inputs"], *inner["outputs"]])
    twin = read(BLUEPRINT_TWINS / f"{name}.json")
    for node in inner["nodes"]:
        part = twin[f"{outer['id']}:{node['id']}"]
        assert part["class_type"] == node["type"]
        own = {key: part["inputs"][key] for key in widgets(node)}
        assert {k: v for k, v in own.items() if not isinstance(v, list)} == {
            k: v for k, v in widgets(node).items() if not isinstance(own[k], list)
        }


@pytest.mark.parametrize("name", NAMES)
def test_a_shared_workflow_tells_nothing_of_who_made_it(name: str) -> None:
    text = (WORKFLOWS / f"{name}.json").read_text(encoding="utf-8").lower()
    for trace in ("bearer", "authorization", "127.0.0.1", "localhost", "/home/", "/users/"):
        assert trace not in text


@pytest.mark.parametrize("name", NAMES)
def test_a_shared_workflow_says_what_it_shows(name: str) -> None:
    notes = [n for n in read(WORKFLOWS / f"{name}.json")["nodes"] if n["type"] in NOTES]
    (text,) = (note["widgets_values"][0] for note in notes)
    assert text.startswith(f"## {name.removesuffix('.app')}")


def price_told(name: str) -> float:
    """What a workflow's note says that it costs, in USD."""
    notes = [n for n in read(WORKFLOWS / f"{name}.json")["nodes"] if n["type"] in NOTES]
    note = notes[0]["widgets_values"][0]
    (told,) = re.findall(r"Costs (?:about|from) \$(\d\.\d\d) on Venice", note)
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
def test_a_shared_workflow_needs_no_file_that_comfyui_lacks(name: str) -> None:
    loads = [n for n in read(WORKFLOWS / f"{name}.json")["nodes"] if n["type"].startswith("Load")]
    assert {node["type"] for node in loads} <= {"LoadImage"}
    assert [
        node["widgets_values"][0] for node in loads if widgets(node)["image"] != EXAMPLE_IMAGE
    ] == []


@pytest.fixture
def prompt_of(comfyui: Running) -> Callable[[Path], dict[str, Any]]:
    """Reads a twin, with an image in the place of ComfyUI's own, a part of it painted over.

    Each twin has another image, so that none has its results from the run of another.
    """
    tones = np.linspace(0, 255, 320, dtype=np.uint8)
    picture = np.dstack([*np.meshgrid(tones, tones[:256]), np.full((256, 320, 2), 255, np.uint8)])
    picture[80:160, 120:240, 3] = 0

    def prompt(path: Path) -> dict[str, Any]:
        own = picture.copy()
        own[0, :, :3] = np.frombuffer(hashlib.sha256(path.stem.encode()).digest()[:3], np.uint8)
        name = comfyui.load("a-picture-of-mine", Image.fromarray(own, "RGBA"))
        read_: dict[str, Any] = read(path)
        for part in read_.values():
            if part["class_type"] == "LoadImage":
                part["inputs"]["image"] = name
        return read_

    return prompt


def ends(prompt: dict[str, Any]) -> list[str]:
    """The nodes that save an image."""
    return [node for node, part in prompt.items() if part["class_type"] == "SaveImage"]


@pytest.mark.parametrize("name", NAMES)
def test_runs_as_it_is(
    comfyui: Running, prompt_of: Callable[[Path], dict[str, Any]], name: str
) -> None:
    prompt = prompt_of(TWINS / f"{name}.json")
    told = PageClient(comfyui.client.url).post("/venice/preview", {"prompt": prompt}).json()
    price = told["total"]["usd"]
    # Nobody publishes what references cost with this model; the note says "from".
    price = told["total"]["from"] if "references" in name else price
    # What is painted is seen when it runs.
    price = told["total"]["to"] if MULTI_EDIT in SENT[name] else price
    # What a text costs is told when it came; the note says "less than $0.01".
    price = told["total"]["from"] if CHAT in SENT[name] else price
    of_texts = 0.01 if CHAT in SENT[name] else 0.0
    assert price == pytest.approx(price_told(name))
    assert [node["warnings"] for node in told["nodes"].values() if node["warnings"]] == []

    run = comfyui.client.run(prompt)

    assert run.succeeded, run.messages
    assert sorted(comfyui.paths) == SENT[name]
    assert price_told(name) - 1e-9 <= comfyui.sandbox.charged_usd
    assert comfyui.sandbox.charged_usd <= price_told(name) + of_texts + 1e-9
    assert all(run.images(node) for node in ends(prompt))


@pytest.mark.parametrize("name", BLUEPRINTS)
def test_a_blueprint_runs(
    comfyui: Running, prompt_of: Callable[[Path], dict[str, Any]], name: str
) -> None:
    prompt = prompt_of(BLUEPRINT_TWINS / f"{name}.json")
    run = comfyui.client.run(prompt)
    assert run.succeeded, run.messages
    assert comfyui.paths == BLUEPRINTS[name]
    assert all(run.images(node) for node in ends(prompt))


def test_nothing_is_behind_a_logo(comfyui: Running) -> None:
    prompt = read(TWINS / "Venice logo with transparent background.json")
    run = comfyui.client.run(prompt)
    saved = comfyui.saved(run, ends(prompt)[0])
    assert saved.mode == "RGBA"
    alpha = np.asarray(saved)[..., 3]
    height, width = alpha.shape
    assert alpha[0, 0] == 0
    assert alpha[height // 2, width // 2] == 255


def test_an_unpainted_image_costs_nothing_and_says_what_to_do(comfyui: Running) -> None:
    prompt = read(TWINS / "Venice edit my image.json")
    loads = next(part for part in prompt.values() if part["class_type"] == "LoadImage")
    loads["inputs"]["image"] = comfyui.load("unpainted", Image.new("RGB", (320, 256), "teal"))
    run = comfyui.client.run(prompt)
    assert run.succeeded, run.messages
    assert comfyui.paths == []
    statuses = [s for out in run.outputs.values() for s in out.get("venice_status", [])]
    assert any("Paint a mask" in json.dumps(status) for status in statuses)
