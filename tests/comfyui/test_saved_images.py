"""What ComfyUI writes into the files of a run, and that each can be made again from its file."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from PIL import Image

from comfy_client import Run
from comfy_running import Running
from graphs import Graph, Link

FIXED, RANDOM = "fixed", "random every run"
WORKFLOW_TAG, VENICE_TAG, PROMPT_TAG = 0x010F, 0x010E, 0x0110
"""Where Save Animated WEBP writes its texts."""

Json = dict[str, Any]


def workflow_of(prompt: Json) -> Json:
    """The least that a page would send along: the nodes with the values of their widgets."""
    nodes = [
        {
            "id": int(name),
            "type": node["class_type"],
            "widgets_values": list(node["inputs"].values()),
        }
        for name, node in prompt.items()
    ]
    return {"nodes": nodes, "links": []}


def queue(comfyui: Running, prompt: Json) -> Run:
    """Queues a prompt as the page does, and waits for its end."""
    extra = {"extra_pnginfo": {"workflow": workflow_of(prompt)}}
    body = {"prompt": prompt, "client_id": "tests", "extra_data": extra}
    answer = comfyui.client.post("/prompt", body).json()
    run = comfyui.client.wait(answer["prompt_id"])
    assert run.succeeded, run.messages
    return run


def texts(picture: Image.Image) -> Json:
    """The texts in a file, each of which must be JSON."""
    found = dict(getattr(picture, "text", {}))
    exif = picture.getexif()
    found |= dict(
        exif[t].split(":", 1) for t in (WORKFLOW_TAG, VENICE_TAG, PROMPT_TAG) if t in exif
    )
    return {name: json.loads(text, parse_constant=pytest.fail) for name, text in found.items()}


def seeds_in(saved: Json) -> list[Any]:
    """What prompt and workflow say of a Venice Seed."""
    inputs = [n["inputs"] for n in saved["prompt"].values() if n["class_type"] == "VeniceSeed"]
    nodes = [n for n in saved["workflow"]["nodes"] if n["type"] == "VeniceSeed"]
    return [*(list(each.values()) for each in inputs), *(each["widgets_values"] for each in nodes)]


def random_graph(words: str, **inputs: Any) -> tuple[Graph, Link]:
    """A Generate with a random seed."""
    graph = Graph()
    return graph, graph.generate(prompt=words, seed=graph.seed(42, RANDOM), **inputs)


def test_three_savers_write_the_drawn_seed(comfyui: Running, words: str) -> None:
    graph, images = random_graph(words)
    webp = {"fps": 6.0, "lossless": True, "quality": 80, "method": "default"}
    savers = [
        graph.save(images),
        graph.preview(images),
        graph.add("SaveAnimatedWEBP", images=images, filename_prefix="test", **webp)[0],
    ]

    run = queue(comfyui, graph.prompt)

    (seed,) = comfyui.seeds
    for saver in savers:
        saved = texts(comfyui.saved(run, saver))
        assert seeds_in(saved) == [[seed, FIXED]] * 2
        facts = saved["venice"][images[0]]
        assert (facts["seeds"], facts["size"]) == ([seed], [256, 192])
        assert facts["settings"] == comfyui.sent[0]


def test_a_saved_prompt_makes_the_same_free_after_a_restart(comfyui: Running, words: str) -> None:
    graph, images = random_graph(words, batch_size=2)
    saver = graph.save(images)
    run = queue(comfyui, graph.prompt)
    files = [Image.open(io.BytesIO(comfyui.client.view(each))) for each in run.images(saver)]
    comfyui.stop()
    comfyui.start()

    again = queue(comfyui, texts(files[0])["prompt"])

    assert len(comfyui.sent) == 2, "nothing was sent"
    shown = [Image.open(io.BytesIO(comfyui.client.view(each))) for each in again.images(saver)]
    assert [each.tobytes() for each in shown] == [each.tobytes() for each in files]


def test_on_another_machine_it_is_made_by_the_same_request(comfyui: Running, words: str) -> None:
    graph, images = random_graph(words)
    saver = graph.save(images)
    picture = comfyui.saved(queue(comfyui, graph.prompt), saver)
    comfyui.stop()
    (comfyui.home / "results").rename(comfyui.home / "results of another machine")
    comfyui.start()

    again = comfyui.saved(queue(comfyui, texts(picture)["prompt"]), saver)

    assert comfyui.sent == [comfyui.sent[0]] * 2
    assert again.tobytes() == picture.tobytes()


@pytest.mark.parametrize("mode", [FIXED, RANDOM])
def test_a_mode_by_wire(comfyui: Running, words: str, mode: str) -> None:
    graph = Graph()
    wire = graph.add("VeniceModelSweep", models=mode)  # passes on a name that it does not know
    seed = graph.add("VeniceSeed", seed=42, mode=wire)
    saver = graph.save(graph.generate(prompt=words, seed=seed))

    saved = texts(comfyui.saved(queue(comfyui, graph.prompt), saver))

    (drawn,) = comfyui.seeds
    assert (drawn == 42) == (mode == FIXED)
    inputs = saved["prompt"][seed[0]]["inputs"]
    assert inputs == {"seed": drawn, "mode": wire if mode == FIXED else FIXED}
    queue(comfyui, saved["prompt"])
    assert comfyui.seeds == [drawn], "nothing was sent"


def test_what_is_taken_from_the_cache_adds_nothing(comfyui: Running, words: str) -> None:
    """ComfyUI does not run the node: what it sent is told by the prompt alone."""
    graph = Graph()
    saver = graph.save(graph.generate(prompt=words))
    first = texts(comfyui.saved(queue(comfyui, graph.prompt), saver))
    graph.prompt[saver]["inputs"]["filename_prefix"] = "other"

    second_run = texts(comfyui.saved(queue(comfyui, graph.prompt), saver))

    assert "venice" in first
    assert "venice" not in second_run
    assert len(comfyui.sent) == 1


@pytest.mark.long
def test_without_metadata_nothing_is_written(comfyui: Running, words: str) -> None:
    graph, images = random_graph(words)
    saver = graph.save(images)
    comfyui.stop()
    comfyui.flags = ("--disable-metadata",)
    comfyui.start()
    try:
        run = queue(comfyui, graph.prompt)
        assert texts(comfyui.saved(run, saver)) == {}
    finally:
        comfyui.stop()
        comfyui.flags = ()
        comfyui.start()
