"""Lists that are far too long: bounded work, off the event loop, that an interrupt ends."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from bench import Bench

SWEEPS = [("VeniceStyleSweep", "styles"), ("VeniceModelSweep", "models")]
GRID = {"rows": "nothing", "row_values": "", "model": "chroma", "prompt": "a fox", "seed": 1}
AXES = ["style", "model", "seed", "prompt"]


class Interrupted(BaseException):
    """What ComfyUI raises in a node that is interrupted."""


def grid(bench: Bench, what: str, values: str) -> Any:
    return bench.run("VeniceGrid", **GRID, columns=what, column_values=values)


def counted(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> list[Any]:
    """The first argument of each call of a function from now on."""
    calls: list[Any] = []
    real: Callable[..., Any] = getattr(module, name)

    def count(*args: Any, **kwargs: Any) -> Any:
        calls.append(args[0] if args else None)
        return real(*args, **kwargs)

    monkeypatch.setattr(module, name, count)
    return calls


@pytest.mark.parametrize(("node", "name"), SWEEPS)
def test_equal_lines_are_looked_at_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, node: str, name: str
) -> None:
    patterns = bench.pack.venice_nodes.patterns
    seen = counted(monkeypatch, patterns, "visible")
    read = counted(monkeypatch, bench.pack.venice_nodes.model_lists, "saved_lists")
    once, several = bench.run(node, **{name: "*"}), bench.run(node, **{name: "*\n" * 100_000})
    assert several.outputs == once.outputs
    assert len(seen) < 10, "not once for each line"
    assert len(read) <= 4, "nor is the list read again for each"


@pytest.mark.parametrize(("node", "name"), SWEEPS)
def test_the_lists_are_read_once_for_all_lines(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, node: str, name: str
) -> None:
    read = counted(monkeypatch, bench.pack.venice_nodes.model_lists, "load_settings")
    assert bench.run(node, **{name: "\n".join(f"name {i}" for i in range(900))}).error is None
    assert len(read) <= 2


@pytest.mark.parametrize(("node", "name"), SWEEPS)
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("*\n" * 10_000_000, "20,000,000 characters"),
        ("x" * 20_000_000, "20,000,000 characters"),
        ("\n".join(map(str, range(1001))), "1,001 different lines; the limit is 1,000"),
        ("\n".join(map(str, range(200_000))), "200,000 different lines"),
        ("Anime\n" + "*a" * 101, "A line in {name} has 202 characters"),
    ],
    ids=["20 MB of lines", "20 MB of one line", "many names", "very many names", "a long line"],
)
def test_a_list_that_is_too_long_is_refused_before_it_is_worked_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, node: str, name: str, text: str, said: str
) -> None:
    patterns = bench.pack.venice_nodes.patterns
    tried = counted(monkeypatch, patterns, "matching")
    end = bench.run(node, **{name: text})
    assert end.error_name == "InvalidRequestError"
    assert said.format(name=name) in end.first_line
    assert end.first_line.startswith(("A line in ", f"{name} has "))
    assert len(end.first_line) < 200
    assert all(len(lines) <= 1000 for lines in tried)


def test_a_line_that_is_too_long_is_refused_before_its_letters_are_looked_at(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = counted(monkeypatch, bench.pack.venice_nodes.patterns, "visible")
    end = bench.run("VeniceStyleSweep", styles="\u0301" * 1_000_000)
    assert "has 1,000,000 characters, more than any name" in end.first_line
    assert calls == []


@pytest.mark.parametrize("what", AXES)
def test_a_grid_is_bounded_in_the_same_way(bench: Bench, what: str) -> None:
    equal = {"style": "anime", "model": "chroma", "seed": "7", "prompt": "a fox"}[what]
    assert grid(bench, what, f"{equal}\n" * 100_000).error is None
    for values in (f"{equal}\n" * 10**6 * 4, "\n".join(f"{equal} {i}" for i in range(20_000))):
        end = grid(bench, what, values)
        assert end.error_name == "InvalidRequestError"
        assert end.first_line.startswith("column_values has ")


@pytest.mark.parametrize("node", ["VeniceStyleSweep", "VeniceModelSweep", "VeniceGrid"])
def test_an_interrupt_ends_a_list_that_is_still_worked_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, node: str
) -> None:
    host = bench.pack.venice_nodes.run.comfyui
    is_working, may_go_on, is_asked = threading.Event(), threading.Event(), threading.Event()
    comfy = SimpleNamespace(
        InterruptProcessingException=Interrupted, processing_interrupted=is_asked.is_set
    )
    monkeypatch.setattr(host, "model_management", comfy)
    monkeypatch.setattr(host, "folder_paths", None)

    def work(*_: Any) -> list[str]:
        is_working.set()
        may_go_on.wait(60)
        return []

    monkeypatch.setattr(bench.pack.venice_nodes.patterns, "matching", work)
    inputs = {
        "VeniceStyleSweep": {"styles": "*"},
        "VeniceModelSweep": {"models": "*"},
        "VeniceGrid": {**GRID, "columns": "style", "column_values": "*"},
    }[node]

    async def run_and_interrupt() -> None:
        task = asyncio.ensure_future(bench.call(node, **inputs))
        while not is_working.is_set():
            await asyncio.sleep(0.01)  # the loop goes on meanwhile
        is_asked.set()
        with pytest.raises(Interrupted):
            await asyncio.wait_for(task, 30)

    try:
        asyncio.run(run_and_interrupt())
        assert not may_go_on.is_set(), "the node did not wait for its thread"
    finally:
        may_go_on.set()
