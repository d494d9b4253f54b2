"""What a preview follows, tells as unknown, counts, and never does."""

from __future__ import annotations

import itertools
import json
import math
import os
import tracemalloc
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from bench import GENERATE, Bench
from network import LoopbackOnly


def generate(**inputs: Any) -> dict[str, Any]:
    return {"class_type": "VeniceGenerateImage", "inputs": {**GENERATE, **inputs}}


def node(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}


def test_one_node(preview: Any) -> None:
    told = preview.of({"1": generate(width=1024, height=768, batch_size=4)})
    price = {"usd": 0.04, "from": None, "to": None, "is_free": False}
    price |= {"is_known": True, "is_bounded": True, "text": "about $0.04", "hint": ""}
    assert told["nodes"]["1"] == {
        "price": price,
        "level": "ok",
        "sent": "",
        "warnings": [],
        "error": None,
        "count": 1,
        "images": 4,
        "runs": True,
    }
    assert told["total"] == {
        **price,
        "badge": "about $0.04",
        "level": "ok",
        "text": "4 images with Z-Image Turbo, about $0.04.",
        "reserved_usd": 0.04,
        "must_ask": False,
        "over": None,
    }


def test_what_lies_in_a_subgraph_is_summed_for_its_node(preview: Any) -> None:
    graph = {
        "4:1": generate(),
        "4:2": generate(batch_size=2),
        "4:5:1": generate(),
        "6:1": generate(),
    }
    graph["6:1"]["inputs"]["prompt"] = ""
    graph |= {"7:1": generate(), "7:2": generate(), "8:1": generate(), "8:2": generate()}
    graph["7:1"]["inputs"]["prompt"] = ""
    graph["8:1"]["inputs"]["prompt"] = ""
    graph["8:2"]["inputs"]["width"] = "wide"
    told = preview.of(graph)
    groups = told["groups"]
    assert groups["4"] == {"price": {"text": "about $0.02"}, "level": "ok"}, "the same image once"
    assert groups["4:5"] == told["nodes"]["4:5:1"]
    assert groups["6"]["level"] == "input"
    assert groups["7"] == {"price": {"text": "Needs input"}, "level": "input"}
    assert groups["8"] == {"price": {"text": "not sent"}, "level": "over"}
    assert set(groups) == {"4", "4:5", "6", "7", "8"}


def test_a_tier_and_what_is_ignored(preview: Any) -> None:
    model = "nano-banana-pro"
    told = preview.of({"1": generate(model=model, width=1344, height=768, seed=7, steps=30)})
    assert told["nodes"]["1"]["sent"] == "16:9 at 1K, about 1360 × 768"
    assert any("nano-banana-pro doesn't use" in text for text in told["nodes"]["1"]["warnings"])


