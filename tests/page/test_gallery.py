"""The saved images in the sidebar: search, filters, selection, viewer, drag, keyboard."""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image, ImageDraw

import locales
from contrast import CONTRASTS, LEAST_CONTRAST
from fitting import check_fits, with_long_words
from page_setups import each_frontend, in_one_page
from venice_client.store.prompt_file import Prompt, packed
from venice_client.store.result_cache import ResultCache
from venice_client.transport.response import Response

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Route

    from comfy_page import ComfyPage

CELL = ".venice-result"
VIEWER = ".venice-viewer"
TOAST = "[role=alert]"
CONFIRM = "[role=dialog] button:has-text('Delete'), [role=alertdialog] button:has-text('Delete')"
NODES = "type => app.graph.nodes.filter(node => node.type === type).length"
IMAGE_OF_LOADER = """() => app.graph.nodes.find(node => node.type === 'LoadImage')
  ?.widgets.find(widget => widget.name === 'image').value"""
WORKFLOW = {
    "id": "5f0c3c4e-9a4c-4c55-8a39-0a1d6f4b7f10",
    "version": 0.4,
    "last_node_id": 41,
    "last_link_id": 0,
    "nodes": [
        {
            "id": 41,
            "type": "VeniceSeed",
            "pos": [100, 100],
            "size": [280, 120],
            "flags": {},
            "order": 0,
            "mode": 0,
            "inputs": [],
            "outputs": [{"name": "seed", "type": "INT", "links": None}],
            "properties": {},
            "widgets_values": [4711, "fixed"],
        }
    ],
    "links": [],
    "groups": [],
    "config": {},
    "extra": {},
}
CUT_OFF = """root => [...document.querySelectorAll(`${root} button, ${root} .venice-field`)]
  .filter(one => one.offsetParent).filter(one => {
    const {left, right} = one.getBoundingClientRect();
    const around = one.closest(root).getBoundingClientRect();
    return left < around.left - 1 || right > around.right + 1;
  }).map(one => one.outerHTML)"""
HOSTILE = '<img src=x onerror="window.hacked=1">'


@contextmanager
def saved(page: ComfyPage, count: int, **facts: Any) -> Iterator[ResultCache]:
    """So many results in one batch while the block runs, and no others; number 0 comes first."""
    store = ResultCache(page.running.home, 100_000)
    store.clear()
    begun = time.time() - 60
    for i in range(count):
        answer = Response({"content-type": "image/png"}, image(i), 0.0)
        own = {"model": "z-image-turbo", "seed": 100 + i, "service": "sandbox", "cost_usd": 0.01}
        prompt = Prompt(f"a fox number {i}", packed(WORKFLOW) if i == 0 else b"")
        own |= {"begun": begun, "place": i, **facts}
        assert (
            store.put(hashlib.sha256(f"{begun} {i}".encode()).hexdigest(), answer, own, prompt)
            == ""
        )
    yield store
    store.clear()


def image(number: int) -> bytes:
    data = io.BytesIO()
    made = Image.new("RGB", (160, 120), ("teal", "peru", "slategray", "indianred")[number % 4])
    ImageDraw.Draw(made).text((60, 40), str(number), fill="white", font_size=40)
    made.save(data, "PNG")
    return data.getvalue()


def open_gallery(page: ComfyPage, count: int) -> Locator:
    page.command("Venice.OpenSidebar")
    page.wait_for_text("h3", f"Results ({count})")
    cells = page.page.locator(CELL)
    cells.first.wait_for()
    return cells


def cell(page: ComfyPage, number: int) -> Locator:
    return page.page.locator(f"{CELL}[data-place='{number}']")


def button(page: ComfyPage, name: str, within: str = "") -> Locator:
    return page.page.locator(f"{within} button[aria-label='{name}']").first


@each_frontend
def test_a_grid_or_a_list_with_prompts(page: ComfyPage) -> None:
    with saved(page, 5):
        open_gallery(page, 5)
        seen = [cell(page, i).get_attribute("title") for i in range(5)]
        assert [str(tip).split("\n")[0] for tip in seen] == [f"a fox number {i}" for i in range(5)]
        tops = [cell(page, i).bounding_box()["y"] for i in (0, 1)]  # type: ignore[index]
        assert tops[0] == tops[1], "side by side"
        page.page.wait_for_function(f"() => document.querySelector('{CELL} img')?.naturalWidth")

        button(page, "Show as a list").click()

        page.wait_for_text(f"{CELL} .venice-result-prompt", "a fox number 0")
        page.load()
        open_gallery(page, 5)
        page.wait_for_text(f"{CELL} .venice-result-prompt", "a fox number 0")
        row = cell(page, 1)
        for name in ("Save to the output folder", "Use this seed in the workflow", "Delete"):
            assert row.locator(f"button[aria-label='{name}']").count() == 1, name
        assert row.locator("button[aria-label='Restore workflow']").count() == 0
        box, icon = row.bounding_box(), row.locator("button").last.bounding_box()
        assert box
        assert icon
        assert icon["x"] + icon["width"] <= box["x"] + box["width"], "not cut"
        button(page, "Show as a grid").click()
        page.page.locator(".venice-result-prompt").first.wait_for(state="detached")


