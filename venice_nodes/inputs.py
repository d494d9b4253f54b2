"""The inputs of the nodes, and where ComfyUI lists them: saved workflows depend on it.

New inputs are only ever added at the end of `optional`.
"""

from __future__ import annotations

from typing import Any

from ..venice_client import AUTO, DEFAULT_EDIT_MODEL, DEFAULT_MODEL, EDIT_RATIOS, FORMATS, QUALITIES
from .imaging.masks import BY_THICKNESS, MAX_PIXELS
from .model_lists import NO_STYLE, edit_models, generate_models, styles
from .widgets import HIDDEN, Widget, combo, image, seed, side, switch, text, variation, whole

CATEGORY = "Venice"
SCALES = ("2x", "4x")
ASPECT_RATIOS = ("1:1", "3:2", "2:3", "4:3", "3:4", "5:4", "4:5", "16:9", "9:16", "21:9")
RESOLUTIONS = ("1K", "2K", "4K")
VARIANTS = "variants"
BATCH_MODES = ("one seed per image", VARIANTS)
FIXED = "fixed"
RANDOM = "random every run"
SEED_MODES = (FIXED, RANDOM)
STOP = "stop"
IF_FLAGGED = (STOP, "continue")
MASK_OUTPUT = "[B, H, W]: 1 where the picture is transparent, 0 where it is not."


def generate_inputs() -> dict[str, Any]:
    """The inputs of Venice Generate Image."""
    return {
        "required": _generate_required(),
        "optional": _generate_optional(),
        "hidden": HIDDEN,
    }


def _generate_required() -> dict[str, Any]:
    return {
        "model": combo(
            generate_models(),
            default=DEFAULT_MODEL,
            tooltip="The Venice model. The price of each is in the list.",
        ),
        "prompt": text("What the picture shows. It is sent as typed."),
        "width": side("width"),
        "height": side("height"),
        "seed": seed(
            control=True,
            tooltip="The same seed and settings make the same picture. Picture i of a batch "
            "has seed + i. Any 64-bit number may come by wire: it is folded into 1…999999999.",
        ),
        "batch_size": whole(
            1, 1, 16, "How many pictures to make, at the same time. Each is paid for."
        ),
    }


def _generate_optional() -> dict[str, Any]:
    return {
        "style": (
            "STRING",
            {
                "forceInput": True,
                "tooltip": "The name of a style preset, from Venice Style Preset or any text.",
            },
        ),
        "negative_prompt": text("What should not be in the picture. Not every model heeds it."),
        **_overrides(),
        **_model_settings(),
        **_switches(),
        "batch_mode": combo(
            BATCH_MODES,
            default=BATCH_MODES[0],
            tooltip="one seed per image: each image can be made again alone. variants: up to four "
            "images from one request; only the first has the seed, each counts against the rate "
            "limit; a larger batch asks again for the last request.",
        ),
        "if_flagged": _if_flagged(),
        "style_references": (
            "VENICE_STYLE_REFERENCES",
            {
                "tooltip": "Pictures whose look guides the result, from Venice Style "
                "References. Not every model takes them."
            },
        ),
        "transparent_background": _transparent(", and not as jpeg"),
    }


def style_preset_inputs() -> dict[str, Any]:
    """The inputs of Venice Style Preset."""
    return {
        "required": {
            "preset": combo(
                [NO_STYLE, *styles()],
                default=NO_STYLE,
                tooltip="The style that Venice applies to the picture. None applies none. A style "
                "that this list does not know is sent as it is.",
            )
        }
    }


def seed_inputs() -> dict[str, Any]:
    """The inputs of Venice Seed."""
    return {
        "required": {
            "seed": seed(
                control=False,
                tooltip="The seed in mode fixed, 1 to 999999999. To make a picture of a random "
                "run again, drop its file onto the page, or put the seed that the node showed "
                "here.",
            ),
            "mode": combo(
                SEED_MODES,
                default=SEED_MODES[0],
                tooltip="fixed: the seed above. random every run: another one each time, so every "
                "run makes (and pays for) new pictures.",
            ),
        },
        "hidden": HIDDEN,
    }


def upscale_inputs() -> dict[str, Any]:
    """The inputs of Venice Upscale Image."""
    return {
        "required": {
            "image": image("The pictures to enlarge, at least 65,536 pixels each."),
            "scale": combo(
                SCALES,
                default="2x",
                tooltip="2x costs about 0.02 USD a picture, 4x about 0.08. Venice makes at most "
                "16,777,216 pixels and reduces a larger 4x.",
            ),
            "creativity": (
                "FLOAT",
                {
                    "default": 0.01,
                    "min": 0.0,
                    "max": 0.02,
                    "step": 0.001,
                    "round": 0.001,
                    "tooltip": "How much detail to add. Lower stays closer to the source.",
                },
            ),
        },
        "optional": {"variation": variation()},
        "hidden": HIDDEN,
    }


def edit_inputs() -> dict[str, Any]:
    """The inputs of Venice Edit Image."""
    return {
        "required": {
            "image": image(
                "The pictures to edit. Each is a request of its own, all at the same time."
            ),
            "prompt": text("What to change. Short and plain works best."),
            "model": combo(
                edit_models(),
                default=DEFAULT_EDIT_MODEL,
                tooltip="The Venice edit model. The price of each is in the list.",
            ),
        },
        "optional": _edit_optional(),
        "hidden": HIDDEN,
    }