def test_above_the_asking_sum_and_above_a_limit(
    preview: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = {"1": generate(model="gpt-image-2", width=4096, height=4096, batch_size=4)}
    told = preview.of(graph)
    assert told["nodes"]["1"]["level"] == told["total"]["level"] == "ask"
    monkeypatch.setenv("VENICE_MAX_USD_PER_RUN", "2")
    assert preview.of(graph)["nodes"]["1"]["level"] == "over"
    monkeypatch.setenv("VENICE_MAX_USD_PER_RUN", "none")
    monkeypatch.setenv("VENICE_ASK_ABOVE_USD", "10")
    assert preview.of(graph)["total"]["level"] == "ok"
    monkeypatch.setenv("VENICE_MAX_USD_PER_DAY", "3")
    assert preview.of(graph)["total"]["level"] == "over"


DEAR = {"1": generate(model="nano-banana-pro", batch_size=8)}


def test_a_limit_that_would_be_broken_is_named_with_its_sum(
    preview: Any, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENICE_MAX_USD_PER_RUN", "1")
    total = preview.of(DEAR)["total"]
    assert total["over"] == {
        "limit": "run",
        "limit_usd": 1.0,
        "spent_usd": 0.0,
        "costs_usd": 1.44,
        "text": "Over your $1.00 limit per run: this costs about $1.44.",
    }
    assert total["must_ask"] is False, "there is nothing to ask"
    monkeypatch.setenv("VENICE_MAX_USD_PER_RUN", "none")
    bench.generate(batch_size=4)
    monkeypatch.setenv("VENICE_MAX_USD_PER_DAY", "1.45")
    over = preview.of(DEAR)["total"]["over"]
    assert (over["limit"], over["limit_usd"], over["spent_usd"]) == ("day", 1.45, 0.04)
    said = "Over your $1.45 daily limit: $0.04 spent today, this costs about $1.44."
    assert over["text"] == said
    monkeypatch.setenv("VENICE_MAX_USD_PER_DAY", "1.48")
    assert preview.of(DEAR)["total"]["over"] is None


def test_a_limit_and_no_price_do_not_go_together(
    preview: Any, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench.pack.venice_client.catalogue.prices, "highest_price", lambda *_: None)
    unknown = {"1": generate(model="of-next-year")}
    over = preview.of(unknown)["total"]["over"]
    assert (over["limit"], over["costs_usd"]) == ("run", None)
    assert over["text"] == (
        "The price is unknown, so it can't be checked against your $5.00 limit per run."
    )
    monkeypatch.setenv("VENICE_MAX_USD_PER_RUN", "none")
    assert preview.of(unknown)["total"]["must_ask"] is True


def test_what_was_spent_today_and_cannot_be_read_is_over(
    preview: Any, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENICE_MAX_USD_PER_DAY", "5")
    (bench.home / "ledger.jsonl").mkdir()
    over = preview.of(DEAR)["total"]["over"]
    assert (over["limit"], over["spent_usd"]) == ("day", None)
    assert over["text"].startswith("Not sent")


@pytest.mark.parametrize(
    ("graph", "is_known", "is_bounded"),
    [
        ({"1": generate(model="of-next-year")}, False, True),
        ({"1": generate(prompt=["2", 0]), "2": node("VeniceStyleSweep", styles=["3", 0])}, True, 0),
        ({"1": node("VeniceRemoveBackground", image=["2", 0]), "2": node("Other")}, True, False),
    ],
    ids=["no published price", "a list of unknown length", "a batch of unknown size"],
)
def test_what_is_unknown_or_has_no_bound_is_asked_about(
    preview: Any, graph: dict[str, Any], is_known: bool, is_bounded: bool
) -> None:
    graph = {**graph, "3": node("Other")}
    total = preview.of(graph)["total"]
    assert (total["is_known"], total["is_bounded"]) == (is_known, bool(is_bounded))
    assert (total["must_ask"], total["level"]) == (True, "ask")
    assert total["over"] is None


def test_several_runs_are_asked_about_together(preview: Any) -> None:
    graph = {"1": generate(model="nano-banana-pro", batch_size=2)}
    assert preview.of(graph, 2)["total"]["must_ask"] is False
    total = preview.of(graph, 3)["total"]
    assert total["must_ask"] is True
    assert total["text"] == (
        "2 images with Nano Banana Pro, about $0.36 each; 3 runs, up to $1.08 in total."
    )
    odd = (0, -1, -2.5, True, None, math.nan, math.inf, -math.inf, "", "0", "-3", "3.5", "0x3", "³")
    for runs in (*odd, " 3", [3]):
        assert preview.of(graph, runs)["total"]["must_ask"] is False
    for runs in ("3", "003", 2.5, 1001, 10**9, 10**400, "9" * 5000, 1e300):
        assert preview.of(graph, runs)["total"]["must_ask"] is True
    assert preview.of(graph, "3")["total"] == preview.of(graph, 2.5)["total"] == total


@pytest.mark.parametrize(
    ("named", "must_ask"),
    [
        (0.72, False),
        (0.71, True),
        (0, True),
        (5, False),
        (None, False),
        ("0.1", False),
        (-1, False),
    ],
)
def test_more_than_a_button_named_is_asked_about(
    preview: Any, named: object, must_ask: bool
) -> None:
    graph = {"1": generate(model="nano-banana-pro", batch_size=4)}
    assert preview.of(graph, 1, named)["total"]["must_ask"] is must_ask


@pytest.mark.parametrize(
    ("inputs", "text"),
    [
        ({"extra_fields": '{"a": 1}'}, "about $0.01 plus extra fields each; 3 runs, up to $0.03"),
        ({"batch_size": ["2", 0]}, "$0.01–$0.16 each; 3 runs, up to $0.48 in total."),
        ({"model": "krea-3", "width": 1024}, "from $0.07 each; 3 runs, from $0.07 in total."),
        ({"style": ["3", 0]}, "from $0.01 each; 3 runs, from $0.01 in total."),
        ({"model": "of-next-year"}, "no published price each; 3 runs, no published price in"),
    ],
)
def test_of_several_runs_the_first_alone_is_sure_to_cost(
    preview: Any, inputs: dict[str, Any], text: str
) -> None:
    """With fixed seeds, the others return its saved images."""
    others = {"2": node("Other"), "3": node("VeniceStyleSweep", styles=["2", 0])}
    total = preview.of({"1": generate(**inputs), **others}, 3)["total"]
    assert text in total["text"]


@pytest.mark.parametrize(
    ("model", "badge"),
    [("krea-v2-medium", "from $0.04"), ("luma-uni-1", "about $0.05"), ("krea-3", "from $0.07")],
)
def test_a_price_that_is_published_in_part_reads_as_in_the_run(
    preview: Any, bench: Bench, model: str, badge: str
) -> None:
    """Neither the surcharge of krea-v2-* for references nor the tiers of krea-3 are published."""
    inputs: dict[str, Any] = {"model": model, "width": 1024, "height": 1024}
    graph, links = {}, {}
    if model != "krea-3":
        graph["2"] = node("VeniceStyleReferences", images=["3", 0], strength=0.6)
        graph["3"] = node("EmptyImage", width=256, height=256, batch_size=1)
        links["style_references"] = ["2", 0]
    told = preview.of({"1": generate(**inputs, **links), **graph})
    total = told["total"]
    assert total["badge"] == told["nodes"]["1"]["price"]["text"] == badge
    assert total["text"].endswith(f", {badge}.")
    assert (total["is_known"], total["is_bounded"], total["must_ask"]) == (True, True, False)

    if links:
        images = torch.zeros(1, 256, 256, 3)
        inputs["style_references"] = bench.run(
            "VeniceStyleReferences", images=images, strength=0.6
        ).outputs[0]
    assert badge in bench.generate(**inputs).texts[-1]


def test_references_that_only_the_run_can_tell_may_cost_more(preview: Any) -> None:
    graph = {"1": generate(model="krea-v2-medium", style_references=["2", 0]), "2": node("Other")}
    assert preview.of(graph)["total"]["badge"] == "from $0.04"
    graph["1"]["inputs"]["model"] = "z-image-turbo"  # which takes none
    assert preview.of(graph)["total"]["badge"] == "about $0.01"


def test_a_reference_chained_to_one_that_only_the_run_can_tell_is_no_error(preview: Any) -> None:
    graph = {
        "1": generate(model="krea-v2-medium", style_references=["2", 0]),
        "2": node("VeniceStyleReferences", images=["3", 0], style_references=["4", 0]),
        "3": node("EmptyImage", width=256, height=256, batch_size=1),
        "4": node("Other"),
    }
    assert preview.of(graph)["nodes"]["1"]["price"]["text"] == "from $0.04"


@pytest.mark.parametrize(
    ("graph", "said"),
    [
        ({"1": generate(prompt=" ")}, "Enter a prompt"),
        ({"1": node("VeniceUpscaleImage", scale="2x")}, "Connect an image."),
        (
            {
                "1": node("VeniceRemoveBackground", image=["2", 0]),
                "2": generate(prompt=""),
            },
            "Enter a prompt",
        ),
    ],
)
def test_what_was_not_typed_yet_is_no_error_before_run(
    preview: Any, graph: dict[str, Any], said: str
) -> None:
    told = preview.of(graph)["nodes"]["1"]
    assert (told["level"], told["price"]["text"]) == ("input", "Needs input")
    assert told["error"].startswith(said)
    assert told["price"]["hint"] == told["error"]


def test_what_was_made_before_is_free(preview: Any, bench: Bench) -> None:
    bench.generate(batch_size=2)
    told = preview.of({"1": generate(batch_size=2), "2": generate(batch_size=3)})
    first, second = told["nodes"]["1"]["price"], told["nodes"]["2"]["price"]
    assert (first["is_free"], first["usd"], first["text"]) == (True, 0.0, "Free · saved result")
    assert (second["is_free"], second["usd"]) == (False, 0.01)
    assert told["total"]["usd"] == 0.01


def test_only_what_is_asked_for_is_looked_up(
    preview: Any, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.generate()

    def refuse(*_: Any) -> Any:
        raise AssertionError("the folder of all results is gone through")

    monkeypatch.setattr(os, "listdir", refuse)
    monkeypatch.setattr(os, "scandir", refuse)
    assert preview.of({"1": generate()})["total"]["is_free"] is True


def test_the_same_image_is_paid_for_once(preview: Any, bench: Bench) -> None:
    graph = {"1": generate(batch_size=4), "2": generate(seed=102, batch_size=4)}
    told = preview.of(graph)
    assert [told["nodes"][name]["price"]["usd"] for name in graph] == [0.04, 0.04]
    assert told["total"]["usd"] == 0.06


@pytest.mark.parametrize(
    "between",
    [
        {"2": node("VeniceStylePreset", preset="Anime")},
        {"2": node("PrimitiveString", value="Anime")},
        {"2": node("Reroute", x=["3", 0]), "3": node("PrimitiveString", value="Anime")},
    ],
)
def test_a_value_by_wire_is_followed(preview: Any, bench: Bench, between: dict[str, Any]) -> None:
    bench.generate(style="Anime")
    told = preview.of({"1": generate(style=["2", 0]), **between})
    assert told["nodes"]["1"]["price"]["is_free"] is True


def test_a_random_seed_is_never_free(preview: Any, bench: Bench) -> None:
    bench.generate(seed=1)
    graph = {"1": generate(seed=["2", 0]), "2": node("VeniceSeed", seed=1, mode="random every run")}
    told = preview.of(graph)["nodes"]["1"]["price"]
    assert (told["usd"], told["is_free"]) == (0.01, False)
    graph["2"]["inputs"]["mode"] = "fixed"
    assert preview.of(graph)["nodes"]["1"]["price"]["is_free"] is True


def test_two_sweeps_go_in_step(preview: Any) -> None:
    graph = {
        "1": generate(style=["2", 0], model=["3", 0]),
        "2": node("VeniceStyleSweep", styles="Anime\nWatercolor\nFilm Noir"),
        "3": node("VeniceModelSweep", models="z-image-turbo\nnano-banana-pro"),
    }
    told = preview.of(graph)["nodes"]["1"]
    assert (told["count"], told["images"]) == (3, 3)
    assert told["price"]["usd"] == pytest.approx(0.01 + 0.18 + 0.18)


GRID = {
    "columns": "seed",
    "column_values": "1-3\n9",
    "rows": "model",
    "row_values": "z-image-turbo\nnano-banana-pro",
    "model": "chroma",
    "prompt": "a fox",
    "seed": 1,
}


def grid_graph(**inputs: Any) -> dict[str, Any]:
    """Venice Grid into Generate."""
    links = {name: ["2", i] for i, name in enumerate(("model", "prompt", "style", "seed"))}
    return {"1": generate(**links), "2": node("VeniceGrid", **{**GRID, **inputs})}


def test_a_grid_is_every_combination(preview: Any) -> None:
    told = preview.of(grid_graph())
    one = told["nodes"]["1"]
    assert (one["count"], one["images"]) == (8, 8)
    assert one["price"]["usd"] == told["total"]["usd"] == pytest.approx(4 * 0.01 + 4 * 0.18)


@pytest.mark.parametrize("name", ["prompt", "seed", "style", "model"])
def test_a_grid_hands_on_what_only_the_run_can_tell(preview: Any, name: str) -> None:
    graph = {**grid_graph(**{name: ["3", 0]}), "3": node("SomethingElse")}
    told = preview.of(graph)["nodes"]["1"]
    assert told["count"] == 8
    assert told["price"]["usd"] == pytest.approx(4 * 0.01 + 4 * 0.18)


def test_a_grid_of_values_that_only_the_run_can_tell_has_no_known_length(preview: Any) -> None:
    graph = {**grid_graph(column_values=["3", 0]), "3": node("SomethingElse")}
    assert preview.of(graph)["nodes"]["1"]["price"]["text"].startswith("from ")


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"column_values": "1-999999999"}, "999,999,999 seeds"),
        ({"column_values": "1-201"}, "201 seeds × 2 models = 402"),
        ({"rows": "seed"}, "both vary the seed"),
    ],
)
def test_a_grid_that_cannot_be_is_the_error_of_what_it_feeds(
    preview: Any, inputs: dict[str, Any], words: str
) -> None:
    told = preview.of(grid_graph(**inputs))
    assert words in told["nodes"]["1"]["error"]
    assert told["nodes"]["1"]["price"]["text"] == "not sent"
    assert told["nodes"]["1"]["level"] == "over"
    assert told["total"]["usd"] == 0.0


