"""The nodes for comparing: sweeps, a grid, a contact sheet."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch

from ..venice_client import InvalidRequestError
from . import compare_inputs, inputs, widgets
from .grid import MAX_CELLS, VARIED, Grid
from .imaging.contact_sheet import contact_sheet
from .imaging.grid_sheet import Headings, grid_sheet, in_cells
from .imaging.input_tensors import image_batch
from .patterns import models_for, sent_style, styles_for
from .run.node_status import StatusNode, showing
from .run.run_requests import in_thread, refresh_lists


class VeniceStyleSweep(StatusNode):
    """A list of styles: Generate runs once for each."""

    CATEGORY = inputs.CATEGORY
    DESCRIPTION = (
        "Run one prompt in several styles. Each image is charged. To combine two lists, use Venice "
        "Grid."
    )
    SEARCH_ALIASES = ("venice sweep", "compare styles", "list of styles")
    RETURN_TYPES = ("STRING", "STRING")
    RETURN_NAMES = ("style", "labels")
    OUTPUT_IS_LIST = (True, True)
    OUTPUT_TOOLTIPS = (
        "Connect to style on Venice Generate Image.",
        "Labels for Venice Contact Sheet.",
    )
    FUNCTION = "sweep"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return compare_inputs.style_sweep_inputs()

    @staticmethod
    def predict_outputs(values: dict[str, Any]) -> tuple[list[str], list[str]]:
        found = styles_for("styles", values["styles"])
        return [sent_style(name) for name in found], found

    async def sweep(self, styles: str) -> dict[str, Any]:
        return await _sweep(self, "style", styles=styles)


class VeniceModelSweep(StatusNode):
    """A list of models: Generate runs once for each."""

    CATEGORY = inputs.CATEGORY
    DESCRIPTION = (
        "Run one prompt on several models. Each image is charged. To combine two lists, use Venice "
        "Grid."
    )
    SEARCH_ALIASES = ("venice sweep", "compare models", "list of models")
    RETURN_TYPES = ("COMBO", "STRING")
    RETURN_NAMES = ("model", "labels")
    OUTPUT_IS_LIST = (True, True)
    OUTPUT_TOOLTIPS = (
        "Connect to model on Venice Generate Image or Venice Edit Image.",
        "Labels for Venice Contact Sheet.",
    )
    FUNCTION = "sweep"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return compare_inputs.model_sweep_inputs()

    @staticmethod
    def predict_outputs(values: dict[str, Any]) -> tuple[list[str], list[str]]:
        found = models_for("models", values["models"])
        return found, list(found)

    async def sweep(self, models: str) -> dict[str, Any]:
        return await _sweep(self, "model", models=models)


class VeniceGrid(StatusNode):
    """Every combination of two lists: Generate runs once for each."""

    CATEGORY = inputs.CATEGORY
    DESCRIPTION = (
        f"Combine two lists of styles, models, seeds or prompts. At most {MAX_CELLS} cells; you "
        "pay for each. Connect grid to Venice Contact Sheet."
    )
    SEARCH_ALIASES = ("grid", "xy plot", "xy grid", "prompt list", "compare")
    RETURN_TYPES = ("COMBO", "STRING", "STRING", "INT", "STRING", "VENICE_GRID")
    RETURN_NAMES = ("model", "prompt", "style", "seed", "labels", "grid")
    OUTPUT_IS_LIST = (True, True, True, True, True, False)
    OUTPUT_TOOLTIPS = (
        "Model of each cell, row by row. Connect to Venice Generate Image.",
        "Prompt of each cell. Connect to Venice Generate Image.",
        "Style of each cell. Connect to Venice Generate Image.",
        "Seed of each cell. Connect to Venice Generate Image.",
        "Label of each cell, for Venice Contact Sheet.",
        "Column and row headings. Connect to Venice Contact Sheet.",
    )
    FUNCTION = "combine"
    PASSED_ON = VARIED

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return compare_inputs.grid_inputs()

    @classmethod
    def VALIDATE_INPUTS(
        cls, model: Any = None, seed: Any = None, input_types: Any = None
    ) -> bool | str:
        # ComfyUI doesn't check the lists, ranges and types of the inputs named here.
        return widgets.check_types(cls.INPUT_TYPES(), input_types)

    @staticmethod
    def predict_outputs(values: dict[str, Any]) -> tuple[Any, ...]:
        return Grid.read(values).outputs(values)

    async def combine(
        self,
        columns: str,
        column_values: str,
        rows: str,
        row_values: str,
        model: str,
        prompt: str,
        seed: int,
        style: str = "",
    ) -> dict[str, Any]:
        with showing() as status:
            given = dict(locals())
            await refresh_lists()
            grid, outputs = await in_thread(partial(self._combined, given))
            told = (grid.summary, grid.columns.warning, grid.rows.warning)
            status.finish(" · ".join(filter(None, told)))
            return status.with_outputs(outputs)

    @classmethod
    def _combined(cls, given: dict[str, Any]) -> tuple[Grid, tuple[Any, ...]]:
        """The grid that the inputs ask for, and the node's outputs."""
        values = widgets.read_values(cls.INPUT_TYPES(), given)
        grid = Grid.read(values)
        return grid, grid.outputs(values)


