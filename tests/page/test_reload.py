"""A page that is loaded again, or opens a template again, shows what is true of its nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from comfyui_process import PACK_FOLDER
from faulty_sandbox import Fault
from page_setups import each_frontend

if TYPE_CHECKING:
    from comfy_page import ComfyPage

TEMPLATE = "Venice text to image"
OPEN_TEMPLATE = """async ([pack, name]) => {
  const path = `/api/workflow_templates/${pack}/${encodeURI(name)}.json`;
  const file = await (await fetch(path)).json();
  await app.loadGraphData(file, true, true, name, { openSource: 'template' });
}"""
TOTAL = "button.venice-total"
LINES = ".venice-status .venice-line"
LOSE_SOCKET = """() => {
  window.WorkingSocket = WebSocket;
  window.WebSocket = class extends WebSocket { constructor() { super('ws://127.0.0.1:9'); } };
  app.api.socket.close();
}"""
"""Closes the page's socket. Each try to open it again fails until FIND_SOCKET."""

FIND_SOCKET = "() => { window.WebSocket = window.WorkingSocket; }"
JOBS = "count => JSON.parse(sessionStorage.getItem('venice.jobs') ?? '[]').length === count"
"""Whether ComfyUI has told the page what it queued."""

DONE = ".venice-status .venice-done"
ERROR = ".venice-status .venice-error"


def test_an_end_that_came_while_the_page_was_away(page: ComfyPage, words: str) -> None:
    page.close_error_dialogs()
    page.text_to_image(prompt=words)
    page.running.sandbox.add_fault(Fault.status(400, {"error": "no such thing"}), times=1)
    page.press_run()
    page.wait_for_text(ERROR, "no such thing")
    before = page.running.client.get("/history").json()
    with page.running.held():
        page.press_run()
        while not page.running.sandbox.paid_requests[1:]:
            page.page.wait_for_timeout(100)
        page.page.wait_for_function(JOBS, arg=2)
        page.wait_until_stored(words)
        page.page.goto("about:blank")
    while len(page.running.client.get("/history").json()) == len(before):
        page.page.wait_for_timeout(100)

    page.load()

    page.wait_for_text(DONE, "1 image")
    assert page.page.locator(ERROR).count() == 0
    assert page.page.locator(".venice-stale").count() == 0


@each_frontend
def test_ends_in_two_tabs_that_came_while_the_socket_was_lost(page: ComfyPage, words: str) -> None:
    page.text_to_image(prompt=words)
    page.wait_for_text(TOTAL, "about $0.01")
    before = page.running.client.get("/history").json()
    with page.running.held():
        page.press_run()
        while not page.running.sandbox.paid_requests:
            page.page.wait_for_timeout(100)
        page.open_blank()
        page.text_to_image(prompt=f"{words}, at night")
        page.press_run()
        page.page.wait_for_function(JOBS, arg=2)
        page.page.evaluate(LOSE_SOCKET)
    while len(page.running.client.get("/history").json()) < len(before) + 2:
        page.page.wait_for_timeout(100)
    assert page.page.locator(DONE).count() == 0

    page.page.evaluate(FIND_SOCKET)

    page.wait_for_text(DONE, "1 image")
    page.wait_for_text(TOTAL, "Free")
    page.page.locator("text=/^Unsaved Workflow$/ >> visible=true").first.click()
    page.wait_for_text(DONE, "1 image")


@each_frontend
def test_a_template_opened_again_has_no_old_status(page: ComfyPage) -> None:
    page.page.evaluate(OPEN_TEMPLATE, [PACK_FOLDER, TEMPLATE])
    page.press_run()
    page.wait_for_text(DONE, "image")

    page.page.evaluate(OPEN_TEMPLATE, [PACK_FOLDER, TEMPLATE])

    page.wait_for_text(TOTAL, "Free")
    assert page.page.locator(LINES).count() == 0


@each_frontend
def test_no_button_offers_the_seed_that_is_set(page: ComfyPage, words: str) -> None:
    page.text_to_image(prompt=words)
    page.run_to_end()
    page.wait_for_text(DONE, "1 image")
    last = page.page.locator(".venice-tools button", has_text="Reuse last seed")
    last.wait_for(state="hidden")

    page.set("seed", seed=9)
    last.click()

    assert page.value("seed", "seed") == 1
    last.wait_for(state="hidden")
