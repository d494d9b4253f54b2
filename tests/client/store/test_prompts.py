"""The prompt and the workflow of a saved result: a private file beside it, and gone with it."""

from __future__ import annotations

import logging
import math
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import venice_client.store.cache_evictor as cache_evictor
import venice_client.store.prompt_file as prompt_file
import venice_client.store.result_cache as result_cache
from venice_client.store.prompt_file import MAX_WORKFLOW, Prompt, packed, switch_prompts
from venice_client.store.result_cache import ResultCache
from venice_client.transport.response import Response

KEY, OTHER = "a" * 64, "b" * 64
WORDS = 'a fox \udce4 in "snow"\nby night'
WORKFLOW = {"nodes": [{"id": 1, "widgets_values": [WORDS.replace("\udce4", "ä")]}]}
ANSWER = Response({"content-type": "image/png"}, b"x" * 1000, 0.0)


PROMPT = Prompt(WORDS, packed(WORKFLOW))


def put(store: ResultCache, key: str = KEY, prompt: Prompt = PROMPT) -> str:
    return store.put(key, ANSWER, {}, prompt)


def files(home: Path) -> list[str]:
    found = [*home.glob("results/*.result"), *home.glob("prompts/*")]
    return sorted(file.name[:1] + file.suffix for file in found)


def test_a_prompt_lies_beside_its_result(tmp_path: Path) -> None:
    store = ResultCache(tmp_path, 10)
    assert put(store) == ""

    assert store.prompt(KEY) == (WORDS, True)
    assert store.workflow(KEY) == WORKFLOW
    assert store.prompt(OTHER) == ("", False)
    assert store.workflow(OTHER) is None
    (file,) = tmp_path.glob("prompts/*")
    if sys.platform != "win32":
        assert file.stat().st_mode & 0o777 == 0o600
    assert len(store.keys()) == store.usage()[0] == 1


def test_without_a_workflow_or_a_prompt(tmp_path: Path) -> None:
    store = ResultCache(tmp_path, 10)
    put(store, KEY, Prompt(WORDS))
    put(store, OTHER, Prompt("", packed(WORKFLOW)))
    assert (store.prompt(KEY), store.workflow(KEY)) == ((WORDS, False), None)
    assert store.prompt(OTHER) == ("", True)
    store.put("c" * 64, ANSWER, {}, Prompt(""))
    assert files(tmp_path) == ["a.prompt", "a.result", "b.prompt", "b.result", "c.result"]


def test_a_workflow_that_is_large_or_odd_is_left_out() -> None:
    ring: dict[str, object] = {}
    ring["ring"] = ring
    for odd in (None, [], "x", {"x": "y" * MAX_WORKFLOW}, ring, {"x": object()}, {"x": math.inf}):
        assert packed(odd) == b""


@pytest.mark.parametrize("end", ["remove", "clear", "shrink", "quarantine", "sweep"])
def test_a_prompt_goes_with_its_result(tmp_path: Path, end: str) -> None:
    store = ResultCache(tmp_path, 10)
    put(store)
    ends = {
        "remove": lambda: store.remove(KEY),
        "clear": store.clear,
        "shrink": lambda: store.shrink(0),
        "quarantine": lambda: store.quarantine(KEY, ANSWER.checksum),
        "sweep": lambda: cache_evictor.CacheEvictor(tmp_path / "results", 1).sweep(),
    }
    ends[end]()
    assert [name for name in files(tmp_path) if name.startswith("a")] == []


def test_a_prompt_without_a_result_goes_after_a_while(tmp_path: Path) -> None:
    put(ResultCache(tmp_path, 10))
    (result,) = (tmp_path / "results").glob("*.result")
    (prompt,) = tmp_path.glob("prompts/*")
    result.unlink()  # a kill between the two

    cache_evictor.CacheEvictor(tmp_path / "results", 10**6).sweep()
    assert prompt.exists(), "another process may be about to write the result"
    old = time.time() - 2 * cache_evictor.ABANDONED_AFTER
    os.utime(prompt, (old, old))
    cache_evictor.CacheEvictor(tmp_path / "results", 10**6).sweep()
    assert not prompt.exists()


def test_switched_off_nothing_is_saved_and_what_was_goes(tmp_path: Path) -> None:
    put(ResultCache(tmp_path, 10))
    off = ResultCache(tmp_path, 10, saves_prompts=False)
    assert off.prompt(KEY) == ("", False)
    assert off.workflow(KEY) is None

    put(off, OTHER)
    off.finish_sweep()

    assert files(tmp_path) == ["a.result", "b.result"]
    put(ResultCache(tmp_path, 10))
    ResultCache(tmp_path, 10).forget_prompts()
    assert files(tmp_path) == ["a.result", "b.result"]


def test_a_request_in_flight_saves_no_prompt_once_they_are_switched_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began_before = ResultCache(tmp_path, 10)
    switch_prompts(tmp_path, False)
    put(began_before)
    assert files(tmp_path) == ["a.result"]
    switch_prompts(tmp_path, True)
    put(began_before)
    assert files(tmp_path) == ["a.prompt", "a.result"]
    write = prompt_file.write_atomic

    def switching(*args: Any, **more: Any) -> None:
        write(*args, **more)
        switch_prompts(tmp_path, False)

    monkeypatch.setattr(prompt_file, "write_atomic", switching)
    put(began_before, OTHER)
    assert files(tmp_path) == ["a.prompt", "a.result", "b.result"]


def test_a_prompt_that_cannot_be_saved_fails_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = ResultCache(tmp_path, 10)

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(result_cache, "write_prompt", refuse)
    with caplog.at_level(logging.DEBUG):
        assert put(store) == ""
    assert files(tmp_path) == ["a.result"]
    assert store.prompt(KEY) == ("", False)
    assert "No space left" in caplog.text
    assert "fox" not in caplog.text


@pytest.mark.parametrize(
    "damage", [b"", b"[1]\n", b'{"prompt": 7}\n', b"{", b'{"prompt": "x"}\nzz']
)
def test_a_damaged_prompt_counts_as_none(tmp_path: Path, damage: bytes) -> None:
    store = ResultCache(tmp_path, 10)
    put(store)
    (file,) = tmp_path.glob("prompts/*")
    file.write_bytes(damage)

    text, _ = store.prompt(KEY)
    assert text in ("", "x")
    assert store.workflow(KEY) is None
