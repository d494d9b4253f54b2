"""What a node shows: its own panel, one price, one error, and wires that end at their sockets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contrast import CONTRASTS, LEAST_CONTRAST
from faulty_sandbox import Fault

if TYPE_CHECKING:
    from comfy_page import ComfyPage

DIALOG = "dialog.venice-dialog"
TOTAL = "button.venice-total"
ERROR = ".venice-status .venice-error"
MORE = "button:has-text('More options') >> visible=true"
OPEN_WITH_SEED_AS = """async id => {
  app.graph.clear();
  app.graph.add(LiteGraph.createNode('VeniceSeed'));
  const saved = app.graph.serialize();
  saved.id = crypto.randomUUID();
  saved.nodes[0].id = id;
  await app.loadGraphData(saved);
}"""
MISSED = """() => app.graph.nodes.flatMap(node => (node.inputs ?? []).map((input, i) => {
  const dot = document.querySelector(`[data-slot-key="${node.id}-in-${i}"]`);
  if (input.link === null || input.link === undefined || !dot) return 0;
  const {top, height} = dot.getBoundingClientRect(), {ds, canvas} = app.canvas;
  const end = (node.getInputPos(i)[1] + ds.offset[1]) * ds.scale;
  return Math.abs(end + canvas.getBoundingClientRect().top - top - height / 2);
}))"""
"""How many pixels lie between the end of each wire and its socket."""


def test_more_options_show_on_a_fresh_node(page: ComfyPage) -> None:
    page.build(generate=("VeniceGenerateImage", 300, 100, {}, {}))
    page.page.click(MORE)

    if page.in_vue:
        page.page.locator("[data-testid=node-widgets] >> text=safe_mode").wait_for()
    assert "safe_mode" in page.shown_inputs("generate")
    page.page.click("button:has-text('Fewer options') >> visible=true")
    page.page.locator(MORE).wait_for()
    if page.in_vue:
        page.page.locator("[data-testid=node-widgets] >> text=safe_mode").wait_for(state="detached")
    assert "safe_mode" not in page.shown_inputs("generate")


def test_no_node_shows_the_panel_of_an_earlier_one(page: ComfyPage) -> None:
    page.build(edit=("VeniceEditImage", 300, 100, {}, {}))
    page.page.locator(MORE).wait_for()

    page.page.evaluate(OPEN_WITH_SEED_AS, page.page.evaluate("() => Number(window.nodes.edit.id)"))

    page.page.locator("button:has-text('New seed') >> visible=true").wait_for()
    assert page.page.locator(MORE).count() == 0


def test_over_a_limit_there_is_one_dialog_and_no_question(page: ComfyPage, words: str) -> None:
    page.running.use_limit("0.5")
    page.text_to_image(prompt=words, model="nano-banana-pro", batch_size=12)
    page.wait_for_text(f"{TOTAL}.venice-over", "$2.16")
    page.press_run()
    page.wait_for_text(DIALOG, "Over your $0.50 limit per run")
    assert page.page.locator(f"{DIALOG} button").all_inner_texts() == ["Cancel", "Open settings"]

    page.page.click(f"{DIALOG} >> text=Open settings")

    page.page.wait_for_selector(".venice-settings >> visible=true")
    assert page.page.locator(DIALOG).count() == 0
    assert page.running.sandbox.paid_requests == []
    page.running.use_limit("5")


def test_an_error_is_told_once_and_gone_when_the_node_runs_again(
    page: ComfyPage, words: str
) -> None:
    page.close_error_dialogs()
    page.text_to_image(prompt=words)
    page.running.sandbox.add_fault(Fault.status(400, {"error": "no such thing"}), times=1)
    page.press_run()
    page.wait_for_text(ERROR, "no such thing")
    assert page.page.locator("[class*=venice-]:text('no such thing')").count() == 1

    with page.running.held():
        page.press_run()
        page.page.wait_for_function("error => !document.querySelector(error)", arg=ERROR)
    page.wait_for_text(".venice-status .venice-done", "1 ")


def test_wires_end_at_their_sockets(page: ComfyPage) -> None:
    if not page.in_vue:
        pytest.skip("the canvas draws sockets and wires itself")
    page.text_to_image()
    for change in (None, MORE, "button:has-text('Fewer options') >> visible=true"):
        if change:
            page.page.click(change)
        page.page.wait_for_function(f"() => Math.max(...({MISSED})()) < 3")
    for model in ("nano-banana-pro", "gpt-image-2", "z-image-turbo"):
        page.set("generate", model=model)
        page.wait_for_text(TOTAL, "$")
        page.page.wait_for_function(f"() => Math.max(...({MISSED})()) < 3")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_texts_stand_out_from_what_is_behind_them(page: ComfyPage, theme: str) -> None:
    page.page.evaluate(
        "theme => app.extensionManager.setting.set('Comfy.ColorPalette', theme)", theme
    )
    page.build(
        load=("LoadImage", 60, 60, {}, {}),
        edit=("VeniceEditImage", 380, 60, {"prompt": "x"}, {"image": ("load", 0)}),
        generate=(
            "VeniceGenerateImage",
            800,
            60,
            {"prompt": "x", "model": "nano-banana-pro", "steps": 30},
            {},
        ),
    )
    page.wait_for_text(".venice-sent .venice-warning", "steps")
    page.page.evaluate(
        """() => {
          const panel = document.querySelector('.venice-sent .venice-warning').parentElement;
          for (const kind of ['wrong', 'works', 'hint', 'link', 'done', 'error'])
            panel.append(Object.assign(document.createElement('div'),
              {className: `venice-line venice-${kind}`, textContent: kind}));
        }"""
    )
    found = page.page.evaluate(CONTRASTS, ".venice-sent div, .venice-panel button")
    assert len(found) > 6
    assert min(found) >= LEAST_CONTRAST, found


def test_no_room_is_left_after_a_run(page: ComfyPage, words: str) -> None:
    if page.in_vue:
        pytest.skip("Vue gives nodes their height")
    page.build(
        empty=("EmptyImage", 60, 60, {"width": 256, "height": 256}, {}),
        upscale=("VeniceUpscaleImage", 360, 60, {"scale": "2x"}, {"image": ("empty", 0)}),
        cut=("VeniceRemoveBackground", 360, 500, {}, {"image": ("empty", 0)}),
        edit=("VeniceEditImage", 760, 60, {"prompt": words}, {"image": ("empty", 0)}),
        one=("PreviewImage", 1200, 60, {}, {"images": ("upscale", 0)}),
        two=("PreviewImage", 1200, 360, {}, {"images": ("cut", 0)}),
        three=("PreviewImage", 1200, 660, {}, {"images": ("edit", 0)}),
    )
    page.running.sandbox.latency_s = 2.0  # long enough for lines of progress
    page.run_to_end()
    page.running.sandbox.latency_s = 0.0

    for node in ("upscale", "cut", "edit"):
        page.page.wait_for_function(
            "name => window.nodes[name].properties.venice?.['']?.kind === 'done'", arg=node
        )
        page.page.wait_for_function(
            "name => window.nodes[name].size[1] === window.nodes[name].computeSize()[1]", arg=node
        )


def test_the_panel_of_parameters_has_no_row_of_our_own(page: ComfyPage, is_old: bool) -> None:
    if is_old:
        pytest.skip("this frontend has no such panel")
    page.build(generate=("VeniceGenerateImage", 60, 60, {"prompt": "x"}, {}))
    count = """text => [...document.querySelectorAll('body *')]
      .filter(one => !one.children.length && one.textContent.trim() === text).length"""
    before = page.page.evaluate(count, "batch_size")
    page.page.evaluate("() => app.canvas.selectNode(window.nodes.generate)")
    page.page.locator("button[aria-label='Toggle properties panel']").first.click()

    page.page.wait_for_function(f"n => ({count})('batch_size') > n", arg=before)
    assert page.page.evaluate(count, "venice") == 0
