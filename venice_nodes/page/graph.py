"""The values on the wires of a graph, as far as known before it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..imaging.tensors import Size
from ..run import comfyui
from ..run.prompt_graph import is_link

PRIMITIVES = {
    "PrimitiveInt": "INT",
    "PrimitiveFloat": "FLOAT",
    "PrimitiveBoolean": "BOOLEAN",
    "PrimitiveString": "STRING",
    "PrimitiveStringMultiline": "STRING",
}
CONVERTED: Mapping[str, Callable[[Any], Any]] = {
    "INT": int,
    "FLOAT": float,
    "BOOLEAN": bool,
    "STRING": str,
}
"""ComfyUI's conversion of unlinked values, by type."""

MAX_ITEMS = 1000
"""The most items of an output to follow; beyond, it's open."""

ONE_IMAGE = ("png", "jpg", "jpeg", "bmp")
"""Extensions of files that usually hold one image."""


FROM_MASK_EDITOR = "clipspace/clipspace-"
"""The start of the names of files that ComfyUI's mask editor saves."""


class Unknown:
    """A value that only the run can tell."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = Unknown()


@dataclass(frozen=True)
class Failed:
    """A value that never comes, since a node before it fails. why: its error in a line.
    is_incomplete: whether an input is only still missing."""

    why: str
    is_incomplete: bool = False


@dataclass(frozen=True)
class Images:
    """A batch of images or masks. is_open: whether there may be more. size: None if unknown.

    is_painted: whether someone painted the mask.
    """

    count: int = 1
    is_open: bool = False
    size: Size | None = None
    is_painted: bool = False


@dataclass(frozen=True)
class Wire:
    """The items of one output; the next node runs for each.

    is_open: whether there may be more.
    """

    items: tuple[Any, ...] = (UNKNOWN,)
    is_open: bool = False

    @staticmethod
    def of(items: Sequence[Any], is_open: bool) -> Wire:
        """Return the wire with at most MAX_ITEMS items."""
        return Wire(tuple(items[:MAX_ITEMS]), is_open or len(items) > MAX_ITEMS)

    def at(self, index: int) -> Any:
        """Return the item at `index`; a shorter list repeats its last."""
        return self.items[min(index, len(self.items) - 1)]


Inputs = Mapping[str, Wire]
Outputs = tuple[Wire, ...]


def inputs_of(
    node: Mapping[str, Any], made: Mapping[str, Outputs], kinds: Mapping[str, str]
) -> dict[str, Wire]:
    """Return the wire into each input of a node. made: the outputs of the nodes before it. kinds:
    the known types of the inputs."""
    found = {}
    for name, value in node.get("inputs", {}).items():
        if is_link(value):
            outputs = made.get(value[0], ())
            is_known = 0 <= value[1] < len(outputs)  # ComfyUI counts negative ones from the end
            found[name] = outputs[value[1]] if is_known else Wire(is_open=bool(outputs))
        else:
            found[name] = Wire((_converted(value, kinds.get(name, "")),))
    return found


def _converted(value: Any, kind: str) -> Any:
    try:
        return CONVERTED[kind](value) if kind in CONVERTED else value
    except (ValueError, TypeError, OverflowError, RecursionError):
        return value  # ComfyUI refuses it


def longest(inputs: Inputs) -> tuple[int, bool]:
    """Return the number of items that a node's inputs make, and whether there may be more."""
    wires = inputs.values()
    return max((len(w.items) for w in wires), default=1), any(w.is_open for w in wires)


def lazy_inputs(cls: Any) -> frozenset[str]:
    """The inputs that a node can leave unused: ComfyUI then doesn't run what is before them."""
    if not hasattr(cls, "check_lazy_status"):
        return frozenset()
    try:
        groups = cls.INPUT_TYPES()
        inputs = {**groups.get("required", {}), **groups.get("optional", {})}
        options = {name: spec[1] for name, spec in inputs.items() if len(spec) > 1}
        return frozenset(name for name, given in options.items() if given.get("lazy"))
    except Exception:  # a node of another pack may raise anything
        return frozenset()


def foreign_outputs(kind: str, inputs: Inputs) -> Outputs:
    """Return the outputs of another pack's node."""
    if kind in PRIMITIVES:
        return (inputs.get("value", Wire()),)
    if kind == "Reroute":
        return (next(iter(inputs.values()), Wire()),)
    if kind in ("LoadImage", "LoadImageOutput", "LoadImageMask"):
        return (each(inputs, _loaded),) * 2
    if kind == "EmptyImage":
        return (each(inputs, _empty),)
    if kind == "ImagePadForOutpaint":
        return each(inputs, _padded), each(inputs, lambda _: Images())
    return _unknown_outputs(kind, inputs)


def each(inputs: Inputs, item: Callable[[dict[str, Any]], Any]) -> Wire:
    """Call `item` with the values of each item of the inputs."""
    count, is_open = longest(inputs)
    rows = [{name: wire.at(i) for name, wire in inputs.items()} for i in range(count)]
    return Wire(tuple(map(item, rows)), is_open)


def _loaded(values: dict[str, Any]) -> Images:
    name = str(values.get("image", "")).partition(" [")[0]
    ending = name.rpartition(".")[2].lower()
    return Images(is_open=ending not in ONE_IMAGE, is_painted=name.startswith(FROM_MASK_EDITOR))


def _padded(values: dict[str, Any]) -> Any:
    """Return the output of ComfyUI's Pad Image for Outpainting."""
    image = values.get("image")
    if not isinstance(image, Images):
        return image if isinstance(image, Failed) else Images(is_open=True)
    added = [values.get(name, 0) for name in ("left", "right", "top", "bottom")]
    if image.size is None or not all(type(one) is int and 0 <= one <= MAX_SIDE for one in added):
        return replace(image, size=None)
    left, right, top, bottom = added
    return replace(image, size=(image.size[0] + left + right, image.size[1] + top + bottom))


MAX_SIDE = 16384
"""The most pixels per side of ComfyUI's empty image."""


def _empty(values: dict[str, Any]) -> Any:
    sides = [values.get(name) for name in ("width", "height", "batch_size")]
    if not all(type(side) is int and 0 < side <= MAX_SIDE for side in sides):
        return Images(is_open=True)
    width, height, count = sides
    return Images(count, size=(width, height))  # type: ignore[arg-type]


def _unknown_outputs(kind: str, inputs: Inputs) -> Outputs:
    """As many items as reach the node, unless it takes or returns lists.

    If an image goes in, one or more come out.
    """
    cls = comfyui.node_class(kind)
    count, is_open = longest(inputs)
    if getattr(cls, "INPUT_IS_LIST", False):
        count, is_open = 1, True
    lists = tuple(getattr(cls, "OUTPUT_IS_LIST", None) or ())
    slots = max(len(getattr(cls, "RETURN_TYPES", None) or ()), 8)
    plain = Wire((UNKNOWN,) * count, is_open)
    return tuple(
        replace(plain, is_open=True) if slot < len(lists) and lists[slot] else plain
        for slot in range(slots)
    )
