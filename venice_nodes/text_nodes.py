"""The nodes that write text: describe an image, write prompts from an idea."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from ..venice_client import DescribeRequest, WritePromptsRequest, plan_prompts
from ..venice_client.for_nodes import Catalogue
from . import inputs, text_inputs, widgets
from .imaging.tensors import Encoder, input_images
from .run.node_output import BatchResults
from .run.node_status import StatusNode
from .run.run_requests import Item, request_each, run_node

INFO = "JSON: requests as sent (without image data), model, texts, tokens, warnings, cost."
ANY_BYTES = sys.maxsize
"""The client scales the images down itself."""


class VeniceDescribeImage(StatusNode):
    """Turn images into prompts, captions, tags, or answers."""

    CATEGORY = inputs.CATEGORY
    DESCRIPTION = (
        "Describe images: as a prompt for a new image, a caption, tags, or the answer to a "
        "question. Usually less than $0.01 per image."
    )
    SEARCH_ALIASES = (
        *("venice describe", "describe", "describe image", "caption", "captioning", "captioner"),
        *("image to prompt", "image to text", "img2txt", "img2prompt", "prompt from image"),
        *("interrogate", "clip interrogator", "tag", "tags", "tagger", "ask", "question"),
        *("vision", "vlm", "vqa", "joycaption", "florence", "blip", "llm vision", "ocr"),
    )
    RETURN_TYPES = ("STRING", "STRING")
    RETURN_NAMES = ("text", "info")
    OUTPUT_TOOLTIPS = ("Text for each image, as a list.", INFO)
    LISTS = ("text",)
    INPUT_IS_LIST = True
    OUTPUT_IS_LIST = (True, True)
    FUNCTION = "describe"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return text_inputs.describe_inputs()

    @classmethod
    def VALIDATE_INPUTS(cls, model: Any = None, input_types: Any = None) -> bool | str:
        # A model that isn't in ComfyUI's list can be newer than the list.
        return widgets.check_types(cls.INPUT_TYPES(), input_types)

    async def describe(self, **given: list[Any]) -> dict[str, Any]:
        return await run_node(self, given)

    @staticmethod
    def item(values: dict[str, Any], catalogue: Catalogue, encode: Encoder = input_images) -> Item:
        """A request per image."""
        request = DescribeRequest(
            b"",
            task=values["task"],
            model=values["model"],
            instructions=values["instructions"],
            max_tokens=values["max_tokens"],
            variation=values["variation"],
        )
        return _item(*request_each(values["image"], request, encode, ANY_BYTES))


class VeniceWritePrompt(StatusNode):
    """Write prompts from an idea."""

    CATEGORY = inputs.CATEGORY
    DESCRIPTION = (
        "Write one or more prompts from an idea, and from an image if you connect one. Usually "
        "less than $0.01 each."
    )
    SEARCH_ALIASES = (
        *("venice prompt", "prompt", "write prompt", "prompt writer", "prompt generator"),
        *("prompt enhancer", "enhance prompt", "improve prompt", "expand prompt", "magic prompt"),
        *("prompt ideas", "idea", "llm", "text generation", "generate text", "chat", "gpt"),
    )
    RETURN_TYPES = ("STRING", "STRING")
    RETURN_NAMES = ("prompt", "info")
    OUTPUT_TOOLTIPS = ("The prompts, as a list. Connect to a prompt input.", INFO)
    LISTS = ("prompt",)
    INPUT_IS_LIST = True
    OUTPUT_IS_LIST = (True, True)
    FUNCTION = "write"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return text_inputs.prompt_inputs()

    @classmethod
    def VALIDATE_INPUTS(cls, model: Any = None, input_types: Any = None) -> bool | str:
        # A model that isn't in ComfyUI's list can be newer than the list.
        return widgets.check_types(cls.INPUT_TYPES(), input_types)

    async def write(self, **given: list[Any]) -> dict[str, Any]:
        return await run_node(self, given)

    @staticmethod
    def item(values: dict[str, Any], catalogue: Catalogue, encode: Encoder = input_images) -> Item:
        """A request, or one per prompt; as many for each image of a batch."""
        request = WritePromptsRequest(
            idea=values["idea"],
            model=values["model"],
            count=values["count"],
            instructions=values["instructions"],
            max_tokens=values["max_tokens"],
            variation=values["variation"],
        )
        if values["image"] is None:
            return _item(plan_prompts(request, catalogue), [])
        each, before = request_each(values["image"], request, encode, ANY_BYTES)
        return _item([part for one in each for part in plan_prompts(one, catalogue)], before)


def _item(requests: Sequence[Any], before: list[str]) -> Item:
    def finish(made: BatchResults) -> tuple[tuple[Any, ...], list[str]]:
        warnings = made.warnings(*before)
        return (made.texts(), made.text_info(warnings)), warnings

    return Item(requests, finish, warnings=before)


NODE_CLASS_MAPPINGS = {
    "VeniceDescribeImage": VeniceDescribeImage,
    "VeniceWritePrompt": VeniceWritePrompt,
}
NODE_DISPLAY_NAME_MAPPINGS = {
    "VeniceDescribeImage": "Venice Describe Image",
    "VeniceWritePrompt": "Venice Write Prompt",
}
