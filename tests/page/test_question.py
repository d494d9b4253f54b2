"""The question before an expensive run: no workflow and no failure switches it off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from comfy_running import CANARY
from comfyui_process import PACK_FOLDER, ROOT
from page_setups import each_frontend

if TYPE_CHECKING:
    from playwright.sync_api import Route

    from comfy_page import ComfyPage

SCREENSHOTS = ROOT / "output" / "page"
DIALOG = "dialog.venice-dialog"
CANCEL = f"{DIALOG} >> text=Cancel"
GO = f"{DIALOG} button.venice-primary"
TOTAL = "button.venice-total"
EXPENSIVE = {"model": "nano-banana-pro", "batch_size": 12}
ODD_TEXT = {"toString": 1, "valueOf": 1}
"""As text of a template it throws."""

ODD_STATUSES: list[Any] = [
    5,
    "text",
    [1, 2],
    {"": None},
    {"": "text"},
    {"": {"text": ODD_TEXT}},
    {"": {"text": ODD_TEXT, "kind": ODD_TEXT, "seed": ODD_TEXT, "again": ODD_TEXT}},
    {"": {"text": "Odd", "kind": "venice-odd", "seed": None, "again": None, "print": 1}},
    {"": {"text": "Odd", "kind": "done", "seed": "7", "again": None, "print": 1}},
    {"": {"text": "Odd", "kind": "done", "seed": None, "again": {"seed": ODD_TEXT}, "print": 1}},
    {"": {"text": "Odd" * 1000, "kind": "done", "seed": None, "again": None, "print": 1}},
    {"7": {"text": "Odd", "kind": "done", "seed": None, "again": None, "print": ODD_TEXT}},
]
PUT_STATUS = """async status => {
  const generate = app.graph.nodes.find(node => node.type === 'VeniceGenerateImage');
  const id = String(generate.id);
  for (const [rest, one] of Object.entries(Object(status))) {
    if (one && typeof one === 'object') one.id = rest ? `${id}:${rest}` : id;
  }
  generate.properties.venice = status;
  const saved = app.graph.serialize();
  saved.id = crypto.randomUUID();
  await app.loadGraphData(saved);
}"""
QUEUE_WITH_SEED = """async seed => {
  const prompt = await app.graphToPrompt();
  for (const { inputs } of Object.values(prompt.output)) {
    if (typeof inputs.seed === 'number') inputs.seed = seed;
  }
  void app.api.queuePrompt(0, prompt);
}"""
PRESS_ONCE_QUEUEING = """() => {
  const queue = app.api.queuePrompt;
  app.api.queuePrompt = function (...given) {
    app.api.queuePrompt = queue;
    void app.queuePrompt(0, 1);
    return queue.apply(this, given);
  };
}"""
MAKE_GROUP = """() => {
  app.canvas.selectNodes([window.nodes.seed, window.nodes.generate]);
  const id = 'Comfy.GroupNode.ConvertSelectedNodesToGroupNode';
  void app.extensionManager.command.execute(id);
}"""
GROUP = "app.graph.nodes.find(node => node.type.startsWith('workflow>'))"
# ComfyUI puts the prompt of a group node behind the other values, and so moves those.
SET_GROUP = f"""values => {{
  for (const widget of {GROUP}.widgets)
    if (widget.name in values) widget.value = values[widget.name];
}}"""
GROUP_VALUES = {
    **dict.fromkeys(("negative_prompt", "aspect_ratio", "resolution", "quality"), "auto"),
    **dict.fromkeys(("skip_prompt_thinking", "transparent_background"), False),
    **{"steps": 0, "cfg_scale": 0, "lora_strength": -1, "format": "png", "mode": "fixed"},
    **{"batch_mode": "one seed per image", "if_flagged": "stop", "extra_fields": ""},
}


@pytest.fixture
def expensive(page: ComfyPage, words: str) -> ComfyPage:
    """The page with a graph that costs more than the page may spend without a question."""
    page.text_to_image(prompt=words, **EXPENSIVE)
    page.wait_for_text(f"{TOTAL}.venice-ask", "$")
    return page


def refuse(page: ComfyPage, *texts: str) -> None:
    """Presses Run, reads the question and cancels: nothing is sent."""
    page.running.sandbox.forget()
    page.press_run()
    for text in texts:
        page.wait_for_text(DIALOG, text)
    page.page.click(CANCEL)
    page.page.wait_for_selector(DIALOG, state="detached")
    assert page.running.sandbox.paid_requests == []


@each_frontend
def test_no_saved_status_switches_the_question_off(expensive: ComfyPage) -> None:
    for status in ODD_STATUSES:
        expensive.page.evaluate(PUT_STATUS, status)
        expensive.wait_for_text(TOTAL, "$")
        refuse(expensive, "12 images")
        assert not any("Odd" in line for line in expensive.statuses()), status


@each_frontend
def test_a_saved_status_says_that_it_was_saved(page: ComfyPage, words: str) -> None:
    page.text_to_image(prompt=words)
    status = {"text": "Forged", "kind": "done", "seed": 7, "again": None, "print": None}
    page.page.evaluate(PUT_STATUS, {"": status})
    assert page.wait_for_text(".venice-status", "Forged") == "Saved with this workflow: Forged"

    page.page.evaluate("() => { window.nodes.save = app.graph.nodes.at(-1); }")
    page.run_to_end()

    done = page.wait_for_text(".venice-status .venice-done", "1 ")
    assert "Saved with this workflow" not in done
    page.reload(words)
    assert page.wait_for_text(".venice-status .venice-done", "1 ") == done


@each_frontend
def test_one_listener_that_fails_stops_no_other(page: ComfyPage, words: str) -> None:
    page.page.evaluate(
        """async pack => {
          const {onPreview} = await import(`/extensions/${pack}/preview.js`);
          const {account} = await import(`/extensions/${pack}/server.js`);
          const fail = () => { throw new Error('meant to fail'); };
          for (const all of [account.listeners]) {
            const others = [...all];
            all.clear();
            for (const one of [fail, ...others]) all.add(one);
          }
          onPreview(fail);
          onPreview(() => { window.heard = true; });
        }""",
        PACK_FOLDER,
    )
    page.text_to_image(prompt=words, **EXPENSIVE)
    page.page.wait_for_function("() => window.heard")
    page.command("Venice.OpenSidebar")
    page.wait_for_text(".venice-money", "Balance")
    refuse(page, "12 images")


@each_frontend
def test_without_an_answer_in_time_the_page_asks(page: ComfyPage, words: str) -> None:
    page.text_to_image(prompt=words)
    page.wait_for_text(TOTAL, "$0.01")
    for answer in (lambda route: None, lambda route: route.abort(), lambda route: fail(route)):
        page.page.context.route("**/venice/preview", answer)
        refuse(page, "price is unknown")
        page.page.context.unroute("**/venice/preview")


def fail(route: Route) -> None:
    route.fulfill(status=500, json={"error": "It failed."})


@each_frontend
def test_an_unknown_price_is_asked_about(page: ComfyPage, words: str) -> None:
    page.text_to_image(prompt=words, model="no-such-model")
    page.wait_for_text(TOTAL, "price unknown")

    refuse(page, "no published price")


def upscale_a_list(page: ComfyPage) -> None:
    """Builds a graph whose number of images only the run can tell."""
    page.build(
        empty=("EmptyImage", 60, 60, {"width": 64, "height": 64, "batch_size": 2}, {}),
        list=("RebatchImages", 360, 60, {"batch_size": 1}, {"images": ("empty", 0)}),
        upscale=("VeniceUpscaleImage", 660, 60, {}, {"image": ("list", 0)}),
        save=("SaveImage", 1000, 60, {}, {"images": ("upscale", 0)}),
    )
    page.wait_for_text(TOTAL, "from $0.0")


@each_frontend
def test_a_price_without_a_bound_is_asked_about(page: ComfyPage, words: str) -> None:
    upscale_a_list(page)

    refuse(page, "from $0.0")


@each_frontend
def test_no_price_without_a_bound_is_left_out_for_today(expensive: ComfyPage) -> None:
    expensive.press_run()
    expensive.page.check(f"{DIALOG} input[type=checkbox]")
    expensive.page.click(GO)
    expensive.wait_for_text(".venice-status .venice-done", "12 ")
    expensive.wait_until_idle()
    upscale_a_list(expensive)

    refuse(expensive, "from $0.0")


@each_frontend
def test_each_run_of_several_is_looked_at(page: ComfyPage, words: str) -> None:
    """The first of them is free, since its images are saved; the others aren't."""
    page.build(
        generate=("VeniceGenerateImage", 60, 60, {"prompt": words, **EXPENSIVE}, {}),
        save=("SaveImage", 560, 60, {}, {"images": ("generate", 0)}),
    )
    seed = page.value("generate", "seed")
    page.press_run()
    page.page.click(GO)
    page.wait_for_text(".venice-status .venice-done", "12 ")
    page.set("generate", seed=seed)
    page.wait_for_text(TOTAL, "Free")
    page.running.sandbox.forget()

    page.page.evaluate("() => { void app.queuePrompt(0, 3); }")
    page.wait_for_text(DIALOG, "12 images")
    page.page.click(CANCEL)

    page.page.wait_for_selector(DIALOG, state="detached")
    page.wait_until_idle()
    assert page.running.sandbox.paid_requests == []
    page.set("generate", seed=seed)
    page.page.evaluate("() => { void app.queuePrompt(0, 2); }")
    page.page.click(GO)
    page.wait_until_idle()
    assert len(page.running.sandbox.paid_requests) == 12, "the second run alone was paid"


