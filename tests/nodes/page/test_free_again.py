"""What a node sent in its last run is free before the next, until something before it changes."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from bench import GENERATE, Bench

LOAD = {"class_type": "LoadImage", "inputs": {"image": "photo.png"}}
EDIT = {"image": ["1", 0], "prompt": "at night", "model": "firered-image-edit"}
SIZE = {"width": 256, "height": 256}
KSAMPLER = {"class_type": "KSampler", "inputs": {"seed": 7}}


class LoadImage:
    """As ComfyUI's own, as far as a preview looks at it."""

    @classmethod
    def IS_CHANGED(cls, image: str) -> str:
        return f"sum of {image}"


KINDS = {"LoadImage": LoadImage, "PreviewImage": type("PreviewImage", (), {"OUTPUT_NODE": True})}


@pytest.fixture
def photo(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A loaded file, in a ComfyUI that runs node "2"."""
    file = tmp_path / "photo.png"
    file.write_bytes(b"first")
    comfyui = bench.pack.venice_nodes.run.comfyui

    class Context:
        prompt_id, node_id = "prompt-1", "2"

    monkeypatch.setattr(comfyui, "get_executing_context", Context)
    monkeypatch.setattr(comfyui, "input_file", lambda name: tmp_path / name)
    monkeypatch.setattr(comfyui, "node_class", KINDS.get)
    return file


@pytest.fixture
def run(bench: Bench) -> Callable[..., float]:
    """Runs node "2" of a graph, with the image that reaches it; gives USD charged."""

    def run_it(graph: Mapping[str, Any], image: Any, noted: object = "sum of photo.png") -> float:
        prompt = {name: dict(node) for name, node in graph.items()}
        if prompt["1"]["class_type"] == "LoadImage":
            prompt["1"]["is_changed"] = [noted]
        own = prompt["2"]
        values = {n: v for n, v in own["inputs"].items() if not isinstance(v, list)}
        end = bench.run(own["class_type"], **values, image=image, run_prompt=prompt)
        assert end.error is None, end.error
        return end.charged

    return run_it


def edit(**inputs: Any) -> dict[str, Any]:
    node = {"class_type": "VeniceEditImage", "inputs": {**EDIT, **inputs}}
    return {"1": LOAD, "2": node, "3": {"class_type": "PreviewImage", "inputs": {"x": ["2", 0]}}}


def image(value: float = 0.5, count: int = 1) -> torch.Tensor:
    return torch.full((count, 256, 256, 3), value)


def told(preview: Any, graph: Mapping[str, Any]) -> tuple[bool, str]:
    answer = preview.of(graph)
    node = answer["nodes"]["2"]["price"]
    assert answer["total"]["is_free"] is node["is_free"]
    return node["is_free"], node["text"]


def test_an_edit_is_free_until_an_input_changes(
    bench: Bench, preview: Any, photo: Path, run: Callable[..., float]
) -> None:
    assert told(preview, edit()) == (False, "about $0.04")
    assert run(edit(), image()) > 0

    assert told(preview, edit()) == (True, "Free · saved result")
    assert run(edit(), image()) == 0
    assert told(preview, edit(variation=1))[0] is False
    assert told(preview, edit(prompt="by day"))[0] is False
    other = {**edit(), "1": {"class_type": "LoadImage", "inputs": {"image": "other.png"}}}
    assert told(preview, other)[0] is False


def test_it_costs_again_after_a_file_changes(
    bench: Bench, preview: Any, photo: Path, run: Callable[..., float]
) -> None:
    for later in (1, 0):
        run(edit(), image())
        assert told(preview, edit())[0] is True
        state = photo.stat()
        photo.write_bytes(b"other" if later else b"third")
        os.utime(photo, ns=(state.st_atime_ns, state.st_mtime_ns + later))
        assert told(preview, edit())[0] is False, "a copy keeps the time of the file"

    photo.unlink()
    assert told(preview, edit())[0] is False


def test_a_file_that_changed_during_the_run_is_not_remembered(
    bench: Bench, preview: Any, photo: Path, run: Callable[..., float]
) -> None:
    run(edit(), image(), noted="sum of what was loaded")

    assert told(preview, edit())[0] is False


def test_it_costs_again_once_its_result_is_gone(
    bench: Bench, preview: Any, photo: Path, run: Callable[..., float]
) -> None:
    run(edit(), image())
    for file in (bench.home / "results").glob("*"):
        if file.is_file():
            file.unlink()

    assert told(preview, edit()) == (False, "about $0.04")
    assert run(edit(), image()) == 0.04


def test_it_costs_again_with_other_lists_or_another_service(
    bench: Bench,
    preview: Any,
    photo: Path,
    run: Callable[..., float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run(edit(), image())
    with monkeypatch.context() as patch:
        catalogue = bench.pack.venice_client.catalogue.catalogue.Catalogue
        patch.setattr(catalogue, "content", "others")
        assert told(preview, edit())[0] is False
    monkeypatch.setenv("VENICE_API_KEY", "sandbox")
    monkeypatch.delenv("VENICE_API_BASE")
    assert told(preview, edit())[0] is False


def test_a_batch_of_which_one_is_gone_costs_that_one(
    bench: Bench, preview: Any, photo: Path, run: Callable[..., float]
) -> None:
    three = torch.cat([image(0.1), image(0.5), image(0.9)])
    assert run(edit(), three) == pytest.approx(0.12)
    assert told(preview, edit())[0] is True

    next((bench.home / "results").glob("*")).unlink()

    assert told(preview, edit()) == (False, "about $0.04")
    assert run(edit(), three) == pytest.approx(0.04)


def test_after_a_node_that_may_give_something_else_it_may_be_free(
    bench: Bench,
    preview: Any,
    photo: Path,
    run: Callable[..., float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    graph = {**edit(), "1": KSAMPLER}
    run(graph, image())
    monkeypatch.setenv("VENICE_MAX_USD_PER_DAY", "0.05")
    answer = preview.of(graph)

    price = answer["nodes"]["2"]["price"]
    assert (price["is_free"], price["text"]) == (False, "from $0.00")
    assert answer["total"]["over"] is None, "only the run can tell"
    assert answer["total"]["must_ask"] is True


def test_a_random_seed_before_it_is_never_free(
    bench: Bench, preview: Any, photo: Path, run: Callable[..., float]
) -> None:
    def graph(mode: str, seed: int = 7) -> dict[str, Any]:
        generate = {**GENERATE, **SIZE, "seed": ["0", 0]}
        return {
            **edit(),
            "0": {"class_type": "VeniceSeed", "inputs": {"seed": seed, "mode": mode}},
            "1": {"class_type": "VeniceGenerateImage", "inputs": generate},
        }

    made = bench.generate(**SIZE, seed=7).tensor
    # What a random seed drew stands in the graph that runs.
    run(graph("fixed"), made)

    assert told(preview, graph("fixed"))[0] is True
    assert told(preview, graph("fixed", 8))[0] is False
    assert told(preview, graph("random every run"))[0] is False
    for file in (bench.home / "results").glob("*"):
        file.unlink()
    assert told(preview, graph("fixed"))[0] is False


def test_after_an_image_that_was_generated_again_it_may_cost_again(
    bench: Bench, preview: Any, photo: Path, run: Callable[..., float]
) -> None:
    """A model draws another image for the same request."""
    generate = {"class_type": "VeniceGenerateImage", "inputs": {**GENERATE, **SIZE, "seed": 7}}
    graph = {**edit(), "1": generate}
    made = bench.generate(**SIZE, seed=7).tensor
    (generated,) = (bench.home / "results").glob("*.result")
    run(graph, made)
    assert told(preview, graph) == (True, "Free · saved result")

    generated.unlink()
    bench.generate(**SIZE, seed=7)

    assert told(preview, graph) == (False, "up to $0.04")


def test_a_pack_that_replaced_a_node_of_comfyui_is_not_trusted(
    bench: Bench, preview: Any, photo: Path, run: Callable[..., float]
) -> None:
    run(edit(), image())
    LoadImage.RELATIVE_PYTHON_MODULE = "custom_nodes.other"  # type: ignore[attr-defined]
    try:
        assert told(preview, edit()) == (False, "up to $0.04")
    finally:
        del LoadImage.RELATIVE_PYTHON_MODULE  # type: ignore[attr-defined]


def test_a_request_that_never_means_the_same_is_not_remembered(
    bench: Bench, preview: Any, photo: Path, run: Callable[..., float]
) -> None:
    known = bench.pack.venice_nodes.run.known_requests
    request = type("Request", (), {"is_reusable": False})
    planned = type("Planned", (), {"request": request})
    known.remember(edit(), "2", [[planned]], "venice", ())
    assert told(preview, edit())[0] is False


def test_only_so_many_are_remembered(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    known = bench.pack.venice_nodes.run.known_requests
    monkeypatch.setattr(known, "MAX_REQUESTS", 4)
    for seed in range(9):
        prompt = {"1": {"class_type": "VeniceGenerateImage", "inputs": {"seed": seed}}}
        known.remember(prompt, "1", [], "venice", ())
    assert len(known._known) == 4
