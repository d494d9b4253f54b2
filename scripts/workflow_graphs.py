"""The example workflows as they are laid out: nodes, values, links and places on the canvas."""

from __future__ import annotations

from typing import Any

Nodes = list[dict[str, Any]]
Links = dict[str, tuple[str, str]]

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

# No code marks: newer pages draw them blue on blue.
KEY_NOTE = """

Set your key once on the machine that runs ComfyUI: **VENICE_API_KEY**, or \
**python -m venice_client login**. With **VENICE_API_KEY=sandbox** everything runs for free and \
draws test pictures. This file holds no key."""

TEXT_NOTE = (
    """## Venice text to image

**Venice Style Preset** chooses the look, **Venice Seed** makes a picture repeatable: the same \
seed and prompt give the same picture. Both go into **Venice Generate Image**.

Costs about 0.01 USD on Venice."""
    + KEY_NOTE
)

TEXT_UPSCALE_NOTE = (
    TEXT_NOTE
    + """

**Upscale Image By** enlarges the picture on this machine, without a model file and without cost. \
Any other upscaler goes in its place."""
)

UPSCALE_NOTE = (
    """## Venice upscale

**Venice Upscale Image** makes a picture twice or four times as large: 640 × 448 becomes \
1280 × 896, or 2560 × 1792 with **scale** 4x. More **creativity** adds more detail.

Any picture goes in: put **Load Image** in the place of **Venice Generate Image**. It needs at \
least 65,536 pixels, as 256 × 256 has.

Costs about 0.03 USD on Venice, with 4x about 0.09. The same picture again is free: it is kept. \
Another number in **variation** asks (and pays) again."""
    + KEY_NOTE
)

EDIT_NOTE = (
    """## Venice edit with a mask

**Venice Edit Image** changes a picture as its prompt says, here only where the mask is white. \
Everything outside of it stays exactly as it was, pixel for pixel.

The mask is a white rectangle on black. To paint one instead, use **Load Image** and *Open in Mask \
Editor*: connect both its outputs.

Without a mask the whole picture may change. An empty mask sends nothing and costs nothing.

Costs about 0.05 USD on Venice: 0.01 for the picture, 0.04 for the edit."""
    + KEY_NOTE
)

CUTOUT_NOTE = (
    """## Venice cutout on a new background

**Venice Remove Background** cuts out what a picture shows. Its **mask** is 1 where the cutout is \
transparent, as that of **Load Image** is; **Image Composite Masked** wants 1 where the subject \
is, so **Invert Mask** stands between them.

The two pictures are made side by side. **cutout** has transparency: **Save Image** writes it as a \
PNG with alpha.

Costs about 0.05 USD on Venice: 0.01 for each picture, 0.03 for the cutout."""
    + KEY_NOTE
)

SWEEP_NOTE = (
    """## Venice style sweep

**Venice Style Sweep** is a list: **Venice Generate Image** runs once for each style, side by \
side, with the same prompt and seed. **Venice Contact Sheet** puts all on one sheet, with labels.

One style or pattern a line: \\*noir\\* is every style with noir in its name, \\* is all of them. \
Each picture is paid for once; a style that is added later pays only for itself. Costs about \
0.04 USD on Venice, 0.01 for each style.

To compare models, connect **Venice Model Sweep** to **model**."""
    + KEY_NOTE
)

REFERENCES_NOTE = (
    """## Venice style references

The look of one picture for another: the first **Venice Generate Image** makes the picture whose \
look is wanted, **Venice Style References** hands it on, and the second one makes something else \
in that look. Put **Load Image** in the place of the first to use a picture of yours.

Not every model takes references, and some ignore **strength**; the node says so. Several pictures \
in a batch count as several references; chain nodes for different strengths.

Costs about 0.05 USD on Venice: 0.01 for the first picture, 0.04 for the second."""
    + KEY_NOTE
)


