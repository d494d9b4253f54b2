"""An image of a random seed, dropped onto a fresh page, shows that seed and is made again free."""

from __future__ import annotations

import base64
import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from page_setups import each_frontend

if TYPE_CHECKING:
    from comfy_page import ComfyPage

RANDOM = "random every run"
INTO_SUBGRAPH = """
  const made = app.graph.convertToSubgraph(new Set([nodes.generate, nodes.seed]));
  const outer = made.node, subgraph = made.subgraph;
"""
SHOWN = """
  const inner = subgraph.nodes.find(node => node.type === 'VeniceSeed');
  for (const [name, type] of [['seed', 'INT'], ['mode', 'COMBO']]) {
    const input = inner.inputs.find(input => input.name === name);
    if (!input.link) subgraph.addInput(name, type).connect(input, inner);
  }
"""
SECOND = """
  const second = LiteGraph.createNode(subgraph.id);
  second.pos = [60, 500];
  app.graph.add(second);
  const save = LiteGraph.createNode('SaveImage');
  app.graph.add(save);
  second.connect(0, save, 0);
"""
PRIMITIVES = """
  const number = LiteGraph.createNode('PrimitiveInt');
  app.graph.add(number);
  number.widgets[0].value = 5;
  const into = name => nodes.seed.inputs.findIndex(input => input.name === name);
  number.connect(0, nodes.seed, into('seed'));
  const choice = LiteGraph.createNode('PrimitiveNode');
  app.graph.add(choice);
  choice.connect(0, nodes.seed, into('mode'));
"""
WIRED = """
  const number = LiteGraph.createNode('PrimitiveInt');
  app.graph.add(number);
  number.widgets[0].value = 5;
  number.connect(0, outer, outer.inputs.findIndex(input => input.name === 'seed'));
"""
LAYOUTS = {
    "plain": "",
    "by-wire": PRIMITIVES,
    "subgraph": INTO_SUBGRAPH,
    "shown-outside": INTO_SUBGRAPH + SHOWN,
    "shown-outside-and-wired": INTO_SUBGRAPH + SHOWN + WIRED,
    "nested": INTO_SUBGRAPH + "app.graph.convertToSubgraph(new Set([outer]));",
    "twice": INTO_SUBGRAPH + SECOND,
    "twice-shown-outside": INTO_SUBGRAPH + SHOWN + SECOND,
}
DROP = """([name, data]) => {
  const bytes = Uint8Array.from(atob(data), each => each.charCodeAt(0));
  const files = new DataTransfer();
  files.items.add(new File([bytes], name, {type: `image/${name.split('.').pop()}`}));
  const canvas = document.querySelector('#graph-canvas');
  const event = {dataTransfer: files, bubbles: true, cancelable: true, clientX: 700, clientY: 400};
  canvas.dispatchEvent(new DragEvent('dragover', event));
  canvas.dispatchEvent(new DragEvent('drop', event));
}"""


@pytest.fixture
def words(request: pytest.FixtureRequest) -> str:
    """A prompt of this test's own, so that no other test's results come up."""
    return f"a fox in snow, for {request.node.name}"


def run(page: ComfyPage) -> dict[str, Any]:
    """Presses Run; the new entry of the history."""

    def history() -> dict[str, Any]:
        found: dict[str, Any] = page.running.client.get("/history").json()
        return found

    before = history()
    page.press_run()
    while not (new := history().keys() - before.keys()):
        page.page.wait_for_timeout(50)  # which lets the page speak to the server
    entry = history()[new.pop()]
    assert entry["status"]["status_str"] == "success", entry["status"]
    return dict(entry)


def pictures(page: ComfyPage, entry: dict[str, Any]) -> dict[str, bytes]:
    """The files that a run saved, by the node that saved them."""
    saved = {node: out["images"] for node, out in entry["outputs"].items() if out.get("images")}
    return {node: page.running.client.view(images[0]) for node, images in sorted(saved.items())}


def seeds_of(prompt: dict[str, Any]) -> list[Any]:
    """Seed and mode of each Venice Seed in a prompt."""
    nodes = [node for _, node in sorted(prompt.items()) if node["class_type"] == "VeniceSeed"]
    return [(node["inputs"]["seed"], node["inputs"]["mode"]) for node in nodes]


def drop(page: ComfyPage, name: str, data: bytes) -> dict[str, Any]:
    """Drops a file onto a fresh page; the prompt that Run would queue."""
    page.load()
    page.command("Comfy.NewBlankWorkflow")
    page.page.wait_for_function("() => app.graph.nodes.length === 0")
    page.page.evaluate(DROP, [name, base64.b64encode(data).decode()])
    page.page.wait_for_function("() => app.graph.nodes.some(node => node.type === 'SaveImage')")
    prompt: dict[str, Any] = page.page.evaluate("async () => (await app.graphToPrompt()).output")
    return prompt


@each_frontend
@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_image_of_a_random_seed_is_made_again_free(
    page: ComfyPage, words: str, layout: str
) -> None:
    page.text_to_image(prompt=words, width=256, height=256)
    page.set("seed", seed=42, mode=RANDOM)
    page.page.evaluate("() => { const nodes = window.nodes;" + LAYOUTS[layout] + "}")
    page.remember()
    first = pictures(page, run(page))
    drawn = page.running.seeds
    data = next(reversed(first.values()))
    texts = Image.open(io.BytesIO(data)).text  # type: ignore[attr-defined]
    json.loads(texts["prompt"], parse_constant=pytest.fail)

    prompt = drop(page, "picture.png", data)
    found = seeds_of(prompt)
    again = pictures(page, run(page))

    assert drawn != [42] * len(first)
    assert {mode for _, mode in found} == {"fixed"}
    assert {seed for seed, _ in found} == set(drawn)
    assert page.running.seeds == drawn, "nothing was sent"
    assert [Image.open(io.BytesIO(each)).tobytes() for each in again.values()] == [
        Image.open(io.BytesIO(each)).tobytes() for each in first.values()
    ]


@each_frontend
def test_a_seed_that_the_page_draws_is_the_one_that_was_sent(page: ComfyPage, words: str) -> None:
    page.build(
        generate=("VeniceGenerateImage", 60, 60, {"prompt": words, "width": 256, "seed": 7}, {}),
        save=("SaveImage", 560, 60, {}, {"images": ("generate", 0)}),
    )
    (first,) = pictures(page, run(page)).values()
    after = page.value("generate", "seed")

    prompt = drop(page, "picture.png", first)
    run(page)

    assert after != 7, "it is drawn anew after each run"
    assert [n["inputs"]["seed"] for n in prompt.values() if "seed" in n["inputs"]] == [7]
    assert page.running.seeds == [7], "nothing was sent"
