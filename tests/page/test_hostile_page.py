"""What others may send to the page: hostile texts, a foreign site, huge graphs, a silent server."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from comfy_running import CANARY, Running
from comfyui_process import PACK_FOLDER
from faulty_sandbox import Fault
from foreign_page import foreign_page
from page_setups import each_frontend

if TYPE_CHECKING:
    from playwright.sync_api import Route

    from comfy_page import ComfyPage

HOSTILE = '<img src=x onerror="window.hacked=1"> javascript:alert(1)'
ERROR = ".venice-status .venice-error"
TOAST = "[role=alert]"
GO = "dialog.venice-dialog button.venice-primary"
TOTAL = "button.venice-total"
IS_HACKED = """() => [
  window.hacked ?? null,
  document.querySelector('img[src=x], [onerror]')?.outerHTML ?? null,
  [...document.querySelectorAll('a')].find(a => a.protocol === 'javascript:')?.outerHTML ?? null,
]"""
LARGE = 10_000
LOAD_LARGE = """async count => {
  app.graph.clear();
  for (const type of ['VeniceGenerateImage', 'PrimitiveInt']) {
    app.graph.add(LiteGraph.createNode(type));
  }
  const saved = app.graph.serialize();
  const [paying, other] = saved.nodes;
  const place = i => [(i % 100) * 420, Math.floor(i / 100) * 700];
  saved.nodes = Array.from({length: count}, (_, i) =>
    ({...structuredClone((i + 1) % 200 ? other : paying), id: i + 1, pos: place(i)}));
  for (const node of saved.nodes.filter(n => n.type === paying.type)) {
    node.widgets_values[1] = `fox ${node.id}`;
  }
  saved.last_node_id = count;
  await app.loadGraphData(saved);
}"""
BADGES = """id => app.graph.getNodeById(id).badges
  .map(badge => (typeof badge === 'function' ? badge() : badge).text).join()"""

BREAK = """() => {
  const append = HTMLHeadElement.prototype.append;
  HTMLHeadElement.prototype.append = function (...given) {
    if (!given.some(one => one.href?.endsWith('/venice.css'))) return append.apply(this, given);
    window.isBroken = true;
    throw new Error('unlike any frontend before');
  };
}"""
"""Makes the pack's own start fail at the first thing it does to the page."""


@each_frontend
def test_a_frontend_that_breaks_the_page_still_asks(page: ComfyPage, words: str) -> None:
    page.page.add_init_script(f"({BREAK})()")
    page.page.reload()
    page.page.wait_for_function(
        "window.isBroken && app.extensionManager.workflow.activeWorkflow?.changeTracker"
    )
    page.text_to_image(prompt=words, model="nano-banana-pro", batch_size=12)

    page.press_run()
    page.wait_for_text("dialog.venice-dialog", "12 images")
    assert page.running.sandbox.paid_requests == []


def test_a_foreign_page_changes_nothing(page: ComfyPage, pack: ModuleType, words: str) -> None:
    page.text_to_image(prompt=words)
    page.run_to_end()
    page.wait_for_text(".venice-status .venice-done", "1 image")
    page.wait_until_idle()
    running = page.running
    result = running.client.get("/venice/results").json()["results"][0]["id"]
    posts = [
        path
        for method, path, _ in pack.venice_nodes.page.routes.Page({}).routes()
        if method == "POST"
    ]
    paths = [prefix + path.replace("{id}", result) for path in posts for prefix in ("", "/api")]
    before = state(running)
    statuses: list[tuple[str, int]] = []
    other = page.page.context.new_page()
    other.on("response", lambda got: statuses.append((got.request.url, got.status)))
    bodies = [{}, {"key": "sandbox", "show_all_inputs": True, "max_usd_per_run": None}]
    running.sandbox.forget()

    with foreign_page([running.client.url + path for path in paths], bodies) as url:
        other.goto(url)
        other.wait_for_function("() => window.isDone && window.isNullDone === 'null'")

    assert state(running) == before
    assert running.sandbox.requests == []
    told = {urlsplit(url).path: set() for url, _ in statuses} | {path: set() for path in paths}
    for url, status in statuses:
        told[urlsplit(url).path].add(status)
    assert all(told[path] and told[path] <= {403, 405} for path in paths), told
    other.close()


