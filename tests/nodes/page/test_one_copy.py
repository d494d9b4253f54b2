"""What ComfyUI's server has of us: one copy of the pack, and the ends that a page missed."""

from __future__ import annotations

import logging
from pathlib import Path
from types import CodeType, FunctionType, SimpleNamespace
from typing import Any

import pytest
from aiohttp import web

from bench import Bench
from page_server import PageClient


@pytest.fixture
def server(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Any:
    """ComfyUI's server, without routes."""
    instance = SimpleNamespace(
        routes=web.RouteTableDef(),
        client_id="client",
        send_sync=lambda *_: None,
        send_progress_text=lambda *_: None,
    )
    host = bench.pack.venice_nodes.run.comfyui
    monkeypatch.setattr(host, "PromptServer", SimpleNamespace(instance=instance))
    return instance


def run(code: CodeType, names: dict[str, Any]) -> None:
    """Runs code in `names`. (The registry refuses the builtin for that, in tests too.)"""
    FunctionType(code, names)()


def handler_in(folder: Path) -> Any:
    """A handler whose code lies in the copy of the pack in a folder."""
    code = compile(
        "async def handler(request): ...", str(folder / "venice_nodes/page/routes.py"), "exec"
    )
    names: dict[str, Any] = {}
    run(code, names)
    return names["handler"]


def test_a_second_copy_registers_nothing_and_names_both(
    bench: Bench, server: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other_copy = bench.pack.venice_nodes.page.routes.other_copy
    first, second = tmp_path / "venice", tmp_path / "venice-nodes"
    assert other_copy(second) is None, "it is the first"
    server.routes.get("/other/account")(handler_in(tmp_path / "neighbour"))
    server.routes.get("/venice/account")(handler_in(first))
    with caplog.at_level(logging.ERROR):
        assert other_copy(second) == first
    (told,) = caplog.messages
    assert str(first) in told
    assert str(second) in told
    assert other_copy(first) is None, "the same copy, loaded again"
    first.mkdir()
    (tmp_path / "link").symlink_to(first)
    assert other_copy(tmp_path / "link") is None


def test_the_door_of_a_second_copy_is_closed(
    bench: Bench, server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.routes.get("/venice/account")(handler_in(tmp_path))
    door = Path(bench.pack.__file__)
    names = {
        "__name__": bench.pack.__name__,
        "__package__": bench.pack.__name__,
        "__file__": str(door),
    }
    run(compile(door.read_text("utf-8"), str(door), "exec"), names)
    assert (names["NODE_CLASS_MAPPINGS"], names["WEB_DIRECTORY"]) == ({}, None)
    assert [route.path for route in server.routes] == ["/venice/account"]


def test_a_page_asks_for_the_ends_that_it_missed(
    bench: Bench, server: Any, page: PageClient
) -> None:
    own = "a run that no other test has"
    send = bench.pack.venice_nodes.run.comfyui.send_status
    send((own, "1"), "progress", "generating", {})
    send((own, "2"), "done", "1 image", {})
    send((own, "1"), "error", "too late", {"seed": 7})
    send((own, "2"), "done", "2 images", {})
    send(("another run", "1"), "done", "3 images", {})
    send(("", ""), "done", "outside of a run", {})
    told = page.get(f"/venice/ends?prompt_id={own}").json()["ends"]
    assert {(end["node"], end["kind"], end["text"]) for end in told} == {
        ("1", "error", "too late"),
        ("2", "done", "2 images"),
    }
    assert page.get("/venice/ends?prompt_id=x").json() == {"ends": []}
    assert page.get("/venice/ends").json() == {"ends": []}