def test_a_sweep_that_fails_is_the_error_of_what_it_feeds(preview: Any) -> None:
    graph = {"1": generate(style=["2", 0]), "2": node("VeniceStyleSweep", styles="*zzz*")}
    told = preview.of(graph)
    assert told["nodes"]["1"]["error"].startswith("Nothing matches")
    assert told["total"]["usd"] == 0.0


def test_what_comes_from_elsewhere_is_from_to(preview: Any) -> None:
    unknown = {"2": node("SomethingElse")}
    models = preview.of({"1": generate(model=["2", 0]), **unknown})["nodes"]["1"]["price"]
    assert models["usd"] is None
    assert models["from"] == 0.01
    assert models["to"] > 0.2
    batch = preview.of({"1": generate(batch_size=["2", 0]), **unknown})["nodes"]["1"]["price"]
    assert (batch["from"], batch["to"]) == (0.01, 0.16)
    prompt = preview.of({"1": generate(prompt=["2", 0]), **unknown})["nodes"]["1"]["price"]
    assert (prompt["usd"], prompt["is_free"]) == (0.01, False)
    image = node("VeniceUpscaleImage", image=["2", 0], scale="2x", creativity=0.01)
    assert preview.of({"1": image, **unknown})["nodes"]["1"]["price"]["text"] == "from $0.02"


