"""What a preview says is what is then sent and charged: every model, many random inputs."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import node_calls
from bench import GENERATE, Bench, End
from faulty_sandbox import Fault
from venice_client.catalogue.lists import bundled_lists
from venice_client.catalogue.sizing import tier_size

pytestmark = pytest.mark.long

MODELS = list(bundled_lists().models().values())
MAKERS = [model.id for model in MODELS if model.makes_images]
EDITORS = [model.id for model in MODELS if model.kind == "inpaint"]
RATIOS = ("auto", "1:1", "3:2", "16:9", "9:16", "21:9", "4:5", "7:3")
TIERS = ("auto", "1K", "2K", "4K", "8K")
QUALITIES = ("auto", "low", "medium", "high", "best")
TOLD_BY_ANSWERS = re.compile(r"(made|returned) .* instead of|deprecated|as text|saved on disk")
"""Warnings that only an answer can give."""

sides = st.sampled_from((64, 72, 512, 1000, 1024, 1344, 2048, 4096))
shared = {
    "aspect_ratio": st.sampled_from(RATIOS),
    "resolution": st.sampled_from(TIERS),
    "quality": st.sampled_from(QUALITIES),
    "enhance_prompt": st.booleans(),
}
generations = st.fixed_dictionaries(
    {
        "model": st.sampled_from(MAKERS),
        "seed": st.sampled_from((1, 7, 2**40, 0)),
        "prompt": st.just("fox"),
    },
    optional={
        **shared,
        "width": sides,
        "height": sides,
        "batch_size": st.integers(1, 6),
        "batch_mode": st.sampled_from(("one seed per image", "variants")),
        "negative_prompt": st.sampled_from(("", "people")),
        "steps": st.sampled_from((0, 8, 30, 50)),
        "style": st.sampled_from(("", "Anime", "None")),
        "enable_web_search": st.booleans(),
        "skip_prompt_thinking": st.booleans(),
        "hide_watermark": st.booleans(),
        "format": st.sampled_from(("png", "webp", "jpeg")),
    },
)
edits = st.fixed_dictionaries(
    {"model": st.sampled_from(EDITORS), "prompt": st.sampled_from(("night", ""))},
    optional={
        **shared,
        "keep_size": st.booleans(),
        "layers": st.integers(0, 3),
        "mask": st.sampled_from(("painted", "empty")),
        "variation": st.integers(0, 3),
    },
)


@pytest.fixture
def small(bench: Bench, preview: Any) -> tuple[Bench, Any]:
    """A sandbox that charges as ever, but draws small images; no limit, and nothing is kept."""
    bench.sandbox.add_fault(Fault.size(64, 64), path=None, times=None)
    return bench, preview


@pytest.fixture(autouse=True)
def without_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VENICE_MAX_USD_PER_RUN", "none")
    monkeypatch.setenv("VENICE_STORE_MB", "0")


def test_every_model(small: tuple[Bench, Any]) -> None:
    tried = set()
    for model in MODELS:
        own_tiers = ("auto", *(model.tiers or model.priced_tiers))
        for tier, quality in itertools.product(own_tiers, ("auto", *model.qualities)):
            asked = {"model": model.id, "resolution": tier, "quality": quality}
            if model.makes_images:
                compare_generation(*small, {**asked, "width": 1344, "height": 768, "steps": 4})
            elif model.kind == "inpaint":
                compare_edit(*small, {**asked, "prompt": "night"})
            else:
                continue
            tried.add(model.id)
    assert tried == {*MAKERS, *EDITORS}


@settings(max_examples=600)
@given(inputs=generations)
def test_generate(small: tuple[Bench, Any], inputs: dict[str, Any]) -> None:
    compare_generation(*small, inputs)


@settings(max_examples=250)
@given(inputs=edits)
def test_edit(small: tuple[Bench, Any], inputs: dict[str, Any]) -> None:
    compare_edit(*small, inputs)


def compare_generation(bench: Bench, preview: Any, inputs: dict[str, Any]) -> None:
    """Previews one Generate and runs it; the same price, size, warnings and count."""
    values = {**GENERATE, **inputs}
    told = preview.of({"1": {"class_type": "VeniceGenerateImage", "inputs": values}})
    end = bench.run("VeniceGenerateImage", **values)
    check(told, end)
    if end.error is None:
        assert told["nodes"]["1"]["images"] == end.pictures
        check_size(told["nodes"]["1"], end.sent[0], (values["width"], values["height"]))
    bench.sandbox.forget()


def compare_edit(bench: Bench, preview: Any, inputs: dict[str, Any]) -> None:
    """The same of one Edit. layers: how many further images; mask: painted, empty or none."""
    values = {name: value for name, value in inputs.items() if name not in ("layers", "mask")}
    layers = [f"image_{i}" for i in range(2, 2 + inputs.get("layers", 0))]
    picture, mask = torch.rand(1, 256, 256, 3), inputs.get("mask")
    tensors = dict.fromkeys(("image", *layers), picture)
    links: dict[str, Any] = {name: ["9", 0] for name in ("image", *layers)}
    if mask:
        tensors["mask"] = torch.full((1, 256, 256), float(mask == "painted"))
        links["mask"] = ["9", 1]
    told = preview.of(
        {
            "9": {"class_type": "LoadImage", "inputs": {"image": "a.png"}},
            "1": {"class_type": "VeniceEditImage", "inputs": {**values, **links}},
        }
    )
    end = bench.run("VeniceEditImage", **values, **tensors)
    check(told, end, is_empty=mask == "empty")
    bench.sandbox.forget()


@settings(max_examples=100)
@given(
    scale=st.sampled_from(("2x", "4x")),
    size=st.sampled_from((256, 300, 1024, 1500, 2048)),
    node=st.sampled_from(("VeniceUpscaleImage", "VeniceRemoveBackground")),
)
def test_upscale_and_cutout(small: tuple[Bench, Any], scale: str, size: int, node: str) -> None:
    bench, preview = small
    more = {"scale": scale, "creativity": 0.01} if node == "VeniceUpscaleImage" else {}
    source = {
        "class_type": "EmptyImage",
        "inputs": {"width": size, "height": size, "batch_size": 2},
    }
    graph = {"9": source, "1": {"class_type": node, "inputs": {**more, "image": ["9", 0]}}}
    two = torch.tensor((0.0, 1.0)).reshape(2, 1, 1, 1).expand(2, size, size, 3)
    end = bench.run(node, image=two, **more)
    check(preview.of(graph), end)
    file = {"class_type": "LoadImage", "inputs": {"image": "a.png"}}
    (unsized,) = preview.of({**graph, "9": file})["nodes"].values()
    low, high = bounds(unsized["price"])
    assert end.error or 2 * low <= end.charged + 1e-9
    assert end.error or end.charged <= 2 * high + 1e-9
    bench.sandbox.forget()


@settings(max_examples=60)
@given(
    styles=st.lists(st.sampled_from(("Anime", "None", "*noir*", "Watercolor")), min_size=1),
    seed=st.integers(-5, 10),
    batch=st.integers(1, 3),
)
def test_sweeps(small: tuple[Bench, Any], styles: list[str], seed: int, batch: int) -> None:
    bench, preview = small
    own = {**GENERATE, "batch_size": batch}
    graph = {
        "1": {
            "class_type": "VeniceGenerateImage",
            "inputs": {**own, "style": ["2", 0], "seed": ["3", 0]},
        },
        "2": {"class_type": "VeniceStyleSweep", "inputs": {"styles": "\n".join(styles)}},
        "3": {"class_type": "VeniceSeed", "inputs": {"seed": seed, "mode": "fixed"}},
    }
    told = preview.of(graph)
    swept = bench.run("VeniceStyleSweep", styles="\n".join(styles)).outputs[0]
    drawn = bench.run("VeniceSeed", seed=seed, mode="fixed").outputs[0]
    before = bench.sandbox.charged_usd
    lists = {name: [value] for name, value in own.items()}
    node = bench.pack.NODE_CLASS_MAPPINGS["VeniceGenerateImage"]()
    node_calls.call_with_lists(node, **{**lists, "style": swept, "seed": [drawn]})
    assert told["nodes"]["1"]["count"] == len(swept)
    assert told["total"]["usd"] == pytest.approx(bench.sandbox.charged_usd - before)
    bench.sandbox.forget()


@settings(max_examples=40)
@given(
    axes=st.permutations(("style", "model", "seed", "prompt")),
    counts=st.tuples(st.integers(1, 3), st.integers(0, 3)),
    batch=st.integers(1, 3),
)
def test_grids(
    small: tuple[Bench, Any], axes: list[str], counts: tuple[int, int], batch: int
) -> None:
    bench, preview = small
    lines = {
        "style": ["Anime", "None", "*noir*"],
        "model": ["chroma", "nano-banana-pro", "z-image-*"],
        "seed": ["10", "20", "1000000029"],
        "prompt": ["a fox", "a cat", "an owl"],
    }
    (columns, rows), (wide, high) = axes[:2], counts
    inputs = {
        "columns": columns,
        "column_values": "\n".join(lines[columns][:wide]),
        "rows": rows if high else "nothing",
        "row_values": "\n".join(lines[rows][:high]),
        **{name: GENERATE[name] for name in ("model", "prompt", "seed")},
    }
    own = {**GENERATE, "batch_size": batch}
    names = ("model", "prompt", "style", "seed")
    links = {name: ["2", i] for i, name in enumerate(names)}
    graph = {
        "1": {"class_type": "VeniceGenerateImage", "inputs": {**own, **links}},
        "2": {"class_type": "VeniceGrid", "inputs": inputs},
    }
    told = preview.of(graph)
    made = dict(zip(names, bench.run("VeniceGrid", **inputs).shown, strict=False))
    before = bench.sandbox.charged_usd
    lists = {name: [value] for name, value in own.items()}
    node = bench.pack.NODE_CLASS_MAPPINGS["VeniceGenerateImage"]()
    node_calls.call_with_lists(node, **{**lists, **made})
    assert told["nodes"]["1"]["count"] == len(made["seed"])
    assert told["total"]["usd"] == pytest.approx(bench.sandbox.charged_usd - before)
    bench.sandbox.forget()


def check(told: dict[str, Any], end: End, is_empty: bool = False) -> None:
    """The node's price, error and warnings against what came of it."""
    (node,) = told["nodes"].values()
    if node["error"]:
        assert is_empty or end.first_line == node["error"]
        assert end.charged == 0
        return
    if end.error is not None:
        # Only the service knew: its constraints are not published.
        assert end.error_name in ("BadRequestError", "BatchError"), end.error
        return
    low, high = bounds(node["price"])
    assert low - 1e-9 <= end.charged <= high + 1e-9
    if node["price"]["usd"] is not None:
        assert end.charged == pytest.approx(node["price"]["usd"])
    if not is_empty:
        after = [text for text in end.info["warnings"] if not TOLD_BY_ANSWERS.search(text)]
        assert set(node["warnings"]) == set(after) - finishing(end)


def finishing(end: End) -> set[str]:
    """What a node says of how it put the answer back."""
    words = (
        "scaled from",
        "cropped from",
        "stretched from",
        "fitted from",
        "With a mask",
        "empty mask",
    )
    return {text for text in end.info["warnings"] if any(word in text for word in words)}


def bounds(price: dict[str, Any]) -> tuple[float, float]:
    if price["usd"] is not None:
        return price["usd"], price["usd"]
    return price["from"] or 0.0, float("inf") if price["to"] is None else price["to"]


def check_size(node: dict[str, Any], body: dict[str, Any], typed: tuple[int, int]) -> None:
    """Another size than the one that was typed is on the node's line, or in a warning."""
    if "width" in body:
        is_said = any(f"{body['width']} × {body['height']}" in text for text in node["warnings"])
        assert (body["width"], body["height"]) == typed or is_said
        assert node["sent"] == ""
        return
    sent = " at ".join(body[name] for name in ("aspect_ratio", "resolution") if name in body)
    if node["sent"] or not sent:
        assert node["sent"].partition(", about ")[0] == sent
    else:
        assert tier_size(body.get("aspect_ratio", ""), body.get("resolution")) == typed
