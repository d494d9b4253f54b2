"""The page in another language: names, settings, and the help that fits its panel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import locales
from fitting import check_fits, with_long_words
from page_setups import in_one_page

if TYPE_CHECKING:
    from playwright.sync_api import Route

    from comfy_page import ComfyPage

LANGUAGE = "ja"
INFO = "[data-testid=info-button]"
HELP = ".node-help-content"
DIALOG = "dialog.venice-dialog"
TOTAL = "button.venice-total"
EXPENSIVE = {"model": "nano-banana-pro", "batch_size": 12}
SLOTS = """name => {
  const node = window.nodes[name];
  const label = slot => slot.label ?? slot.localized_name ?? slot.name;
  return {
    title: node.title,
    widgets: Object.fromEntries(node.widgets.map(w => [w.name, w.label])),
    outputs: node.outputs.map(label),
  };
}"""
LOAD_WITH_STATUS = """async text => {
  const { node } = window.nodes;
  const status = { id: String(node.id), text, kind: 'done', seed: null, print: null, again: null };
  node.properties.venice = { '': status };
  const saved = app.graph.serialize();
  saved.id = crypto.randomUUID();
  await app.loadGraphData(saved);
}"""
OVERHANG = """help => {
  const panel = document.querySelector(help);
  const rights = [...panel.querySelectorAll('td')].map(cell => cell.getBoundingClientRect().right);
  return Math.max(0, Math.max(...rights) - panel.getBoundingClientRect().right);
}"""
"""Pixels of the tables that lie outside of the panel."""


@pytest.fixture
def texts() -> Any:
    """What is translated."""
    return locales.texts_of(LANGUAGE)


def show_help(page: ComfyPage, node: str) -> None:
    """Opens the Info panel of a node, as its button does."""
    page.page.evaluate("name => app.canvas.selectNode(window.nodes[name])", node)
    page.page.click(INFO)
    page.page.wait_for_selector(f"{HELP} table")


def test_nodes_speak_the_language(page: ComfyPage, texts: Any) -> None:
    page.speak(LANGUAGE)
    page.build(node=("VeniceGenerateImage", 300, 160, {}, {}))

    shown = page.page.evaluate(SLOTS, "node")

    wanted = texts["nodeDefs"]["VeniceGenerateImage"]
    assert shown["title"] == wanted["display_name"]
    assert shown["outputs"] == [output["name"] for output in wanted["outputs"].values()]
    for name, own in wanted["inputs"].items():
        assert shown["widgets"].get(name, own["name"]) == own["name"]


def test_settings_speak_the_language(page: ComfyPage, texts: Any) -> None:
    page.speak(LANGUAGE)

    page.command("Venice.OpenSettings")
    page.wait_for_text("[role=dialog]", texts["settings"]["Venice_RunLimit"]["name"])
    page.wait_for_text("[role=dialog]", texts["main"]["settingsCategories"]["Limits"])


def test_the_pages_own_texts_speak_the_language(page: ComfyPage, texts: Any) -> None:
    page.speak(LANGUAGE)
    page.build(node=("VeniceSeed", 300, 160, {}, {}))

    page.wait_for_text(".venice-tools", texts["main"]["venice"]["New seed"])


def test_what_the_server_says_is_translated(page: ComfyPage) -> None:
    own = {
        "Needs input": "入力が必要です",
        "Enter a {name}.": "{name}を入力してください。",
        "prompt": "プロンプト",
        "{count} images": "画像{count}枚",
        "Saved with this workflow: {text}": "保存済み: {text}",
    }
    page.page.route("**/i18n", lambda route: _add_texts(route, own))
    page.speak(LANGUAGE)
    page.build(node=("VeniceGenerateImage", 300, 160, {"prompt": ""}, {}))

    page.wait_for_price("node", "入力が必要です")
    page.wait_for_text(".venice-hint", "プロンプトを入力してください。")
    page.page.evaluate(LOAD_WITH_STATUS, "4 images · Nobody knows this")
    page.wait_for_text(".venice-status", "保存済み: 画像4枚 · Nobody knows this")


def _add_texts(route: Route, texts: dict[str, str]) -> None:
    response = route.fetch()
    all_texts = response.json()
    all_texts[LANGUAGE]["venice"].update(texts)
    route.fulfill(response=response, json=all_texts)


@pytest.mark.parametrize("language", ["en", LANGUAGE])
def test_the_help_fits_its_panel(page: ComfyPage, language: str) -> None:
    page.speak(language)
    page.build(node=("VeniceGenerateImage", 300, 160, {}, {}))

    show_help(page, "node")

    texts = locales.texts_of(language)
    page.wait_for_text(f"{HELP} h2", texts["help"]["words"]["example"])
    inputs = texts["nodeDefs"]["VeniceGenerateImage"]["inputs"]
    page.wait_for_text(f"{HELP} td", inputs["prompt"]["tooltip"])
    assert page.page.evaluate(OVERHANG, HELP) == 0


@in_one_page
@with_long_words
def test_the_dialogs_before_a_run_fit(page: ComfyPage, language: str, words: str) -> None:
    page.speak(language)
    page.page.evaluate("() => fetch('/venice/account?refresh=1')")
    page.load()
    page.build(
        small=("VeniceGenerateImage", 60, 60, {"prompt": words}, {}),
        large=("VeniceGenerateImage", 460, 60, {"prompt": words, **EXPENSIVE}, {}),
        one=("PreviewImage", 1200, 60, {}, {"images": ("small", 0)}),
        two=("PreviewImage", 1200, 360, {}, {"images": ("large", 0)}),
    )
    page.wait_for_text(TOTAL, "$2.17")
    page.press_run()
    page.wait_for_text(DIALOG, "$2.17")
    check_fits(page, DIALOG, f"question-{language}")
    page.page.keyboard.press("Escape")

    set_limit(page, 1.0)
    page.load()
    page.build(
        large=("VeniceGenerateImage", 460, 60, {"prompt": words, **EXPENSIVE}, {}),
        two=("PreviewImage", 1200, 360, {}, {"images": ("large", 0)}),
    )
    page.wait_for_text(TOTAL, "$2.16")
    page.press_run()
    page.wait_for_text(DIALOG, "$1.00")
    check_fits(page, DIALOG, f"limit-{language}")
    set_limit(page, 5.0)


@in_one_page
@with_long_words
def test_the_key_dialog_and_the_settings_fit(page: ComfyPage, language: str, words: str) -> None:
    own = locales.texts_of(language)["main"]["venice"]
    page.use_key(None)
    page.speak(language)
    page.text_to_image(prompt=words)
    page.press_run()
    page.wait_for_text(DIALOG, own["Add your Venice API key"])
    check_fits(page, DIALOG, f"key-{language}")
    page.page.keyboard.press("Escape")
    page.use_key("sandbox")
    page.load()
    page.command("Venice.OpenSettings")
    page.wait_for_text(".venice-settings", own["Leave sandbox"])
    check_fits(page, ".venice-settings", f"settings-{language}")


def set_limit(page: ComfyPage, usd: float) -> None:
    page.page.evaluate(
        """async usd => {
          const headers = {'X-Venice': '1', 'Content-Type': 'application/json'};
          const body = JSON.stringify({max_usd_per_run: usd});
          const told = await fetch('/venice/limits', {method: 'POST', headers, body});
          if (!told.ok) throw new Error(await told.text());
        }""",
        usd,
    )