def _edit_optional() -> dict[str, Any]:
    layers = {
        f"image_{i}": image(
            f"Image {i} to go along, for models that take several: one for all pictures of "
            "image, or one for each."
        )
        for i in range(2, 7)
    }
    return {
        **layers,
        "mask": (
            "MASK",
            {
                "tooltip": "1 = change here. It goes along as the last image, white where to "
                "change: it counts as one of the model's images and may cost its surcharge. Only "
                "the masked part of the result is used; everything outside stays exactly as it "
                "was. An empty mask sends nothing and costs nothing."
            },
        ),
        **_edit_sizes(),
        "safe_mode": switch(True, "Venice blurs what it takes for adult content."),
        "enhance_prompt": switch(
            False, "Let Venice rewrite the prompt first: up to 30 s more, about 0.04 USD."
        ),
        "if_flagged": _if_flagged(),
        "variation": variation(),
        "transparent_background": _transparent(", and not under a mask"),
        **_mask_pixels(),
    }


def _edit_sizes() -> dict[str, Any]:
    return {
        "aspect_ratio": combo(
            [AUTO, *EDIT_RATIOS],
            default=AUTO,
            tooltip="The ratio that Venice makes. auto: the model's choice. With keep_size, or "
            "under a mask, the result has the input's ratio all the same.",
        ),
        "resolution": combo(
            [AUTO, *RESOLUTIONS],
            default=AUTO,
            tooltip="The tier that Venice makes, for models with tiers; it changes the price. "
            "auto: not sent. With keep_size a larger result is paid for, then scaled down.",
        ),
        "quality": combo(
            [AUTO, *QUALITIES],
            default=AUTO,
            tooltip="For models with a quality setting; it changes the price. auto: not sent.",
        ),
        "keep_size": switch(
            True,
            "Bring the result back to the size of the input: scaled, and cropped where its ratio "
            "is another. Off: in the size that Venice made. Under a mask the size is always kept.",
        ),
    }


def _mask_pixels() -> dict[str, Any]:
    return {
        "grow_mask": whole(
            0,
            -MAX_PIXELS,
            MAX_PIXELS,
            "Pixels by which the mask grows to all sides before it is used; below 0 it shrinks.",
        ),
        "feather": whole(
            BY_THICKNESS,
            BY_THICKNESS,
            MAX_PIXELS,
            "Pixels over which the edit fades in from the mask's edge, inwards. 0: a hard edge. "
            "−1: what suits the picture, and a mask with soft edges as it is.",
        ),
    }


def cutout_inputs() -> dict[str, Any]:
    """The inputs of Venice Remove Background."""
    return {
        "required": {"image": image("The pictures to cut out, about 0.03 USD each.")},
        "hidden": HIDDEN,
    }


def style_reference_inputs() -> dict[str, Any]:
    """The inputs of Venice Style References."""
    return {
        "required": {
            "images": image("Pictures whose look guides the result; each counts as one."),
            "strength": (
                "FLOAT",
                {
                    "default": 0.5,
                    "min": 0.1,
                    "max": 1.0,
                    "step": 0.05,
                    "tooltip": "How strongly they guide. Some models ignore it.",
                },
            ),
        },
        "optional": {
            "style_references": (
                "VENICE_STYLE_REFERENCES",
                {"tooltip": "References chained before these, with a strength of their own."},
            )
        },
    }


def _overrides() -> dict[str, Any]:
    return {
        "aspect_ratio": combo(
            [AUTO, *ASPECT_RATIOS],
            default=AUTO,
            tooltip="auto: from width and height. Anything else overrides their ratio.",
        ),
        "resolution": combo(
            [AUTO, *RESOLUTIONS],
            default=AUTO,
            tooltip="auto: the smallest tier that holds width × height. Anything else overrides "
            "it, for models with tiers. 1K is 1024² at any ratio.",
        ),
        "quality": combo(
            [AUTO, *QUALITIES],
            default=AUTO,
            tooltip="For models with a quality setting; it changes the price. auto: the model's "
            "default.",
        ),
    }


def _model_settings() -> dict[str, Any]:
    return {
        "steps": whole(
            0, 0, 50, "Inference steps. 0: the model's default. Not every model takes it."
        ),
        "cfg_scale": (
            "FLOAT",
            {
                "default": 0.0,
                "min": 0.0,
                "max": 20.0,
                "step": 0.1,
                "tooltip": "How closely to follow the prompt. 0: the model's default.",
            },
        ),
        "lora_strength": whole(
            -1, -1, 100, "Strength of the model's own LoRAs, 0 to 100. −1: not sent."
        ),
        "format": combo(
            FORMATS,
            default="png",
            tooltip="The format that Venice sends. png is lossless; webp and jpeg are smaller.",
        ),
    }


def _switches() -> dict[str, Any]:
    return {
        "hide_watermark": switch(
            True, "Ask for no Venice watermark; some content gets one anyway."
        ),
        "safe_mode": switch(True, "Venice blurs what it takes for adult content."),
        "enhance_prompt": switch(
            False, "Let Venice rewrite the prompt first: up to 30 s more, about 0.04 USD a request."
        ),
        "enable_web_search": switch(
            False, "Let models that can search the web for facts; costs nothing extra."
        ),
        "skip_prompt_thinking": switch(
            False, "Skip the model's thinking about the prompt: faster, where a model thinks."
        ),
    }


def _transparent(limits: str) -> Widget:
    return switch(
        False,
        f"Leave the background out; the mask output shows where. Only some models can{limits}. To "
        "save it with transparency: Join Image with Alpha, then Save Image.",
    )


def _if_flagged() -> Widget:
    return combo(
        IF_FLAGGED,
        default="stop",
        tooltip="What to do with a picture that comes blurred, or that breaks Venice's terms: "
        "stop with an error, or continue with it and a warning.",
    )
