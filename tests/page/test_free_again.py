"""After a run it is free until an input changes; the sum beside Run is what a run charges."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from page_setups import each_frontend

if TYPE_CHECKING:
    from comfy_page import ComfyPage

CONFIRM = "[role=dialog] button:has-text('Delete'), [role=alertdialog] button:has-text('Delete')"
DONE = ".venice-status .venice-done"
TOTAL = "button.venice-total"
PAID = ("generate", "edit", "upscale", "cut")
FORGET = """() => fetch('/free', {
  method: 'POST', headers: {'Content-Type': 'application/json'},
  body: JSON.stringify({unload_models: true, free_memory: true}),
})"""
"""Has ComfyUI forget the outputs of earlier runs."""

QUEUE_IS_EMPTY = """async () => {
  const {queue_running, queue_pending} = await (await fetch('/queue')).json();
  return !queue_running.length && !queue_pending.length;
}"""


def charged(page: ComfyPage) -> float:
    """Runs the graph to its end; the USD that this cost."""
    before = page.running.sandbox.charged_usd
    page.run_to_end()
    page.wait_until(QUEUE_IS_EMPTY)
    return float(page.running.sandbox.charged_usd - before)


def test_what_was_paid_is_free_until_an_input_changes(page: ComfyPage, words: str) -> None:
    small = {"width": 512, "height": 512}
    image = {"image": ("generate", 0)}
    page.build(
        seed=("VeniceSeed", 20, 60, {}, {}),
        generate=(
            *("VeniceGenerateImage", 260, 60, {"prompt": words, **small}),
            {"seed": ("seed", 0)},
        ),
        edit=("VeniceEditImage", 640, 60, {"prompt": words}, image),
        upscale=("VeniceUpscaleImage", 1020, 60, {"scale": "2x"}, {"image": ("edit", 0)}),
        cut=("VeniceRemoveBackground", 1020, 360, {}, image),
        one=("PreviewImage", 1300, 60, {}, {"images": ("upscale", 0)}),
        two=("PreviewImage", 1300, 360, {}, {"images": ("cut", 0)}),
    )
    page.wait_for_text(TOTAL, "about $0.10")
    assert charged(page) == pytest.approx(0.1)

    for node in PAID:
        page.wait_for_price(node, "Free")
    page.wait_for_text(TOTAL, "Free")
    page.page.evaluate(FORGET)
    assert charged(page) == 0

    page.set("edit", prompt=f"{words}, at night")
    page.wait_for_price("edit", "$0.04")
    page.wait_for_price("cut", "Free")
    page.wait_for_text(TOTAL, "about $0.06")
    assert charged(page) == pytest.approx(0.06)
    page.wait_for_text(TOTAL, "Free")

    page.set("seed", mode="random every run")
    page.wait_for_text(TOTAL, "about $0.10")


@each_frontend
@pytest.mark.parametrize("way", ["selection", "key", "viewer"])
def test_what_was_deleted_has_its_price_again(page: ComfyPage, words: str, way: str) -> None:
    page.text_to_image(prompt=words)
    page.run_to_end()
    page.wait_for_price("generate", "Free")
    page.wait_for_text(TOTAL, "Free")
    page.command("Venice.OpenSidebar")
    newest = page.page.locator(f".venice-result[data-place='0'][title*='{words}']")
    newest.wait_for()

    if way == "selection":
        newest.locator(".venice-check").click()
        page.page.click(".venice-sidebar [role=toolbar] button[aria-label=Delete]")
    elif way == "key":
        newest.focus()
        page.page.keyboard.press("Delete")
    else:
        newest.click()
        page.page.click(".venice-viewer button[aria-label=Delete]")
    page.page.locator(CONFIRM).last.click()

    page.wait_for_price("generate", "$0.01")
    page.wait_for_text(TOTAL, "about $0.01")