def test_the_question_names_each_node_the_sum_and_the_balance(
    page: ComfyPage, words: str, is_old: bool
) -> None:
    def build(text: str) -> None:
        page.build(
            small=("VeniceGenerateImage", 60, 60, {"prompt": text}, {}),
            large=("VeniceGenerateImage", 460, 60, {"prompt": text, **EXPENSIVE}, {}),
            free=("VeniceGenerateImage", 860, 60, {"prompt": text, **EXPENSIVE}, {}),
            one=("PreviewImage", 1200, 60, {}, {"images": ("small", 0)}),
            two=("PreviewImage", 1200, 360, {}, {"images": ("large", 0)}),
        )
        page.page.evaluate("() => { window.nodes.large.title = 'Twelve'; }")

    build(words)
    page.page.evaluate("() => fetch('/venice/account?refresh=1')")
    page.load()
    build(words)
    page.wait_for_text(TOTAL, "$2.17")
    page.press_run()
    page.wait_for_text(DIALOG, "Balance afterward")
    page.picture(SCREENSHOTS / f"question-{page.in_vue}-{is_old}.png")
    lines = page.page.locator(f"{DIALOG} .venice-fact").all_inner_texts()
    told = [" ".join(line.split()) for line in lines]
    assert told[:3] == [
        "Venice Generate Image about $0.01",
        "Twelve about $2.16",
        "Total about $2.17",
    ]
    page.page.check(f"{DIALOG} input[type=checkbox]")
    page.page.click(GO)
    page.wait_for_text(".venice-status .venice-done", "12 ")

    build(f"{words}, another")
    page.wait_for_text(f"{TOTAL}.venice-ask", "$2.17")
    page.run_to_end()
    page.wait_until_idle()
    page.set("large", batch_size=13)
    page.wait_for_text(f"{TOTAL}.venice-ask", "$2.")
    refuse(page, "images")


