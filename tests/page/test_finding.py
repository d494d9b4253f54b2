"""What a person finds: nodes in the node search, templates, apps and blueprints."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from comfyui_process import PACK_FOLDER, ROOT

if TYPE_CHECKING:
    from comfy_page import ComfyPage

PATIENCE_MS = 60_000
TWINS = ROOT / "example_workflows" / "api"
TEMPLATES = sorted(path.stem for path in TWINS.glob("*.json"))
SCREENSHOTS = ROOT / "output" / "page"
LEAST_SCALE = 0.6
APP = "Venice text to image.app"
BLUEPRINT = "Venice Text to Image"

FIRST = {
    "venice": "Venice Generate Image",
    "generate image": "Venice Generate Image",
    "edit image": "Venice Edit Image",
    "remove background": "Venice Remove Background",
    "describe": "Venice Describe Image",
    "write prompt": "Venice Write Prompt",
}
"""Words of names, which every frontend searches, and the first of our nodes that they find."""

FIRST_BY_ALIAS = {
    **dict.fromkeys(
        ("flux", "nano banana", "gpt image", "seedream", "qwen image", "txt2img", "ai image"),
        "Venice Generate Image",
    ),
    "make image from text": "Venice Generate Image",
    "edit photo": "Venice Edit Image",
    **dict.fromkeys(("img2img", "inpaint", "mask edit", "outpaint"), "Venice Edit Image"),
    **dict.fromkeys(("caption", "image to prompt"), "Venice Describe Image"),
    "prompt": "Venice Write Prompt",
    "upscale": "Venice Upscale Image",
    "rembg": "Venice Remove Background",
    "style": "Venice Style Preset",
    "style transfer": "Venice Style References",
    "xy plot": "Venice Grid",
    "contact sheet": "Venice Contact Sheet",
}

FINDS = """name => {
  const dialog = document.querySelector('[role=dialog]');
  if (dialog?.innerText.includes(name)) return true;
  // Frontend 1.27 adds more when the last one comes into view.
  dialog?.querySelectorAll('*').forEach(one => { one.scrollTop = one.scrollHeight; });
  return false;
}"""


def test_what_the_node_search_shows_first(page: ComfyPage, is_old: bool) -> None:
    page.command("Workspace.SearchBox.Toggle")
    page.page.locator("input[role=combobox]").first.wait_for()
    for words, title in {**FIRST, **({} if is_old else FIRST_BY_ALIAS)}.items():
        page.page.locator("input[role=combobox]").first.fill(words)
        page.page.wait_for_function(
            """([words, title]) => {
              const found = [...document.querySelectorAll('[role=option]')];
              const titles = found.map(one => one.innerText.split('\\n')[0].trim());
              const ours = titles.filter(one => one.startsWith('Venice '));
              return ours[0] === title && (words !== 'venice' || titles.find(t => t) === title);
            }""",
            arg=[words, title],
        )


def test_the_templates_are_found(page: ComfyPage, is_old: bool) -> None:
    page.command("Comfy.BrowseTemplates")
    if is_old:
        # It chooses all templates when the first ones arrive.
        page.page.locator("[role=dialog] img").first.wait_for()
        row = page.page.locator("[role=dialog] [role=option]", has_text=PACK_FOLDER)
        while row.get_attribute("aria-selected") != "true":  # until the test's time is up
            row.click()
            page.page.wait_for_timeout(200)
    else:
        page.page.locator("[role=dialog] input[type=text]").first.fill("venice")
    for name in TEMPLATES:
        page.wait_until(FINDS, name)


COVERED = """() => {
  const title = LiteGraph.NODE_TITLE_HEIGHT;
  const inVue = [...document.querySelectorAll('[data-node-id]')].map(one => {
    const {left, top, right, bottom} = one.getBoundingClientRect();
    return [one.dataset.nodeId, left, top, right, bottom];
  });
  const onCanvas = app.graph.nodes.map(({id, pos, size}) =>
    [String(id), pos[0], pos[1] - title, pos[0] + size[0], pos[1] + size[1]]);
  const boxes = LiteGraph.vueNodesMode ? inVue : onCanvas;
  return boxes.flatMap(([a, l, t, r, b]) => boxes
    .filter(([id, x, y, right, bottom]) => a < id && l < right && x < r && t < bottom && y < b)
    .map(([id]) => [a, id].map(one => app.graph.getNodeById(one).type)));
}"""
"""The pairs of nodes of which one covers a part of the other."""


def test_every_template_opens_large_enough_to_read(page: ComfyPage) -> None:
    """Below, the canvas leaves out titles and texts. No node covers another one."""
    for name in [each for each in TEMPLATES if not each.endswith(".app")]:
        open_template(page, name)
        page.page.wait_for_function("least => app.canvas.ds.scale > least", arg=LEAST_SCALE)
        page.page.wait_for_function("() => document.querySelector('.venice-total').innerText")
        assert page.page.evaluate(COVERED) == [], name
        page.picture(SCREENSHOTS / f"template {name} {'vue' if page.in_vue else 'canvas'}.png")


def test_every_template_opens_as_it_was_saved(page: ComfyPage) -> None:
    for name in TEMPLATES:
        twin = json.loads((TWINS / f"{name}.json").read_text("utf-8"))
        assert open_template(page, name) == inputs_of(twin), name


def test_a_workflow_of_an_earlier_version_opens(page: ComfyPage) -> None:
    """A node without its last inputs, as 0.2.0 saved it, gets their defaults."""
    for name, kind in (
        ("Venice text to image", "VeniceGenerateImage"),
        ("Venice edit my image", "VeniceEditImage"),
    ):
        file = json.loads((ROOT / "example_workflows" / f"{name}.json").read_text("utf-8"))
        (node,) = (node for node in file["nodes"] if node["type"] == kind)
        node["inputs"] = [each for each in node["inputs"] if each["name"] != "extra_fields"]
        assert node["widgets_values"].pop() == "", "extra_fields is the last"
        twin = json.loads((TWINS / f"{name}.json").read_text("utf-8"))
        assert opened(page, file) == inputs_of(twin), name


def opened(page: ComfyPage, file: Any) -> Any:
    """Opens a workflow; returns the prompt that it comes to."""
    return inputs_of(
        page.page.evaluate(
            """async file => {
              await app.loadGraphData(file);
              return (await app.graphToPrompt()).output;
            }""",
            file,
        )
    )


def open_template(page: ComfyPage, name: str) -> Any:
    """Opens a template as its card does; returns the prompt that it comes to."""
    return inputs_of(
        page.page.evaluate(
            """async ([pack, name]) => {
              const path = `/api/workflow_templates/${pack}/${encodeURI(name)}.json`;
              const file = await (await fetch(path)).json();
              await app.loadGraphData(file, true, true, name, { openSource: 'template' });
              return (await app.graphToPrompt()).output;
            }""",
            [PACK_FOLDER, name],
        )
    )


def inputs_of(prompt: Any) -> dict[str, Any]:
    """Classes and inputs of a prompt, without what a page adds for people."""
    for part in prompt.values():
        if part["class_type"] == "PreviewAny":
            part["inputs"].pop("preview", None)  # the text it shows, in frontend 1.27
    return {node: (part["class_type"], part["inputs"]) for node, part in prompt.items()}


def wait_for_requests(page: ComfyPage) -> None:
    """Waits until an image is asked for; the page goes on meanwhile."""
    end = time.monotonic() + PATIENCE_MS / 1000
    while not page.running.sent and time.monotonic() < end:
        page.page.wait_for_timeout(100)


def test_an_app_opens_and_runs(page: ComfyPage, is_old: bool) -> None:
    open_template(page, APP)
    if not is_old:
        page.wait_for_text("body", "Number of runs")
    page.press_run()
    wait_for_requests(page)
    assert [sent["prompt"][:9] for sent in page.running.sent] == ["A red fox"]


def test_a_blueprint_is_found_and_runs(page: ComfyPage, is_old: bool) -> None:
    if is_old:
        pytest.skip("this frontend knows no blueprints of node packs")
    page.build()
    page.command("Workspace.SearchBox.Toggle")
    page.page.locator("input[role=combobox]").first.fill(BLUEPRINT)
    page.page.locator("[role=option]", has_text=BLUEPRINT).first.click()
    page.page.mouse.move(500, 400)
    page.page.mouse.click(500, 400)  # Newer pages hang the node on the mouse first.
    page.page.wait_for_function("() => app.graph.nodes.some(node => node.subgraph)")
    page.page.evaluate(
        """() => {
          const save = LiteGraph.createNode('SaveImage');
          app.graph.add(save);
          app.graph.nodes.find(node => node.subgraph).connect(0, save, 0);
        }"""
    )
    page.press_run()
    wait_for_requests(page)
    assert len(page.running.sent) == 1
