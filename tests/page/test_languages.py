"""The page in another language: names, settings, and the help that fits its panel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import locales

if TYPE_CHECKING:
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