def test_images_are_counted_along_the_wire(preview: Any) -> None:
    graph = {
        "1": generate(batch_size=3),
        "2": node("VeniceRemoveBackground", image=["1", 0]),
        "3": node("VeniceUpscaleImage", image=["2", 0], scale="4x", creativity=0.01),
    }
    told = preview.of(graph)
    assert told["nodes"]["2"]["price"]["usd"] == pytest.approx(0.09)
    assert told["nodes"]["3"]["error"].startswith("image is 64 × 64"), "it is too small"
    graph["1"]["inputs"].update(width=1024, height=1024)
    assert preview.of(graph)["nodes"]["3"]["price"]["usd"] == pytest.approx(0.24)


def test_a_padded_image_is_one_image_of_its_new_size(preview: Any) -> None:
    sides = {"left": 256, "right": 256, "top": 0, "bottom": 0, "feathering": 40}
    edit = {"prompt": "more", "model": "firered-image-edit", "mask": ["2", 1]}
    graph = {
        "1": node("EmptyImage", width=200, height=200, batch_size=1),
        "2": node("ImagePadForOutpaint", image=["1", 0], **sides),
        "3": node("VeniceEditImage", image=["2", 0], **edit),
    }
    assert preview.of(graph)["nodes"]["3"]["price"]["text"] == "up to $0.04"
    graph["2"]["inputs"]["left"] = graph["2"]["inputs"]["right"] = 0
    assert "200 × 200" in preview.of(graph)["nodes"]["3"]["error"]


