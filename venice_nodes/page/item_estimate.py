"""Estimate what one item of a paid node will send and cost, with the node's own code, without
images.

It tries every form of an unknown value that changes the price.
"""

from __future__ import annotations

import itertools
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import torch

from ...venice_client import InvalidRequestError, StyleReference, VeniceError
from ...venice_client.for_nodes import (
    MAX_TEXT,
    LowerBound,
    PlannedRequest,
    PriceEstimator,
    tier_size,
)
from .. import widgets
from ..imaging.tensors import Size
from ..run.known_requests import Line, line_of
from .graph import Failed, Images, Unknown
from .price import Price

MAX_FORMS = 100
"""The most forms of one item to try. Beyond, the price counts as open."""

LARGEST_SEEN = (2048, 2048)
SIZES = {
    "VeniceUpscaleImage": ((1024, 1024), (2048, 2048)),
    "VeniceDescribeImage": (LARGEST_SEEN,),
    "VeniceWritePrompt": (LARGEST_SEEN,),
}
USUAL_SIZES = ((1024, 1024),)
"""Sizes to try for an image of unknown size, on both sides of a price change."""

PRICED = ("model", "resolution", "quality", "batch_mode", "scale")
"""Combos that change the price."""

PRICED_SWITCHES = ("enhance_prompt",)
TRIED = {
    "width": (64, 1024, 4096),
    "height": (64, 1024, 4096),
    "batch_size": (1, 16),
    "count": (1, 16),
    "max_tokens": (16, 4096),
}
LONGEST_TEXT = "\U0001f98a" * MAX_TEXT
"""The text that text models may charge most for: of all letters, these have the most bytes."""

ANY_TEXT = {
    "prompt": ("?",),
    "idea": ("?", LONGEST_TEXT),
    "instructions": ("?", LONGEST_TEXT),
    "extra_fields": ('{"unknown": 1}',),
}
"""For texts known only in the run. Text models charge by length; extra fields may cost more."""


@dataclass(frozen=True)
class ItemEstimate:
    """forms: the requests in each form of the item. is_exact: whether these are the very requests,
    with their keys in the store. is_open: whether there may be more. times: the images that the one
    stands for. output: its images. is_incomplete: whether an input is only still missing. model:
    its display name, "" if open. may_be_free: whether perhaps nothing is sent, as in the last run,
    or because another node decides whether this one runs. noun: "image" or "text", its output."""

    forms: tuple[tuple[Line, ...], ...] = ()
    is_exact: bool = False
    is_open: bool = False
    times: int = 1
    warnings: tuple[str, ...] = ()
    sent: str = ""
    error: str = ""
    is_incomplete: bool = False
    model: str = ""
    may_be_free: bool = False
    noun: str = "image"
    output: Images = field(default_factory=lambda: Images(is_open=True))

    def price(self, paid: set[str]) -> Price:
        """Return the price. paid: keys of free requests; gets those of this item."""
        prices = [self._price_of(form, paid) for form in self.forms]
        total = prices[0] if prices else Price()
        for price in prices[1:]:
            total = total.or_else(price)
        total = total * self.times
        if self.may_be_free:
            total = replace(total, low=0.0, reserved=0.0)
        return replace(total, high=None) if self.is_open else total

    def is_cached(self, cached: set[str]) -> bool:
        """Whether all of its results are saved."""
        return self.is_exact and cached.issuperset(self.keys)

    @property
    def keys(self) -> list[str]:
        """Return the keys in the store, if these are the very requests."""
        return [line.key for form in self.forms for line in form] if self.is_exact else []

    @property
    def count(self) -> int:
        """The number of images or texts it makes."""
        each = max((sum(line.count for line in form) for form in self.forms), default=0)
        return each * self.times

    def _price_of(self, form: Sequence[Line], paid: set[str]) -> Price:
        total = Price()
        for line in form:
            if not (self.is_exact and line.key in paid):
                low, is_known = line.low or 0.0, line.low is not None
                is_partial = isinstance(low, LowerBound)
                total += Price(low, line.high, line.high, is_known, line.has_extra, is_partial)
        if self.is_exact:
            paid.update(line.key for line in form)
        return total


