"""Small windows, 150 % zoom, keyboard and screen readers: everything is seen, reached and named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from comfyui_process import ROOT
from page_setups import each_frontend

if TYPE_CHECKING:
    from comfy_page import ComfyPage

SCREENSHOTS = ROOT / "output" / "page"
DIALOG = "dialog.venice-dialog"
TOTAL = "button.venice-total"
EXPENSIVE = {"model": "nano-banana-pro", "batch_size": 12}
IS_INSIDE = """selector => {
  const {left, top, right, bottom} = document.querySelector(selector).getBoundingClientRect();
  return left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight && right > left;
}"""
IS_UNCOVERED = """selector => {
  const element = document.querySelector(selector);
  const {left, top, width, height} = element.getBoundingClientRect();
  return element.contains(document.elementFromPoint(left + width / 2, top + height / 2));
}"""
NAMELESS = """() => [...document.querySelectorAll(
    '[class*=venice-] button, button[class*=venice-], [class*=venice-] input, .venice-link')]
  .filter(one => one.offsetHeight && !(one.textContent.trim() || one.ariaLabel || one.title
    || one.labels?.length || one.placeholder))
  .map(one => one.outerHTML)"""
FOCUSED = "() => document.activeElement.textContent.trim()"


@each_frontend
@pytest.mark.parametrize("size", [(1024, 768), (683, 512)], ids=["1024x768", "zoom-150"])
def test_a_small_window_shows_the_sum_and_the_question(
    page: ComfyPage, words: str, size: tuple[int, int]
) -> None:
    width, height = size
    page.page.set_viewport_size({"width": width, "height": height})
    page.text_to_image(prompt=words, **EXPENSIVE)
    page.wait_for_text(TOTAL, "$2.16")
    page.picture(SCREENSHOTS / f"small-{width}.png")
    assert page.page.evaluate(IS_INSIDE, TOTAL)
    assert page.page.evaluate(IS_UNCOVERED, TOTAL)

    page.press_run()
    page.wait_for_text(DIALOG, "12 images")
    page.picture(SCREENSHOTS / f"small-{width}-question.png")
    assert page.page.evaluate(IS_INSIDE, DIALOG)
    page.page.keyboard.press("Escape")
    page.page.wait_for_selector(DIALOG, state="detached")
    assert page.running.sandbox.paid_requests == []


@each_frontend
def test_the_keyboard_reaches_everything_in_the_question(page: ComfyPage, words: str) -> None:
    page.text_to_image(prompt=words, **EXPENSIVE)
    page.wait_for_text(TOTAL, "$2.16")
    page.press_run()
    page.wait_for_text(DIALOG, "12 images")
    assert page.page.evaluate(FOCUSED) == "Run for $2.16"
    assert page.page.evaluate(NAMELESS) == []

    page.page.keyboard.press("Shift+Tab")
    assert page.page.evaluate(FOCUSED) == "Cancel"
    page.page.keyboard.press("Shift+Tab")
    page.page.keyboard.press("Space")
    assert page.page.is_checked(f"{DIALOG} input[type=checkbox]")
    page.page.keyboard.press("Tab")
    page.page.keyboard.press("Enter")

    page.page.wait_for_selector(DIALOG, state="detached")
    assert page.running.sandbox.paid_requests == []
