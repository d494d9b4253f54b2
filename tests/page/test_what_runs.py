"""What a node costs is what it sends: muted, bypassed, fed by others, or run by another browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from page_setups import each_frontend

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from comfy_page import ComfyPage

DONE = ".venice-status .venice-done"
LINES = ".venice-status .venice-line"
TOTAL = "button.venice-total"
SET_MODE = "([name, mode]) => { window.nodes[name].mode = mode; }"
ALWAYS, MUTED, BYPASSED = 0, 2, 4
FEED = """value => {
  const primitive = LiteGraph.createNode('PrimitiveNode');
  app.graph.add(primitive);
  const {generate} = window.nodes;
  primitive.connect(0, generate, generate.inputs.findIndex(one => one.name === 'batch_size'));
  primitive.widgets[0].value = value;
  window.nodes.primitive = primitive;
}"""
REROUTE = """() => {
  const {seed, generate} = window.nodes, reroute = LiteGraph.createNode('Reroute');
  app.graph.add(reroute);
  seed.connect(0, reroute, 0);
  reroute.connect(0, generate, generate.inputs.findIndex(one => one.name === 'seed'));
}"""


@each_frontend
def test_a_price_is_that_of_what_runs(page: ComfyPage, words: str) -> None:
    page.build(
        seed=("VeniceSeed", 20, 60, {}, {}),
        generate=(
            *("VeniceGenerateImage", 280, 60, {"prompt": words}),
            {"seed": ("seed", 0)},
        ),
        edit=("VeniceEditImage", 660, 60, {"prompt": words}, {"image": ("generate", 0)}),
        save=("PreviewImage", 1040, 60, {}, {"images": ("edit", 0)}),
    )
    page.wait_for_text(TOTAL, "about $0.05")
    page.page.evaluate(REROUTE)
    page.page.evaluate(FEED, 3)
    page.wait_for_text(TOTAL, "about $0.15")
    page.page.evaluate(SET_MODE, ["edit", BYPASSED])
    page.wait_for_text(TOTAL, "about $0.03")

    page.run_to_end()

    page.wait_for_text(DONE, "3 images")
    assert page.running.sandbox.charged_usd == pytest.approx(0.03)
    page.wait_for_text(TOTAL, "Free")
    page.page.evaluate(SET_MODE, ["edit", ALWAYS])
    page.wait_for_text(TOTAL, "about $0.12")
    page.page.evaluate(SET_MODE, ["edit", MUTED])
    page.page.locator(TOTAL).wait_for(state="hidden")


def test_each_browser_sees_its_own_runs(page: ComfyPage, browser: Browser, words: str) -> None:
    context = browser.new_context(viewport={"width": 1500, "height": 950})
    other = type(page)(page.running, context.new_page(), page.in_vue)
    other.open()
    for one in (page, other):
        one.text_to_image(prompt=words)
        one.wait_for_text(TOTAL, "about $0.01")

    page.run_to_end()
    page.wait_for_text(DONE, "1 image")
    other.set("generate", prompt=f"{words}, another")
    other.wait_for_text(TOTAL, "about $0.01")
    assert other.page.locator(LINES).count() == 0

    other.run_to_end()
    other.wait_for_text(DONE, "1 image")
    page.wait_for_text(TOTAL, "Free")
    assert page.page.locator(LINES, has_text="image").count() == 1
    other.check_clean()
    context.close()


@each_frontend
def test_nothing_is_red_before_a_run(page: ComfyPage, words: str) -> None:
    page.running.use_limit("0.5")
    page.build(
        empty=("EmptyImage", 20, 60, {"width": 64, "height": 64}, {}),
        upscale=("VeniceUpscaleImage", 280, 60, {}, {"image": ("empty", 0)}),
        one=("PreviewImage", 600, 60, {}, {"images": ("upscale", 0)}),
        fresh=("VeniceGenerateImage", 280, 400, {}, {}),
        large=(
            *("VeniceGenerateImage", 700, 60),
            *({"prompt": words, "model": "nano-banana-pro", "batch_size": 12}, {}),
        ),
        two=("PreviewImage", 1100, 60, {}, {"images": ("large", 0)}),
    )
    page.wait_for_text(f"{TOTAL}.venice-over", "$2.16")
    page.wait_for_text(".venice-sent .venice-warning", "64 × 64")
    page.wait_for_text(".venice-sent .venice-hint", "Enter a prompt")
    assert page.page.locator(".venice-panel .venice-wrong, .venice-error").count() == 0
    amber = page.page.locator(TOTAL).evaluate("one => getComputedStyle(one).backgroundColor")
    assert amber == "rgb(224, 165, 38)"
    page.running.use_limit("5")


@each_frontend
def test_a_superseded_preview_is_aborted(page: ComfyPage, words: str) -> None:
    page.text_to_image(prompt=words)
    page.wait_for_text(TOTAL, "$0.01")
    page.page.context.route("**/venice/preview", lambda _route: None)
    with page.page.expect_request("**/venice/preview"):
        page.set("generate", batch_size=2)
    with page.page.expect_event("requestfailed", lambda request: "preview" in request.url):
        page.set("generate", batch_size=3)
    page.page.context.unroute("**/venice/preview")

    page.set("generate", batch_size=4)
    page.wait_for_text(TOTAL, "$0.04")
