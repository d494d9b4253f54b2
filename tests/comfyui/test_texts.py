"""Text nodes in a real ComfyUI: what they write goes on to the nodes behind them."""

from __future__ import annotations

from PIL import Image

from comfy_running import Running
from graphs import Graph, Link
from page_server import PageClient

CHAT, GENERATE = "/chat/completions", "/image/generate"


def described(comfyui: Running, words: str) -> tuple[Graph, str]:
    """Load Image → Describe → Generate → Contact Sheet; the node that shows the sheet."""
    name = comfyui.load(f"described-{words}", Image.new("RGB", (320, 240), "teal"))
    graph = Graph()
    image = graph.add("LoadImage", image=name)
    text = graph.add(
        "VeniceDescribeImage",
        image=image,
        task="prompt",
        model="default_vision",
        instructions=words,
    )
    sheet = graph.add("VeniceContactSheet", images=graph.generate(prompt=text), columns=0, cell=256)
    return graph, graph.preview(sheet)


def test_an_image_is_described_and_generated_again_and_a_second_run_is_free(
    comfyui: Running, words: str
) -> None:
    graph, shown = described(comfyui, words)
    run = comfyui.client.run(graph.prompt)
    assert run.succeeded, run.messages
    assert comfyui.paths == [CHAT, GENERATE]
    assert len(comfyui.sent[1]["prompt"]) > 20
    assert comfyui.saved(run, shown).width >= 256

    charged = comfyui.sandbox.charged_usd
    comfyui.client.free()
    again = comfyui.client.run(graph.prompt)
    assert again.succeeded, again.messages
    assert comfyui.sandbox.charged_usd == charged
    assert len(comfyui.paths) == 2
    told = PageClient(comfyui.client.url).post("/venice/preview", {"prompt": graph.prompt}).json()
    assert told["total"]["badge"] == "Free · saved result", told["nodes"]


def test_three_prompts_are_three_images(comfyui: Running, words: str) -> None:
    graph = Graph()
    prompts: Link = graph.add("VeniceWritePrompt", idea=words, model="default", count=3)
    shown = graph.preview(graph.generate(prompt=prompts))
    run = comfyui.client.run(graph.prompt)
    assert run.succeeded, run.messages
    assert sorted(comfyui.paths) == [CHAT, *[GENERATE] * 3]
    assert len({request["prompt"] for request in comfyui.sent if "prompt" in request}) == 3
    assert len(run.images(shown)) == 3


def test_each_image_of_a_batch_has_its_text_and_its_image(comfyui: Running, words: str) -> None:
    graph = Graph()
    batch = graph.add("EmptyImage", width=256, height=256, batch_size=2, color=1234)
    text = graph.add(
        "VeniceDescribeImage",
        image=batch,
        task="question",
        model="default_vision",
        instructions=f"What is it? {words}",
    )
    graph.preview(graph.generate(prompt=text))
    run = comfyui.client.run(graph.prompt)
    assert run.succeeded, run.messages
    # Two images that are the same are one request, and so are the two prompts.
    assert sorted(comfyui.paths) == [CHAT, GENERATE]
