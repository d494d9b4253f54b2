"""Who may use the routes of a real ComfyUI that listens on this computer only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from comfy_running import Running
from page_server import PageClient

NAME = "comfy.example.org"


@pytest.fixture
def page(comfyui: Running) -> Iterator[PageClient]:
    """The routes; what they saved is undone at the end."""
    file = comfyui.home / "venice.json"
    before = file.read_text("utf-8")
    yield PageClient(comfyui.client.url)
    file.write_text(before, "utf-8")


@pytest.mark.parametrize("prefix", ["/venice", "/api/venice"])
def test_a_name_that_leads_to_this_computer_changes_nothing(
    comfyui: Running, page: PageClient, prefix: str
) -> None:
    """ComfyUI itself answers such a page: it only compares Host and Origin, which are equal."""
    rebound = f"evil.example:{urlsplit(page.url).port}"
    headers = {"Host": rebound, "Origin": f"http://{rebound}", "Sec-Fetch-Site": "same-origin"}
    assert page.get("/system_stats", **headers).status_code == 200
    before = (comfyui.home / "venice.json").read_text("utf-8")
    for path in ("/limits", "/key", "/key/forget", "/preview", "/lists/refresh"):
        answer = page.post(prefix + path, {"max_usd_per_run": None}, **headers)
        assert (answer.status_code, "VENICE_ALLOWED_HOSTS" in answer.text) == (403, True)
    assert page.get(f"{prefix}/account", **headers).status_code == 403
    assert page.get(f"{prefix}/results", **headers).status_code == 403
    assert (comfyui.home / "venice.json").read_text("utf-8") == before


def test_a_proxy_whose_name_is_listed_works(comfyui: Running, page: PageClient) -> None:
    ways = (
        {"Host": NAME, "Origin": f"https://{NAME}", "Sec-Fetch-Site": "same-origin"},
        {"Host": f"{NAME}:443", "Origin": f"https://{NAME}"},
        {"Host": NAME, "Origin": f"https://{NAME}", "X-Forwarded-Host": NAME},
    )
    for headers in ways:
        assert page.get("/system_stats", **headers).status_code == 200
        assert page.post("/venice/limits", {"ask_above_usd": 2}, **headers).status_code == 403
    file = comfyui.home / "venice.json"
    listed = {**json.loads(file.read_text("utf-8")), "VENICE_ALLOWED_HOSTS": NAME}
    file.write_text(json.dumps(listed), "utf-8")
    for headers in ways:
        told = page.post("/venice/limits", {"ask_above_usd": 2}, **headers)
        assert told.json()["ask_above_usd"] == 2