def state(running: Running) -> dict[str, bytes]:
    """All that the pack or ComfyUI has written, but for its log."""
    folders = (running.home, *(running.base / name for name in ("input", "output", "user")))
    files = (file for folder in folders for file in folder.rglob("*"))
    return {str(file): content(file) for file in files if file.is_file() and file.suffix != ".log"}


def content(file: Path) -> bytes:
    return file.read_bytes()


def test_texts_of_a_workflow_are_shown_as_text(page: ComfyPage) -> None:
    page.build(
        preset=("VeniceStylePreset", 60, 60, {"preset": HOSTILE}, {}),
        models=("VeniceModelSweep", 60, 300, {"models": HOSTILE}, {}),
        generate=(
            *("VeniceGenerateImage", 380, 60, {"model": HOSTILE, "prompt": HOSTILE}),
            {"style": ("preset", 0)},
        ),
        swept=("VeniceGenerateImage", 760, 60, {"prompt": HOSTILE}, {"model": ("models", 0)}),
        save=("SaveImage", 1140, 60, {"filename_prefix": HOSTILE}, {"images": ("generate", 0)}),
    )
    page.page.evaluate(
        """text => {
          const node = window.nodes.generate;
          for (const one of app.graph.nodes) one.title = text;
          const id = String(node.id);
          const again = {seeds: {}, count: 1, usd: null, price: text};
          const status = {id, text, kind: 'done', seed: null, again, print: null};
          node.properties.venice = {'': status};
          const saved = app.graph.serialize();
          return app.loadGraphData(saved);
        }""",
        HOSTILE,
    )
    page.wait_for_text(".venice-status", "<img")
    page.wait_for_text(TOTAL, "price unknown")
    page.press_run()
    page.page.click(GO)
    page.wait_for_text(ERROR, "img src")

    assert page.page.evaluate(IS_HACKED) == [None, None, None]


def test_texts_of_the_service_are_shown_as_text(page: ComfyPage, words: str) -> None:
    page.text_to_image(prompt=words)
    page.running.sandbox.add_fault(Fault.status(400, {"error": HOSTILE}), times=1)
    page.press_run()
    page.wait_for_text(ERROR, "Venice")
    page.page.context.route("**/venice/**", with_hostile_texts)
    page.close_error_dialogs()
    page.command("Venice.OpenSidebar")
    page.page.click("button[aria-label='Show as a list']")
    page.wait_for_text(".venice-result", "<img")
    page.wait_for_text(".venice-money", "<img")
    page.page.click(".venice-result")
    page.wait_for_text(".venice-viewer", "<img")
    page.page.click(".venice-viewer button[aria-label^=Save]")
    page.wait_for_text(TOAST, "<img")
    page.page.keyboard.press("Escape")
    page.command("Venice.OpenSettings")
    page.wait_for_text(".venice-settings", "Get a key")

    assert page.page.evaluate(IS_HACKED) == [None, None, None]


def with_hostile_texts(route: Route) -> None:
    """Answers a request of the page with hostile texts wherever there may be one."""
    path = urlsplit(route.request.url).path
    if path.endswith("/save"):
        return route.fulfill(json={"names": [HOSTILE]})
    if path.endswith("/account"):
        told: dict[str, Any] = route.fetch().json()
        told |= {"error": HOSTILE, "warnings": [HOSTILE], "version": HOSTILE, "service": HOSTILE}
        told |= {"issues_url": HOSTILE, "project_url": HOSTILE, "key_url": "javascript:alert(1)"}
        told["spent"]["by_model"] = [{"model": HOSTILE, "usd": HOSTILE, "requests": HOSTILE}]
        return route.fulfill(json=told)
    if path.endswith("/results/search"):
        row = dict.fromkeys(("id", "model", "seed", "width", "height", "usd", "prompt"), HOSTILE)
        row |= {"time": HOSTILE, "images": 1, "was_shown": HOSTILE, "service": HOSTILE}
        choices = {"models": [HOSTILE], "days": [HOSTILE]}
        return route.fulfill(json={"total": 1, "results": [row], **choices})
    return route.continue_()