def test_an_unpainted_mask_costs_nothing(preview: Any) -> None:
    graph = {
        "1": node(
            "VeniceEditImage", image=["2", 0], mask=["2", 1], prompt="x", model="firered-image-edit"
        ),
        "2": node("LoadImage", image="a.png"),
    }
    told = preview.of(graph)["nodes"]["1"]["price"]
    assert (told["from"], told["to"], told["text"]) == (0.0, 0.04, "up to $0.04")


def test_on_the_sandbox_nothing_is_asked(preview: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VENICE_API_KEY", "sandbox")
    told = preview.of({"1": generate(model="gpt-image-2", batch_size=16)})
    price = told["nodes"]["1"]["price"]
    assert price["text"].endswith(" · sandbox")
    for said in (told["total"]["text"], told["total"]["hint"], price["hint"]):
        assert said.startswith("Sandbox: free. On Venice this would cost ")


def test_it_works_without_a_key(preview: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VENICE_API_KEY")
    assert preview.of({"1": generate()})["nodes"]["1"]["price"]["usd"] == 0.01


def test_it_asks_nobody(
    bench: Bench, loopback_only: LoopbackOnly, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENICE_API_BASE", "https://api.venice.invalid/api/v1")
    module = bench.pack.venice_nodes.page.preview
    told = module.Preview(bench.pack.NODE_CLASS_MAPPINGS).of({"1": generate(model="of-next-year")})
    assert told["nodes"]["1"]["price"]["text"] == "price unknown"
    assert loopback_only.refused == []
    assert list(bench.home.iterdir()) == [], "and writes nothing"


CUT_OUT = node("VeniceRemoveBackground", image=["1", 0])
ODD: list[Any] = [
    *(None, 1, "x", [], {}, {"1": None}, {"1": {}}, {"1": {"class_type": 3}}),
    {"1": {"class_type": "VeniceGenerateImage"}},
    {"1": {"class_type": "VeniceGenerateImage", "inputs": []}},
    {"1": generate(model=["1", 0])},
    {"1": generate(model=["2", 0]), "2": node("Reroute", a=["1", 0])},
    {"1": generate(model=["9", 0], seed=["1", 7], prompt=["1", -1], style=["1", True])},
    {"1": generate(model=3, prompt=None, width="x", seed={}, batch_size=[1, 2, 3], style=[])},
    {"1": generate(width=float("nan"), seed=float("inf"), cfg_scale=10**400)},
    {"1": generate(batch_size=10**9, width=10**9)},
    {"1": generate(prompt="\ud800"), "2": generate(prompt="\x00")},
    {"1": node("VeniceStyleSweep"), "2": generate(style=["1", 0])},
    {"1": node("VeniceSeed", seed="x", mode=4), "2": generate(seed=["1", 0])},
    {"1": node("VeniceStyleReferences"), "2": generate(style_references=["1", 0])},
    {"1": node("EmptyImage", width=10**9, height=-1, batch_size=10**9), "2": CUT_OUT},
    {"1": node("EmptyImage", width=10**6, height=10**6, batch_size=1), "2": CUT_OUT},
    {"1": node("VeniceUpscaleImage", image="x", scale=2), "2": node("VeniceEditImage")},
    {"1": generate(prompt={"__value__": ["a"]})},
]  # fmt: skip


@pytest.mark.parametrize("graph", ODD, ids=lambda graph: str(graph)[:40])
def test_no_graph_breaks_it(preview: Any, graph: Any) -> None:
    told = preview.of(graph)
    json.dumps(told, allow_nan=False)


def test_a_long_chain_and_a_list_beyond_measure(
    preview: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preview, "_clock", lambda: 0.0)
    chain = {str(i): node("Reroute", x=[str(i + 1), 0]) for i in range(1, 10_000)}
    chain["10000"] = node("VeniceStyleSweep", styles="\n".join(["*", *map(str, range(990))]))
    told = preview.of({"0": generate(style=["1", 0]), **chain})["nodes"]["0"]
    assert told["price"]["text"] == "from $10.00"
    assert told["level"] == "over"


@pytest.fixture
def with_outputs(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ComfyUI that knows which nodes are outputs."""
    known = {"SaveImage": SimpleNamespace(OUTPUT_NODE=True), "Other": SimpleNamespace()}
    monkeypatch.setattr(bench.pack.venice_nodes.run.comfyui, "node_class", known.get)


def unconnected(count: int) -> dict[str, Any]:
    """One node that is saved, and many behind a long list that nobody looks at."""
    lines = "\n".join(map(str, range(1000)))
    return {
        **{f"u{i}": generate(style=["list", 0], seed=1000 * i + 1) for i in range(count)},
        "list": node("VeniceStyleSweep", styles=lines),
        "1": generate(batch_size=2),
        "2": node("SaveImage", images=["1", 0]),
    }


def test_what_no_output_needs_takes_little_work_and_is_not_counted(
    preview: Any, with_outputs: None, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, worked_on = bench.pack.venice_nodes.page.preview, []
    real = module.estimate_item
    monkeypatch.setattr(module, "estimate_item", lambda *a: worked_on.append(1) or real(*a))
    told = preview.of(unconnected(55))
    assert told["total"]["usd"] == told["nodes"]["1"]["price"]["usd"] == 0.02
    assert told["total"]["must_ask"] is False
    assert len(worked_on) <= module.MAX_SPARE_FORMS + 1
    assert len(told["nodes"]) < 5, "there is no price beyond"
    few = {name: each for name, each in unconnected(0).items() if name != "2"}
    assert preview.of({**few, "3": generate(seed=77)})["nodes"]["3"]["price"]["usd"] == 0.01


def test_what_takes_too_long_is_told_as_open(bench: Bench, with_outputs: None) -> None:
    steps = itertools.count()
    module = bench.pack.venice_nodes.page.preview
    preview = module.Preview(bench.pack.NODE_CLASS_MAPPINGS, clock=lambda: next(steps) * 0.01)
    graph = {"1": generate(style=["2", 0]), "3": node("SaveImage", images=["1", 0])}
    graph["2"] = node("VeniceStyleSweep", styles="\n".join(map(str, range(900))))
    answers = [preview.of(graph)["total"] for _ in range(3)]
    assert answers[0]["is_bounded"] is False
    assert answers[0]["must_ask"] or answers[0]["over"]
    assert next(steps) < 3 * 2000, "it ends soon after its time"


def test_large_texts_are_not_remembered(preview: Any) -> None:
    preview.of({"1": generate()})
    tracemalloc.start()
    try:
        for i in range(20):
            text = f"{i}" + "x" * 2**21
            preview.of({"1": generate(prompt=text), "2": node("VeniceStylePreset", preset=text)})
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 8 * 2**20, "40 MiB went through"


def test_what_is_remembered_is_bounded(bench: Bench) -> None:
    module = bench.pack.venice_nodes.page.budget
    memory = module.Memory()
    for i in range(40):
        memory.keep(i, "x" * (module.LARGE - 2))
    memory.keep("large", "x" * module.LARGE)
    assert memory.get("large") is None
    assert [memory.get(i) is None for i in (0, 39)] == [False, False]
    for i in range(40, 80):
        memory.keep(i, "x" * (module.LARGE - 2))
    assert memory.get(79)
    assert sum(memory.get(i) is not None for i in range(80)) <= 64


@pytest.mark.parametrize(("one", "other"), [(1, True), (1, 1.0), ("1", 1), ("x" * 300, "y" * 300)])
def test_values_that_are_not_the_same_are_told_apart(bench: Bench, one: Any, other: Any) -> None:
    budget = bench.pack.venice_nodes.page.budget.Budget(1, 1, lambda: 0.0)
    keys = [budget.key("Node", {"a": value}) for value in (one, other)]
    assert keys[0] != keys[1]
    assert keys[0] == budget.key("Node", {"a": "".join(one) if isinstance(one, str) else one})


@pytest.mark.long
def test_ten_thousand_nodes(preview: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview, "_clock", lambda: 0.0)
    graph = {str(i): generate(seed=i + 1) for i in range(10_000)}
    told = preview.of(graph)
    assert len(told["nodes"]) == 10_000
    assert told["total"]["usd"] == pytest.approx(100.0)


@pytest.mark.parametrize(("megabytes", "least", "most"), [("0", 0.01, 0.02), ("100", 0.01, 0.01)])
def test_two_nodes_that_ask_the_same_pay_twice_where_nothing_is_kept(
    bench: Bench,
    preview: Any,
    monkeypatch: pytest.MonkeyPatch,
    megabytes: str,
    least: float,
    most: float,
) -> None:
    monkeypatch.setenv("VENICE_STORE_MB", megabytes)
    flags = ("stop", "continue")

    total = preview.of({flag: generate(if_flagged=flag) for flag in flags})["total"]
    charged = sum(bench.generate(if_flagged=flag).charged for flag in flags)

    assert (total["from"] or total["usd"], total["to"] or total["usd"]) == (least, most)
    assert charged == pytest.approx(most)


@pytest.mark.parametrize(
    ("inputs", "images"),
    [
        ({"prompt": False}, 1),
        ({"prompt": None}, 1),
        ({"prompt": {"__value__": ["a"]}}, 1),
        ({"batch_size": "16"}, 16),
        ({"batch_size": 15.9}, 15),
        ({"batch_size": True}, 1),
        ({"batch_size": {"__value__": 16, "more": 1}}, 16),
        ({"safe_mode": "false"}, 1),
        ({"model": {"__value__": ["2", 0]}}, 3),
    ],
)
def test_a_value_of_an_odd_type_counts_as_what_comfyui_makes_of_it(
    preview: Any, inputs: dict[str, Any], images: int
) -> None:
    """It converts what a workflow saved before it runs, and follows a link in a wrapper."""
    sweep = node("VeniceModelSweep", models="chroma\nz-image-turbo\nqwen-image")
    told = preview.of({"1": generate(**inputs), "2": sweep})
    assert told["nodes"]["1"]["error"] is None
    assert told["nodes"]["1"]["images"] == images
    assert told["total"]["reserved_usd"] >= 0.01 * images


@pytest.mark.parametrize(
    ("source", "slot"), [("VeniceStyleSweep", -1), ("Other", -1), ("Other", 9)]
)
def test_a_link_to_an_output_that_is_not_known_has_no_upper_bound(
    preview: Any, source: str, slot: int
) -> None:
    """ComfyUI counts negative ones from the end, as Python does."""
    told = preview.of({"1": generate(prompt=["2", slot]), "2": node(source, styles="*")})
    assert told["total"]["must_ask"]


class Switch:
    """A node that runs only the branch that it needs."""

    RETURN_TYPES = ("IMAGE",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"a": ("IMAGE", {"lazy": True}), "b": ("IMAGE", {"lazy": True})}}

    def check_lazy_status(self) -> list[str]:
        return ["a"]


def test_a_branch_that_may_not_run_costs_up_to_its_price(
    bench: Bench, preview: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = type("PreviewImage", (), {"OUTPUT_NODE": True})
    kinds = {"Switch": Switch, "PreviewImage": output}
    monkeypatch.setattr(bench.pack.venice_nodes.run.comfyui, "node_class", kinds.get)
    graph = {
        "1": generate(prompt="one"),
        "2": generate(prompt="two"),
        "3": node("Switch", a=["1", 0], b=["2", 0]),
        "4": node("PreviewImage", images=["3", 0]),
    }
    total = preview.of(graph)["total"]
    assert (total["badge"], total["over"]) == ("up to $0.02", None)

    graph["5"] = node("PreviewImage", images=["1", 0])
    assert preview.of(graph)["total"]["badge"] == "$0.01–$0.02"


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("photo.png", "up to $0.04"),
        ("clipspace/clipspace-painted-masked-17.png [input]", "about $0.04"),
    ],
)
def test_a_painted_mask_is_sent(preview: Any, file: str, text: str) -> None:
    edit = node("VeniceEditImage", image=["1", 0], mask=["1", 1], prompt="night")
    told = preview.of({"1": node("LoadImage", image=file), "2": edit})
    assert told["nodes"]["2"]["price"]["text"] == text
