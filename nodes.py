"""The text-to-image nodes, and the mappings of all nodes."""

from __future__ import annotations

import secrets
from typing import Any

from .venice_client import GenerateRequest, plan_batch
from .venice_client.for_nodes import (
    Catalogue,
    fold_seed,
    folding_warning,
    parse_extra_fields,
)
from .venice_nodes import compare_nodes, image_nodes, inputs, model_lists, text_nodes, widgets
from .venice_nodes.imaging.tensors import Encoder, encode_all
from .venice_nodes.run.node_output import BatchResults
from .venice_nodes.run.node_status import StatusNode, showing
from .venice_nodes.run.run_requests import Item, refresh_lists, run_node
from .venice_nodes.run.run_seeds import note_seed
from .venice_nodes.run.saved_metadata import draw_seed


class VeniceStylePreset:
    """Choose a style preset for Generate."""

    CATEGORY = inputs.CATEGORY
    DESCRIPTION = "Choose a Venice style. Connect it to style on Venice Generate Image."
    SEARCH_ALIASES = ("venice style", "style", "style preset", "art style", "look", "aesthetic")
    RETURN_TYPES = ("STRING",)
    RETURN_NAMES = ("style",)
    OUTPUT_TOOLTIPS = ("The name of the style; empty for None.",)
    FUNCTION = "choose"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return inputs.style_preset_inputs()

    @classmethod
    def VALIDATE_INPUTS(cls, preset: Any = None, input_types: Any = None) -> bool | str:
        # A style that isn't in ComfyUI's list can be newer than the list.
        return widgets.check_types(cls.INPUT_TYPES(), input_types)

    @staticmethod
    def predict_outputs(values: dict[str, Any]) -> tuple[str]:
        return ("" if values["preset"] == model_lists.NO_STYLE else values["preset"],)

    async def choose(self, preset: str) -> tuple[str]:
        with showing():
            values = widgets.read_values(self.INPUT_TYPES(), locals())
            await refresh_lists()
            return self.predict_outputs(values)


class VeniceSeed(StatusNode):
    """One seed for several nodes, fixed or new every run. The server picks it."""

    CATEGORY = inputs.CATEGORY
    DESCRIPTION = "One seed for several nodes. Keep it fixed, or use a new one every run."
    SEARCH_ALIASES = ("venice seed", "random seed", "noise seed")
    RETURN_TYPES = ("INT",)
    RETURN_NAMES = ("seed",)
    OUTPUT_TOOLTIPS = ("The seed of this run (1–999999999).",)
    FUNCTION = "draw"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return inputs.seed_inputs()

    @classmethod
    def VALIDATE_INPUTS(cls, seed: int | None = None) -> bool:
        return True  # any 64-bit number is folded

    @classmethod
    def IS_CHANGED(cls, mode: str | None = None, **_: Any) -> str:
        # ComfyUI doesn't pass connected values. NaN would work too, but ComfyUI saves it with the
        # images, and it isn't JSON.
        return "" if mode == inputs.FIXED else secrets.token_hex(8)

    @staticmethod
    def predict_outputs(values: dict[str, Any]) -> tuple[int] | None:
        return (fold_seed(values["seed"]),) if values["mode"] == inputs.FIXED else None

    async def draw(self, seed: int, mode: str = inputs.FIXED, **hidden: Any) -> dict[str, Any]:
        with showing() as status:
            values = widgets.read_values(self.INPUT_TYPES(), locals())
            if fixed := self.predict_outputs(values):
                drawn, warning = fixed[0], folding_warning(values["seed"])
            else:
                drawn, warning = draw_seed(hidden, inputs.FIXED)
            note_seed(drawn)
            status.seed = drawn
            status.finish(" · ".join(filter(None, (f"seed {drawn}", warning))))
            return status.with_outputs((drawn,))


