"""The nodes that take images, in a real ComfyUI: sizes, masks, alpha, and what is paid for."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from PIL import Image

from comfy_running import Running
from graphs import Graph, Link, output

WIDTH, HEIGHT = 640, 448
EDIT = {"prompt": "make it night", "model": "firered-image-edit"}


@pytest.fixture
def picture(words: str) -> Image.Image:
    """A noisy image of this test's own, so that no other test's results come up."""
    noise = np.random.default_rng(zlib.crc32(words.encode()))
    return Image.fromarray(noise.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8))


@pytest.fixture
def name(comfyui: Running, picture: Image.Image) -> str:
    """Its name for LoadImage."""
    return comfyui.load("noise", picture)


def upscale(graph: Graph, image: Link, scale: str = "2x", **more: int) -> Link:
    return graph.add("VeniceUpscaleImage", image=image, scale=scale, creativity=0.01, **more)


def rectangle(graph: Graph, box: tuple[int, int, int, int]) -> Link:
    """A mask of the image's size with 1 inside (left, top, width, height)."""
    left, top, width, height = box
    black = graph.add("SolidMask", value=0.0, width=WIDTH, height=HEIGHT)
    white = graph.add("SolidMask", value=1.0, width=width, height=height)
    return graph.add(
        "MaskComposite", destination=black, source=white, x=left, y=top, operation="add"
    )


@pytest.mark.parametrize(("scale", "size"), [("2x", (1280, 896)), ("4x", (2560, 1792))])
def test_upscale(comfyui: Running, name: str, scale: str, size: tuple[int, int]) -> None:
    graph = Graph()
    preview = graph.preview(upscale(graph, graph.load(name), scale))
    run = comfyui.client.run(graph.prompt)
    assert run.succeeded, run.messages
    assert comfyui.saved(run, preview).size == size
    assert comfyui.paths == ["/image/upscale"]


def test_another_variation_asks_again(comfyui: Running, name: str) -> None:
    for variation in (0, 1, 0, 1):
        graph = Graph()
        graph.preview(upscale(graph, graph.load(name), variation=variation))
        assert comfyui.client.run(graph.prompt).succeeded
    first, second = comfyui.sent
    assert first == second, "the variation is not sent"


def test_an_edit_comes_back_in_its_size(comfyui: Running, name: str) -> None:
    graph = Graph()
    preview = graph.preview(graph.add("VeniceEditImage", image=graph.load(name), **EDIT))
    run = comfyui.client.run(graph.prompt)
    assert run.succeeded, run.messages
    assert comfyui.saved(run, preview).size == (WIDTH, HEIGHT)
    assert comfyui.paths == ["/image/edit"]


def test_two_images_go_along_in_one_request(comfyui: Running, name: str) -> None:
    graph = Graph()
    image = graph.load(name)
    other = graph.add("ImageScaleBy", image=image, upscale_method="lanczos", scale_by=0.75)
    graph.preview(graph.add("VeniceEditImage", image=image, image_2=other, **EDIT))
    run = comfyui.client.run(graph.prompt)
    assert run.succeeded, run.messages
    assert comfyui.paths == ["/image/multi-edit"]
    assert len(comfyui.sent[0]["images"]) == 2


def test_an_empty_mask_changes_nothing_and_sends_nothing(
    comfyui: Running, name: str, picture: Image.Image
) -> None:
    graph = Graph()
    mask = graph.add("SolidMask", value=0.0, width=WIDTH, height=HEIGHT)
    edit = graph.add("VeniceEditImage", image=graph.load(name), mask=mask, **EDIT)
    preview = graph.preview(edit)
    run = comfyui.client.run(graph.prompt)
    assert run.succeeded, run.messages
    assert comfyui.saved(run, preview).convert("RGB").tobytes() == picture.tobytes()
    assert comfyui.sent == []


