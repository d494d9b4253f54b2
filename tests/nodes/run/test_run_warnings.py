"""What a node says of its run: settings that are odd, what was left behind, room in the store."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch

import node_calls
from bench import GENERATE, Bench, held_until

Pictures = Callable[..., torch.Tensor]


@pytest.fixture
def readable(bench: Bench) -> Bench:
    """A bench whose settings file can be read by others."""
    bench.home.mkdir(parents=True, exist_ok=True)
    (bench.home / "venice.json").write_text('{"VENICE_TIMEOUT": 600}', encoding="utf-8")
    (bench.home / "venice.json").chmod(0o644)
    return bench


@pytest.mark.skipif(sys.platform == "win32", reason="its modes say nothing")
def test_a_settings_file_that_others_can_read_is_told(readable: Bench) -> None:
    end = readable.generate()
    (warning,) = (text for text in end.info["warnings"] if "venice.json" in text)
    assert warning in end.texts[-1]


@pytest.mark.skipif(sys.platform == "win32", reason="its modes say nothing")
def test_it_is_told_once_in_a_run_of_several_nodes_and_items(
    readable: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readable.pack.venice_nodes.run.comfyui, "run_id", lambda: "run 1")
    node = readable.pack.NODE_CLASS_MAPPINGS["VeniceGenerateImage"]()
    lists = {**{name: [value] for name, value in GENERATE.items()}, "seed": [1, 2]}
    _, infos, _ = node_calls.call_with_lists(node, **lists)
    assert ["venice.json" in info for info in infos] == [True, False]
    assert "venice.json" not in readable.generate(seed=3).shown[1]
    monkeypatch.setattr(readable.pack.venice_nodes.run.comfyui, "run_id", lambda: "run 2")
    assert "venice.json" in readable.generate(seed=4).shown[1]


def test_what_a_killed_process_left_is_told_once(bench: Bench) -> None:
    charge = bench.pack.venice_client.store.ledger.Charge("z-image-turbo", "image", 0.25, True)
    folder = bench.home / "in-flight"
    folder.mkdir(parents=True)
    (folder / "1-killed.jsonl").write_bytes(b"1 " + charge.line())
    end = bench.generate()
    assert any(
        "1 request was in flight" in text and "about $0.25" in text for text in end.info["warnings"]
    )
    assert "You may have been charged about $0.25" in end.texts[-1]
    assert "may have been charged" not in bench.generate(seed=2).shown[1]


@pytest.mark.parametrize(("megabytes", "is_said"), [("1", True), ("1024", False), ("0", False)])
def test_a_run_that_the_store_cannot_hold_is_told_before_it_is_sent(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, megabytes: str, is_said: bool
) -> None:
    monkeypatch.setenv("VENICE_STORE_MB", megabytes)
    said = "more than can be saved"
    if is_said:
        fault = held_until(lambda: any(said in text for text in bench.texts))
        bench.sandbox.add_fault(fault, path="/image/generate", times=1)
    end = bench.generate(width=1024, height=1024, batch_size=2)
    assert end.error is None
    assert any(said in text for text in end.info["warnings"]) is is_said
    assert (said in end.texts[-1]) is is_said


def test_more_pixels_need_more_room(bench: Bench) -> None:
    size = bench.pack.venice_nodes.run.run_warnings._bytes

    def planned(variants: int = 1, expected: Any = None, **fields: Any) -> SimpleNamespace:
        payload = SimpleNamespace(fields=fields, expected=expected)
        return SimpleNamespace(
            payload=payload, request=SimpleNamespace(variants=variants, kind="image")
        )

    assert size(planned()) == 2 * 1024**2
    assert size(planned(expected=(512, 512))) == size(planned()) / 4
    assert size(planned(resolution="4K", variants=4)) == 64 * size(planned())
    assert size(planned(resolution="1.5K")) == 2.25 * size(planned())
    assert size(planned(resolution="..K")) == size(planned())


def test_nothing_is_said_where_nothing_is_odd(bench: Bench) -> None:
    assert bench.generate().info["warnings"] == []
    assert os.environ["VENICE_API_KEY"] not in "".join(bench.texts)
