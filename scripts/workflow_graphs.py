"""The example workflows: nodes, values, links and positions on the canvas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import workflow_notes as notes

Nodes = list[dict[str, Any]]
Links = dict[str, tuple[str, str]]

FOX = "A red fox in fresh snow at dawn, birch forest, soft golden light"
EXAMPLE_IMAGE = "example.png"
"""The image in Load Image until the user chooses one. ComfyUI ships a file with this name."""


@dataclass(frozen=True)
class App:
    """A workflow that opens as an app: its inputs (node, widget) and the nodes with results."""

    nodes: Nodes
    inputs: list[tuple[str, str]]
    outputs: list[str]


@dataclass(frozen=True)
class Blueprint:
    """A subgraph: its purpose, and what it exposes (name, node, input or output).

    around: nodes to try it with; their links name the subgraph by the key `blueprint`.
    """

    description: str
    nodes: Nodes
    inputs: list[tuple[str, str, str]]
    outputs: list[tuple[str, str, str]]
    around: Nodes


def _node(
    key: str,
    kind: str,
    place: tuple[int, int],
    size: tuple[int, int],
    values: dict[str, Any] | None = None,
    links: Links | None = None,
) -> dict[str, Any]:
    """One node. links: for each connected input, the other node and its output."""
    return {
        "key": key,
        "type": kind,
        "pos": place,
        "size": size,
        "widgets": values or {},
        "links": {name: list(source) for name, source in (links or {}).items()},
    }


def _note(place: tuple[int, int], size: tuple[int, int], text: str) -> dict[str, Any]:
    return _node("note", "MarkdownNote", place, size, {"": text})


def _generate(
    key: str,
    place: tuple[int, int],
    prompt: str,
    links: Links | None = None,
    size: tuple[int, int] = (420, 560),
    **values: Any,
) -> dict[str, Any]:
    settings = {"model": "z-image-turbo", "width": 1024, "height": 768, **values}
    settings |= {"prompt": prompt, "control_after_generate": "fixed"}
    return _node(key, "VeniceGenerateImage", place, size, settings, links)


def _save(
    place: tuple[int, int], prefix: str, source: tuple[str, str], size: tuple[int, int] = (420, 440)
) -> dict[str, Any]:
    return _node("save", "SaveImage", place, size, {"filename_prefix": prefix}, {"images": source})


def _load(place: tuple[int, int]) -> dict[str, Any]:
    return _node("load", "LoadImage", place, (320, 340), {"image": EXAMPLE_IMAGE})


def _text_to_image(
    prompt: str, preset: str, note: str, note_height: int, mode: str = "fixed"
) -> Nodes:
    """A note, the style and the seed on the left, Generate in the center."""
    sources = {"style": ("style", "style"), "seed": ("seed", "seed")}
    return [
        _node("style", "VeniceStylePreset", (40, 80), (320, 60), {"preset": preset}),
        _node("seed", "VeniceSeed", (40, 216), (320, 130), {"seed": 42, "mode": mode}),
        _generate("generate", (420, 80), prompt, sources),
        _note((40, 420), (320, note_height), note),
    ]


def _edit(place: tuple[int, int], prompt: str, links: Links) -> dict[str, Any]:
    settings = {"prompt": prompt, "model": "firered-image-edit"}
    return _node("edit", "VeniceEditImage", place, (420, 520), settings, links)


def _upscale(place: tuple[int, int], source: tuple[str, str]) -> dict[str, Any]:
    settings = {"scale": "2x", "creativity": 0.01, "variation": 0}
    return _node("upscale", "VeniceUpscaleImage", place, (320, 190), settings, {"image": source})


def _text_to_image_and_upscale() -> Nodes:
    prompt = "A lighthouse on a cliff above a calm sea, evening, long exposure"
    return [
        *_text_to_image(prompt, "Analog Film", notes.TEXT_UPSCALE, 280),
        _upscale((900, 80), ("generate", "images")),
        _save((1280, 80), "venice-upscaled", ("upscale", "image")),
    ]


def _edit_my_image() -> Nodes:
    links: Links = {"image": ("load", "IMAGE"), "mask": ("load", "MASK")}
    return [
        _load((40, 80)),
        _note((40, 500), (320, 320), notes.EDIT),
        _edit((420, 80), "A red hot-air balloon", links),
        _save((900, 80), "venice-edited", ("edit", "image")),
    ]


def _expand() -> Nodes:
    prompt = (
        "Continue the image into the gray area on both sides, in the same style, with no visible \
seam"
    )
    pad = {"left": 256, "top": 0, "right": 256, "bottom": 0, "feathering": 40}
    links: Links = {"image": ("pad", "IMAGE"), "mask": ("pad", "MASK")}
    return [
        _load((40, 80)),
        _note((40, 500), (320, 330), notes.EXPAND),
        _node(
            "pad", "ImagePadForOutpaint", (420, 80), (300, 180), pad, {"image": ("load", "IMAGE")}
        ),
        _edit((780, 80), prompt, links),
        _save((1260, 80), "venice-expanded", ("edit", "image"), (520, 440)),
    ]


def _erase() -> Nodes:
    place = {"x": 520, "y": 24, "operation": "add"}
    both: Links = {"destination": ("empty", "MASK"), "source": ("white", "MASK")}
    links: Links = {"image": ("load", "IMAGE"), "mask": ("mask", "MASK")}
    return [
        _load((40, 80)),
        _note((40, 500), (320, 380), notes.ERASE),
        _node(
            "empty", "SolidMask", (400, 180), (210, 110), {"value": 0, "width": 768, "height": 768}
        ),
        _node(
            "white", "SolidMask", (400, 350), (210, 110), {"value": 1, "width": 224, "height": 136}
        ),
        _node("mask", "MaskComposite", (650, 180), (210, 130), place, both),
        _edit((900, 80), "Remove the cloud and continue the blue sky behind it", links),
        _save((1360, 80), "venice-erased", ("edit", "image")),
    ]


def _replace_background() -> Nodes:
    prompt = "Replace the background with a sandy beach at sunset, palm trees, warm light"
    links: Links = {"image": ("load", "IMAGE"), "mask": ("cutout", "mask")}
    return [
        _load((40, 80)),
        _note((40, 500), (320, 330), notes.BACKGROUND),
        _remove_background((420, 80), ("load", "IMAGE")),
        _edit((800, 80), prompt, links),
        _save((1280, 80), "venice-background", ("edit", "image")),
    ]


def _upscale_my_image() -> Nodes:
    return [
        _load((40, 80)),
        _note((40, 500), (320, 270), notes.UPSCALE),
        _upscale((420, 80), ("load", "IMAGE")),
        _save((800, 80), "venice-upscaled", ("upscale", "image")),
    ]


def _remove_background(place: tuple[int, int], source: tuple[str, str]) -> dict[str, Any]:
    return _node("cutout", "VeniceRemoveBackground", place, (320, 150), links={"image": source})


def _cut_out() -> Nodes:
    return [
        _load((40, 80)),
        _note((40, 500), (320, 250), notes.CUTOUT),
        _remove_background((420, 80), ("load", "IMAGE")),
        _save((800, 80), "venice-cutout", ("cutout", "cutout")),
    ]


def _cut_out_on_a_new_background() -> Nodes:
    subject = "A ginger cat sitting upright, facing the camera, plain grey studio background"
    scene = "A sunlit library with tall shelves and a green armchair, shallow depth of field"
    return [
        _note((820, 320), (320, 290), notes.COMPOSITE),
        _generate("subject", (40, 80), subject, size=(380, 460), seed=31, width=768, height=768),
        _generate("scene", (40, 600), scene, size=(380, 460), seed=32),
        _remove_background((460, 80), ("subject", "images")),
        _node("invert", "InvertMask", (530, 300), (180, 40), links={"mask": ("cutout", "mask")}),
        _node(
            "composite",
            "ImageCompositeMasked",
            (820, 80),
            (300, 150),
            {"x": 128, "y": 0, "resize_source": False},
            {
                "destination": ("scene", "images"),
                "source": ("cutout", "image"),
                "mask": ("invert", "MASK"),
            },
        ),
        _save((1160, 80), "venice-composite", ("composite", "IMAGE")),
    ]


def _compare_styles() -> Nodes:
    prompt = "An old steam train crossing a stone viaduct in autumn"
    styles = "Anime\nWatercolor\nFilm Noir\nAnalog Film"
    return [
        _note((40, 360), (320, 310), notes.COMPARE_STYLES),
        _node("sweep", "VeniceStyleSweep", (40, 80), (320, 200), {"styles": styles}),
        _generate("generate", (420, 80), prompt, {"style": ("sweep", "style")}, seed=5),
        _node(
            "sheet",
            "VeniceContactSheet",
            (900, 80),
            (320, 150),
            {"columns": 0, "cell": 512},
            {"images": ("generate", "images"), "labels": ("sweep", "labels")},
        ),
        _save((1280, 80), "venice-styles", ("sheet", "sheet"), (520, 520)),
    ]


def _compare_styles_and_models() -> Nodes:
    values = {
        "columns": "style",
        "column_values": "Anime\nWatercolor\nFilm Noir",
        "rows": "model",
        "row_values": "z-image-turbo\nflux-2-pro",
        "prompt": "An old steam train crossing a stone viaduct in autumn",
        "seed": 5,
    }
    varied: Links = {name: ("grid", name) for name in ("model", "prompt", "style", "seed")}
    sheet: Links = {"images": ("generate", "images"), "grid": ("grid", "grid")}
    return [
        _note((1180, 80), (380, 250), notes.COMPARE_GRID),
        _node("grid", "VeniceGrid", (40, 80), (320, 560), values),
        _generate("generate", (400, 80), "", varied, (420, 400), width=1248, height=832),
        _node("sheet", "VeniceContactSheet", (860, 80), (280, 150), {"cell": 512}, sheet),
        _save((860, 390), "venice-grid", ("sheet", "sheet"), (700, 370)),
    ]


def _logo() -> Nodes:
    prompt = "Logo of a small bakery: one ear of wheat in a ring, flat, two colors, isolated on a \
transparent background"
    settings: dict[str, Any] = {"model": "gpt-image-2-5-flare", "seed": 1}
    settings |= {"width": 1024, "height": 1024, "transparent_background": True}
    join: Links = {"image": ("generate", "images"), "alpha": ("generate", "mask")}
    return [
        _note((40, 80), (320, 270), notes.LOGO),
        _generate("generate", (420, 80), prompt, **settings),
        _node("join", "JoinImageWithAlpha", (900, 80), (280, 60), links=join),
        _save((1240, 80), "venice-logo", ("join", "IMAGE")),
    ]


def _style_references() -> Nodes:
    look = "Bold linocut print of a heron, two colors, deep blue and cream paper, visible grain"
    prompt = "A lighthouse in a storm, waves breaking over the rocks"
    return [
        _note((460, 270), (320, 310), notes.REFERENCES),
        _generate("look", (40, 80), look, size=(380, 560), width=1248, height=832, seed=51),
        _node(
            "references",
            "VeniceStyleReferences",
            (460, 80),
            (320, 110),
            {"strength": 0.6},
            {"images": ("look", "images")},
        ),
        _generate(
            "generate",
            (820, 80),
            prompt,
            {"style_references": ("references", "style_references")},
            size=(380, 560),
            model="krea-v2-medium",
            width=1248,
            height=832,
            seed=52,
        ),
        _save((1240, 80), "venice-referenced", ("generate", "images")),
    ]


def _describe() -> Nodes:
    text: tuple[str, str] = ("describe", "text")
    return [
        _load((40, 80)),
        _note((40, 500), (320, 330), notes.DESCRIBE),
        _node(
            "describe",
            "VeniceDescribeImage",
            (420, 80),
            (340, 300),
            {"task": "prompt", "model": "default_vision"},
            {"image": ("load", "IMAGE")},
        ),
        _node("show", "PreviewAny", (420, 560), (340, 240), links={"source": text}),
        _generate("generate", (820, 80), "", {"prompt": text}, (420, 400), seed=61, height=1024),
        _save((1300, 80), "venice-variation", ("generate", "images")),
    ]


def _three_prompts() -> Nodes:
    prompts: tuple[str, str] = ("write", "prompt")
    sheet: Links = {"images": ("generate", "images")}
    return [
        _note((40, 540), (340, 260), notes.THREE_PROMPTS),
        _node(
            "write",
            "VeniceWritePrompt",
            (40, 80),
            (340, 340),
            {"idea": "A lighthouse and the sea", "model": "default", "count": 3},
        ),
        _node("show", "PreviewAny", (440, 560), (420, 240), links={"source": prompts}),
        _generate("generate", (440, 80), "", {"prompt": prompts}, (420, 400), seed=71),
        _node("sheet", "VeniceContactSheet", (920, 80), (280, 150), {"columns": 3}, sheet),
        _save((920, 300), "venice-prompts", ("sheet", "sheet"), (640, 370)),
    ]


WORKFLOWS: dict[str, Nodes] = {
    "Venice text to image": [
        *_text_to_image(FOX, "Watercolor", notes.TEXT, 250),
        _save((900, 80), "venice", ("generate", "images")),
    ],
    "Venice text to image and upscale": _text_to_image_and_upscale(),
    "Venice upscale my image": _upscale_my_image(),
    "Venice edit my image": _edit_my_image(),
    "Venice expand an image (outpaint)": _expand(),
    "Venice erase an object (inpaint)": _erase(),
    "Venice replace background": _replace_background(),
    "Venice cut out": _cut_out(),
    "Venice cut out on a new background": _cut_out_on_a_new_background(),
    "Venice compare styles": _compare_styles(),
    "Venice compare styles and models": _compare_styles_and_models(),
    "Venice logo with transparent background": _logo(),
    "Venice style references": _style_references(),
    "Venice describe an image and generate a variation": _describe(),
    "Venice three prompts from one idea": _three_prompts(),
}

APPS: dict[str, App] = {
    "Venice text to image.app": App(
        [
            *_text_to_image(FOX, "None", notes.TEXT_APP, 200, "random every run"),
            _save((900, 80), "venice", ("generate", "images")),
        ],
        [
            ("generate", "prompt"),
            ("style", "preset"),
            ("generate", "model"),
            ("generate", "width"),
            ("generate", "height"),
            ("generate", "batch_size"),
        ],
        ["save"],
    ),
    "Venice edit my image.app": App(
        [
            _load((40, 80)),
            _note((40, 500), (320, 210), notes.EDIT_APP),
            _edit((420, 80), "Make it evening, with warm light", {"image": ("load", "IMAGE")}),
            _save((900, 80), "venice-edited", ("edit", "image")),
        ],
        [("load", "image"), ("edit", "prompt"), ("edit", "model")],
        ["save"],
    ),
}

BLUEPRINTS: dict[str, Blueprint] = {
    "Venice Text to Image": Blueprint(
        "Generate images from text, with a style and a seed.",
        _text_to_image(FOX, "None", notes.TEXT, 250, "random every run")[:3],
        [
            ("prompt", "generate", "prompt"),
            ("style", "style", "preset"),
            ("model", "generate", "model"),
            ("width", "generate", "width"),
            ("height", "generate", "height"),
            ("batch_size", "generate", "batch_size"),
            ("seed", "seed", "seed"),
            ("seed_mode", "seed", "mode"),
        ],
        [("images", "generate", "images"), ("info", "generate", "info")],
        [_save((900, 80), "venice", ("blueprint", "images"))],
    ),
    "Venice Edit My Image": Blueprint(
        "Edit an image with a prompt. With a mask, only the masked area changes.",
        [_edit((420, 80), "Turn summer into winter, with fresh snow", {})],
        [
            ("image", "edit", "image"),
            ("mask", "edit", "mask"),
            ("prompt", "edit", "prompt"),
            ("model", "edit", "model"),
            ("feather", "edit", "feather"),
            ("variation", "edit", "variation"),
        ],
        [("image", "edit", "image"), ("info", "edit", "info")],
        [
            _load((40, 80)),
            _node("blueprint", "", (0, 0), (0, 0), links={"image": ("load", "IMAGE")}),
            _save((900, 80), "venice-edited", ("blueprint", "image")),
        ],
    ),
}