def _node(
    key: str,
    kind: str,
    place: tuple[int, int],
    size: tuple[int, int],
    values: dict[str, Any] | None = None,
    links: Links | None = None,
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


def _note(place: tuple[int, int], size: tuple[int, int], text: str) -> dict[str, Any]:
    return _node("note", "MarkdownNote", place, size, {"": text})


def _generate(
    key: str, place: tuple[int, int], prompt: str, links: Links | None = None, **values: Any
) -> dict[str, Any]:
    settings = {"model": "z-image-turbo", "width": 1024, "height": 768, **values}
    settings |= {"prompt": prompt, "control_after_generate": "fixed"}
    return _node(key, "VeniceGenerateImage", place, (420, 760), settings, links)


def _save(
    place: tuple[int, int], prefix: str, source: tuple[str, str], size: tuple[int, int] = (420, 440)
) -> dict[str, Any]:
    return _node("save", "SaveImage", place, size, {"filename_prefix": prefix}, {"images": source})


def _text_to_image(picture: dict[str, Any], note: str) -> Nodes:
    """A note, the style and the seed on the left, Generate in the middle."""
    seed = {"seed": picture["seed"], "mode": "fixed"}
    sources = {"style": ("style", "style"), "seed": ("seed", "seed")}
    return [
        _node("style", "VeniceStylePreset", (40, 80), (300, 60), {"preset": picture["preset"]}),
        _node("seed", "VeniceSeed", (40, 220), (300, 90), seed),
        _generate("generate", (400, 80), picture["prompt"], sources),
        _note((40, 430), (300, 320), note),
    ]


def _upscale() -> Nodes:
    prompt = "A kingfisher on a reed above still water, macro photograph"
    settings = {"scale": "2x", "creativity": 0.01, "variation": 0}
    source: Links = {"image": ("generate", "images")}
    return [
        _note((40, 80), (320, 380), UPSCALE_NOTE),
        _generate("generate", (420, 80), prompt, width=640, height=448, seed=12),
        _node("upscale", "VeniceUpscaleImage", (900, 80), (320, 130), settings, source),
        _save((1280, 80), "venice-upscaled", ("upscale", "image")),
    ]


def _edit_with_mask() -> Nodes:
    prompt = "A quiet mountain lake at noon, wide clear sky, pine forest on the far shore"
    whole, part = {"width": 1024, "height": 768}, {"width": 400, "height": 288}
    edit = {"prompt": "Add a red hot-air balloon to the sky", "model": "firered-image-edit"}
    return [
        _note((40, 80), (320, 400), EDIT_NOTE),
        _generate("generate", (420, 80), prompt, seed=21),
        _node("black", "SolidMask", (40, 580), (300, 110), {"value": 0.0, **whole}),
        _node("white", "SolidMask", (40, 750), (300, 110), {"value": 1.0, **part}),
        _node(
            "mask",
            "MaskComposite",
            (420, 940),
            (420, 130),
            {"x": 560, "y": 64, "operation": "add"},
            {"destination": ("black", "MASK"), "source": ("white", "MASK")},
        ),
        _node(
            "edit",
            "VeniceEditImage",
            (900, 80),
            (380, 440),
            edit,
            {"image": ("generate", "images"), "mask": ("mask", "MASK")},
        ),
        _save((1340, 80), "venice-edited", ("edit", "image")),
    ]


def _cutout_on_new_background() -> Nodes:
    subject = "A ginger cat sitting upright, facing the camera, plain grey studio background"
    scene = "A sunlit library with tall shelves and a green armchair, shallow depth of field"
    return [
        _note((40, 80), (300, 420), CUTOUT_NOTE),
        _generate("subject", (390, 80), subject, seed=31, width=768, height=768),
        _generate("scene", (860, 420), scene, seed=32),
        _node(
            "cutout",
            "VeniceRemoveBackground",
            (860, 80),
            (300, 100),
            links={"image": ("subject", "images")},
        ),
        _node("invert", "InvertMask", (1210, 200), (180, 40), links={"mask": ("cutout", "mask")}),
        _node(
            "composite",
            "ImageCompositeMasked",
            (1540, 80),
            (300, 150),
            {"x": 128, "y": 0, "resize_source": False},
            {
                "destination": ("scene", "images"),
                "source": ("cutout", "image"),
                "mask": ("invert", "MASK"),
            },
        ),
        _save((1890, 80), "venice-composite", ("composite", "IMAGE"), (380, 400)),
    ]


def _style_sweep() -> Nodes:
    prompt = "An old steam train crossing a stone viaduct in autumn"
    styles = "Anime\nWatercolor\nFilm Noir\nAnalog Film"
    return [
        _note((40, 420), (320, 400), SWEEP_NOTE),
        _node("sweep", "VeniceStyleSweep", (40, 80), (320, 200), {"styles": styles}),
        _generate("generate", (420, 80), prompt, {"style": ("sweep", "style")}, seed=5),
        _node(
            "sheet",
            "VeniceContactSheet",
            (900, 80),
            (320, 100),
            {"columns": 0, "cell": 512},
            {"images": ("generate", "images"), "labels": ("sweep", "labels")},
        ),
        _save((1280, 80), "venice-styles", ("sheet", "sheet"), (520, 520)),
    ]


def _style_references() -> Nodes:
    look = "Bold linocut print of a heron, two colours, deep blue and cream paper, visible grain"
    prompt = "A lighthouse in a storm, waves breaking over the rocks"
    return [
        _note((40, 80), (320, 400), REFERENCES_NOTE),
        _generate("look", (420, 80), look, seed=51),
        _node(
            "references",
            "VeniceStyleReferences",
            (900, 80),
            (320, 80),
            {"strength": 0.6},
            {"images": ("look", "images")},
        ),
        _generate(
            "generate",
            (1280, 80),
            prompt,
            {"style_references": ("references", "style_references")},
            model="krea-v2-medium",
            seed=52,
        ),
        _save((1760, 80), "venice-referenced", ("generate", "images")),
    ]


WORKFLOWS: dict[str, Nodes] = {
    "Venice text to image": [
        *_text_to_image(FOX, TEXT_NOTE),
        _save((880, 80), "venice", ("generate", "images")),
    ],
    "Venice text to image and upscale": [
        *_text_to_image(LIGHTHOUSE, TEXT_UPSCALE_NOTE),
        _node(
            "upscale",
            "ImageScaleBy",
            (880, 80),
            (300, 100),
            {"upscale_method": "lanczos", "scale_by": 2.0},
            {"image": ("generate", "images")},
        ),
        _save((1240, 80), "venice-upscaled", ("upscale", "IMAGE")),
    ],
    "Venice upscale my picture": _upscale(),
    "Venice edit my picture": _edit_with_mask(),
    "Venice cut out on a new background": _cutout_on_new_background(),
    "Venice compare styles": _style_sweep(),
    "Venice style references": _style_references(),
}
