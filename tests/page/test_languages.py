"""The page in another language: names, settings, and the help that fits its panel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import locales

if TYPE_CHECKING:
    from playwright.sync_api import Route

    from comfy_page import ComfyPage

LANGUAGE = "ja"
INFO = "[data-testid=info-button]"
HELP = ".node-help-content"
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


def in_language(page: ComfyPage, language: str) -> None:
    """Chooses a language in the settings, and loads the page again."""
    page.page.evaluate(
        "language => app.extensionManager.setting.set('Comfy.Locale', language)", language
    )
    page.load()


def show_help(page: ComfyPage, node: str) -> None:
    """Opens the Info panel of a node, as its button does."""
    page.page.evaluate("name => app.canvas.selectNode(window.nodes[name])", node)
    page.page.click(INFO)
    page.page.wait_for_selector(f"{HELP} table")


def test_nodes_speak_the_language(page: ComfyPage, texts: Any) -> None:
    in_language(page, LANGUAGE)
    page.build(node=("VeniceGenerateImage", 300, 160, {}, {}))

    shown = page.page.evaluate(SLOTS, "node")

    wanted = texts["nodeDefs"]["VeniceGenerateImage"]
    assert shown["title"] == wanted["display_name"]
    assert shown["outputs"] == [output["name"] for output in wanted["outputs"].values()]
    for name, own in wanted["inputs"].items():
        assert shown["widgets"].get(name, own["name"]) == own["name"]


def test_settings_speak_the_language(page: ComfyPage, texts: Any) -> None:
    in_language(page, LANGUAGE)

    page.command("Venice.OpenSettings")
    page.wait_for_text("[role=dialog]", texts["settings"]["Venice_RunLimit"]["name"])
    page.wait_for_text("[role=dialog]", texts["main"]["settingsCategories"]["Limits"])


def test_the_pages_own_texts_speak_the_language(page: ComfyPage, texts: Any) -> None:
    in_language(page, LANGUAGE)
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
    in_language(page, LANGUAGE)
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
    in_language(page, language)
    page.build(node=("VeniceGenerateImage", 300, 160, {}, {}))

    show_help(page, "node")

    texts = locales.texts_of(language)
    page.wait_for_text(f"{HELP} h2", texts["help"]["words"]["example"])
    inputs = texts["nodeDefs"]["VeniceGenerateImage"]["inputs"]
    page.wait_for_text(f"{HELP} td", inputs["prompt"]["tooltip"])
    assert page.page.evaluate(OVERHANG, HELP) == 0
