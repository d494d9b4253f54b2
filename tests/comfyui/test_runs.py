"""Prompts queued in a real ComfyUI, and the requests that come of them."""

from __future__ import annotations

import io
import json

import pytest
from PIL import Image

from bench import meeting
from comfy_running import Running
from graphs import Graph, second
from waiting import wait_for

SEEDS = 999_999_999


def test_style_and_seed_into_generate_scale_preview(comfyui: Running, words: str) -> None:
    graph = Graph()
    images = graph.generate(prompt=words, style=graph.style("Anime"), seed=graph.seed(42))
    scaled = graph.add("ImageScaleBy", image=images, upscale_method="lanczos", scale_by=2.0)
    preview = graph.preview(scaled)

    run = comfyui.client.run(graph.prompt)

    assert run.succeeded, run.messages
    (request,) = comfyui.sent
    assert request["style_preset"] == "Anime"
    assert request["seed"] == 42
    assert (request["width"], request["height"]) == (256, 192)
    (image,) = run.images(preview)
    assert Image.open(io.BytesIO(comfyui.client.view(image))).size == (512, 384)


def test_a_batch_has_one_seed_an_image(comfyui: Running, words: str) -> None:
    graph = Graph()
    preview = graph.preview(graph.generate(prompt=words, seed=100, batch_size=5))
    run = comfyui.client.run(graph.prompt)
    assert len(run.images(preview)) == 5
    assert sorted(request["seed"] for request in comfyui.sent) == [100, 101, 102, 103, 104]


def test_eight_nodes_run_side_by_side(comfyui: Running, words: str) -> None:
    comfyui.sandbox.add_fault(meeting(8), times=8)
    graph = Graph()
    previews = [graph.preview(graph.generate(prompt=words, seed=seed)) for seed in range(1, 9)]
    run = comfyui.client.run(graph.prompt)
    assert run.succeeded, run.messages
    assert all(run.images(preview) for preview in previews)
    assert len(comfyui.sent) == 8


def test_the_status_is_shown_while_it_works(comfyui: Running, words: str) -> None:
    comfyui.sandbox.latency_s = 1.0
    graph = Graph()
    images = graph.generate(prompt=words)
    graph.preview(images)
    with comfyui.client.listen() as events:
        run = comfyui.client.run(graph.prompt, client_id=events.client_id)
        assert run.succeeded, run.messages
        assert wait_for(lambda: [text for node, text in events.texts if node == images[0]])


@pytest.mark.parametrize(
    ("given", "sent"), [(1, 1), (SEEDS, SEEDS), (0, SEEDS), (10**9, 1), (2**64 - 1, 156_295_707)]
)
def test_a_typed_seed_is_folded(comfyui: Running, words: str, given: int, sent: int) -> None:
    graph = Graph()
    images = graph.generate(prompt=words, seed=given)
    graph.preview(images)
    info = graph.show(second(images))

    run = comfyui.client.run(graph.prompt)

    assert run.succeeded, run.messages
    assert [request["seed"] for request in comfyui.sent] == [sent]
    assert bool(json.loads(run.text(info))["warnings"]) is (given != sent)


def test_a_style_and_a_seed_from_foreign_nodes(comfyui: Running, words: str) -> None:
    graph = Graph()
    style = graph.add("PrimitiveString", value="Anime")
    seed = graph.add("PrimitiveInt", value=10**12)
    graph.preview(graph.generate(prompt=words, style=style, seed=seed))

    run = comfyui.client.run(graph.prompt)

    assert run.succeeded, run.messages
    (request,) = comfyui.sent
    assert request["style_preset"] == "Anime"
    assert request["seed"] == (10**12 - 1) % SEEDS + 1


def test_a_model_from_a_foreign_text(comfyui: Running, words: str) -> None:
    graph = Graph()
    name = graph.add("PrimitiveString", value="Chroma")
    tier = graph.add("PrimitiveString", value="auto")
    graph.preview(graph.generate(prompt=words, model=name, resolution=tier))
    assert comfyui.client.run(graph.prompt).succeeded
    assert [body["model"] for body in comfyui.sent] == ["chroma"]


def test_other_types_are_refused_before_anything_runs(comfyui: Running, words: str) -> None:
    for name, of in (("batch_size", "PrimitiveString"), ("model", "EmptyImage")):
        graph = Graph()
        inputs = {"value": "2"} if of == "PrimitiveString" else {"width": 8, "height": 8}
        inputs |= {} if "value" in inputs else {"batch_size": 1, "color": 0}
        link = graph.add(of, **inputs)
        node = graph.preview(graph.generate(prompt=words, **{name: link}))
        answer = comfyui.client.post("/prompt", {"prompt": graph.prompt})
        assert answer.status_code == 400, node
        assert f"{name} takes " in answer.text
    assert comfyui.sent == []


def test_a_fixed_seed_is_asked_once(comfyui: Running, words: str) -> None:
    graph = Graph()
    graph.preview(graph.generate(prompt=words, seed=graph.seed(5, "fixed")))
    for _ in range(2):
        assert comfyui.client.run(graph.prompt).succeeded
    assert [request["seed"] for request in comfyui.sent] == [5]


def test_a_random_seed_is_another_every_run(comfyui: Running, words: str) -> None:
    graph = Graph()
    seed = graph.seed(5, "random every run")
    graph.preview(graph.generate(prompt=words, seed=seed))
    shown = graph.show(seed)

    runs = [comfyui.client.run(graph.prompt) for _ in range(2)]

    seeds = [request["seed"] for request in comfyui.sent]
    assert len(set(seeds)) == 2
    assert all(1 <= seed <= SEEDS for seed in seeds)
    assert [int(run.text(shown)) for run in runs] == seeds
