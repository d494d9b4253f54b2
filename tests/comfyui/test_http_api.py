"""docs/http-api.md: its examples run, and history and `/venice/ends` tell what it says."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from comfy_running import Running
from comfyui_process import ROOT
from faulty_sandbox import Fault
from graphs import Graph

DOCUMENT = ROOT / "docs" / "http-api.md"
API = ROOT / "example_workflows" / "api"
URL = "http://127.0.0.1:8188"


@pytest.fixture
def folder(tmp_path: Path, words: str) -> Path:
    """A folder with the workflows, as the examples expect; nobody has run this one before."""
    copy = tmp_path / "example_workflows" / "api"
    shutil.copytree(API, copy)
    file = copy / "Venice text to image.json"
    workflow = json.loads(file.read_text("utf-8"))
    workflow["3"]["inputs"]["prompt"] = f'{words}\n"\\n"'
    file.write_text(json.dumps(workflow), "utf-8")
    return tmp_path


def example(language: str, comfyui: Running, words: str = "") -> str:
    blocks = re.findall(rf"```{language}\n(.+?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)
    (code,) = (block for block in blocks if "/prompt" in block)
    assert code.count(URL) == 1
    return str(code).replace(URL, comfyui.client.url).replace("a fox in snow", words)


def run(command: list[str], folder: Path) -> str:
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""
    return ended.stdout


def test_the_example_with_curl(comfyui: Running, folder: Path) -> None:
    if missing := [name for name in ("sh", "curl", "jq") if not shutil.which(name)]:
        pytest.skip(f"there is no {missing[0]}")

    told = run(["sh", "-c", example("sh", comfyui)], folder)

    statuses = [json.loads(line) for line in told.splitlines()]
    (paid,) = (status for status in statuses if status["model"])
    assert paid == {
        "node": "3",
        "model": "z-image-turbo",
        "seeds": [42],
        "cost_usd": 0.01,
        "free": False,
    }
    (file,) = folder.glob("*.png")
    assert Image.open(file).size == (1024, 768)


def test_the_example_with_curl_ends_if_comfyui_refuses(comfyui: Running, folder: Path) -> None:
    if missing := [name for name in ("sh", "curl", "jq") if not shutil.which(name)]:
        pytest.skip(f"there is no {missing[0]}")
    file = folder / "example_workflows" / "api" / "Venice text to image.json"
    file.write_text("{}", "utf-8")

    ended = subprocess.run(["sh", "-c", example("sh", comfyui)], cwd=folder, check=False)

    assert ended.returncode == 1


def test_the_example_in_python(comfyui: Running, folder: Path, words: str) -> None:
    told = run([sys.executable, "-c", example("python", comfyui, words)], folder)

    assert "3 done 0.01 False False\n1 image · seed 42 · about $0.01\n" in told
    assert [sent["prompt"] for sent in comfyui.sent] == [words]
    (file,) = folder.glob("*.png")
    assert json.loads(Image.open(file).text["venice"])["3"]["seeds"] == [42]


def test_the_example_in_python_tells_of_an_error(
    comfyui: Running, folder: Path, words: str
) -> None:
    comfyui.sandbox.add_fault(Fault.reset(), path="/image/generate", times=None)

    told = run([sys.executable, "-c", example("python", comfyui, words)], folder)

    assert "3 error 0.01 False True\n" in told
    assert list(folder.glob("*.png")) == []


def test_history_and_event_have_the_same_facts(comfyui: Running, words: str) -> None:
    graph = Graph()
    node = graph.generate(prompt=words, seed=7, batch_size=2)
    graph.save(node)
    with comfyui.client.listen() as events:
        ended = comfyui.client.run(graph.prompt, client_id=events.client_id)

    (status,) = ended.outputs[node[0]]["venice_status"]
    assert (status["seeds"], status["cost_usd"]) == ([7, 8], 0.02)
    sent = [e["data"] for e in events.messages if e["type"] == "venice.status"]
    assert sent[-1] == status


def test_what_ended_well_before_an_error_is_in_the_history(comfyui: Running, words: str) -> None:
    comfyui.sandbox.add_fault(Fault.status(400), path="/image/upscale")
    graph = Graph()
    first = graph.generate(prompt=words)
    second = graph.add("VeniceUpscaleImage", image=first, scale="2x", creativity=0.01)
    graph.preview(second)

    prompt = comfyui.client.queue(graph.prompt)
    ended = comfyui.client.wait(prompt)

    assert ended.status == "error"
    assert ended.outputs[first[0]]["venice_status"][0]["kind"] == "done"
    assert second[0] not in ended.outputs, "then docs/http-api.md can say so"
    ends = {end["node"]: end for end in ends_of(comfyui, prompt)}
    assert ends[second[0]]["kind"] == "error"
    assert ends[second[0]]["cost_usd"] == 0


def ends_of(comfyui: Running, prompt: str) -> list[dict[str, Any]]:
    ends: list[dict[str, Any]] = comfyui.client.get("/venice/ends", prompt_id=prompt).json()["ends"]
    return ends


def test_a_file_has_its_facts_without_extra_pnginfo(comfyui: Running, words: str) -> None:
    graph = Graph()
    node = graph.generate(prompt=words, seed=7)
    save = graph.save(node)
    ended = comfyui.client.run(graph.prompt)

    (file,) = ended.images(save if isinstance(save, str) else save[0])
    picture = Image.open(io.BytesIO(comfyui.client.view(file)))
    assert json.loads(picture.text["venice"])[node[0]]["seeds"] == [7]
    assert "workflow" not in picture.text


def test_only_workflows_for_the_page_are_templates(comfyui: Running) -> None:
    listed = comfyui.client.get("/workflow_templates").json()

    ours = next(names for names in listed.values() if "Venice text to image" in names)
    assert len(ours) == len(set(ours)) == len(list((ROOT / "example_workflows").glob("*.json")))
