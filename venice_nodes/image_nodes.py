"""The nodes that take images: style references, upscale, edit, remove the background."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import torch

from ..venice_client import (
    EditRequest,
    RemoveBackgroundRequest,
    StyleReference,
    UpscaleRequest,
)
from ..venice_client.for_nodes import (
    MAX_INPUT_BYTES,
    MAX_REFERENCE_BYTES,
    Catalogue,
    check_cutout,
    check_upscale,
    parse_extra_fields,
)
from . import inputs, widgets
from .edit_plan import EditPlan
from .imaging.tensors import Encoder, encode_all, input_images, opaque_mask, to_rgb
from .run.node_output import BatchResults, make_info
from .run.node_status import StatusNode, showing
from .run.run_requests import Item, in_thread, request_each, run_node

INFO = "JSON: requests as sent (without image data), model, size, warnings, cost."
LAYERS = [f"image_{i}" for i in range(2, 7)]
"""The inputs of Edit for extra images, in order."""


class VeniceStyleReferences(StatusNode):
    """Images that set the look of Generate."""

    CATEGORY = inputs.CATEGORY
    DESCRIPTION = "Give new images the look of your own. Chain nodes to set different strengths."
    SEARCH_ALIASES = ("venice style reference", "style transfer", "ip adapter", "reference image")
    RETURN_TYPES = ("VENICE_STYLE_REFERENCES",)
    RETURN_NAMES = ("style_references",)
    OUTPUT_TOOLTIPS = ("Connect to style_references on Venice Generate Image.",)
    FUNCTION = "refer"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return inputs.style_reference_inputs()

    async def refer(
        self, images: torch.Tensor, strength: float, style_references: Any = None
    ) -> dict[str, Any]:
        with showing() as status:
            values = widgets.read_values(self.INPUT_TYPES(), locals())
            outputs = await in_thread(partial(self.predict_outputs, values))
            count = len(outputs[0])
            status.finish(f"{count} reference{'s' if count > 1 else ''}")
            return status.with_outputs(outputs)

    @staticmethod
    def predict_outputs(
        values: dict[str, Any], encode: Encoder = encode_all
    ) -> tuple[tuple[StyleReference, ...]]:
        encoded, notes = encode(values["images"], MAX_REFERENCE_BYTES)
        own = [StyleReference(image, round(values["strength"], 6)) for image in encoded]
        if notes:
            own[0] = replace(own[0], warning=" ".join(notes))
        return ((*(values["style_references"] or ()), *own),)


class VeniceUpscaleImage(StatusNode):
    """Enlarge images."""

    CATEGORY = inputs.CATEGORY
    DESCRIPTION = "Enlarge images 2 or 4 times. About $0.02 per image for 2x, $0.08 for 4x."
    SEARCH_ALIASES = ("venice upscale", "upscale", "upscaler", "super resolution", "enlarge")
    RETURN_TYPES = ("IMAGE", "STRING")
    RETURN_NAMES = ("image", "info")
    OUTPUT_TOOLTIPS = ("The enlarged images, [B, H, W, 3].", INFO)
    INPUT_IS_LIST = True
    OUTPUT_IS_LIST = (True, True)
    FUNCTION = "upscale"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return inputs.upscale_inputs()

    async def upscale(self, **given: list[Any]) -> dict[str, Any]:
        return await run_node(self, given)

    @staticmethod
    def item(values: dict[str, Any], catalogue: Catalogue, encode: Encoder = input_images) -> Item:
        image, factor = values["image"], int(values["scale"].removesuffix("x"))
        check_upscale(image.shape[2], image.shape[1], factor, "image")
        base, before = to_rgb(image)
        request = UpscaleRequest(b"", factor, round(values["creativity"], 6), values["variation"])
        requests, prepared = request_each(base, request, encode, MAX_INPUT_BYTES)
        before = [*before, *prepared]

        def finish(made: BatchResults) -> tuple[tuple[Any, ...], list[str]]:
            tensor, changed = made.decode()
            warnings = made.warnings(*before, *changed, made.size_warning(tensor))
            return (tensor, made.info(tensor, warnings)), warnings

        return Item(requests, finish, warnings=before)


class VeniceRemoveBackground(StatusNode):
    """Remove the background."""

    CATEGORY = inputs.CATEGORY
    DESCRIPTION = (
        "Cut the subject out of an image. Outputs a transparent cutout, plus the image and its "
        "mask. About $0.03 per image."
    )
    SEARCH_ALIASES = (
        *("venice background", "remove background", "background removal", "rembg"),
        *("cut out", "cutout", "matting", "transparent background"),
    )
    RETURN_TYPES = ("IMAGE", "MASK", "IMAGE", "STRING")
    RETURN_NAMES = ("image", "mask", "cutout", "info")
    OUTPUT_TOOLTIPS = (
        "The images without transparency, [B, H, W, 3].",
        inputs.MASK_OUTPUT,
        "The images with a transparent background, [B, H, W, 4].",
        INFO,
    )
    INPUT_IS_LIST = True
    OUTPUT_IS_LIST = (True, True, True, True)
    FUNCTION = "remove"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return inputs.cutout_inputs()

    async def remove(self, **given: list[Any]) -> dict[str, Any]:
        return await run_node(self, given)

    @staticmethod
    def item(values: dict[str, Any], catalogue: Catalogue, encode: Encoder = input_images) -> Item:
        image = values["image"]
        size = image.shape[2], image.shape[1]
        check_cutout(*size, "image")
        request = RemoveBackgroundRequest(b"")
        requests, before = request_each(image, request, encode, MAX_INPUT_BYTES)

        def finish(made: BatchResults) -> tuple[tuple[Any, ...], list[str]]:
            cutout, changed = made.decode("RGBA", size)
            colors, mask, uncut = split_alpha(cutout)
            warnings = made.warnings(*before, *changed, uncut)
            return (colors, mask, cutout, made.info(cutout, warnings)), warnings

        return Item(requests, finish, warnings=before)


class VeniceEditImage(StatusNode):
    """Edit images with a prompt."""

    CATEGORY = inputs.CATEGORY
    DESCRIPTION = "Edit images with a prompt. Add a mask to change only part of an image."
    SEARCH_ALIASES = (
        *("venice edit", "image to image", "img2img", "i2i", "inpaint", "inpainting", "mask edit"),
        *("edit photo", "photo edit"),
        *("image edit", "edit image", "edit picture", "multi edit", "kontext", "retouch"),
        *("outpaint", "outpainting", "expand image", "extend image", "uncrop", "generative fill"),
        *("erase", "eraser", "remove object", "replace object", "replace background"),
        *("change background", "new background"),
    )
    RETURN_TYPES = ("IMAGE", "STRING", "MASK")
    RETURN_NAMES = ("image", "info", "mask")
    OUTPUT_TOOLTIPS = ("The edited images, [B, H, W, 3].", INFO, inputs.MASK_OUTPUT)
    INPUT_IS_LIST = True
    OUTPUT_IS_LIST = (True, True, True)
    FUNCTION = "edit"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return inputs.edit_inputs()

    @classmethod
    def VALIDATE_INPUTS(
        cls,
        model: Any = None,
        aspect_ratio: Any = None,
        resolution: Any = None,
        quality: Any = None,
        input_types: Any = None,
    ) -> bool | str:
        # ComfyUI doesn't check the lists, ranges and types of the inputs named here.
        return widgets.check_types(cls.INPUT_TYPES(), input_types)

    async def edit(self, **given: list[Any]) -> dict[str, Any]:
        return await run_node(self, given)

    @staticmethod
    def item(values: dict[str, Any], catalogue: Catalogue, encode: Encoder = input_images) -> Item:
        base, before = to_rgb(values["image"])
        plan = EditPlan(base, values["mask"], encode, values["grow_mask"], values["feather"])
        if not plan.indices:
            return _untouched(base, values, before)
        layers = {name: values[name] for name in LAYERS if values[name] is not None}
        model = catalogue.model_when_known(values["model"], "inpaint")
        requests, prepared = plan.requests(_edit_request(values), layers, model)
        before = [*before, *prepared]

        def finish(made: BatchResults) -> tuple[tuple[Any, ...], list[str]]:
            tensor, mask, changed = plan.finish(made, values["keep_size"])
            warnings = made.warnings(*before, *changed)
            return (tensor, made.info(tensor, warnings), mask), warnings

        return Item(requests, finish, values["if_flagged"] == inputs.STOP, before)


def _edit_request(values: dict[str, Any]) -> EditRequest:
    return EditRequest(
        images=(),
        prompt=values["prompt"],
        model=values["model"],
        aspect_ratio=values["aspect_ratio"],
        resolution=values["resolution"],
        quality=values["quality"],
        safe_mode=values["safe_mode"],
        enhance_prompt=values["enhance_prompt"] or None,
        variation=values["variation"],
        transparent_background=values["transparent_background"],
        extra_fields=parse_extra_fields(values["extra_fields"]),
    )


def _untouched(base: torch.Tensor, values: dict[str, Any], before: list[str]) -> Item:
    """An edit with nothing to change: it returns its input."""
    is_shrunk = values["grow_mask"] < 0 and bool((values["mask"] > 0).any())
    after = " after shrinking" if is_shrunk else ""
    remedy = "Raise grow_mask" if is_shrunk else "Paint a mask"
    warnings = [
        f"The mask is empty{after}, so nothing changed and you weren't charged. "
        f"{remedy}, or disconnect mask to edit the whole image.",
        *before,
    ]
    info = make_info(model=values["model"], size=[base.shape[2], base.shape[1]], warnings=warnings)
    outputs = base.clone(), info, opaque_mask(base)
    return Item([], lambda _: (outputs, warnings), warnings=warnings)


def split_alpha(cutout: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, str]:
    """Colors and mask of cutouts, and a warning that names images without a cutout."""
    color, mask = cutout[..., :3].contiguous(), 1.0 - cutout[..., 3]
    whole = [i for i, own in enumerate(mask, start=1) if not bool(own.any())]
    if not whole:
        return color, mask, ""
    which = f" in image {', '.join(map(str, whole))}" if len(cutout) > 1 else ""
    return color, mask, f"Venice found no background to remove{which}."


NODE_CLASS_MAPPINGS = {
    "VeniceStyleReferences": VeniceStyleReferences,
    "VeniceUpscaleImage": VeniceUpscaleImage,
    "VeniceEditImage": VeniceEditImage,
    "VeniceRemoveBackground": VeniceRemoveBackground,
}
NODE_DISPLAY_NAME_MAPPINGS = {
    "VeniceStyleReferences": "Venice Style References",
    "VeniceUpscaleImage": "Venice Upscale Image",
    "VeniceEditImage": "Venice Edit Image",
    "VeniceRemoveBackground": "Venice Remove Background",
}