def test_ten_thousand_nodes(page: ComfyPage) -> None:
    if page.in_vue:
        pytest.skip("there ComfyUI itself has elements for each node")
    page.page.evaluate(LOAD_LARGE, LARGE)
    page.page.wait_for_function(f"() => ({BADGES})(200).includes('$0.01')")

    page.page.evaluate(
        """() => {
          const widget = app.graph.getNodeById(200).widgets.find(w => w.name === 'batch_size');
          widget.value = 4;
          widget.callback(4);
        }"""
    )
    page.page.wait_for_function(f"() => ({BADGES})(200).includes('$0.04')")

    asked = len([one for one in page.asked if one.endswith("/preview")])
    page.page.wait_for_timeout(2_000)
    assert len([one for one in page.asked if one.endswith("/preview")]) == asked


def test_a_server_that_does_not_answer(page: ComfyPage, words: str) -> None:
    page.page.context.route("**/venice/**", lambda route: route.abort())
    page.load()
    page.text_to_image(prompt=words)
    page.wait_for_text(TOTAL, "price unknown")

    page.press_run()
    page.page.click(GO)

    page.wait_for_text(".venice-status .venice-done", "1 image")


def test_a_server_that_hangs(page: ComfyPage, words: str) -> None:
    page.text_to_image(prompt=words)
    page.wait_for_text(TOTAL, "$0.01")
    page.page.context.route("**/venice/preview", lambda route: None)
    page.page.context.route("**/venice/account*", lambda route: None)

    page.set("generate", batch_size=2)
    page.wait_for_text(TOTAL, "price unknown")
    assert "Can't reach ComfyUI" in str(page.page.get_attribute(TOTAL, "title"))
    page.press_run()
    page.page.click(GO)

    page.wait_for_text(".venice-status .venice-done", "2 images")
    page.page.context.unroute("**/venice/preview")
    page.set("generate", batch_size=3)
    page.wait_for_text(TOTAL, "$0.01")


def test_what_is_typed_into_the_key_is_kept_nowhere(page: ComfyPage) -> None:
    page.command("Venice.OpenSettings")
    page.page.fill(".venice-settings input[type=password]", CANARY)
    page.page.click(".venice-settings >> text=Save and test")

    page.wait_for_text(".venice-works", "Connected")
    assert page.page.input_value(".venice-settings input[type=password]") == ""
    kept = page.page.evaluate("async () => JSON.stringify(await (await fetch('/settings')).json())")
    assert json.loads(kept) is not None
    assert CANARY not in kept


FINGERPRINTS = """async ([pack, count]) => {
  const {fingerprintsOf} = await import(`/extensions/${pack}/fingerprints.js`);
  const chain = first => Object.fromEntries(Array.from({length: count}, (_, i) => [String(i), {
    class_type: i === count - 1 ? 'VeniceUpscaleImage' : 'ImageInvert',
    inputs: i === 0 ? first : {image: [String(i - 1), 0]},
  }]));
  const last = prompt => fingerprintsOf(prompt).get(String(count - 1));
  const plain = chain({image: 'a.png'});
  return [
    last(plain) === last(structuredClone(plain)),
    last(plain) === last(chain({image: 'b.png'})),
    typeof last(chain({image: [String(count - 1), 0]})),
  ];
}"""


def test_a_chain_longer_than_the_stack(page: ComfyPage) -> None:
    found = page.page.evaluate(FINGERPRINTS, [PACK_FOLDER, 50_000])
    assert found == [True, False, "number"], "equal, another far before it, a ring"