class VeniceGenerateImage(StatusNode):
    """Generate images from a prompt."""

    CATEGORY = inputs.CATEGORY
    DESCRIPTION = (
        "Generate images from text. The price is on the node. Repeating a run with the same "
        "settings and seed is free."
    )
    SEARCH_ALIASES = (
        *("venice", "venice ai", "text to image", "txt2img", "t2i"),
        *("ai image", "image generation", "generate image", "generate picture"),
        *("make image from text", "image from text", "create image", "text to picture"),
        *("flux", "nano banana", "gpt image", "seedream", "qwen image", "z image", "grok imagine"),
        *("ideogram", "recraft", "hunyuan image", "krea", "imagineart", "luma", "wan", "lustify"),
        *("kling image", "muse image", "mai image", "minimax image", "chroma"),
    )
    RETURN_TYPES = ("IMAGE", "STRING", "MASK")
    RETURN_NAMES = ("images", "info", "mask")
    OUTPUT_TOOLTIPS = (
        "The generated images, [B, H, W, 3].",
        "JSON: requests as sent, model, seeds, size, request ids, timing, warnings, cost.",
        inputs.MASK_OUTPUT,
    )
    INPUT_IS_LIST = True
    OUTPUT_IS_LIST = (True, True, True)
    FUNCTION = "generate"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return inputs.generate_inputs()

    @classmethod
    def VALIDATE_INPUTS(
        cls,
        model: Any = None,
        seed: Any = None,
        aspect_ratio: Any = None,
        resolution: Any = None,
        quality: Any = None,
        input_types: Any = None,
    ) -> bool | str:
        # ComfyUI doesn't check the lists, ranges and types of the inputs named here.
        return widgets.check_types(cls.INPUT_TYPES(), input_types)

    async def generate(self, **given: list[Any]) -> dict[str, Any]:
        return await run_node(self, given)

    @staticmethod
    def item(values: dict[str, Any], catalogue: Catalogue, encode: Encoder = encode_all) -> Item:
        """A request per image, or for up to four variants."""
        are_variants = values["batch_mode"] == inputs.VARIANTS
        requests = plan_batch(_request(values), values["batch_size"], variants=are_variants)
        folding = folding_warning(values["seed"])

        def finish(made: BatchResults) -> tuple[tuple[Any, ...], list[str]]:
            images, mask, changed = made.decode_with_mask()
            warnings = made.warnings(folding, *changed, made.size_warning(images))
            return (images, made.info(images, warnings), mask), warnings

        return Item(requests, finish, values["if_flagged"] == inputs.STOP, [folding])


def _request(values: dict[str, Any]) -> GenerateRequest:
    return GenerateRequest(
        model=values["model"],
        prompt=values["prompt"],
        negative_prompt=values["negative_prompt"],
        width=values["width"],
        height=values["height"],
        aspect_ratio=values["aspect_ratio"],
        resolution=values["resolution"],
        quality=values["quality"],
        steps=values["steps"] or None,
        cfg_scale=round(values["cfg_scale"], 6) or None,
        seed=fold_seed(values["seed"]),
        style_preset=(values["style"] or "").strip(),
        style_references=tuple(values["style_references"] or ()),
        lora_strength=None if values["lora_strength"] < 0 else values["lora_strength"],
        format=values["format"],
        hide_watermark=values["hide_watermark"],
        safe_mode=values["safe_mode"],
        enable_web_search=values["enable_web_search"] or None,
        enhance_prompt=values["enhance_prompt"] or None,
        disable_prompt_optimization_thinking=values["skip_prompt_thinking"] or None,
        transparent_background=values["transparent_background"],
        extra_fields=parse_extra_fields(values["extra_fields"]),
    )


NODE_CLASS_MAPPINGS = {
    "VeniceGenerateImage": VeniceGenerateImage,
    "VeniceStylePreset": VeniceStylePreset,
    "VeniceSeed": VeniceSeed,
    **image_nodes.NODE_CLASS_MAPPINGS,
    **text_nodes.NODE_CLASS_MAPPINGS,
    **compare_nodes.NODE_CLASS_MAPPINGS,
}
NODE_DISPLAY_NAME_MAPPINGS = {
    "VeniceGenerateImage": "Venice Generate Image",
    "VeniceStylePreset": "Venice Style Preset",
    "VeniceSeed": "Venice Seed",
    **image_nodes.NODE_DISPLAY_NAME_MAPPINGS,
    **text_nodes.NODE_DISPLAY_NAME_MAPPINGS,
    **compare_nodes.NODE_DISPLAY_NAME_MAPPINGS,
}
