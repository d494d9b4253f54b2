"""What a subgraph shows of our nodes: their models, lists, prices and statuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from comfy_page import ComfyPage

TOTAL = "button.venice-total"
INTO_SUBGRAPH = """names => {
  const made = app.graph.convertToSubgraph(new Set(names.map(name => window.nodes[name])));
  window.nodes.outer = made.node;
  window.subgraph = made.subgraph;
}"""
PROMOTE = """names => {
  const inner = window.subgraph.nodes.find(node => node.type === 'VeniceGenerateImage');
  for (const name of names) {
    const input = inner.inputs.find(one => one.name === name);
    window.subgraph.addInput(name, input.type).connect(input, inner);
  }
}"""
SHOWS = """([names, hidden]) => {
  const widgets = window.nodes.outer.widgets;
  const isShown = name => !widgets.find(one => one.name === name).options.hidden;
  return names.every(isShown) && !hidden.some(isShown);
}"""
CHOICES = """name => window.nodes.outer.widgets.find(one => one.name === name).options.values"""
FIND_OUTER = """() => {
  window.nodes = {outer: app.graph.nodes.find(node => node.subgraph)};
  return Boolean(window.nodes.outer);
}"""
MODEL = "gpt-image-2"
HAS_QUALITY = [["resolution", "quality"], []]
LACKS_QUALITY = [["resolution"], ["quality"]]


@pytest.fixture
def subgraph(page: ComfyPage, words: str) -> ComfyPage:
    """A page with Generate in a subgraph."""
    page.text_to_image(prompt=words)
    page.wait_for_text(TOTAL, "$")
    page.page.evaluate(INTO_SUBGRAPH, ["generate"])
    page.remember()
    return page


def sent(page: ComfyPage) -> dict[str, Any]:
    """The inputs of the Generate node in what the page would queue."""
    prompt = page.page.evaluate("async () => (await app.graphToPrompt()).output")
    (inputs,) = [n["inputs"] for n in prompt.values() if n["class_type"] == "VeniceGenerateImage"]
    return dict(inputs)


@pytest.mark.parametrize(
    "names", [["model", "resolution", "quality"], ["quality", "resolution", "model"]], ids=str
)
def test_a_promoted_model_drives_what_is_beside_it(subgraph: ComfyPage, names: list[str]) -> None:
    page = subgraph
    page.page.evaluate(PROMOTE, names)
    page.page.wait_for_function(SHOWS, arg=[["model"], ["resolution", "quality"]])

    page.set("outer", model="nano-banana-pro")

    page.page.wait_for_function(SHOWS, arg=LACKS_QUALITY)
    page.wait_for_text(TOTAL, "$0.18")
    page.set("outer", model=MODEL)
    page.page.wait_for_function(SHOWS, arg=HAS_QUALITY)
    assert page.page.evaluate(CHOICES, "quality") == ["auto", "low", "medium", "high"]
    page.set("outer", quality="medium")
    page.wait_for_price("outer", "$0.07")
    assert (sent(page)["model"], sent(page)["quality"]) == (MODEL, "medium")

    page.reload("medium")
    page.page.wait_for_function(FIND_OUTER)
    page.page.wait_for_function(SHOWS, arg=HAS_QUALITY)
    assert (sent(page)["model"], sent(page)["quality"]) == (MODEL, "medium")


def test_a_promoted_model_survives_another_tab(subgraph: ComfyPage) -> None:
    page = subgraph
    page.page.evaluate(PROMOTE, ["model", "resolution", "quality"])
    page.set("outer", model=MODEL)
    page.page.wait_for_function(SHOWS, arg=HAS_QUALITY)
    page.command("Comfy.NewBlankWorkflow")
    page.page.wait_for_function("() => app.graph.nodes.length === 0")
    page.page.locator("text=/^Unsaved Workflow$/ >> visible=true").first.click()

    page.page.wait_for_function(FIND_OUTER)
    page.page.wait_for_function(SHOWS, arg=HAS_QUALITY)
    assert sent(page)["model"] == MODEL


def test_a_subgraph_has_the_price_of_what_is_in_it(page: ComfyPage, words: str) -> None:
    page.text_to_image(prompt=words)
    page.page.evaluate(
        """words => {
          const {seed, generate} = window.nodes;
          const other = LiteGraph.createNode('VeniceGenerateImage');
          other.pos = [380, 700];
          app.graph.add(other);
          other.widgets.find(one => one.name === 'prompt').value = words + ', another';
          window.nodes.other = other;
          seed.connect(0, other, other.inputs.findIndex(input => input.name === 'seed'));
        }""",
        words,
    )
    page.page.evaluate(INTO_SUBGRAPH, ["generate", "other"])
    page.remember()

    page.wait_for_price("outer", "$0.02")


def test_no_line_of_a_subgraph_is_without_a_text(page: ComfyPage) -> None:
    page.build(
        load=("LoadImage", 60, 60, {}, {}),
        upscale=("VeniceUpscaleImage", 400, 60, {}, {"image": ("load", 0)}),
        save=("SaveImage", 800, 60, {}, {"images": ("upscale", 0)}),
    )
    page.page.evaluate(INTO_SUBGRAPH, ["upscale"])
    page.remember()
    page.wait_for_price("outer", "$")

    told = page.page.locator(".venice-sent > div").all_inner_texts()
    assert not any(text.strip().endswith(("Venice Upscale Image", ":")) for text in told)


def test_a_seed_that_the_page_draws_makes_no_status_old(page: ComfyPage, words: str) -> None:
    page.build(
        generate=("VeniceGenerateImage", 60, 60, {"prompt": words, "seed": 7}, {}),
        save=("SaveImage", 560, 60, {}, {"images": ("generate", 0)}),
    )
    page.page.evaluate(INTO_SUBGRAPH, ["generate"])
    page.page.evaluate(PROMOTE, ["seed"])
    page.remember()
    page.run_to_end()
    page.wait_for_text(".venice-status .venice-done", "1 ")

    with page.page.expect_response("**/venice/preview"):  # by then it was looked at
        page.set("outer", seed=8)

    assert page.page.locator(".venice-stale").count() == 0
    page.page.evaluate(
        """() => {
          const inner = window.subgraph.nodes.find(node => node.type === 'VeniceGenerateImage');
          inner.widgets.find(one => one.name === 'control_after_generate').value = 'fixed';
        }"""
    )
    page.set("outer", seed=9)
    page.wait_for_text(".venice-stale", "1 ")
