"""The requests of a node's last run, which tell the page what the next one gets for free.

A node's requests depend on its inputs and on everything before it. This module remembers them under
a digest of both, with loaded files and model lists, only in memory.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...venice_client.for_nodes import PlannedRequest, UpperBound, has_extra_fields
from . import comfyui
from .prompt_graph import digest, in_order, sound_nodes

MAX_REQUESTS = 20_000
"""The most requests to remember, of all nodes together."""

LOADERS = ("LoadImage", "LoadImageMask", "LoadImageOutput")

STEADY = {
    *LOADERS,
    *("EmptyImage", "ImageInvert", "ImageBatch", "ImageFromBatch", "RepeatImageBatch", "Reroute"),
    *("ImageScale", "ImageScaleBy", "ImageScaleToTotalPixels", "ImageScaleToMaxDimension"),
    *("ImageCrop", "ImagePadForOutpaint", "ImageFlip", "ImageRotate", "RebatchImages"),
    *("ImageCompositeMasked", "JoinImageWithAlpha", "SplitImageWithAlpha", "GetImageSize"),
    *("MaskToImage", "ImageToMask", "SolidMask", "InvertMask", "CropMask", "MaskComposite"),
    *("FeatherMask", "GrowMask", "ThresholdMask", "PrimitiveInt", "PrimitiveFloat"),
    *("PrimitiveBoolean", "PrimitiveString", "PrimitiveStringMultiline"),
}
"""ComfyUI's own nodes that return the same for the same inputs, to the bit."""

FileState = tuple[Path, int, int, int]
"""A loaded file, its size, and its times of change in ns, of which copies keep only the first."""


@dataclass(frozen=True)
class Line:
    """A PlannedRequest without its images. low, high: its lowest and highest cost. count: its
    images or texts. has_extra: whether it has extra fields."""

    key: str
    low: float | None
    high: float | None
    count: int
    has_extra: bool


@dataclass(frozen=True)
class KnownRequests:
    """A node's requests, by item. lists: the model lists they were built with. time: when they were
    built, in seconds since 1970."""

    items: tuple[tuple[Line, ...], ...]
    service: str
    lists: object
    files: tuple[FileState, ...]
    time: float

    def holds(self, service: str, lists: object) -> bool:
        """Whether the node would send the same now, if the nodes before it return the same."""
        is_same = self.service == service and self.lists == lists
        return is_same and all(_state(path) == (path, *rest) for path, *rest in self.files)


def line_of(planned: PlannedRequest) -> Line:
    """Return what an estimate needs of a request."""
    request, price = planned.request, planned.price
    low = 0.0 if isinstance(price, UpperBound) else price
    extra = has_extra_fields(request)
    return Line(planned.key, low, planned.max_price, request.variants, extra)


def is_steady(kind: str) -> bool:
    """Whether a node of ComfyUI's returns the same in every run. A pack may have replaced it."""
    module = getattr(comfyui.node_class(kind), "RELATIVE_PYTHON_MODULE", "")
    return kind in STEADY and not str(module).startswith("custom_nodes")


def remember(
    prompt: object,
    node: str,
    items: Sequence[Sequence[PlannedRequest]],
    service: str,
    lists: object,
) -> None:
    """Remember the requests that a node is about to send. prompt: the graph that runs."""
    graph = sound_nodes(prompt)
    planned = [request for item in items for request in item]
    if node not in graph or not all(request.request.is_reusable for request in planned):
        return
    digests: dict[str, bytes] = {}
    files: tuple[FileState, ...] = ()
    for name in in_order(graph, [node]):
        digests[name] = digest(graph[name], digests)
        if graph[name]["class_type"] in LOADERS:
            state = _loaded_state(graph[name])
            if state is None:
                return  # it changed after loading
            files += (state,)
    sent = tuple(tuple(line_of(r) for r in item if not r.payload.is_empty) for item in items)
    known = KnownRequests(sent, service, lists, files, time.time())
    with _lock:
        _known.pop(digests[node], None)
        _known[digests[node]] = known
        while sum(1 + sum(map(len, each.items)) for each in _known.values()) > MAX_REQUESTS:
            _known.popitem(last=False)


def recall(digest_of_node: bytes) -> KnownRequests | None:
    """Return the last requests of a node with this digest, or None."""
    with _lock:
        return _known.get(digest_of_node)


def _loaded_state(node: Mapping[str, Any]) -> FileState | None:
    """Return the state of a loaded file, if it's still the one that ComfyUI noted at the start."""
    values, cls = node["inputs"], comfyui.node_class(node["class_type"])
    try:
        path = comfyui.input_file(values["image"])
        before = _state(path)
        if before is None or [cls.IS_CHANGED(**values)] != node.get("is_changed"):
            return None
        return before if _state(path) == before else None
    except Exception:  # another version of ComfyUI, or a missing file
        return None


def _state(path: Path) -> FileState | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return path, found.st_size, found.st_mtime_ns, found.st_ctime_ns


_known: OrderedDict[bytes, KnownRequests] = OrderedDict()
_lock = threading.Lock()
