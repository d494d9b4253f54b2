"""Which requests a node sent in its last run: they tell the page before the next what is free.

A node's requests depend on its inputs and on all that comes before it. They are remembered under a
digest of both, with the files that were loaded and the lists of models. In memory only.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...venice_client.for_nodes import PlannedRequest, has_extra_fields
from . import comfyui
from .prompt_graph import digest, in_order, sound_nodes

MAX_REQUESTS = 20_000
"""Most requests that are remembered, of all nodes together."""

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
"""ComfyUI's own nodes that make the same of the same inputs, to the bit, in every run."""

FileState = tuple[Path, int, int]
"""A loaded file, its size, and its time of change in ns."""


@dataclass(frozen=True)
class KnownRequest:
    """As in PlannedRequest, without the images. images: how many it makes."""

    key: str
    price: float | None
    max_price: float | None
    images: int
    has_extra: bool


@dataclass(frozen=True)
class KnownRequests:
    """What a node sent: the requests of each of its items. lists: those that they were made by."""

    items: tuple[tuple[KnownRequest, ...], ...]
    service: str
    lists: object
    files: tuple[FileState, ...]

    def holds(self, service: str, lists: object) -> bool:
        """Whether the same would be sent now, if what comes before the node gives the same."""
        is_same = self.service == service and self.lists == lists
        return is_same and all(_state(path) == (path, *rest) for path, *rest in self.files)


def is_steady(kind: str) -> bool:
    """Whether a node of ComfyUI's own gives the same in every run. A pack may have replaced it."""
    module = getattr(comfyui.node_class(kind), "RELATIVE_PYTHON_MODULE", "")
    return kind in STEADY and not str(module).startswith("custom_nodes")


def remember(
    prompt: object,
    node: str,
    items: Sequence[Sequence[PlannedRequest]],
    service: str,
    lists: object,
) -> None:
    """Remembers what a node of a run is about to send. prompt: the graph that runs."""
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
                return  # it was changed since it was loaded
            files += (state,)
    sent = tuple(tuple(_known_from(r) for r in item if not r.payload.is_empty) for item in items)
    known = KnownRequests(sent, service, lists, files)
    with _lock:
        _known.pop(digests[node], None)
        _known[digests[node]] = known
        while sum(1 + sum(map(len, each.items)) for each in _known.values()) > MAX_REQUESTS:
            _known.popitem(last=False)


def recall(digest_of_node: bytes) -> KnownRequests | None:
    """What a node with this digest sent in its last run; None if that isn't remembered."""
    with _lock:
        return _known.get(digest_of_node)


def _loaded_state(node: Mapping[str, Any]) -> FileState | None:
    """The state of a loaded file, if it is still the one that ComfyUI noted at the run's start."""
    values, cls = node["inputs"], comfyui.node_class(node["class_type"])
    try:
        path = comfyui.input_file(values["image"])
        before = _state(path)
        if before is None or [cls.IS_CHANGED(**values)] != node.get("is_changed"):
            return None
        return before if _state(path) == before else None
    except Exception:  # another version of ComfyUI, or a file that is gone
        return None


def _state(path: Path) -> FileState | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return path, found.st_size, found.st_mtime_ns


def _known_from(planned: PlannedRequest) -> KnownRequest:
    request = planned.request
    extra = has_extra_fields(request)
    return KnownRequest(planned.key, planned.price, planned.max_price, request.variants, extra)


_known: OrderedDict[bytes, KnownRequests] = OrderedDict()
_lock = threading.Lock()