@each_frontend
def test_words_and_filters_find_results(page: ComfyPage) -> None:
    with saved(page, 12) as store:
        open_gallery(page, 12)
        page.page.fill(".venice-filters input", "NUMBER 7")
        page.wait_for_text("h3", "Results (1)")
        assert str(cell(page, 0).get_attribute("title")).startswith("a fox number 7")
        page.page.fill(".venice-filters input", "badger")
        page.wait_for_text("h3", "Nothing found")
        page.page.fill(".venice-filters input", "")
        page.wait_for_text("h3", "Results (12)")

        for key in sorted(store.keys())[:8]:
            store.mark_shown(key)
        button(page, "Unseen only").click()
        page.wait_for_text("h3", "Results (4)")
        button(page, "Unseen only").click()
        page.wait_for_text("h3", "Results (12)")
        models = page.page.locator(".venice-filters select").nth(0)
        assert models.locator("option").all_text_contents() == ["All models", "z-image-turbo"]
        models.select_option("z-image-turbo")
        days = page.page.locator(".venice-filters select").nth(1)
        assert days.locator("option").count() == 2
        days.select_option(index=1)
        page.wait_for_text("h3", "Results (12)")
        asked = page.running.client.get("/venice/results").json()["days"]
        assert days.input_value() == asked[0]


@each_frontend
def test_several_are_chosen_saved_and_deleted(page: ComfyPage) -> None:
    with saved(page, 6):
        open_gallery(page, 6)
        cell(page, 1).locator(".venice-check").click()
        cell(page, 3).click(modifiers=["Shift"])
        page.wait_for_text(".venice-sidebar [role=toolbar]", "Selected: 3")
        cell(page, 2).click(modifiers=["Control"])
        page.wait_for_text(".venice-sidebar [role=toolbar]", "Selected: 2")

        button(page, "Save to the output folder", ".venice-sidebar [role=toolbar]").click()
        page.wait_for_text(TOAST, "Saved (images: 2)")
        button(page, "Delete", ".venice-sidebar [role=toolbar]").click()
        page.page.locator(CONFIRM).last.click()

        page.wait_for_text("h3", "Results (4)")
        left = [str(cell(page, i).get_attribute("title")).split("\n")[0][-1] for i in range(4)]
        assert left == ["0", "2", "4", "5"]
        assert page.page.locator(".venice-sidebar [role=toolbar]").is_hidden()


@each_frontend
def test_the_viewer_goes_on_compares_and_acts(page: ComfyPage) -> None:
    with saved(page, 4):
        open_gallery(page, 4)
        cell(page, 1).click()
        page.wait_for_text(VIEWER, "2 / 4")
        shown = page.page.locator(f"{VIEWER} img")
        page.page.wait_for_function(f"() => document.querySelector('{VIEWER} img').naturalWidth")
        assert shown.evaluate("image => image.naturalWidth") == 160
        page.wait_for_text(".venice-words", "a fox number 1")
        button(page, "Next", VIEWER).click()
        page.wait_for_text(VIEWER, "3 / 4")
        page.page.keyboard.press("ArrowRight")
        page.wait_for_text(VIEWER, "4 / 4")
        assert button(page, "Next", VIEWER).is_disabled()
        button(page, "Previous", VIEWER).click()
        page.wait_for_text(VIEWER, "3 / 4")

        button(page, "Compare", VIEWER).click()
        page.wait_for_text(VIEWER, "4 / 4")
        captions = page.page.locator(f"{VIEWER} figcaption").all_text_contents()
        assert ["seed 102" in captions[0], "seed 103" in captions[1]] == [True, True]
        page.picture(Path("output/page/compare.png"))
        button(page, "Compare", VIEWER).click()
        page.page.wait_for_function(f"() => document.querySelectorAll('{VIEWER} img').length === 1")

        button(page, "Delete", VIEWER).click()
        page.page.locator(CONFIRM).last.click()
        page.wait_for_text(VIEWER, "3 / 3")
        page.page.keyboard.press("Escape")
        page.page.locator(VIEWER).wait_for(state="detached")
        page.page.wait_for_function("() => document.activeElement.dataset.place === '2'")

        cell(page, 0).locator(".venice-check").click()
        cell(page, 2).click(modifiers=["Control"])
        button(page, "Compare", ".venice-sidebar [role=toolbar]").click()
        page.page.wait_for_function(f"() => document.querySelectorAll('{VIEWER} img').length === 2")


