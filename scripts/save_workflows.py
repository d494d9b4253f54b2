"""`make workflows`: save the example workflows from the page of a real ComfyUI.

Headless Chromium opens ComfyUI with this pack and the sandbox, builds each graph of
workflow_graphs.py with the page's own objects, and saves workflows and apps in example_workflows/,
blueprints in subgraphs/, and the API-format twin of each in example_workflows/api/, those of the
blueprints in tests/comfyui/blueprints/. It then loads each file, checks that it gives the same
prompt, runs it, and leaves a screenshot in output/workflows/ for a person to look at. film.py
records the README's images.

Needs Playwright (requirements-workflows.txt beside this file) and a Chromium: CHROMIUM names one.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from chromium import ALONE, browser_path, launch
from comfyui_process import ROOT, ComfyUIError, ComfyUIProcess, find, make_base
from workflow_graphs import APPS, BLUEPRINTS, EXAMPLE_IMAGE, WORKFLOWS, Blueprint

PAGE_SCRIPT = Path(__file__).with_name("workflow_page.js")
SAVED = ROOT / "example_workflows"
SUBGRAPHS = ROOT / "subgraphs"
TWINS = SAVED / "api"
BLUEPRINT_TWINS = ROOT / "tests" / "comfyui" / "blueprints"
SCREENSHOTS = ROOT / "output" / "workflows"
# No greeting for new users, and nothing else on the screenshot.
SETTINGS = {
    "Comfy.TutorialCompleted": True,
    "Comfy.AppBuilder.VueNodeSwitchDismissed": True,
    "Comfy.Minimap.Visible": False,
    "Comfy.Graph.CanvasInfo": False,
}
READY = (
    "window.app?.graph && window.LiteGraph?.registered_node_types.VeniceGenerateImage"
    " && window.app.extensionManager"
)


def main() -> int:
    """Save every workflow, app and blueprint; return 0."""
    with started() as comfyui, opened(comfyui.url) as page:
        for name, nodes in WORKFLOWS.items():
            call(page, "clean")  # else a node shows the image of an earlier node with its number
            call(page, "build", nodes, identity(name))
            keep(page, comfyui.url, name)
        for name, app in APPS.items():
            call(page, "clean")
            call(page, "buildApp", asdict(app), identity(name))
            keep(page, comfyui.url, name)
        for name, blueprint in BLUEPRINTS.items():
            keep_blueprint(page, comfyui.url, name, blueprint)
    return 0


def keep(page: Page, url: str, name: str) -> None:
    """Save the current workflow and its twin, and try it."""
    call(page, "showAll")
    saved = call(page, "save")
    write(SAVED / f"{name}.json", saved["workflow"])
    write(TWINS / f"{name}.json", saved["prompt"])
    again = call(page, "reload", json.loads((SAVED / f"{name}.json").read_text("utf-8")))
    if again["prompt"] != saved["prompt"]:
        raise ComfyUIError(f"{name} loads as another prompt than was saved")
    run(page, url, name)


def keep_blueprint(page: Page, url: str, name: str, blueprint: Blueprint) -> None:
    """Save a subgraph, and as its twin the prompt of a workflow with it."""
    call(page, "clean")
    call(page, "buildBlueprint", asdict(blueprint), name, identity(name))
    call(page, "showAll")
    workflow = with_steady_ids(call(page, "save")["workflow"], name)
    write(SUBGRAPHS / f"{name}.json", workflow)
    call(page, "reload", workflow)
    call(page, "surround", blueprint.around)
    call(page, "showAll")
    write(BLUEPRINT_TWINS / f"{name}.json", call(page, "save")["prompt"])
    run(page, url, name)


def identity(name: str) -> str:
    """Return the id of a graph: always the same, so that saving changes only what is new."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"comfyui-venice/{name}"))


def with_steady_ids(workflow: Any, name: str) -> Any:
    """The workflow with steady ids instead of random ones."""
    text = json.dumps(workflow)
    drawn = dict.fromkeys(re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", text))
    for i, one in enumerate(drawn):
        text = text.replace(one, identity(f"{name}/{i}"))
    return json.loads(text)


def call(page: Page, function: str, *values: Any) -> Any:
    """Call a function of workflow_page.js in the page."""
    return page.evaluate(f"values => veniceWorkflows.{function}(...values)", list(values))


@contextlib.contextmanager
def started(
    key: str = "sandbox", settings: Mapping[str, Any] = SETTINGS
) -> Iterator[ComfyUIProcess]:
    """A ComfyUI with the pack in a temporary base directory. key: the API key, "" for none."""
    installation = find(os.environ)
    if installation is None:
        raise ComfyUIError("no ComfyUI: COMFYUI_PATH names one")
    environ = {name: value for name, value in os.environ.items() if not name.startswith("VENICE_")}
    with tempfile.TemporaryDirectory() as folder:
        base = make_base(Path(folder))
        file = base / "user" / "default" / "comfy.settings.json"
        file.parent.mkdir()
        file.write_text(json.dumps(settings))
        shutil.copy(installation.path / "input" / EXAMPLE_IMAGE, base / "input")
        environ |= {"VENICE_API_KEY": key, "VENICE_HOME": str(base / "venice")}
        with ComfyUIProcess(installation, base, environ, ["--cpu"]) as comfyui:
            comfyui.wait_until_ready()
            yield comfyui


@contextlib.contextmanager
def opened(url: str, width: int = 1600, height: int = 1100) -> Iterator[Page]:
    """ComfyUI's page in headless Chromium, with its nodes loaded."""
    if browser_path() is None:
        raise ComfyUIError("no Chromium: CHROMIUM names one")
    with sync_playwright() as playwright:
        chromium = launch(playwright, ALONE)
        page = chromium.new_page(viewport={"width": width, "height": height})
        page.goto(url)
        page.wait_for_function(READY, timeout=120_000)
        page.add_script_tag(content=PAGE_SCRIPT.read_text(encoding="utf-8"))
        yield page
        chromium.close()


def run(page: Page, url: str, name: str) -> None:
    """Queue the graph from the page, wait for its end, and leave a screenshot."""
    before = set(get_json(f"{url}/history"))
    call(page, "run")
    deadline = time.monotonic() + 60
    while not (new := set(history := get_json(f"{url}/history")) - before):
        if time.monotonic() > deadline:
            raise ComfyUIError("the queued workflow did not end")
        time.sleep(0.2)
    entry = history[new.pop()]
    if entry["status"]["status_str"] != "success":
        raise ComfyUIError(f"the workflow failed: {entry['status']['messages']}")
    page.wait_for_timeout(2000)  # The page still has to load and draw the image.
    page.screenshot(path=SCREENSHOTS / f"{name}.png")
    print(f"{name}: saved, loaded, run; see {SCREENSHOTS / name}.png")


def write(path: Path, content: Any) -> None:
    """Write JSON that is easy to read in a diff."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def get(url: str) -> bytes:
    """GET from the ComfyUI, past any proxy."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=30) as response:
        return bytes(response.read())


def get_json(url: str) -> dict[str, Any]:
    """GET a JSON object from the ComfyUI."""
    answer: dict[str, Any] = json.loads(get(url))
    return answer


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ComfyUIError as error:
        sys.exit(f"make workflows: {error}")
