"""The inputs of the nodes, in ComfyUI's order. Saved workflows depend on it.

Add new inputs only at the end of `optional`.
"""

from __future__ import annotations

from typing import Any

from ..venice_client.for_nodes import (
    AUTO,
    DEFAULT_EDIT_MODEL,
    DEFAULT_MODEL,
    EDIT_RATIOS,
    FORMATS,
    QUALITIES,
    masks,
)
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
MASK_OUTPUT = "[B, H, W]: 1 where the image is transparent, 0 elsewhere."


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
            tooltip="The Venice model. Prices are in the list.",
        ),
        "prompt": text("Describe the image."),
        "width": side("width"),
        "height": side("height"),
        "seed": seed(
            control=True,
            tooltip="Same seed and settings, same image. In a batch, each image uses the next "
            "seed.",
        ),
        "batch_size": whole(1, 1, 16, "How many images to generate. Each one is charged."),
    }


def _generate_optional() -> dict[str, Any]:
    return {
        "style": (
            "STRING",
            {
                "forceInput": True,
                "tooltip": "Name of a Venice style. Connect Venice Style Preset, or a text with "
                "the name.",
            },
        ),
        "negative_prompt": text("What to leave out. Some models ignore this."),
        **_overrides(),
        **_model_settings(),
        **_switches(),
        "batch_mode": combo(
            BATCH_MODES,
            default=BATCH_MODES[0],
            tooltip="one seed per image: you can repeat any image. variants: up to 4 images per "
            "request; you can repeat only the whole request.",
        ),
        "if_flagged": _if_flagged(),
        "style_references": (
            "VENICE_STYLE_REFERENCES",
            {
                "tooltip": "Images that set the look, from Venice Style References. "
                "Not all models support them."
            },
        ),
        "transparent_background": _transparent("jpeg"),
        "extra_fields": _extra_fields(),
    }


def style_preset_inputs() -> dict[str, Any]:
    """The inputs of Venice Style Preset."""
    return {
        "required": {
            "preset": combo(
                [NO_STYLE, *styles()],
                default=NO_STYLE,
                tooltip="Style to apply.",
            )
        }
    }


def seed_inputs() -> dict[str, Any]:
    """The inputs of Venice Seed."""
    return {
        "required": {
            "seed": seed(
                control=False,
                tooltip="The seed to use in fixed mode (1–999999999).",
            ),
            "mode": combo(
                SEED_MODES,
                default=SEED_MODES[0],
                tooltip="fixed: always the seed above. random every run: a new seed, and new "
                "charges, each run.",
            ),
        },
        "hidden": HIDDEN,
    }


