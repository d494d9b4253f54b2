"""The nodes for comparing: sweeps over styles and models, and a sheet of what they made."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

import torch

from ..venice_client import InvalidRequestError, check_is_text
from . import inputs, model_lists, widgets
from .imaging.contact_sheet import contact_sheet
from .imaging.input_tensors import image_batch
from .imaging.labels import visible
from .run.node_status import StatusNode, showing
from .run.run_requests import in_thread, refresh_lists

IN_STEP = (
    "Two sweeps on one node go in step: first with first, second with second; the shorter list "
    "repeats its last."
)


class VeniceStyleSweep(StatusNode):
    """A list of styles: Generate runs once for each."""

    CATEGORY = inputs.CATEGORY
    DESCRIPTION = (
        "A list of styles. Connected to style of Venice Generate Image, it makes a picture for "
        "each, side by side, and each is paid for. Show them with Venice Contact Sheet. " + IN_STEP
    )
    SEARCH_ALIASES = ("venice sweep", "style grid", "xy plot", "compare styles")
    RETURN_TYPES = ("STRING", "STRING")
    RETURN_NAMES = ("style", "labels")
    OUTPUT_IS_LIST = (True, True)
    OUTPUT_TOOLTIPS = (
        "The styles, one after the other, for style of Venice Generate Image.",
        "The same as labels, for Venice Contact Sheet.",
    )
    FUNCTION = "sweep"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return inputs.style_sweep_inputs()

    @staticmethod
    def foresee(values: dict[str, Any]) -> tuple[list[str], list[str]]:
        known = [model_lists.NO_STYLE, *model_lists.styles()]
        found = matching(values["styles"], known, partial(_like, names=known[1:]))
        return [("" if name == model_lists.NO_STYLE else name) for name in found], found

    async def sweep(self, styles: str) -> dict[str, Any]:
        return await _sweep(self, "style", styles=styles)


class VeniceModelSweep(StatusNode):
    """A list of models: Generate runs once for each."""

    CATEGORY = inputs.CATEGORY
    DESCRIPTION = (
        "A list of models. Connected to model of Venice Generate Image or Venice Edit Image, it "
        "makes a picture with each, side by side, and each is paid for. Show them with Venice "
        "Contact Sheet. " + IN_STEP
    )
    SEARCH_ALIASES = ("venice sweep", "model grid", "xy plot", "compare models")
    RETURN_TYPES = ("COMBO", "STRING")
    RETURN_NAMES = ("model", "labels")
    OUTPUT_IS_LIST = (True, True)
    OUTPUT_TOOLTIPS = (
        "The models, one after the other, for model of Venice Generate Image or Venice Edit Image.",
        "The same as labels, for Venice Contact Sheet.",
    )
    FUNCTION = "sweep"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return inputs.model_sweep_inputs()

    @staticmethod
    def foresee(values: dict[str, Any]) -> tuple[list[str], list[str]]:
        known, others = model_lists.generate_models(), model_lists.other_models()
        found = matching(values["models"], known, model_lists.models_like, others)
        return found, list(found)

    async def sweep(self, models: str) -> dict[str, Any]:
        return await _sweep(self, "model", models=models)


class VeniceContactSheet(StatusNode):
    """All pictures on one labelled sheet."""

    CATEGORY = inputs.CATEGORY
    DESCRIPTION = "All pictures of a list on one sheet, with labels. Made here; costs nothing."
    SEARCH_ALIASES = ("venice grid", "contact sheet", "image grid", "compare")
    RETURN_TYPES = ("IMAGE",)
    RETURN_NAMES = ("sheet",)
    OUTPUT_TOOLTIPS = ("One picture with all of them, [1, H, W, 3].",)
    INPUT_IS_LIST = True
    FUNCTION = "arrange"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return inputs.sheet_inputs()

    async def arrange(
        self,
        images: list[torch.Tensor],
        labels: Sequence[str] = (),
        columns: Sequence[int] = (0,),
        cell: Sequence[int] = (512,),
    ) -> dict[str, Any]:
        with showing() as status:
            optional = self.INPUT_TYPES()["optional"]
            declared = {"required": {name: optional[name] for name in ("columns", "cell")}}
            (size, *_) = widgets.read_items(declared, {"columns": columns, "cell": cell})
            pictures: list[torch.Tensor] = []
            texts: list[str] = []
            for i, batch in enumerate(images):
                own = list(image_batch(batch, "images", may_be_empty=True))
                label = str(labels[i]) if i < len(labels) and labels[i] is not None else ""
                pictures += own
                texts += [label] * len(own)
            if not pictures:
                raise InvalidRequestError("There is no picture to arrange.", "images")
            sheet, notes = await in_thread(partial(contact_sheet, pictures, texts, **size))
            status.finish(" · ".join([_count(pictures, "picture"), *notes]))
            return status.with_outputs((sheet,))


async def _sweep(
    node: VeniceStyleSweep | VeniceModelSweep, what: str, **values: str
) -> dict[str, Any]:
    """The names that the node's text asks for; their count is shown on it. what: one of them."""
    with showing() as status:
        for name, text in values.items():
            check_is_text(name, text)
        await refresh_lists()
        outputs = node.foresee(values)
        status.finish(_count(outputs[0], what))
        return status.with_outputs(outputs)


def matching(
    patterns: str,
    known: Sequence[str],
    like: Callable[[str], Sequence[str]],
    others: Sequence[str] = (),
) -> list[str]:
    """The names that the lines of `patterns` ask for, in their order, each once.

    A line is a name that is known, else a shell pattern, of which `like` gives the names, else a
    name as typed; case and invisible characters do not count. others: names that cannot be used
    here. Raises InvalidRequestError if there is no line, and for a pattern with
    `*` or `?` that matches nothing.
    """
    exact = {_folded(name): name for name in known}
    found: dict[str, str] = {}
    for line in filter(None, map(visible, patterns.splitlines())):
        folded = _folded(line)
        names = [exact[folded]] if folded in exact else like(line)
        if not names and any(sign in line for sign in "*?"):
            raise InvalidRequestError(_nothing_matches(line, others))
        for name in names or [line]:
            found.setdefault(_folded(name), name)
    if not found:
        raise InvalidRequestError("The list is empty: write one name or pattern a line.")
    return list(found.values())


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name.casefold())


def _like(pattern: str, names: Sequence[str]) -> list[str]:
    return [name for name in names if fnmatchcase(_folded(name), _folded(pattern))]


def _nothing_matches(pattern: str, others: Sequence[str]) -> str:
    if unusable := _like(pattern, others):
        return (
            f"“{pattern}” matches only models that neither Generate nor Edit can use, such as "
            f"{unusable[0]}: choose others."
        )
    return f"Nothing matches “{pattern}”: check its spelling."


def _count(items: Sequence[object], what: str) -> str:
    return f"{len(items)} {what}{'s' if len(items) > 1 else ''}"


NODE_CLASS_MAPPINGS = {
    "VeniceStyleSweep": VeniceStyleSweep,
    "VeniceModelSweep": VeniceModelSweep,
    "VeniceContactSheet": VeniceContactSheet,
}
NODE_DISPLAY_NAME_MAPPINGS = {
    "VeniceStyleSweep": "Venice Style Sweep",
    "VeniceModelSweep": "Venice Model Sweep",
    "VeniceContactSheet": "Venice Contact Sheet",
}