@each_frontend
def test_an_image_is_dragged_onto_the_graph_or_into_a_node(page: ComfyPage) -> None:
    check_drags(page)


def test_an_image_is_dragged_where_vue_draws_nodes(page: ComfyPage) -> None:
    if not page.in_vue:
        pytest.skip("the test above")
    check_drags(page)


def check_drags(page: ComfyPage) -> None:
    with saved(page, 2):
        page.build()
        open_gallery(page, 2)
        canvas = page.page.locator("#graph-canvas")
        cell(page, 0).drag_to(canvas, target_position={"x": 900, "y": 300})
        page.page.wait_for_function(f"() => ({NODES})('LoadImage') === 1")
        page.page.wait_for_function(
            f"() => ({IMAGE_OF_LOADER})() === 'venice_z-image-turbo_100.png'"
        )
        place = page.page.evaluate(
            """() => {
              const {pos, size} = app.graph.nodes[0], {left, top} =
                app.canvas.canvas.getBoundingClientRect(), {offset, scale} = app.canvas.ds;
              return [left + (pos[0] + offset[0] + size[0] / 2) * scale,
                top + (pos[1] + offset[1] + 14) * scale];
            }"""
        )

        box = cell(page, 1).bounding_box()
        assert box
        page.page.mouse.move(box["x"] + 40, box["y"] + 40)
        page.page.mouse.down()
        page.page.mouse.move(*place, steps=5)
        page.page.mouse.up()

        page.page.wait_for_function(
            f"() => ({IMAGE_OF_LOADER})() === 'venice_z-image-turbo_101.png'"
        )
        assert page.page.evaluate(NODES, "LoadImage") == 1


@each_frontend
def test_a_workflow_is_restored_where_it_is_known(page: ComfyPage) -> None:
    with saved(page, 2):
        open_gallery(page, 2)
        cell(page, 1).click()
        page.wait_for_text(VIEWER, "2 / 2")
        assert button(page, "Restore workflow", VIEWER).count() == 0
        button(page, "Previous", VIEWER).click()
        button(page, "Restore workflow", VIEWER).click()

        page.page.wait_for_function(
            "() => app.graph.nodes.length === 1 && app.graph.nodes[0].widgets[0].value === 4711"
        )
        assert page.page.locator(VIEWER).count() == 0


def test_a_run_leaves_its_prompt_and_its_workflow(page: ComfyPage, words: str) -> None:
    page.text_to_image(prompt=words, batch_size=3)
    page.run_to_end()
    page.wait_for_text(".venice-status .venice-done", "3 images")
    page.page.evaluate("() => app.graph.clear()")
    page.command("Venice.OpenSidebar")
    page.page.fill(".venice-filters input", words)
    page.wait_for_text("h3", "Results (3)")
    seeds = [
        f"seed {seed}" in str(cell(page, i).get_attribute("title"))
        for i, seed in enumerate((1, 2, 3))
    ]
    assert seeds == [True] * 3
    cell(page, 0).click()
    button(page, "Restore workflow", VIEWER).click()
    page.page.wait_for_function(f"() => ({NODES})('VeniceGenerateImage') === 1")
    prompt = page.page.evaluate("async () => JSON.stringify((await app.graphToPrompt()).output)")
    assert words in prompt


