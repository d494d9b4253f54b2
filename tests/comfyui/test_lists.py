"""Sweeps and sheets in a real ComfyUI: one run of a node for each item of a list."""

from __future__ import annotations

import numpy as np

from bench import meeting
from comfy_running import Running
from faulty_sandbox import Fault
from graphs import Graph, Link, second
from waiting import wait_for

STYLES = ["Anime", "Film Noir", "Watercolor"]
CELL = 256


def sweep_into(graph: Graph, words: str, **more: object) -> tuple[Link, Link]:
    """Style Sweep → Generate; the images and the labels."""
    styles = graph.add("VeniceStyleSweep", styles="\n".join(STYLES))
    return graph.generate(prompt=words, style=styles, **more), second(styles)


def test_three_styles_make_a_labelled_sheet_of_three(comfyui: Running, words: str) -> None:
    comfyui.sandbox.add_fault(meeting(3), times=3)
    graph = Graph()
    images, labels = sweep_into(graph, words)
    with_labels, without = (
        graph.preview(graph.add("VeniceContactSheet", images=images, columns=3, cell=CELL, **more))
        for more in ({"labels": labels}, {})
    )

    run = comfyui.client.run(graph.prompt)

    assert run.succeeded, run.messages
    assert sorted(request["style_preset"] for request in comfyui.sent) == STYLES
    labelled = np.array(comfyui.saved(run, with_labels).convert("L"))
    plain = np.array(comfyui.saved(run, without).convert("L"))
    strip = labelled[plain.shape[0] :]
    assert len(strip) > 10
    written = [(part > 200).any() for part in np.array_split(strip, 3, axis=1)]
    assert written == [True, True, True], "each has its label"


def test_the_status_sums_up_the_items(comfyui: Running, words: str) -> None:
    comfyui.sandbox.latency_s = 2.0
    graph = Graph()
    images, _ = sweep_into(graph, words)
    graph.preview(images)

    def texts() -> list[str]:
        return [text for node, text in events.texts if node == images[0]]

    with comfyui.client.listen() as events:
        assert comfyui.client.run(graph.prompt, client_id=events.client_id).succeeded
        assert wait_for(lambda: texts()[-1:] and texts()[-1].startswith("3 images"))
    assert any(text.startswith("0 of 3 done · ") for text in texts())
    assert "about $0.03" in texts()[-1], "what all of it cost is still said at the end"


def test_an_error_in_one_item_names_it(comfyui: Running, words: str) -> None:
    refusal = {"error": "The model is having a bad day"}
    noir = Fault.status(400, refusal)
    comfyui.sandbox.add_fault(noir, when=lambda sent: sent["style_preset"] == "Film Noir")
    graph = Graph()
    images, _ = sweep_into(graph, words, seed=77)
    graph.preview(images)

    with comfyui.client.listen() as events:
        run = comfyui.client.run(graph.prompt, client_id=events.client_id)
        told = (
            "2 of 3 images are saved. Saved images stay free if you run again with seed 77 (fixed)."
        )
        wait_for(lambda: any(told in text for node, text in events.texts if node == images[0]))

    assert run.status == "error"
    cause, advice, *more = run.error["exception_message"].splitlines()
    assert advice == told
    assert cause.startswith("Venice rejected the request: The model is having a bad day")
    item = next(line for line in more if line.startswith("- "))
    assert item.startswith("- z-image-turbo, Film Noir, seed 77: ")
    assert len(comfyui.sent) == 3
    comfyui.sandbox.clear_faults()
    assert comfyui.client.run(graph.prompt).succeeded
    assert len(comfyui.sent) == 4, "only the one that failed is sent again"


def test_a_sweep_of_models_goes_into_the_model(comfyui: Running, words: str) -> None:
    graph = Graph()
    models = graph.add("VeniceModelSweep", models="z-image-turbo\nCHROMA\nkrea-v2-*")
    images = graph.generate(prompt=words, model=models)
    sheet = graph.add("VeniceContactSheet", images=images, labels=second(models), cell=CELL)
    preview = graph.preview(sheet)

    run = comfyui.client.run(graph.prompt)

    assert run.succeeded, run.messages
    models_sent = sorted(request["model"] for request in comfyui.sent)
    assert models_sent == ["chroma", "krea-v2-large", "krea-v2-medium", "z-image-turbo"]
    width, height = comfyui.saved(run, preview).size
    assert width > 2 * CELL
    assert height > 2 * (CELL // 2), "two rows of two"


def test_a_warning_of_one_item_is_still_shown_at_the_end(comfyui: Running, words: str) -> None:
    graph = Graph()
    models = graph.add("VeniceModelSweep", models="z-image-turbo\nnano-banana-2")
    images = graph.generate(prompt=words, model=models, width=1024, height=1000)
    graph.preview(images)

    def last() -> str:
        return next((text for node, text in reversed(events.texts) if node == images[0]), "")

    with comfyui.client.listen() as events:
        assert comfyui.client.run(graph.prompt, client_id=events.client_id).succeeded
        assert wait_for(lambda: last().startswith("2 images"))
    assert "1024 × 1000" in last()
