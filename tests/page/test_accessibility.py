"""Small windows, 150 % zoom, keyboard and screen readers: everything is seen, reached and named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from comfy_running import CANARY
from comfyui_process import ROOT
from faulty_sandbox import Fault
from page_setups import each_frontend

if TYPE_CHECKING:
    from comfy_page import ComfyPage

SCREENSHOTS = ROOT / "output" / "page"
OTHERS = 200
"""The most stops of ComfyUI's own between ours."""

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
NAMELESS = """selector => [...document.querySelectorAll(selector)].flatMap(place => {
  const all = [place, ...place.querySelectorAll('*')].filter(one => one.checkVisibility());
  const nativeName = one => one.labels?.length || one.title || one.placeholder;
  const isNameless = one => !(one.ariaLabel || one.textContent.trim() || nativeName(one));
  const stops = all.filter(one => one.tabIndex >= 0);
  const isPlain = one => !one.role && !['A', 'BUTTON', 'INPUT', 'SELECT', 'SUMMARY', 'TEXTAREA']
    .includes(one.tagName);
  const isClickable = one => getComputedStyle(one).cursor === 'pointer';
  const isLost = one => isClickable(one) && !one.closest('[tabindex], a, button, input, select')
    && !one.closest('summary, label');
  return [...stops.filter(one => isNameless(one) || isPlain(one)), ...all.filter(isLost)]
    .map(one => one.outerHTML);
})"""
"""What the keyboard can reach and has no name or role, or what only a mouse can click."""

MISSED = """selector => {
  const stops = [...document.querySelectorAll(selector)]
    .flatMap(place => [...place.querySelectorAll('*')])
    .filter(one => one.tabIndex >= 0 && !one.disabled && one.checkVisibility());
  window.missed = new Set(stops);
  document.addEventListener('focusin', event => window.missed.delete(event.target), true);
  stops[0].focus();
  return stops.length;
}"""
STILL_MISSED = """() => [...window.missed].filter(one => one.isConnected && one.checkVisibility())
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
def test_the_sum_leaves_the_bar_beside_the_sidebar_uncovered(
    page: ComfyPage, words: str, is_old: bool
) -> None:
    if is_old:
        pytest.skip("this frontend has nothing there")
    page.page.set_viewport_size({"width": 1024, "height": 768})
    page.text_to_image(prompt=words, **EXPENSIVE)
    page.wait_for_text(TOTAL, "$2.16")
    page.page.click(TOTAL)
    page.page.wait_for_selector(".venice-sidebar")

    page.picture(SCREENSHOTS / "small-sidebar.png")
    assert page.page.evaluate(IS_UNCOVERED, "[aria-label^='Graph mode']")
    assert page.page.evaluate(IS_UNCOVERED, TOTAL)


@each_frontend
def test_the_keyboard_reaches_everything_in_the_question(page: ComfyPage, words: str) -> None:
    page.text_to_image(prompt=words, **EXPENSIVE)
    page.wait_for_text(TOTAL, "$2.16")
    page.press_run()
    page.wait_for_text(DIALOG, "12 images")
    assert page.page.evaluate(FOCUSED) == "Run for $2.16"
    assert page.page.evaluate(NAMELESS, DIALOG) == []

    page.page.keyboard.press("Shift+Tab")
    assert page.page.evaluate(FOCUSED) == "Cancel"
    page.page.keyboard.press("Shift+Tab")
    page.page.keyboard.press("Space")
    assert page.page.is_checked(f"{DIALOG} input[type=checkbox]")
    page.page.keyboard.press("Tab")
    page.page.keyboard.press("Enter")

    page.page.wait_for_selector(DIALOG, state="detached")
    assert page.running.sandbox.paid_requests == []


def check(page: ComfyPage, place: str) -> None:
    """Everything in these elements has a name and a role, and Tab reaches it."""
    assert page.page.evaluate(NAMELESS, place) == []
    stops = page.page.evaluate(MISSED, place)
    assert stops > 0
    for _ in range(3 * stops + OTHERS):
        if page.page.evaluate(STILL_MISSED) == []:
            break
        page.page.keyboard.press("Tab")
    assert page.page.evaluate(STILL_MISSED) == []


def test_the_keyboard_reaches_everything_of_ours(page: ComfyPage, words: str) -> None:
    page.running.sandbox.add_fault(Fault.reset(), when=lambda sent: sent["seed"] == 8)
    page.text_to_image(prompt=words, batch_size=2)
    page.set("seed", seed=7)
    page.close_error_dialogs()
    page.press_run()
    page.page.locator(".venice-status button").first.wait_for(state="attached")
    page.page.click(TOTAL)  # an action, so that the dialog of an error is closed before
    check(page, ".venice-panel")

    page.page.locator(".venice-result").first.wait_for()
    check(page, ".venice-sidebar")
    page.page.click("button[aria-label='Show as a list']")
    page.page.locator(".venice-list .venice-result").first.wait_for()
    check(page, ".venice-sidebar")
    page.page.locator(".venice-result[tabindex='0']").focus()
    page.page.keyboard.press("Enter")
    page.page.locator(".venice-viewer .venice-words").wait_for()
    check(page, ".venice-viewer")
    page.page.keyboard.press("Escape")
    page.page.wait_for_function("() => document.activeElement.matches('.venice-result')")

    page.command("Venice.OpenSettings")
    page.wait_for_text(".venice-settings", "Get a key")
    page.picture(SCREENSHOTS / f"keyboard-settings-{page.in_vue}.png")
    check(page, ".venice-settings")
    for name in ("Limit per run", "Daily limit", "Confirm runs over", "Storage for results"):
        page.page.get_by_role("spinbutton", name=name).wait_for()
    for name in ("Save prompts", "Show all inputs"):
        page.page.get_by_role("checkbox", name=name).wait_for()


def test_dialogs_take_the_focus_and_give_it_back(page: ComfyPage, words: str) -> None:
    page.use_key(None)
    page.load()
    page.text_to_image(prompt=words, **EXPENSIVE)
    for title in ("Add your Venice API key", "Over your limit"):
        page.wait_for_text(TOTAL, "$2.16")
        page.page.evaluate("() => document.querySelector('.venice-total').focus()")
        page.press_run()
        page.page.get_by_role("dialog", name=title).wait_for()
        check(page, DIALOG)
        page.page.keyboard.press("Escape")
        page.page.wait_for_selector(DIALOG, state="detached")
        assert page.page.evaluate("() => document.activeElement.matches('.venice-total')")
        page.use_key(CANARY)
        page.running.use_limit("1")
    page.running.use_limit("5")