@each_frontend
def test_a_prompt_that_another_script_queues_is_asked_about(expensive: ComfyPage) -> None:
    """Also after the user refused another prompt or a run, or agreed to one."""
    paid = 0
    steps = [(True, CANCEL), (True, GO), (True, CANCEL), (False, CANCEL), (True, CANCEL)]
    for number, (by_script, answer) in enumerate([*steps, (False, GO), (True, CANCEL)]):
        if by_script:
            expensive.page.evaluate(QUEUE_WITH_SEED, 100 + 12 * number)
        else:
            expensive.press_run()
        expensive.wait_for_text(DIALOG, "12 images")
        expensive.page.click(answer)
        expensive.page.wait_for_selector(DIALOG, state="detached")
        expensive.wait_until_idle()
        paid += 12 if answer == GO else 0
        assert len(expensive.running.sandbox.paid_requests) == paid, (number, by_script, answer)


@each_frontend
def test_a_number_of_runs_in_a_text_counts(page: ComfyPage, words: str) -> None:
    """The old menu passes what its field holds."""
    page.text_to_image(prompt=words, model="nano-banana-pro", batch_size=4)
    page.wait_for_text(TOTAL, "$0.72")
    page.page.evaluate("() => { void app.queuePrompt(0, '2'); }")
    page.wait_for_text(DIALOG, "2 runs")
    page.page.click(CANCEL)
    page.wait_until_idle()
    assert page.running.sandbox.paid_requests == []