def test_an_edit_stays_inside_its_mask(comfyui: Running, name: str, picture: Image.Image) -> None:
    graph = Graph()
    mask = rectangle(graph, (320, 64, 256, 128))
    edit = graph.add("VeniceEditImage", image=graph.load(name), mask=mask, **EDIT)
    preview = graph.preview(edit)
    run = comfyui.client.run(graph.prompt)
    assert run.succeeded, run.messages
    changed = (np.array(comfyui.saved(run, preview).convert("RGB")) != picture).any(axis=-1)
    inside = changed[64:192, 320:576]
    assert inside.mean() > 0.9
    assert changed.sum() == inside.sum(), "nothing changed outside"


def test_a_cutout_is_transparent_around_its_subject(comfyui: Running, name: str) -> None:
    graph = Graph()
    image = graph.add("VeniceRemoveBackground", image=graph.load(name))
    mask = graph.preview(graph.add("MaskToImage", mask=output(image, 1)))
    cutout = graph.save(output(image, 2))

    run = comfyui.client.run(graph.prompt)

    assert run.succeeded, run.messages
    corner, middle = (0, 0), (WIDTH // 2, HEIGHT // 2)
    shown = comfyui.saved(run, mask).convert("L")
    assert (shown.getpixel(corner), shown.getpixel(middle)) == (255, 0)
    saved = comfyui.saved(run, cutout)
    assert saved.mode == "RGBA"
    alpha = saved.getchannel("A")
    assert (alpha.getpixel(corner), alpha.getpixel(middle)) == (0, 255)


@pytest.mark.parametrize(
    ("node", "settings"),
    [
        ("VeniceUpscaleImage", {"scale": "2x", "creativity": 0.01}),
        ("VeniceEditImage", EDIT),
    ],
)
def test_too_few_pixels_are_not_sent(
    comfyui: Running, node: str, settings: dict[str, object]
) -> None:
    graph = Graph()
    small = graph.add("EmptyImage", width=100, height=100, batch_size=1, color=255)
    graph.preview(graph.add(node, image=small, **settings))
    run = comfyui.client.run(graph.prompt)
    assert run.status == "error"
    assert "65,536" in run.error["exception_message"].splitlines()[0]
    assert comfyui.sent == []


def test_references_go_to_a_model_that_takes_them(comfyui: Running, name: str, words: str) -> None:
    graph = Graph()
    images = graph.load(name)
    weak = graph.add("VeniceStyleReferences", images=images, strength=0.25)
    both = graph.add("VeniceStyleReferences", images=images, strength=0.8, style_references=weak)
    graph.preview(graph.generate(prompt=words, model="krea-v2-medium", style_references=both))
    run = comfyui.client.run(graph.prompt)
    assert run.succeeded, run.messages
    references = comfyui.sent[0]["style_references"]
    assert [reference["strength"] for reference in references] == [0.25, 0.8]


def test_references_do_not_go_to_another_model(comfyui: Running, name: str, words: str) -> None:
    graph = Graph()
    references = graph.add("VeniceStyleReferences", images=graph.load(name), strength=0.5)
    graph.preview(graph.generate(prompt=words, style_references=references))
    run = comfyui.client.run(graph.prompt)
    assert run.status == "error"
    assert "doesn't support style references" in run.error["exception_message"].splitlines()[0]
    assert comfyui.sent == []


def test_after_a_restart_the_same_is_free_and_another_variation_is_not(
    comfyui: Running, name: str, words: str
) -> None:
    def graph(variation: int) -> Graph:
        made = Graph()
        image = made.load(name)
        edit = made.add("VeniceEditImage", image=image, variation=variation, **EDIT)
        made.preview(upscale(made, image, variation=variation))
        made.preview(edit)
        made.preview(made.add("VeniceRemoveBackground", image=image))
        made.preview(made.generate(prompt=words))
        return made

    assert comfyui.client.run(graph(0).prompt).succeeded
    assert len(comfyui.sent) == 4
    comfyui.stop()
    comfyui.start()
    assert comfyui.client.run(graph(0).prompt).succeeded
    assert len(comfyui.sent) == 4, "all of it came from the disk"
    assert comfyui.client.run(graph(1).prompt).succeeded
    assert sorted(comfyui.paths[4:]) == ["/image/edit", "/image/upscale"]
