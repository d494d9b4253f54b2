"""The price of a request with extra fields, which may cost more than is known."""

from __future__ import annotations

from typing import Any

from bench import GENERATE, Bench

EXIF = '{"embed_exif_metadata": true}'


def graph(**inputs: Any) -> dict[str, Any]:
    return {"1": {"class_type": "VeniceGenerateImage", "inputs": {**GENERATE, **inputs}}}


def test_the_price_before_run_says_so(preview: Any, bench: Bench) -> None:
    told = preview.of(graph(extra_fields=EXIF))
    assert told["nodes"]["1"]["price"]["text"] == "about $0.01 plus extra fields"
    assert told["total"]["badge"] == "about $0.01 plus extra fields"
    assert told["total"]["text"].endswith(", about $0.01 plus extra fields.")

    bench.generate(extra_fields=EXIF)
    assert preview.of(graph(extra_fields=EXIF))["total"]["badge"] == "Free · saved result"


def test_those_that_only_the_run_can_tell_may_cost_more(preview: Any) -> None:
    linked = {**graph(extra_fields=["2", 0]), "2": {"class_type": "Other", "inputs": {}}}
    told = preview.of(linked)
    assert told["nodes"]["1"]["price"]["text"] == "about $0.01 plus extra fields"
    assert told["total"]["badge"] == "about $0.01 plus extra fields"

    linked["1"]["inputs"]["model"] = ["2", 0]
    assert preview.of(linked)["total"]["is_bounded"] is True


def test_a_wrong_one_is_on_the_node_before_run(preview: Any) -> None:
    told = preview.of(graph(extra_fields="steps=4"))["nodes"]["1"]
    assert told["error"].startswith("extra_fields isn't valid JSON")
    assert told["price"]["text"] == "not sent"