@each_frontend
def test_everything_is_reached_by_keyboard(page: ComfyPage) -> None:
    with saved(page, 30):
        open_gallery(page, 30)
        focused = "() => document.activeElement.dataset.place"
        keys = page.page.keyboard
        button(page, "Settings", ".venice-sidebar").focus()
        names = []
        for _ in range(15):
            names.append(
                page.page.evaluate(
                    "() => document.activeElement.getAttribute('aria-label') ?? ''"
                ).split("\n")[0]
            )
            if names[-1] == "a fox number 0":
                break
            keys.press("Tab")
        order = ["Settings", "Refresh", "Search prompts", "Unseen only", "Show as a list"]
        assert [name for name in names if name][-8:] == [*order, "Model", "Day", "a fox number 0"]

        assert (
            page.page.evaluate(f"() => document.querySelectorAll('{CELL}[tabindex=\"0\"]').length")
            == 1
        )
        columns = int(str(page.page.locator("[role=grid]").get_attribute("aria-colcount")))
        assert columns > 1
        keys.press("ArrowRight")
        page.page.wait_for_function(f"() => ({focused})() === '1'")
        keys.press("ArrowDown")
        page.page.wait_for_function(f"n => ({focused})() === String(n)", arg=1 + columns)
        keys.press("End")
        page.page.wait_for_function(f"() => ({focused})() === '29'")
        keys.press("Home")
        page.page.wait_for_function(f"() => ({focused})() === '0'")
        keys.press("Space")
        page.wait_for_text(".venice-sidebar [role=toolbar]", "Selected: 1")
        assert cell(page, 0).get_attribute("aria-selected") == "true"
        keys.press("Escape")
        page.page.wait_for_function(
            "() => [...document.querySelectorAll('.venice-sidebar [role=toolbar]')]"
            ".every(one => one.hidden)"
        )
        keys.press("Enter")
        page.wait_for_text(VIEWER, "1 / 30")
        for _ in range(20):  # the focus stays within
            keys.press("Tab")
            assert page.page.evaluate(
                f"() => document.querySelector('{VIEWER}').contains(document.activeElement)"
            )
        keys.press("ArrowRight")
        page.wait_for_text(VIEWER, "2 / 30")
        keys.press("Escape")
        page.page.wait_for_function(f"() => ({focused})() === '1'")
        keys.press("Delete")
        page.page.locator(CONFIRM).last.click()
        page.wait_for_text("h3", "Results (29)")
        assert page.page.evaluate("() => app.graph.nodes.length") >= 0


@each_frontend
def test_how_much_of_the_day_is_spent(page: ComfyPage) -> None:
    def with_limit(route: Route) -> None:
        told = route.fetch().json()
        told["limits"]["max_usd_per_day"] = 2.0
        told["spent"]["today"] = 1.81
        route.fulfill(json=told)

    page.page.context.route("**/venice/account*", with_limit)
    page.load()
    page.command("Venice.OpenSidebar")
    page.wait_for_text(".venice-day", "$1.81 of $2.00 today")
    meter = page.page.locator(".venice-day meter")
    assert meter.get_attribute("aria-valuetext") == "$1.81 of $2.00 today"
    assert meter.evaluate("bar => bar.low < bar.value && bar.value < bar.high")


@each_frontend
def test_texts_show_what_they_say(page: ComfyPage) -> None:
    row = {"id": "a" * 64, "kind": "text", "text": HOSTILE, "model": "m", "prompt": HOSTILE}
    row |= {"seed": None, "time": 1.0, "images": 1, "was_shown": True, "service": "Venice"}
    row |= {"usd": 0.002, "width": None, "height": None, "has_workflow": False}
    answer = {"total": 1, "results": [row], "models": [HOSTILE], "days": ["x"]}
    page.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.page.context.route("**/venice/results/search", lambda route: route.fulfill(json=answer))
    page.command("Venice.OpenSidebar")
    page.wait_for_text(".venice-text-result", HOSTILE)
    page.page.locator(f"{CELL} >> text=Copy").click()
    page.wait_for_text(TOAST, "Copied")
    assert page.page.evaluate("() => navigator.clipboard.readText()") == HOSTILE
    cell(page, 0).click(position={"x": 60, "y": 40})
    page.wait_for_text(".venice-full-text", HOSTILE)
    assert page.page.evaluate("() => window.hacked ?? null") is None


@each_frontend
def test_prompts_are_switched_off_in_the_settings(page: ComfyPage) -> None:
    with saved(page, 2) as store:
        page.command("Venice.OpenSettings")
        box = page.page.locator(".venice-settings input[name=save_prompts]")
        page.page.locator(".venice-settings input[name=save_prompts]:checked").wait_for()
        box.uncheck()
        page.wait_for_text(".venice-works", "Saved")
        assert [store.prompt(key) for key in sorted(store.keys())] == [("", False)] * 2
        box.check()
        page.page.wait_for_function("() => fetch('/venice/account').then(r => r.json())")


