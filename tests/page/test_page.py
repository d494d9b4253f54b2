"""What a person sees and does in the page, from the first key to the kept image."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING

import pytest

from comfy_running import CANARY
from faulty_sandbox import Fault
from page_setups import each_frontend

if TYPE_CHECKING:
    from playwright.sync_api import Route

    from comfy_page import ComfyPage

DIALOG = "dialog.venice-dialog"
TOTAL = "button.venice-total"
TOAST = "[role=alert]"
ERROR = ".venice-status .venice-error"
GENERATE = "/image/generate"
HOSTILE = '<img src=x onerror="window.hacked=1"> javascript:alert(1)'
PROMPT_LINES = 5
HAS_NO_ROOM_OVER = """name => {
  const node = window.nodes[name];
  return node.size[1] === node.computeSize()[1];
}"""
SAY = """([name, value]) =>
  app.api.dispatchEvent(new CustomEvent(name, {detail: value}))"""
QUEUE_AND_END = """async count => {
  const made = await app.graphToPrompt(), ids = [];
  for (let i = 0; i < count; i++) {
    const {prompt_id} = await app.api.queuePrompt(0, made);
    ids.push(prompt_id);
    const detail = {prompt_id, timestamp: Date.now()};
    if (i > 0) app.api.dispatchEvent(new CustomEvent('execution_success', {detail}));
  }
  return ids;
}"""
"""Queues the graph `count` times; all of these runs end but the first. Returns their ids."""

MAKE_HIGHER = """name => {
  const node = window.nodes[name];
  node.setSize([node.size[0], node.size[1] + 100]);
  return node.size[1];
}"""
IS_SHOWN = """([node, name]) =>
  window.nodes[node].widgets.some(widget => widget.name === name && !widget.hidden)"""
MODELS_ARE_KNOWN = (
    "() => window.nodes.generate.widgets.find(w => w.name === 'model').options.getOptionLabel"
)


def test_from_no_key_to_an_image(page: ComfyPage, words: str) -> None:
    page.use_key(None)
    page.load()
    page.text_to_image(prompt=words)
    page.press_run()
    page.page.fill(f"{DIALOG} input", "no-such-key")
    page.page.click(f"{DIALOG} >> text=Save and run")
    page.wait_for_text(f"{DIALOG} .venice-wrong", "key")
    assert page.page.input_value(f"{DIALOG} input") == ""
    assert page.running.sandbox.paid_requests == []

    page.page.fill(f"{DIALOG} input", CANARY)
    page.page.click(f"{DIALOG} >> text=Save and run")

    page.page.wait_for_selector(DIALOG, state="detached")
    page.wait_for_text(".venice-status .venice-done", "1 image")
    assert len(page.running.sandbox.paid_requests) == 1
    page.command("Venice.OpenSidebar")
    page.page.locator(".venice-result[title*='z-image-turbo']").first.wait_for()
    page.wait_for_text(".venice-money", "Balance")


def test_a_price_follows_its_inputs(page: ComfyPage, words: str) -> None:
    page.text_to_image(prompt=words)
    page.wait_for_price("generate", "$0.01")

    page.set("generate", batch_size=4)

    page.wait_for_price("generate", "$0.04")
    page.wait_for_text(TOTAL, "$0.04")


def test_a_dear_run_is_asked_for(page: ComfyPage, words: str) -> None:
    page.text_to_image(prompt=words, model="nano-banana-pro", batch_size=12)
    page.wait_for_text(f"{TOTAL}.venice-ask", "$")

    page.press_run()
    page.wait_for_text(DIALOG, "12 images with Nano Banana Pro, about $2.16")
    page.page.click(f"{DIALOG} >> text=Cancel")

    page.page.wait_for_selector(DIALOG, state="detached")
    assert page.running.sandbox.paid_requests == []
    page.press_run()
    page.page.click(f"{DIALOG} button.venice-primary")
    page.wait_for_text(".venice-status .venice-done", "12 images")


def test_inputs_follow_the_model(page: ComfyPage) -> None:
    page.text_to_image(model="lustify-sdxl", steps=5)
    page.page.wait_for_function(MODELS_ARE_KNOWN)
    first = page.shown_inputs("generate")
    assert {"model", "prompt", "width", "height", "batch_size", "steps"} <= set(first)
    assert not {"resolution", "quality", "format", "if_flagged"} & set(first)

    page.set("generate", model="nano-banana-pro")

    page.page.wait_for_function(IS_SHOWN, arg=["generate", "resolution"])
    assert "steps" not in page.shown_inputs("generate")
    assert page.value("generate", "steps") == 5
    prompt = page.page.evaluate("async () => (await app.graphToPrompt()).output")
    assert 5 in [node["inputs"].get("steps") for node in prompt.values()]
    page.wait_for_text(".venice-sent", "nano-banana-pro doesn't use steps")

    page.page.evaluate(
        "() => fetch('/venice/limits', {method: 'POST', body: '{\"show_all_inputs\": true}',"
        " headers: {'Content-Type': 'application/json', 'X-Venice': '1'}})"
    )
    page.load()
    page.text_to_image()
    page.page.wait_for_function(
        "() => window.nodes.generate.widgets.every("
        "w => !w.hidden || !['format', 'steps', 'quality', 'resolution'].includes(w.name))"
    )
    page.page.evaluate(
        "() => fetch('/venice/limits', {method: 'POST', body: '{\"show_all_inputs\": false}',"
        " headers: {'Content-Type': 'application/json', 'X-Venice': '1'}})"
    )


def test_the_model_list_has_names_and_prices(page: ComfyPage) -> None:
    page.text_to_image()
    page.page.wait_for_function(MODELS_ARE_KNOWN)
    names = page.page.evaluate(
        """() => {
          const options = window.nodes.generate.widgets.find(w => w.name === 'model').options;
          return options.values.map(id => [id, options.getOptionLabel(id)]);
        }"""
    )
    assert names[0][0] == "z-image-turbo"
    assert "$0.01" in names[0][1]
    assert len(names) > 20


def test_the_prompt_box_keeps_five_lines(page: ComfyPage, words: str) -> None:
    box = "[data-testid=node-widgets] textarea" if page.in_vue else "textarea.venice-prompt"
    page.text_to_image(prompt=words)

    def lines() -> float:
        code = """box => {
          const style = getComputedStyle(box);
          const line = parseFloat(style.lineHeight) || 1.2 * parseFloat(style.fontSize);
          return (box.clientHeight - parseFloat(style.paddingTop)) / line;
        }"""
        found = page.page.locator(box).first
        found.wait_for()
        return float(found.evaluate(code))

    assert lines() >= PROMPT_LINES
    page.run_to_end()
    page.wait_for_text(".venice-status .venice-done", "1 image")
    assert lines() >= PROMPT_LINES


def test_a_node_gives_back_the_room_that_it_took(page: ComfyPage, words: str) -> None:
    if page.in_vue:
        pytest.skip("Vue gives nodes their height")
    page.text_to_image(prompt=words)
    page.page.click(".venice-tools >> text=Randomize")
    page.run_to_end()
    page.wait_for_text(".venice-status .venice-done", "1 image")
    for node in ("seed", "generate"):
        page.page.wait_for_function(HAS_NO_ROOM_OVER, arg=node)

    chosen = page.page.evaluate(MAKE_HIGHER, "generate")
    # Its lines come anew with every price; what holds them stays.
    lines = page.page.locator(".venice-status", has_text="1 image")
    lines.evaluate("lines => { lines.style.height = '500px'; }")
    page.page.wait_for_function("most => window.nodes.generate.size[1] > most", arg=chosen)
    lines.evaluate("lines => { lines.style.height = ''; }")
    page.page.wait_for_function("same => window.nodes.generate.size[1] === same", arg=chosen)
    page.page.click("text=More options >> visible=true")
    page.page.wait_for_function("most => window.nodes.generate.size[1] > most", arg=chosen)
    page.page.click("text=Fewer options >> visible=true")
    page.page.wait_for_function("same => window.nodes.generate.size[1] === same", arg=chosen)


def test_a_status_stays(page: ComfyPage, words: str) -> None:
    page.text_to_image(prompt=words)
    page.run_to_end()
    done = page.wait_for_text(".venice-status .venice-done", "1 image")

    page.set("generate", width=512)
    page.wait_for_text(".venice-stale", "1 image")
    page.page.evaluate("() => app.extensionManager.workflow.activeWorkflow.changeTracker.undo()")
    page.page.wait_for_function("() => !document.querySelector('.venice-stale')")
    assert done in page.statuses()

    page.command("Comfy.NewBlankWorkflow")
    page.page.wait_for_function("() => app.graph.nodes.length === 0")
    assert page.statuses() == []
    page.page.locator("text=/^Unsaved Workflow$/ >> visible=true").first.click()
    page.wait_for_text(".venice-status", done)

    page.reload(words)
    page.wait_for_text(".venice-status", done)
    saved = page.page.evaluate("() => JSON.stringify(app.graph.serialize())")
    kept = [node.get("properties", {}).get("venice") for node in json.loads(saved)["nodes"]]
    assert any(words not in json.dumps(status) for status in kept if status)


def test_a_late_status_finds_its_own_tab(page: ComfyPage, words: str) -> None:
    page.text_to_image(prompt=words)
    page.running.sandbox.latency_s = 3.0
    page.press_run()
    page.wait_for_text(".venice-status", "1")
    page.command("Comfy.NewBlankWorkflow")
    page.page.wait_for_function("() => app.graph.nodes.length === 0")
    page.build(other=("VeniceGenerateImage", 60, 60, {}, {}))
    page.wait_until(
        "async () => { const q = await (await fetch('/queue')).json();"
        " return !q.queue_running.length && !q.queue_pending.length; }"
    )
    page.running.sandbox.latency_s = 0.0

    assert page.statuses() == []
    page.page.locator("text=/^Unsaved Workflow$/ >> visible=true").first.click()
    page.wait_for_text(".venice-status .venice-done", "1 image")


def test_a_status_is_only_on_nodes_of_ours(page: ComfyPage) -> None:
    page.build(
        note=("Note", 60, 60, {}, {}),
        sampler=("KSampler", 60, 300, {}, {}),
        generate=("VeniceGenerateImage", 400, 60, {}, {}),
    )
    for name in ("note", "sampler", "generate"):
        node = page.page.evaluate("name => String(window.nodes[name].id)", name)
        told = {"prompt_id": "of another page", "node": node, "kind": "done", "text": "1 image"}
        page.page.evaluate(SAY, ["venice.status", told])

    page.wait_for_text(".venice-status .venice-done", "1 image")
    has_one = page.page.evaluate(
        "() => Object.entries(window.nodes).filter(([, one]) => 'venice' in one.properties)"
        ".map(([name]) => name)"
    )
    assert has_one == ["generate"]


@each_frontend
def test_a_long_run_keeps_its_tab_beside_many_short_ones(page: ComfyPage, words: str) -> None:
    page.text_to_image(prompt=words)
    node = page.page.evaluate("() => String(window.nodes.generate.id)")
    ids = (f"job {number}" for number in itertools.count())

    def accept(route: Route) -> None:
        if route.request.method != "POST":
            return route.fallback()
        return route.fulfill(json={"prompt_id": next(ids), "number": 1, "node_errors": {}})

    page.page.context.route("**/api/prompt", accept)
    assert page.page.evaluate(QUEUE_AND_END, 66)[0] == "job 0"
    page.page.context.unroute("**/api/prompt")
    page.open_blank()
    page.text_to_image(prompt=words)
    assert page.page.evaluate("() => String(window.nodes.generate.id)") == node

    told = {"prompt_id": "job 0", "node": node, "kind": "done", "text": "1 image"}
    page.page.evaluate(SAY, ["venice.status", told])

    assert page.statuses() == []
    page.page.locator("text=/^Unsaved Workflow$/ >> visible=true").first.click()
    page.wait_for_text(".venice-status .venice-done", "1 image")


def test_a_status_on_a_subgraph(page: ComfyPage, words: str) -> None:
    page.text_to_image(prompt=words)
    page.page.evaluate(
        """() => {
          const inner = [window.nodes.generate, window.nodes.seed];
          window.outer = app.graph.convertToSubgraph(new Set(inner)).node;
        }"""
    )
    page.remember()
    page.run_to_end()

    page.wait_for_text(".venice-status .venice-done", "Venice Generate Image: 1 image")
    kept = page.page.evaluate("() => Object.values(window.outer.properties.venice)")
    assert any("1 image" in status["text"] for status in kept)
    page.reload(page.page.evaluate("() => window.outer.type"))
    page.wait_for_text(".venice-status .venice-done", "Venice Generate Image: 1 image")


def test_a_cleared_graph_has_no_id_to_keep_a_status_under(page: ComfyPage, words: str) -> None:
    page.page.evaluate("() => app.graph.clear()")
    page.page.evaluate(
        """words => {
          for (const type of ['VeniceGenerateImage', 'PreviewImage']) {
            app.graph.add(LiteGraph.createNode(type));
          }
          const [generate, preview] = app.graph.nodes;
          generate.connect(0, preview, 0);
          generate.widgets.find(widget => widget.name === 'prompt').value = words;
        }""",
        words,
    )
    page.run_to_end()

    page.wait_for_text(".venice-status .venice-done", "1 image")
    keys = page.page.evaluate("() => Object.keys(sessionStorage)")
    assert "venice.status:00000000-0000-0000-0000-000000000000" not in keys


def test_the_buttons_of_a_seed(page: ComfyPage, words: str) -> None:
    page.text_to_image(prompt=words)
    page.page.click(".venice-tools >> text=Randomize")
    assert page.value("seed", "mode") == "random every run"
    page.run_to_end()
    page.wait_for_text(".venice-tools", "Reuse last seed")
    drawn = page.running.seeds[0]

    page.page.click("text=Reuse last seed")

    assert page.value("seed", "mode") == "fixed"
    assert page.value("seed", "seed") == drawn
    page.page.click("text=New seed")
    assert page.value("seed", "seed") != drawn


def test_an_error_says_what_to_do(page: ComfyPage, words: str) -> None:
    page.text_to_image(prompt=words, batch_size=4)
    broken = Fault.status(500, {"error": HOSTILE})  # which can pass: after its three other tries
    page.running.sandbox.add_fault(broken, when=lambda sent: sent["seed"] == 2, times=4)
    page.press_run()
    page.wait_for_text(ERROR, "3 of 4")
    page.close_error_dialogs()
    before = len(page.running.sandbox.charges)

    page.page.click(f"{ERROR} >> text=Finish the other 1, about $0.01")

    page.wait_for_text(".venice-status .venice-done", "4 images")
    assert len(page.running.sandbox.charges) == before + 1
    assert page.page.evaluate("() => [window.hacked, document.querySelector('img[src=x]')]") == [
        None,
        None,
    ]


def test_a_refusal_leads_to_the_settings(page: ComfyPage, words: str) -> None:
    page.text_to_image(prompt=words)
    page.running.sandbox.add_fault(Fault.status(401, {"error": HOSTILE}), times=None)
    page.close_error_dialogs()
    page.press_run()

    page.page.click(f"{ERROR} >> text=Open settings")

    page.page.wait_for_selector(".venice-settings >> visible=true")
    rows = page.page.locator(".venice-settings").count()
    assert rows == 7
    page.wait_for_text(".venice-hint", "Connected")


def test_what_is_kept_is_of_use(page: ComfyPage, words: str) -> None:
    page.text_to_image(prompt=words)
    page.run_to_end()
    page.wait_for_text(".venice-status .venice-done", "1 image")
    page.command("Venice.OpenSidebar")
    row = page.page.locator(".venice-result").first
    row.wait_for()
    viewer = page.page.locator(".venice-viewer")

    def press(name: str) -> None:
        viewer.locator(f"button[aria-label='{name}']").click()

    shown = row.locator("img").first
    page.page.wait_for_function("() => document.querySelector('.venice-result img')?.naturalWidth")
    assert shown.evaluate("image => image.naturalWidth") < 512

    row.click()
    press("Add to the workflow as Load Image")
    page.page.wait_for_function("() => app.graph.nodes.some(n => n.type === 'LoadImage')")
    assert page.is_on_others("LoadImage") is False
    row.click()
    press("Save to the output folder")
    page.wait_for_text(TOAST, "Saved")
    page.set("seed", seed=77)
    press("Use this seed in the workflow")
    page.wait_for_text(TOAST, "Seed 1")
    assert page.value("seed", "seed") == 1
    page.page.wait_for_selector(".venice-viewer img.venice-full")
    total = page.page.evaluate("async () => (await (await fetch('/venice/results')).json()).total")
    press("Delete")
    page.page.click(
        "[role=dialog] button:has-text('Delete'), [role=alertdialog] button:has-text('Delete')"
    )
    page.wait_until(
        "async total => (await (await fetch('/venice/results')).json()).total === total - 1", total
    )
