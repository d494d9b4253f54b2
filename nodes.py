"""The nodes for text to image, and the list of all. Each: read inputs → request → tensors out."""

from __future__ import annotations

import secrets
from typing import Any

import torch

from .venice_client import MAX_SEED, GenerateRequest, fold_seed, folding_note, plan_batch
from .venice_nodes import compare_nodes, image_nodes, inputs, model_lists, widgets
from .venice_nodes.run import comfyui
from .venice_nodes.run.node_output import again_with
from .venice_nodes.run.run_requests import (
    in_thread,
    open_client,
    refresh_lists,
    run_requests,
    showing,
)


class VeniceStylePreset:
    """Chooses a style preset for Generate."""

    CATEGORY = inputs.CATEGORY
    DESCRIPTION = "A Venice style preset. Connect it to `style` of Venice Generate Image."
    SEARCH_ALIASES = ("venice style", "style preset", "look", "aesthetic")
    RETURN_TYPES = ("STRING",)
    RETURN_NAMES = ("style",)
    OUTPUT_TOOLTIPS = ('The name of the style preset; "" for None.',)
    FUNCTION = "choose"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return inputs.style_preset_inputs()

    @classmethod
    def VALIDATE_INPUTS(cls, preset: str | None = None) -> bool:
        return True

    async def choose(self, preset: str) -> tuple[str]:
        await refresh_lists()
        return ("" if preset == model_lists.NO_STYLE else preset,)


class VeniceSeed:
    """One seed for several nodes, fixed or drawn anew on the server in every run."""

    CATEGORY = inputs.CATEGORY
    DESCRIPTION = (
        "A seed to share between nodes. `random every run` draws one on the server, so it also "
        "works headless, in API-format prompts and inside subgraphs; the node shows which."
    )
    SEARCH_ALIASES = ("venice seed", "random seed", "noise seed")
    RETURN_TYPES = ("INT",)
    RETURN_NAMES = ("seed",)
    OUTPUT_TOOLTIPS = ("The seed of this run, 1 to 999999999.",)
    FUNCTION = "draw"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return inputs.seed_inputs()

    @classmethod
    def VALIDATE_INPUTS(cls, seed: int | None = None) -> bool:
        return True

    @classmethod
    def IS_CHANGED(cls, mode: str | None = None, **_: Any) -> float | str:
        # ComfyUI does not say what comes by wire.
        return "" if mode == inputs.FIXED else float("nan")

    async def draw(self, seed: int, mode: str = inputs.FIXED) -> tuple[int]:
        with showing() as status:
            widgets.check(self.INPUT_TYPES(), locals())
            is_fixed = mode == inputs.FIXED
            drawn = fold_seed(seed) if is_fixed else 1 + secrets.randbelow(MAX_SEED)
            comfyui.note_seed(drawn)
            note = folding_note(seed) if is_fixed else ""
            status.finish(" · ".join(filter(None, (f"seed {drawn}", note))))
            return (drawn,)


class VeniceGenerateImage:
    """Makes pictures from a prompt."""

    CATEGORY = inputs.CATEGORY
    DESCRIPTION = (
        "Makes pictures from a prompt with the Venice API. Each run costs money; the pictures of "
        "a batch are made side by side. Connect Venice Style Preset and Venice Seed if you like."
    )
    SEARCH_ALIASES = ("venice", "text to image", "txt2img", "generate image", "venice ai", "t2i")
    RETURN_TYPES = ("IMAGE", "STRING")
    RETURN_NAMES = ("images", "info")
    OUTPUT_TOOLTIPS = (
        "The pictures of the batch, [B, H, W, 3].",
        "JSON: the requests as sent, model, seeds, size, request ids, timing, warnings, cost.",
    )
    FUNCTION = "generate"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return inputs.generate_inputs()

    @classmethod
    def VALIDATE_INPUTS(
        cls,
        model: str | None = None,
        seed: int | None = None,
        aspect_ratio: str | None = None,
        resolution: str | None = None,
        quality: str | None = None,
    ) -> bool:
        return True

    async def generate(
        self,
        model: str,
        prompt: str,
        width: int,
        height: int,
        seed: int,
        batch_size: int,
        style: str = "",
        negative_prompt: str = "",
        aspect_ratio: str = "auto",
        resolution: str = "auto",
        quality: str = "auto",
        steps: int = 0,
        cfg_scale: float = 0.0,
        lora_strength: int = -1,
        format: str = "png",
        hide_watermark: bool = True,
        safe_mode: bool = True,
        enhance_prompt: bool = False,
        enable_web_search: bool = False,
        skip_prompt_thinking: bool = False,
        batch_mode: str = "one seed per image",
        if_flagged: str = "stop",
        style_references: Any = None,
    ) -> tuple[torch.Tensor, str]:
        with showing() as status:
            widgets.check(self.INPUT_TYPES(), locals())
            request = GenerateRequest(
                model=model,
                prompt=prompt,
                negative_prompt=negative_prompt,
                width=width,
                height=height,
                aspect_ratio=aspect_ratio,
                resolution=resolution,
                quality=quality,
                steps=steps or None,
                cfg_scale=round(cfg_scale, 6) or None,
                seed=fold_seed(seed),
                style_preset=style.strip(),
                style_references=tuple(style_references or ()),
                lora_strength=None if lora_strength < 0 else lora_strength,
                format=format,
                hide_watermark=hide_watermark,
                safe_mode=safe_mode,
                enable_web_search=enable_web_search or None,
                enhance_prompt=enhance_prompt or None,
                disable_prompt_optimization_thinking=skip_prompt_thinking or None,
            )
            status.item = f"({model}, {style.strip() or 'no style'}, seed {request.seed})"
            made = await run_requests(
                await open_client(),
                plan_batch(request, batch_size, batch_mode == inputs.VARIANTS),
                status,
                again=again_with(request.seed),
                stop_if_flagged=if_flagged == "stop",
            )
            tensor, notes = await in_thread(made.decode)
            warnings = made.warnings(folding_note(seed), *notes, made.size_note(tensor))
            status.finish(made.summary(warnings))
            return tensor, made.info(tensor, warnings)


NODE_CLASS_MAPPINGS = {
    "VeniceGenerateImage": VeniceGenerateImage,
    "VeniceStylePreset": VeniceStylePreset,
    "VeniceSeed": VeniceSeed,
    **image_nodes.NODE_CLASS_MAPPINGS,
    **compare_nodes.NODE_CLASS_MAPPINGS,
}
NODE_DISPLAY_NAME_MAPPINGS = {
    "VeniceGenerateImage": "Venice Generate Image",
    "VeniceStylePreset": "Venice Style Preset",
    "VeniceSeed": "Venice Seed",
    **image_nodes.NODE_DISPLAY_NAME_MAPPINGS,
    **compare_nodes.NODE_DISPLAY_NAME_MAPPINGS,
}