def test_twenty_thousand_results_scroll(page: ComfyPage) -> None:
    if page.in_vue:
        pytest.skip("the sidebar is the same in both renderers")

    def answer(route: Route) -> None:
        asked = route.request.post_data_json
        places = range(asked["offset"], min(20_000, asked["offset"] + asked["limit"]))
        base = {"kind": "image", "model": "m", "prompt": "a fox", "width": 64, "height": 64}
        base |= {"usd": 0.01, "time": 1.0, "images": 1, "was_shown": True, "has_workflow": False}
        rows = [{**base, "id": f"{i:064x}", "seed": i, "service": "Venice"} for i in places]
        route.fulfill(json={"total": 20_000, "results": rows, "models": ["m"], "days": []})

    page.page.context.route("**/venice/results/search", answer)
    page.page.context.route(
        "**/thumbnail", lambda route: route.fulfill(body=image(0), content_type="image/png")
    )
    open_gallery(page, 20_000)
    root = page.page.locator(".venice-results")
    for part in (0.5, 0.1, 0.9, 1.0):
        root.evaluate("(list, part) => { list.scrollTop = part * list.scrollHeight; }", part)
        last = round(part * 20_000)
        page.page.wait_for_function(
            f"n => [...document.querySelectorAll('{CELL}')].some(one => "
            "Math.abs(Number(one.dataset.place) - n) < 60)",
            arg=last,
        )
        assert page.page.locator(CELL).count() < 150


@each_frontend
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_texts_stand_out(page: ComfyPage, theme: str) -> None:
    page.page.evaluate(
        "theme => app.extensionManager.setting.set('Comfy.ColorPalette', theme)", theme
    )
    with saved(page, 3):
        open_gallery(page, 3)
        button(page, "Show as a list").click()
        cell(page, 0).locator(".venice-check").click()
        page.page.locator(".venice-money summary").click()
        shown = (
            ".venice-money span, .venice-money b, .venice-money summary, .venice-sidebar h3,"
            " .venice-sidebar button, .venice-filters .venice-field, [role=toolbar] span,"
            " .venice-result-text *"
        )
        found = page.page.evaluate(CONTRASTS, shown)
        assert len(found) > 20
        assert min(found) >= LEAST_CONTRAST, found
        cell(page, 0).click()
        page.wait_for_text(VIEWER, "1 / 3")
        shown = f"{VIEWER} .venice-title, {VIEWER} button, .venice-words, {VIEWER} figcaption"
        found = page.page.evaluate(CONTRASTS, shown)
        assert min(found) >= LEAST_CONTRAST, found
        page.page.keyboard.press("Escape")
        button(page, "Show as a grid").click()
        button(page, "Show as a list").wait_for()


@each_frontend
def test_a_small_window_cuts_nothing_off(page: ComfyPage) -> None:
    """1024 × 768, and the same at 150 %."""
    with saved(page, 12):
        for width, height in ((1024, 768), (683, 512)):
            page.page.set_viewport_size({"width": width, "height": height})
            page.load()
            open_gallery(page, 12)
            for view in ("Show as a list", "Show as a grid"):
                button(page, view).click()
                page.page.locator(f"{CELL} >> visible=true").first.wait_for()
                assert page.page.evaluate(CUT_OFF, ".venice-sidebar") == []
            cell(page, 0).click()
            page.wait_for_text(VIEWER, "1 / 12")
            assert page.page.evaluate(CUT_OFF, VIEWER) == []
            page.page.keyboard.press("Escape")


@in_one_page
@with_long_words
def test_it_fits_the_sidebar_in_any_language(page: ComfyPage, language: str) -> None:
    own = locales.texts_of(language)["main"]["venice"]
    page.speak(language)
    with saved(page, 9):
        page.command("Venice.OpenSidebar")
        page.page.locator(CELL).first.wait_for()
        check_fits(page, ".venice-sidebar", f"grid-{language}")
        button(page, own["Show as a list"]).click()
        page.page.locator(".venice-result-prompt").first.wait_for()
        check_fits(page, ".venice-sidebar", f"list-{language}")
        button(page, own["Show as a grid"]).click()
        page.page.locator(".venice-result-prompt").first.wait_for(state="detached")
        cell(page, 1).locator(".venice-check").click()
        cell(page, 3).click(modifiers=["Shift"])
        page.wait_for_text(".venice-sidebar [role=toolbar]", "3")
        check_fits(page, ".venice-sidebar", f"selection-{language}")
        button(page, own["Clear selection"]).click()
        cell(page, 1).click()
        page.wait_for_text(VIEWER, "2 / 9")
        check_fits(page, VIEWER, f"viewer-{language}")


@in_one_page
def test_dates_are_in_the_language_of_comfyui(page: ComfyPage) -> None:
    page.speak("zh")
    with saved(page, 1):
        page.command("Venice.OpenSidebar")
        cell(page, 0).click()
        page.wait_for_text(VIEWER, "年")
        page.page.keyboard.press("Escape")
        assert "年" in page.page.locator(".venice-sidebar option[value^='20']").inner_text()
