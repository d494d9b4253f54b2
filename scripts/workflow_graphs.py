"""The example workflows as they are laid out: nodes, values, links and places on the canvas."""

from __future__ import annotations

from typing import Any

FOX = {
    "prompt": "A red fox in fresh snow at dawn, birch forest, soft golden light",
    "preset": "Watercolor",
    "seed": 42,
}
LIGHTHOUSE = {
    "prompt": "A lighthouse on a cliff above a calm sea, evening, long exposure",
    "preset": "Analog Film",
    "seed": 7,
}

NOTE = """## Venice text to image

**Venice Style Preset** chooses the look, **Venice Seed** makes a picture repeatable: the same \
seed and prompt give the same picture. Both go into **Venice Generate Image**.

Set your key once on the machine that runs ComfyUI: `VENICE_API_KEY`, or \
`python -m venice_client login`. With `VENICE_API_KEY=sandbox` everything runs for free and draws \
test pictures. This file holds no key."""

UPSCALE_NOTE = """

**Upscale Image By** enlarges the picture on this machine, without a model file and without cost. \
Any other upscaler goes in its place."""


def _node(
    key: str,
    kind: str,
    place: tuple[int, int],
    size: tuple[int, int],
    values: dict[str, Any] | None = None,
    links: dict[str, tuple[str, str]] | None = None,
) -> dict[str, Any]:
    """One node; `links` says for an input which output of which other node it comes from."""
    return {
        "key": key,
        "type": kind,
        "pos": place,
        "size": size,
        "widgets": values or {},
        "links": {name: list(source) for name, source in (links or {}).items()},
    }


def _start(picture: dict[str, Any], note: str) -> list[dict[str, Any]]:
    """A note, the style and the seed on the left, Generate in the middle."""
    values = {"model": "z-image-turbo", "prompt": picture["prompt"], "width": 1024, "height": 768}
    seed = {"seed": picture["seed"], "mode": "fixed"}
    return [
        _node("style", "VeniceStylePreset", (40, 80), (300, 60), {"preset": picture["preset"]}),
        _node("seed", "VeniceSeed", (40, 220), (300, 90), seed),
        _node(
            "generate",
            "VeniceGenerateImage",
            (400, 80),
            (420, 760),
            {**values, "control_after_generate": "fixed"},
            {"style": ("style", "style"), "seed": ("seed", "seed")},
        ),
        _node("note", "MarkdownNote", (40, 430), (300, 280), {"": note}),
    ]


WORKFLOWS: dict[str, list[dict[str, Any]]] = {
    "text-to-image": [
        *_start(FOX, NOTE),
        _node(
            "save",
            "SaveImage",
            (880, 80),
            (420, 440),
            {"filename_prefix": "venice"},
            {"images": ("generate", "images")},
        ),
    ],
    "text-to-image-upscale": [
        *_start(LIGHTHOUSE, NOTE + UPSCALE_NOTE),
        _node(
            "upscale",
            "ImageScaleBy",
            (880, 80),
            (300, 100),
            {"upscale_method": "lanczos", "scale_by": 2.0},
            {"image": ("generate", "images")},
        ),
        _node(
            "save",
            "SaveImage",
            (1240, 80),
            (420, 440),
            {"filename_prefix": "venice-upscaled"},
            {"images": ("upscale", "IMAGE")},
        ),
    ],
}