def upscale_inputs() -> dict[str, Any]:
    """The inputs of Venice Upscale Image."""
    return {
        "required": {
            "image": image("Images to enlarge, each at least 65,536 pixels."),
            "scale": combo(
                SCALES,
                default="2x",
                tooltip="2x costs about $0.02 per image, 4x about $0.08. Results have at most "
                "16,777,216 pixels.",
            ),
            "creativity": (
                "FLOAT",
                {
                    "default": 0.01,
                    "min": 0.0,
                    "max": 0.02,
                    "step": 0.001,
                    "round": 0.001,
                    "tooltip": "How much detail to add. Lower stays closer to the original.",
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
            "image": image("Images to edit. Each one is charged."),
            "prompt": text("What to change. Short, plain prompts work best."),
            "model": combo(
                edit_models(),
                default=DEFAULT_EDIT_MODEL,
                tooltip="The Venice edit model. Prices are in the list.",
            ),
        },
        "optional": _edit_optional(),
        "hidden": HIDDEN,
    }


def _edit_optional() -> dict[str, Any]:
    layers = {
        f"image_{i}": image(
            "Extra reference image, for models that accept several. Connect one for all images, "
            "or one per image."
        )
        for i in range(2, 7)
    }
    return {
        **layers,
        "mask": (
            "MASK",
            {
                "tooltip": "White areas change; the rest stays exactly as it is. Some "
                "models charge for it as an extra image."
            },
        ),
        **_edit_sizes(),
        "safe_mode": switch(True, "Blur adult content."),
        "enhance_prompt": switch(
            False, "Let Venice improve the prompt. Adds about $0.04 and up to 30 s."
        ),
        "if_flagged": _if_flagged(),
        "variation": variation(),
        "transparent_background": _transparent("a mask"),
        **_mask_pixels(),
        "extra_fields": _extra_fields(),
    }


def _edit_sizes() -> dict[str, Any]:
    return {
        "aspect_ratio": combo(
            [AUTO, *EDIT_RATIOS],
            default=AUTO,
            tooltip="Aspect ratio to request. With keep_size or a mask, the result still has the "
            "input's ratio.",
        ),
        "resolution": combo(
            [AUTO, *RESOLUTIONS],
            default=AUTO,
            tooltip="For models with resolution tiers; changes the price. With keep_size, the "
            "result is scaled back to the input.",
        ),
        "quality": _quality(),
        "keep_size": switch(
            True,
            "Resize the result to match the input, cropping if needed. Always on with a mask.",
        ),
    }


def _mask_pixels() -> dict[str, Any]:
    return {
        "grow_mask": whole(
            0,
            -masks.MAX_PIXELS,
            masks.MAX_PIXELS,
            "Expand the mask by this many pixels. Negative shrinks it.",
        ),
        "feather": whole(
            masks.BY_THICKNESS,
            masks.BY_THICKNESS,
            masks.MAX_PIXELS,
            "Soften the mask edge, in pixels. 0: hard edge. −1: automatic.",
        ),
    }


def cutout_inputs() -> dict[str, Any]:
    """The inputs of Venice Remove Background."""
    return {
        "required": {"image": image("Images to cut out, about $0.03 each.")},
        "hidden": HIDDEN,
    }


def style_reference_inputs() -> dict[str, Any]:
    """The inputs of Venice Style References."""
    return {
        "required": {
            "images": image("Images that set the look. Each counts as one reference."),
            "strength": (
                "FLOAT",
                {
                    "default": 0.5,
                    "min": 0.1,
                    "max": 1.0,
                    "step": 0.05,
                    "tooltip": "How closely to follow their look. Some models ignore this.",
                },
            ),
        },
        "optional": {
            "style_references": (
                "VENICE_STYLE_REFERENCES",
                {"tooltip": "More references, from another Venice Style References node."},
            )
        },
    }


def _overrides() -> dict[str, Any]:
    return {
        "aspect_ratio": combo(
            [AUTO, *ASPECT_RATIOS],
            default=AUTO,
            tooltip="auto: from width and height. Any other choice overrides their ratio.",
        ),
        "resolution": combo(
            [AUTO, *RESOLUTIONS],
            default=AUTO,
            tooltip="For models with resolution tiers; changes the price. auto: the smallest that "
            "fits width × height.",
        ),
        "quality": _quality(),
    }


def _quality() -> Widget:
    return combo(
        [AUTO, *QUALITIES],
        default=AUTO,
        tooltip="For models with a quality setting; changes the price.",
    )


def _model_settings() -> dict[str, Any]:
    return {
        "steps": whole(
            0, 0, 50, "Inference steps; some models ignore this. 0: the model's default."
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
            -1, -1, 100, "Strength of the model's built-in LoRAs (0–100). −1: the model's default."
        ),
        "format": combo(
            FORMATS,
            default="png",
            tooltip="Image format to request. png is lossless; webp and jpeg are smaller.",
        ),
    }


def _switches() -> dict[str, Any]:
    return {
        "hide_watermark": switch(
            True, "Ask Venice to leave out its watermark. Some content gets one anyway."
        ),
        "safe_mode": switch(True, "Blur adult content."),
        "enhance_prompt": switch(
            False, "Let Venice improve the prompt. Adds about $0.04 per request and up to 30 s."
        ),
        "enable_web_search": switch(
            False, "Let the model search the web for facts, if it can. No extra charge."
        ),
        "skip_prompt_thinking": switch(
            False, "Skip the thinking step of models that have one. Faster."
        ),
    }


def _transparent(excluded: str) -> Widget:
    return switch(
        False,
        f"Leave out the background, if the model can; not with {excluded}. To save transparency, "
        "use Join Image with Alpha.",
    )


def _extra_fields() -> Widget:
    return text("Extra API fields, as a JSON object. The estimate doesn't include them.")


def _if_flagged() -> Widget:
    return combo(
        IF_FLAGGED,
        default="stop",
        tooltip="If Venice blurs or blocks an image: stop with an error, or continue with a "
        "warning.",
    )