def estimate_item(
    cls: Any, declared: Mapping[str, Any], given: Mapping[str, Any], estimator: PriceEstimator
) -> ItemEstimate:
    """Estimate what a node will send for an item with the inputs `given`."""
    failed = next((value for value in given.values() if isinstance(value, Failed)), None)
    if failed is not None:
        return ItemEstimate(error=failed.why, is_incomplete=failed.is_incomplete)
    inputs = {**declared["required"], **declared.get("optional", {})}
    for name, (kind, _) in inputs.items():
        if kind in widgets.SOCKETS and name in declared["required"] and name not in given:
            is_several = name.endswith("s")
            error = f"Connect {name}." if is_several else f"Connect an {name}."
            return ItemEstimate(error=error, is_incomplete=True)
    forms: list[tuple[PlannedRequest, ...]] = []
    told: list[tuple[str, ...]] = []
    errors: list[ItemEstimate] = []
    every = list(itertools.islice(_forms(cls.__name__, inputs, given), MAX_FORMS + 1))
    for values in every[:MAX_FORMS]:
        try:
            item = cls.item(values_of(declared, values), estimator.catalogue, blank_files)
            planned = tuple(map(estimator.plan, item.requests))
        except VeniceError as error:
            errors.append(_failed(error))
            continue
        own = [*item.warnings, *(w for request in planned for w in request.payload.warnings)]
        forms.append(planned)
        if planned or len(every) == 1:  # an empty mask has its own warning
            told.append(tuple(dict.fromkeys(filter(None, own))))
    if errors and not any(forms):
        return errors[0]
    source = given.get("image")
    base = source if isinstance(source, Images) else Images(is_open=source is not None)
    return ItemEstimate(
        forms=tuple(tuple(map(line_of, form)) for form in forms),
        is_exact=len(every) == 1 and not any(map(_is_stand_in, given.values())),
        is_open=len(every) > MAX_FORMS or base.is_open,
        times=base.count,
        warnings=tuple(w for own in told[:1] for w in own if all(w in each for each in told)),
        sent=_sent(forms, given.get("model")),
        noun=_noun(forms),
        model=_model_name(forms, estimator),
        output=_output(forms[0], given, len(forms) == 1),
    )


def _failed(error: VeniceError) -> ItemEstimate:
    is_incomplete = isinstance(error, InvalidRequestError) and error.is_empty
    return ItemEstimate(error=str(error).partition("\n")[0], is_incomplete=is_incomplete)


