"""The nodes that take pictures: style references, upscale, edit, remove the background."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import torch

from ..venice_client import (
    MAX_INPUT_BYTES,
    MAX_REFERENCE_BYTES,
    EditRequest,
    RemoveBackgroundRequest,
    StyleReference,
    UpscaleRequest,
    check_cutout,
    check_upscale,
)
from . import inputs, widgets
from .edit_plan import EditPlan
from .imaging.tensors import check_batch, encode_all, to_rgb
from .run.comfyui import NodeStatus
from .run.node_output import BatchImages, make_info
from .run.run_requests import in_thread, open_client, run_requests, showing

INFO = "JSON: the requests as sent without image data, model, size, warnings, cost."


class VeniceStyleReferences:
    """Pictures whose look guides Generate."""

    CATEGORY = inputs.CATEGORY
    DESCRIPTION = (
        "Pictures whose look guides the result. Connect it to `style_references` of Venice "
        "Generate Image; chain several for different strengths."
    )
    SEARCH_ALIASES = ("venice style reference", "image to image", "ip adapter", "img2img")
    RETURN_TYPES = ("VENICE_STYLE_REFERENCES",)
    RETURN_NAMES = ("style_references",)
    OUTPUT_TOOLTIPS = ("For `style_references` of Venice Generate Image.",)
    FUNCTION = "refer"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return inputs.style_reference_inputs()

    async def refer(
        self, images: torch.Tensor, strength: float, style_references: Any = None
    ) -> tuple[tuple[StyleReference, ...]]:
        with showing() as status:
            widgets.check(self.INPUT_TYPES(), locals())
            check_batch(images, "images")
            encoded, notes = await in_thread(partial(encode_all, images, MAX_REFERENCE_BYTES))
            own = [StyleReference(image, round(strength, 6)) for image in encoded]
            if notes:
                own[0] = replace(own[0], warning=" ".join(notes))
            references = (*(style_references or ()), *own)
            count = len(references)
            status.finish(f"{count} reference{'s' if count > 1 else ''}")
            return (references,)


class VeniceUpscaleImage:
    """Makes pictures larger."""

    CATEGORY = inputs.CATEGORY
    DESCRIPTION = "Makes pictures 2 or 4 times as large with Venice. Each costs money."
    SEARCH_ALIASES = ("venice upscale", "upscale image", "super resolution", "enlarge")
    RETURN_TYPES = ("IMAGE", "STRING")
    RETURN_NAMES = ("image", "info")
    OUTPUT_TOOLTIPS = ("The larger pictures, [B, H, W, 3].", INFO)
    FUNCTION = "upscale"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return inputs.upscale_inputs()

    async def upscale(
        self, image: torch.Tensor, scale: str, creativity: float, variation: int = 0
    ) -> tuple[torch.Tensor, str]:
        with showing() as status:
            widgets.check(self.INPUT_TYPES(), locals())
            factor = int(scale.removesuffix("x"))
            check_batch(image, "image")
            check_upscale(image.shape[2], image.shape[1], factor, "`image`")
            base, lost = await in_thread(partial(to_rgb, image))
            request = UpscaleRequest(b"", factor, round(creativity, 6), variation)
            made, notes = await _run_each(base, request, status)
            tensor, more = await in_thread(made.decode)
            warnings = made.warnings(*lost, *notes, *more, made.size_note(tensor))
            status.finish(made.summary(warnings))
            return tensor, made.info(tensor, warnings)


class VeniceRemoveBackground:
    """Cuts out what a picture shows."""

    CATEGORY = inputs.CATEGORY
    DESCRIPTION = (
        "Cuts out what a picture shows. `cutout` has transparency and is saved with it; `image` "
        "and `mask` are what Load Image would give for it. Each picture costs money."
    )
    SEARCH_ALIASES = ("venice background", "rembg", "remove background", "cutout", "matting")
    RETURN_TYPES = ("IMAGE", "MASK", "IMAGE", "STRING")
    RETURN_NAMES = ("image", "mask", "cutout", "info")
    OUTPUT_TOOLTIPS = (
        "The to_rgb without transparency, [B, H, W, 3].",
        "[B, H, W]: 1 where it is transparent, 0 where it is not.",
        "The pictures with transparency, [B, H, W, 4].",
        INFO,
    )
    FUNCTION = "remove"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return inputs.cutout_inputs()

    async def remove(
        self, image: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, str]:
        with showing() as status:
            check_batch(image, "image")
            check_cutout(image.shape[2], image.shape[1], "`image`")
            made, notes = await _run_each(image, RemoveBackgroundRequest(b""), status)
            size = image.shape[2], image.shape[1]
            cutout, more = await in_thread(partial(made.decode, "RGBA", size))
            colour, mask, uncut = await in_thread(partial(split_alpha, cutout))
            warnings = made.warnings(*notes, *more, uncut)
            status.finish(made.summary(warnings))
            return colour, mask, cutout, made.info(cutout, warnings)


class VeniceEditImage:
    """Changes pictures as a prompt says."""

    CATEGORY = inputs.CATEGORY
    DESCRIPTION = (
        "Changes pictures as the prompt says, with more images and a mask if you like: what lies "
        "outside of the mask stays exactly as it was. Each picture costs money."
    )
    SEARCH_ALIASES = ("venice edit", "image edit", "inpaint", "multi edit", "kontext")
    RETURN_TYPES = ("IMAGE", "STRING")
    RETURN_NAMES = ("image", "info")
    OUTPUT_TOOLTIPS = ("The edited pictures, [B, H, W, 3].", INFO)
    FUNCTION = "edit"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return inputs.edit_inputs()

    @classmethod
    def VALIDATE_INPUTS(
        cls,
        model: str | None = None,
        aspect_ratio: str | None = None,
        resolution: str | None = None,
        quality: str | None = None,
    ) -> bool:
        return True

    async def edit(
        self,
        image: torch.Tensor,
        prompt: str,
        model: str,
        image_2: torch.Tensor | None = None,
        image_3: torch.Tensor | None = None,
        image_4: torch.Tensor | None = None,
        image_5: torch.Tensor | None = None,
        image_6: torch.Tensor | None = None,
        mask: torch.Tensor | None = None,
        aspect_ratio: str = "auto",
        resolution: str = "auto",
        quality: str = "auto",
        keep_size: bool = True,
        safe_mode: bool = True,
        enhance_prompt: bool = False,
        if_flagged: str = "stop",
        variation: int = 0,
    ) -> tuple[torch.Tensor, str]:
        with showing(f"({model})") as status:
            widgets.check(self.INPUT_TYPES(), locals())
            check_batch(image, "image")
            base, lost = await in_thread(partial(to_rgb, image))
            plan = await in_thread(partial(EditPlan, base, mask))
            if not plan.indices:
                return _untouched(base, model, lost, status)
            template = EditRequest(
                images=(),
                prompt=prompt,
                model=model,
                aspect_ratio=aspect_ratio,
                resolution=resolution,
                quality=quality,
                safe_mode=safe_mode,
                enhance_prompt=enhance_prompt or None,
                variation=variation,
            )
            layers = _layers(image_2, image_3, image_4, image_5, image_6)
            client = await open_client()
            known = await in_thread(partial(client.catalogue.model_when_known, model))
            requests, notes = await in_thread(partial(plan.requests, template, layers, known))
            made = await run_requests(
                client, requests, status, stop_if_flagged=if_flagged == "stop"
            )
            tensor, more = await in_thread(partial(plan.finish, made, keep_size))
            warnings = made.warnings(*lost, *notes, *more)
            status.finish(made.summary(warnings))
            return tensor, made.info(tensor, warnings)


def _layers(*images: torch.Tensor | None) -> dict[str, torch.Tensor]:
    """The images that go along with the base, by their names, in their order."""
    return {f"image_{i}": image for i, image in enumerate(images, start=2) if image is not None}


def _untouched(
    base: torch.Tensor, model: str, lost: list[str], status: NodeStatus
) -> tuple[torch.Tensor, str]:
    """What Edit gives where there is nothing to change."""
    warning = "The mask is empty: nothing was sent, and the input is returned."
    status.finish(warning)
    size = [base.shape[2], base.shape[1]]
    return base.clone(), make_info(model=model, size=size, warnings=[warning, *lost])


async def _run_each(
    pictures: torch.Tensor, request: UpscaleRequest | RemoveBackgroundRequest, status: NodeStatus
) -> tuple[BatchImages, list[str]]:
    """What a request as `request` makes of each picture, side by side, and notes."""
    encoded, notes = await in_thread(partial(encode_all, pictures, MAX_INPUT_BYTES))
    requests = [
        replace(request, image=data, label=f"picture {i}") for i, data in enumerate(encoded, 1)
    ]
    return await run_requests(await open_client(), requests, status), notes


def split_alpha(cutout: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, str]:
    """Colours and mask of cutouts, and a warning with the pictures where nothing was cut out."""
    colour, mask = cutout[..., :3].contiguous(), 1.0 - cutout[..., 3]
    whole = [i for i, own in enumerate(mask, start=1) if not bool(own.any())]
    if not whole:
        return colour, mask, ""
    which = f" of picture {', '.join(map(str, whole))}" if len(cutout) > 1 else ""
    return colour, mask, f"Nothing was cut out{which}: the answer has no transparency."


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
