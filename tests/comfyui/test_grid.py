"""Venice Grid and its sheet in a real ComfyUI."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bench import meeting
from comfy_running import Running
from graphs import Graph, Link, output
from page_server import PageClient
from waiting import wait_for

CELL = 256
GAP = 4
PROMPTS = ["a fox in snow", "an owl at night, seen from below, photographed on old film"]


def grid_into(graph: Graph, words: str, **inputs: Any) -> tuple[Link, Link]:
    """Venice Grid → Generate; the images, and the grid for the sheet."""
    base = {
        "rows": "nothing",
        "row_values": "",
        "model": "z-image-turbo",
        "prompt": words,
        "seed": 7,
    }
    grid = graph.add("VeniceGrid", **{**base, **inputs})
    lists = {name: output(grid, i) for i, name in enumerate(("model", "prompt", "style", "seed"))}
    return graph.generate(**lists), output(grid, 5)


def sheet_of(graph: Graph, images: Link, grid: Link) -> str:
    """Contact Sheet → Preview Image."""
    return graph.preview(graph.add("VeniceContactSheet", images=images, grid=grid, cell=CELL))


def margins(sheet: Image.Image, columns: int, rows: int) -> tuple[Any, Any]:
    """What stands above each column, and left of each row."""
    pixels = np.array(sheet.convert("L"))
    height = (CELL * 3 // 4 + GAP) * rows
    top, left = len(pixels) - height, pixels.shape[1] - (CELL + GAP) * columns
    above = np.array_split(pixels[: top - GAP, left:], columns, axis=1)
    beside = np.array_split(pixels[top:, : left - GAP], rows)
    return above, beside


def has_ink(part: Any) -> bool:
    return bool((part > 200).any())


def test_three_styles_by_two_models_make_one_sheet_of_six(comfyui: Running, words: str) -> None:
    comfyui.sandbox.add_fault(meeting(6), times=6)
    styles, models = ["Anime", "Film Noir", "Watercolor"], ["z-image-turbo", "chroma"]
    graph = Graph()
    images, grid = grid_into(
        graph,
        words,
        columns="style",
        column_values="\n".join(styles),
        rows="model",
        row_values="\n".join(models),
    )
    preview = sheet_of(graph, images, grid)
    told = PageClient(comfyui.client.url).post("/venice/preview", {"prompt": graph.prompt}).json()

    with comfyui.client.listen() as events:
        run = comfyui.client.run(graph.prompt, client_id=events.client_id)
        assert run.succeeded, run.messages
        wait_for(lambda: (grid[0], "3 styles × 2 models = 6") in events.texts)

    sent = {(body["style_preset"], body["model"]) for body in comfyui.sent}
    assert sent == set(product(styles, models))
    assert len(comfyui.sent) == told["nodes"][images[0]]["count"] == 6
    assert told["total"]["usd"] == pytest.approx(comfyui.sandbox.charged_usd)
    above, beside = margins(comfyui.saved(run, preview), 3, 2)
    assert [*map(has_ink, above), *map(has_ink, beside)] == [True] * 5


def test_four_seeds_by_two_prompts_make_eight(comfyui: Running, words: str) -> None:
    prompts = [f"{prompt}, {words}" for prompt in PROMPTS]
    graph = Graph()
    images, grid = grid_into(
        graph,
        words,
        columns="seed",
        column_values="1-3\n9",
        rows="prompt",
        row_values="\n".join(prompts),
    )
    preview = sheet_of(graph, images, grid)

    run = comfyui.client.run(graph.prompt)

    assert run.succeeded, run.messages
    sent = {(body["seed"], body["prompt"]) for body in comfyui.sent}
    assert sent == set(product([1, 2, 3, 9], prompts))
    assert len(comfyui.sent) == 8
    above, beside = margins(comfyui.saved(run, preview), 4, 2)
    assert [*map(has_ink, above), *map(has_ink, beside)] == [True] * 6


def test_a_grid_is_paid_whole_or_not_at_all(comfyui: Running, words: str) -> None:
    graph = Graph()
    images, grid = grid_into(graph, words, columns="seed", column_values="1-8")
    sheet_of(graph, images, grid)
    comfyui.use_limit("0.075")
    try:
        run = comfyui.client.run(graph.prompt)
        assert run.status == "error"
        assert "$0.08" in run.error["exception_message"].partition("\n")[0]
        assert comfyui.sent == []
        comfyui.use_limit("0.08")
        assert comfyui.client.run(graph.prompt).succeeded
        assert len(comfyui.sent) == 8
    finally:
        comfyui.use_limit("5")


def test_more_than_four_hundred_cells_are_refused(comfyui: Running, words: str) -> None:
    graph = Graph()
    images, grid = grid_into(
        graph, words, columns="seed", column_values="1-201", rows="style", row_values="Anime\nNone"
    )
    sheet_of(graph, images, grid)

    run = comfyui.client.run(graph.prompt)

    assert run.status == "error"
    assert run.error["exception_message"].startswith("201 seeds × 2 styles = 402, ")
    assert comfyui.sent == []


def test_a_model_and_a_seed_of_tomorrow_may_stand_on_it(comfyui: Running, words: str) -> None:
    graph = Graph()
    images, grid = grid_into(
        graph, words, columns="model", column_values="chroma", model="of-tomorrow", seed=2**63
    )
    sheet_of(graph, images, grid)

    run = comfyui.client.run(graph.prompt)

    assert run.succeeded, run.messages
    assert [body["model"] for body in comfyui.sent] == ["chroma"]
    assert comfyui.seeds == [(2**63 - 1) % 999_999_999 + 1]


def test_images_that_another_node_put_together_fill_the_cells(comfyui: Running, words: str) -> None:
    graph = Graph()
    images, grid = grid_into(graph, words, columns="seed", column_values="1-4")
    together = graph.add("RebatchImages", images=images, batch_size=64)
    sheet = graph.add("VeniceContactSheet", images=together, grid=grid, cell=CELL)
    preview = graph.preview(sheet)

    run = comfyui.client.run(graph.prompt)

    assert run.succeeded, run.messages
    (status,) = run.outputs[sheet[0]]["venice_status"]
    assert status["text"].startswith("4 images · 1 item for 4 cells: ")
    assert comfyui.saved(run, preview).width == 4 * (CELL + GAP) + GAP