def test_a_press_while_another_queues_waits_and_has_its_own_question(
    expensive: ComfyPage,
) -> None:
    expensive.set("seed", mode="random every run")
    expensive.page.evaluate("() => { void app.queuePrompt(0, 3); }")
    expensive.wait_for_text(DIALOG, "3 runs")
    expensive.page.evaluate(PRESS_ONCE_QUEUEING)
    expensive.page.click(GO)
    expensive.wait_for_text(DIALOG, "12 images with Nano Banana Pro, about $2.16.")
    expensive.page.click(CANCEL)
    expensive.page.wait_for_selector(DIALOG, state="detached")
    expensive.wait_until_idle()
    assert len(expensive.running.sandbox.paid_requests) == 36


@each_frontend
def test_another_workflow_in_front_is_not_run(page: ComfyPage, words: str) -> None:
    page.text_to_image(prompt=words)
    page.wait_for_text(TOTAL, "$0.01")
    held: list[Route] = []
    is_free = False
    page.page.context.route(
        "**/venice/preview", lambda route: route.continue_() if is_free else held.append(route)
    )
    page.press_run()
    page.page.wait_for_function("() => true")
    page.page.evaluate("() => app.extensionManager.command.execute('Comfy.NewBlankWorkflow')")
    page.page.wait_for_function("() => app.graph.nodes.length === 0")
    page.text_to_image(prompt=f"{words}, another")
    is_free = True
    for route in held:
        route.continue_()
    page.wait_for_text("body", "You opened another workflow. Press Run again.")
    page.wait_until_idle()
    assert page.running.sandbox.paid_requests == []


def test_what_a_group_node_holds_is_asked_about(page: ComfyPage, words: str, is_old: bool) -> None:
    if not is_old:
        pytest.skip("this frontend makes subgraphs of group nodes")
    page.text_to_image(prompt=words, **EXPENSIVE)
    page.page.evaluate(MAKE_GROUP)
    page.page.fill("[role=dialog] input", "Group")
    page.page.keyboard.press("Enter")
    page.page.wait_for_function(f"() => {GROUP}")
    page.page.evaluate(SET_GROUP, GROUP_VALUES)

    refuse(page, "12 images")
    page.use_key(None)
    page.load()
    page.wait_for_text(TOTAL, "$2.16")
    page.press_run()
    page.wait_for_text(DIALOG, "API key")
    page.page.click(CANCEL)
    page.use_key(CANARY)
    page.press_run()
    page.page.click(GO)
    page.wait_for_text(".venice-status .venice-done", "12 ")
    page.wait_for_text(TOTAL, "Free")
    # This frontend's own error at every run of a group node.
    page.errors = [error for error in page.errors if "Subgraph not found" not in error]
