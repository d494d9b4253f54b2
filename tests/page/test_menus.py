"""Menus, commands, About, and the fields of the settings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from faulty_sandbox import Fault
from page_setups import each_frontend
from venice_client.sandbox.response import Response
from venice_client.version import __version__

if TYPE_CHECKING:
    from playwright.sync_api import Route

    from comfy_page import ComfyPage

TOAST = "[role=alert]"
ISSUES = "https://github.com/"
TITLE = """name => {
  const {pos} = window.nodes[name], {left, top} = app.canvas.canvas.getBoundingClientRect();
  const {offset, scale} = app.canvas.ds;
  return [left + (pos[0] + offset[0] + 90) * scale, top + (pos[1] + offset[1] - 16) * scale];
}"""
ADDED = """async type => {
  const prompt = (await app.graphToPrompt()).output;
  const added = Object.values(prompt).find(node => node.class_type === type);
  return added?.inputs.image && prompt[added.inputs.image[0]].class_type;
}"""

REMOVE = """type => {
  app.graph.remove(app.graph.nodes.find(node => node.type === type));
  app.canvas.ds.offset = [0, 60];  // adding a node may have moved the view
  app.canvas.setDirty(true, true);
}"""


def test_the_menu_of_an_image_adds_and_wires(page: ComfyPage) -> None:
    page.build(
        load=("LoadImage", 100, 100, {}, {}),
        smaller=("ImageScaleBy", 500, 100, {}, {"image": ("load", 0)}),
    )
    for source, source_type, entry, added in (
        ("load", "LoadImage", "Upscale", "VeniceUpscaleImage"),
        ("load", "LoadImage", "Edit", "VeniceEditImage"),
        ("smaller", "ImageScaleBy", "Remove background", "VeniceRemoveBackground"),
    ):
        page.page.mouse.click(*page.page.evaluate(TITLE, source), button="right")
        venice = page.page.locator("text=/^Venice$/ >> visible=true").last
        venice.hover()
        if page.page.evaluate("() => Boolean(document.querySelector('.litecontextmenu'))"):
            venice.click()  # the canvas has a menu of its own, which opens by a click
        page.page.locator(f"text=/^{entry}$/ >> visible=true").last.click()

        page.wait_until(ADDED, added)
        assert page.page.evaluate(ADDED, added) == source_type
        assert page.is_on_others(added) is False
        page.page.evaluate(REMOVE, added)


def test_commands(page: ComfyPage) -> None:
    page.command("Venice.OpenSidebar")
    page.wait_for_text(".venice-money", "Balance")
    page.running.sandbox.forget()
    page.command("Venice.RefreshLists")
    page.wait_for_text(TOAST, "updated")
    assert {request.path for request in page.running.sandbox.requests} >= {"/models"}
    page.command("Venice.OpenSettings")
    page.page.wait_for_selector(".venice-settings >> visible=true")
    labels = page.page.evaluate(
        "() => app.extensionManager.command.commands"
        ".filter(one => one.id.startsWith('Venice.')).map(one => one.label)"
    )
    assert len(labels) == 3


@each_frontend
def test_refreshed_prices_show_on_the_nodes(page: ComfyPage, words: str) -> None:
    page.text_to_image(prompt=words)
    page.wait_for_price("generate", "$0.01")
    page.running.sandbox.add_fault(Fault("dearer", alter=dearer), "/models", times=None)

    page.command("Venice.RefreshLists")

    page.wait_for_price("generate", "$0.07")
    page.running.sandbox.clear_faults()
    page.command("Venice.RefreshLists")
    page.wait_for_price("generate", "$0.01")


def dearer(listed: Response, _headers: Mapping[str, str]) -> Response:
    """Return the list of models with another price of the default one."""
    told = json.loads(listed.body)
    for model in told["data"]:
        if model["id"] == "z-image-turbo":
            model["model_spec"]["pricing"]["generation"] = {"usd": 0.07, "diem": 0.07}
    return replace(listed, body=json.dumps(told).encode())


def test_about_names_version_and_address(page: ComfyPage) -> None:
    page.page.wait_for_function("() => document.querySelector('.venice-total')")
    page.command("Comfy.ShowSettingsDialog")
    page.page.locator("[role=dialog] >> text=/^About$/").first.click()
    page.wait_for_text("[role=dialog] a", f"Venice {__version__}")
    report = page.page.locator("[role=dialog] a", has_text="Report a Venice issue").first
    assert str(report.get_attribute("href")).startswith(ISSUES)


def test_the_key_of_the_environment_is_read_only(page: ComfyPage) -> None:
    page.page.context.route("**/venice/account*", as_set_by_the_environment)
    page.load()
    page.command("Venice.OpenSettings")

    page.wait_for_text(".venice-hint", "Set by VENICE_API_KEY on the server")
    page.wait_for_text(".venice-hint", "Using the free sandbox")
    assert page.page.locator("text=Use the free sandbox").first.is_hidden()
    for control in ("input[type=password]", "text=Save and test", "text=Leave sandbox"):
        assert page.page.locator(f".venice-settings >> {control}").first.is_disabled()
    page.wait_for_text(".venice-settings", "Set by VENICE_MAX_USD_PER_RUN on the server.")
    assert page.page.locator(".venice-settings input[type=number]").first.is_disabled()
    assert page.page.locator(".venice-settings input[type=number]").nth(1).is_enabled()


@each_frontend
@pytest.mark.parametrize("text", ["1e", "5-"])
def test_a_limit_that_is_not_a_number_changes_nothing(page: ComfyPage, text: str) -> None:
    page.running.use_limit("4")
    page.load()
    page.command("Venice.OpenSettings")
    field = page.page.locator("input[aria-label='Limit per run ($)']")
    field.click()
    page.page.wait_for_function("() => document.activeElement.value === '4'")
    page.page.keyboard.press("Control+A")
    page.page.keyboard.type(text)
    page.page.keyboard.press("Tab")

    page.wait_for_text(".venice-outcome.venice-wrong", "Enter a number.")
    account = page.running.client.get("/venice/account").json()
    assert account["limits"]["max_usd_per_run"] == 4
    page.running.use_limit("5")


def as_set_by_the_environment(route: Route) -> None:
    told: dict[str, Any] = route.fetch().json()
    told["key"] |= {"source": "environment", "is_sandbox": True}
    route.fulfill(json={**told, "locked": ["max_usd_per_run"]})