def values_of(declared: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the node's values by name, as it reads them, with stand-ins for images."""
    plain = {
        group: {name: spec for name, spec in specs.items() if spec[0] not in ("IMAGE", "MASK")}
        for group, specs in declared.items()
    }
    values = widgets.read_values(plain, given)
    if "grow_mask" in values:
        values["grow_mask"] = 0  # growing a uniform stand-in changes nothing
    base = given.get("image")
    size = (base.size if isinstance(base, Images) else None) or USUAL_SIZES[0]
    for name, (kind, _) in {**declared["required"], **declared.get("optional", {})}.items():
        if kind in ("IMAGE", "MASK"):
            own = given.get(name)
            values[name] = None if own is None else _stand_in(own, kind, size)
    return values


def blank_files(
    images: Any, _max_bytes: int, _prepare: Any = None, _are_shared: bool = False
) -> tuple[list[bytes], list[str]]:
    """Stand in for `input_images`: return files without pixels, of the same sizes."""
    return [blank_png(image.shape[1], image.shape[0]) for image in images], []


@lru_cache(maxsize=64)
def blank_png(width: int, height: int) -> bytes:
    """Return a PNG of that size without pixels."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(b"")), (b"IEND", b""))
    packed = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def _forms(
    node: str, inputs: Mapping[str, Any], given: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """Iterate over the forms of the values that may change the price."""
    tried = {
        name: _candidates(node, name, inputs[name], value)
        for name, value in given.items()
        if name in inputs
    }
    for values in itertools.product(*tried.values()):
        yield dict(zip(tried, values, strict=True))


def _candidates(
    node: str, name: str, spec: tuple[str, Mapping[str, Any]], value: Any
) -> Sequence[Any]:
    kind, options = spec
    if kind == "MASK":
        is_painted = isinstance(value, Images) and value.is_painted
        return (value,) if is_painted else (value, _EMPTY)  # only the run can tell if it's empty
    if kind == "IMAGE":
        sizes = SIZES.get(node, USUAL_SIZES) if name == "image" else USUAL_SIZES
        known = value if isinstance(value, Images) else Images(is_open=True)
        return (known,) if known.size else [Images(known.count, known.is_open, s) for s in sizes]
    if not isinstance(value, Unknown | Images):
        return (value,)
    if kind == "COMBO":
        choices = options["options"]
        return tuple(choices) if name in PRICED else (options["default"],)
    if kind == "BOOLEAN":
        return (False, True) if name in PRICED_SWITCHES else (options["default"],)
    if kind == "STRING":
        return ANY_TEXT.get(name, ("",))
    if kind == "VENICE_STYLE_REFERENCES":
        return (None, (StyleReference(blank_png(*USUAL_SIZES[0])),))
    return TRIED.get(name, (options.get("default"),))


_EMPTY = object()
"""Stands for an empty mask."""


def _stand_in(value: Any, kind: str, size: Size) -> torch.Tensor:
    """Return one image of that size that takes no memory."""
    width, height = (value.size if isinstance(value, Images) else None) or size
    if kind == "IMAGE":
        return torch.zeros(1, 1, 1, 1).expand(1, height, width, 3)
    fill = torch.zeros if value is _EMPTY else torch.ones
    return fill(1, 1, 1).expand(1, height, width)


def _is_stand_in(value: Any) -> bool:
    return isinstance(value, Unknown | Images | tuple)


def _output(
    planned: Sequence[PlannedRequest], given: Mapping[str, Any], is_certain: bool
) -> Images:
    """Return the node's output. An edited image usually keeps its size."""
    base = given.get("image")
    if not isinstance(base, Images):
        sizes = {request.payload.expected for request in planned}
        size = sizes.pop() if len(sizes) == 1 and is_certain else None
        count = sum(request.request.variants for request in planned)
        return Images(count or 1, not is_certain or isinstance(base, Unknown), size)
    size = base.size
    if planned and planned[0].request.kind == "upscale":
        size = planned[0].payload.expected if size else None
    elif given.get("keep_size") is False and given.get("mask") is None:
        size = None
    return Images(base.count, base.is_open, size)


def _noun(forms: Sequence[Sequence[PlannedRequest]]) -> str:
    is_text = any(planned.request.kind == "text" for form in forms for planned in form)
    return "text" if is_text else "image"


def _sent(forms: Sequence[Sequence[PlannedRequest]], model: object) -> str:
    """Return how the size or `model`, as typed, is sent, if certain."""
    texts = {_sent_text(form[0], model) for form in forms if form}
    return texts.pop() if len(texts) == 1 else ""


def _sent_text(planned: PlannedRequest, model: object) -> str:
    """Return the ratio and tier that replace the typed size, or the model that a trait means.

    Any other change is a warning.
    """
    if planned.request.kind == "text":
        is_same = model == planned.request.model or not isinstance(model, str)
        return "" if is_same else f"{model}: {planned.request.model}"
    fields = planned.payload.fields
    ratio, tier = fields.get("aspect_ratio"), fields.get("resolution")
    about = tier_size(ratio, tier) if ratio else None
    typed = getattr(planned.request, "width", None), getattr(planned.request, "height", None)
    if not (ratio or tier) or about == typed:
        return ""
    shown = f"{ratio} at {tier}" if ratio and tier else ratio or tier
    return f"{shown}, about {about[0]} × {about[1]}" if about else str(shown)


def _model_name(forms: Sequence[Sequence[PlannedRequest]], estimator: PriceEstimator) -> str:
    """Return the name of the model of all requests, or ""."""
    requests = {(p.request.model, p.request.kind) for form in forms for p in form}
    if len(requests) != 1:
        return ""
    id, kind = requests.pop()
    return estimator.catalogue.model(id, kind).name or id