class VeniceContactSheet(StatusNode):
    """All images on one sheet with labels."""

    CATEGORY = inputs.CATEGORY
    DESCRIPTION = "Arrange images on one sheet, with labels or the headings of Venice Grid. Free."
    SEARCH_ALIASES = ("venice sheet", "contact sheet", "compare", "montage")
    RETURN_TYPES = ("IMAGE",)
    RETURN_NAMES = ("sheet",)
    OUTPUT_TOOLTIPS = ("One image with all of them, [1, H, W, 3].",)
    INPUT_IS_LIST = True
    FUNCTION = "arrange"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return compare_inputs.sheet_inputs()

    async def arrange(
        self,
        images: list[torch.Tensor],
        labels: Sequence[str] = (),
        columns: Sequence[int] = (0,),
        cell: Sequence[int] = (512,),
        grid: Sequence[Headings | None] = (None,),
    ) -> dict[str, Any]:
        with showing() as status:
            given = {"columns": columns, "cell": cell, "grid": grid}
            optional = self.INPUT_TYPES()["optional"]
            declared = {"required": {}, "optional": {name: optional[name] for name in given}}
            (size, *more) = widgets.read_items(declared, given)
            items = [list(image_batch(each, "images", may_be_empty=True)) for each in images]
            flat = [image for item in items for image in item]
            if not flat:
                raise InvalidRequestError("There are no images to arrange.", "images")
            grids = [each["grid"] for each in (size, *more)[: len(grid)]]
            if None in grids:
                texts = _each_label(labels, items)
                make = partial(contact_sheet, flat, texts, size["columns"], size["cell"])
            else:
                make = partial(_under, Headings.joined(grids), items, size["cell"])
            sheet, notes = await in_thread(make)
            status.finish(" · ".join([_count(flat, "image"), *notes]))
            return status.with_outputs((sheet,))


def _each_label(labels: Sequence[Any], items: Sequence[Sequence[torch.Tensor]]) -> list[str]:
    """The label of each image; the images of an item share one."""
    own = ["" if label is None else str(label) for label in labels[: len(items)]]
    own += [""] * (len(items) - len(own))
    return [label for label, item in zip(own, items, strict=True) for _ in item]


def _under(
    headings: Headings, items: Sequence[Sequence[torch.Tensor]], cell: int
) -> tuple[torch.Tensor, list[str]]:
    """A sheet under the headings of Venice Grid, and warnings."""
    cells, notes = in_cells(items, headings.cells)
    sheet, more = grid_sheet(cells, headings, cell)
    return sheet, [*notes, *more]


async def _sweep(
    node: VeniceStyleSweep | VeniceModelSweep, what: str, **values: str
) -> dict[str, Any]:
    """Return the names for the node's text, and show their count. what: a word for one."""

    def work() -> tuple[list[str], list[str]]:
        return node.predict_outputs(widgets.read_values(node.INPUT_TYPES(), values))

    with showing() as status:
        await refresh_lists()
        outputs = await in_thread(work)
        status.finish(_count(outputs[0], what))
        return status.with_outputs(outputs)


def _count(items: Sequence[object], what: str) -> str:
    return f"{len(items)} {what}{'s' if len(items) > 1 else ''}"


NODE_CLASS_MAPPINGS = {
    "VeniceStyleSweep": VeniceStyleSweep,
    "VeniceModelSweep": VeniceModelSweep,
    "VeniceGrid": VeniceGrid,
    "VeniceContactSheet": VeniceContactSheet,
}
NODE_DISPLAY_NAME_MAPPINGS = {
    "VeniceStyleSweep": "Venice Style Sweep",
    "VeniceModelSweep": "Venice Model Sweep",
    "VeniceGrid": "Venice Grid",
    "VeniceContactSheet": "Venice Contact Sheet",
}
