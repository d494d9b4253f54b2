"""The typed requests that take pictures: edit, upscale, remove the background."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from ..catalogue.catalogue import DEFAULT_EDIT_MODEL
from ..catalogue.model import Model
from ..catalogue.nearest import check_offered
from ..catalogue.prices import estimate_cutout, estimate_edit, estimate_upscale
from ..catalogue.sizing import AUTO, check_ratio, is_ratio, nearest_ratio, ratio_of
from ..errors import InvalidRequestError
from ..imaging.images import MAX_PIXELS, size_of_input
from ..imaging.input_image import InputFile
from .checks import (
    add_quality,
    add_transparency,
    check_format,
    check_text,
    may_have_qualities,
)
from .payload import Payload

MIN_SIDE = 64
MIN_PIXELS = 65_536
MAX_EDIT_PIXELS = 33_177_600
MAX_OUTPUT_PIXELS = 16_777_216
MAX_INPUT_BYTES = 25_000_000
MAX_EDIT_PROMPT = 32_768
MAX_CREATIVITY = 0.02

EDIT_RATIOS = ("1:1", "3:2", "16:9", "21:9", "9:16", "2:3", "3:4", "4:3", "4:5")
"""The ratios of edits as far as they are known; what a model takes is its own list."""


@dataclass(frozen=True)
class _PictureRequest:
    """The base of requests without a seed, whose answer is an image itself."""

    seed: ClassVar[None] = None
    is_binary: ClassVar[bool] = True
    variants: ClassVar[int] = 1
    is_reusable: ClassVar[bool] = True

    @property
    def input_images(self) -> int:
        """How many pictures it sends to be changed."""
        return 1


@dataclass(frozen=True)
class EditRequest(_PictureRequest):
    """A request to `/image/edit`, or to `/image/multi-edit` for several images or a quality.

    images: the first is the base, the others are layers. aspect_ratio, resolution and
    quality: "auto" means not sent. output_format: png, webp or jpeg. variation: another number
    asks again for the same edit; it is not sent. label: what tells it from others of its batch.
    is_multi: the endpoint for several images, whether or not there are several.
    transparent_background: for models that make it, as png or webp.
    """

    images: tuple[InputFile, ...]
    prompt: str
    model: str = DEFAULT_EDIT_MODEL
    aspect_ratio: str = AUTO
    resolution: str = AUTO
    quality: str = AUTO
    output_format: str = "png"
    safe_mode: bool | None = None
    enhance_prompt: bool | None = None
    variation: int = 0
    label: str = "picture 1"
    is_multi: bool = False
    transparent_background: bool = False

    kind: ClassVar[str] = "inpaint"

    @property
    def description(self) -> str:
        """What tells it from any other in an error."""
        return f"{self.model}, {self.label}"

    @property
    def input_images(self) -> int:
        """How many pictures it sends: the base and its layers."""
        return len(self.images)

    def uses_single_image_endpoint(self, images: int, model: Model) -> bool:
        """Whether so many images go to `/image/edit`, which takes one and has no quality."""
        is_refined = self.quality != AUTO and may_have_qualities(model)
        return images == 1 and not self.is_multi and not is_refined

    def answers_in_input_size(self, images: int, model: Model) -> bool:
        """Whether the answer to so many images has the base's size, and no ratio is heeded."""
        return model.keeps_single_image_size and self.uses_single_image_endpoint(images, model)

    def answer_ratio(self, images: int, width: int, height: int, model: Model) -> float:
        """Width over height of what will come for a base of width × height in so many images.

        Without a ratio of the request's own, models with tiers take the nearest that they offer;
        the others answer with a square. Raises InvalidRequestError for a ratio that is wrong.
        """
        if self.answers_in_input_size(images, model):
            return width / height
        if self.aspect_ratio != AUTO and not model.is_auto_only:
            _check_ratio(self.aspect_ratio, model)
            return ratio_of(self.aspect_ratio)
        if model.is_known and model.tiers and model.ratios:
            return ratio_of(nearest_ratio(width, height, model.ratios))
        return 1.0

    def build(self, model: Model) -> Payload:
        """The payload for `model`. Raises InvalidRequestError for what is known to be wrong."""
        prompt = self.prompt
        length = check_text("prompt", prompt, model, MAX_EDIT_PROMPT, is_needed=True)
        _check_count(len(self.images), model)
        for image in self.images:
            check_pixels(*_check_bytes(image), MAX_EDIT_PIXELS)
        check_format("output_format", self.output_format, self.transparent_background)
        fields: dict[str, Any] = {"prompt": prompt}
        warnings: list[str] = []
        if self.uses_single_image_endpoint(len(self.images), model):
            path, name = "/image/edit", "image"
            fields["model"] = self.model
        else:
            path, name = "/image/multi-edit", "images"
            fields["modelId"] = self.model
        self._add_ratio(model, fields, warnings)
        self._add_resolution(model, fields, warnings)
        add_quality(self.quality, model, fields, warnings)
        fields["output_format"] = self.output_format
        fields |= {} if self.safe_mode is None else {"safe_mode": self.safe_mode}
        fields |= {"enhance_prompt": True} if self.enhance_prompt else {}
        add_transparency(self.transparent_background, model, fields)
        files = tuple((name, image) for image in self.images)
        return Payload(path, fields, tuple(warnings), files, if_refused=length)

    def price(self, payload: Payload, model: Model) -> float | None:
        """The price in USD; None where that is not published."""
        return estimate_edit(payload.fields, len(self.images), model)

    def _add_ratio(self, model: Model, fields: dict[str, Any], warnings: list[str]) -> None:
        ratio = self.aspect_ratio
        if ratio == AUTO:
            return
        if self.answers_in_input_size(len(self.images), model):
            warnings.append(
                f"{model.id} keeps the input's size: aspect_ratio {ratio} was not sent."
            )
            return
        if model.is_auto_only:
            warnings.append(
                f"{model.id} chooses the ratio itself: aspect_ratio {ratio} was not sent."
            )
            return
        _check_ratio(ratio, model)
        fields["aspect_ratio"] = ratio

    def _add_resolution(self, model: Model, fields: dict[str, Any], warnings: list[str]) -> None:
        tier = self.resolution
        if tier == AUTO:
            return
        if model.is_known and not model.tiers:
            warnings.append(f"{model.id} has no resolution tiers: resolution {tier} was not sent.")
            return
        if model.tiers:
            check_offered("resolution", tier, model.tiers, model.id)
        fields["resolution"] = tier


@dataclass(frozen=True)
class UpscaleRequest(_PictureRequest):
    """A request to `/image/upscale`: scale 2 or 4, creativity 0 to 0.02."""

    image: InputFile
    scale: int = 2
    creativity: float = 0.01
    variation: int = 0
    label: str = "picture 1"

    kind: ClassVar[str] = "upscale"
    model: ClassVar[str] = "upscaler"

    @property
    def description(self) -> str:
        """What tells it from any other in an error."""
        return f"{self.model}, {self.label}"

    def build(self, model: Model) -> Payload:
        """The payload. Raises InvalidRequestError for what is known to be wrong."""
        if self.scale not in (2, 4):
            raise InvalidRequestError(f"scale must be 2 or 4, not {self.scale}.", "scale")
        if not 0 <= self.creativity <= MAX_CREATIVITY:  # NaN fails too
            raise InvalidRequestError(
                f"creativity must be 0 to {MAX_CREATIVITY}, not {self.creativity}.", "creativity"
            )
        width, height = _check_bytes(self.image)
        check_upscale(width, height, self.scale)
        warning = _reduction(width, height) if self.scale == 4 else ""
        fields = {"scale": self.scale, "creativity": self.creativity}
        files = (("image", self.image),)
        if warning:
            return Payload("/image/upscale", fields, (warning,), files)
        larger = width * self.scale, height * self.scale
        return Payload("/image/upscale", fields, (), files, larger)

    def price(self, payload: Payload, model: Model) -> float | None:
        """The price in USD, by the scale that Venice can make of it."""
        return estimate_upscale(min(self.scale, _largest_scale(*size_of_input(self.image))), model)


@dataclass(frozen=True)
class RemoveBackgroundRequest(_PictureRequest):
    """A request to `/image/background-remove`; the answer is a PNG with alpha."""

    image: InputFile
    label: str = "picture 1"

    kind: ClassVar[str] = "cutout"
    model: ClassVar[str] = "bria-bg-remover"
    variation: ClassVar[int] = 0

    @property
    def description(self) -> str:
        """What tells it from any other in an error."""
        return f"{self.model}, {self.label}"

    def build(self, model: Model) -> Payload:
        """The payload. Raises InvalidRequestError for what is known to be wrong."""
        check_cutout(*_check_bytes(self.image))
        return Payload("/image/background-remove", {}, files=(("image", self.image),))

    def price(self, payload: Payload, model: Model) -> float | None:
        """The price in USD."""
        return estimate_cutout(model)


def _check_ratio(ratio: str, model: Model) -> None:
    """Raises InvalidRequestError unless `model` may take `ratio`; of some, no list is known."""
    if model.ratios or not is_ratio(ratio):
        check_ratio(ratio, model.ratios or EDIT_RATIOS, model.id)


def _check_count(count: int, model: Model) -> None:
    maximum = model.max_input_images
    if count < 1:
        raise InvalidRequestError("An edit needs an image.", "images")
    if maximum is not None and count > maximum:
        raise InvalidRequestError(
            f"{model.id} takes at most {maximum} image{'s' if maximum > 1 else ''}, not {count}: "
            "give fewer, or choose another model.",
            "images",
        )


def check_pixels(width: int, height: int, maximum: int, what: str = "The image") -> None:
    """Raises InvalidRequestError unless the API takes pictures of that size, up to `maximum`."""
    if min(width, height) < MIN_SIDE:
        raise InvalidRequestError(
            f"{what} has {width}×{height} pixels, and Venice takes at least {MIN_SIDE} a side: "
            "resize or pad it first.",
            "image",
        )
    if not MIN_PIXELS <= width * height <= maximum:
        raise InvalidRequestError(
            f"{what} has {width}×{height} = {width * height:,} pixels, and Venice takes "
            f"{MIN_PIXELS:,} to {maximum:,}: resize it first.",
            "image",
        )


def check_upscale(width: int, height: int, scale: int, what: str = "The image") -> None:
    """Raises InvalidRequestError unless Venice would make pictures of that size larger."""
    pixels = width * height
    if scale == 4 and not _gains(width, height, 1):
        raise InvalidRequestError(
            f"{what} has {width}×{height} = {pixels:,} pixels and is already as large as Venice "
            f"makes ({MAX_OUTPUT_PIXELS:,}): 4x would not make it larger.",
            "image",
        )
    check_pixels(width, height, MAX_OUTPUT_PIXELS, what)
    if scale == 2 and pixels * 4 > MAX_OUTPUT_PIXELS:
        raise InvalidRequestError(
            f"{what} has {width}×{height} pixels, and 2× of that is more than the "
            f"{MAX_OUTPUT_PIXELS:,} that Venice makes: make it smaller.",
            "image",
        )


def check_cutout(width: int, height: int, what: str = "The image") -> None:
    """Raises InvalidRequestError unless its cutout could be decoded; the API names no limit."""
    if width * height > MAX_PIXELS:
        raise InvalidRequestError(
            f"{what} has {width}×{height} = {width * height:,} pixels, and a cutout of more than "
            f"{MAX_PIXELS:,} could not be shown: resize it first.",
            "image",
        )


def _largest_scale(width: int, height: int) -> float:
    """The scale at which a picture has the most pixels that Venice makes."""
    return math.sqrt(MAX_OUTPUT_PIXELS / (width * height))


def _gains(width: int, height: int, scale: int) -> bool:
    """Whether the most that Venice makes is more than `scale` times the picture."""
    factor = _largest_scale(width, height)
    return any(math.floor(side * factor) > side * scale for side in (width, height))


def _reduction(width: int, height: int) -> str:
    """What Venice makes of 4×, where that is less; else ""."""
    pixels = width * height
    if pixels * 16 <= MAX_OUTPUT_PIXELS:
        return ""
    scale = _largest_scale(width, height)
    is_half = scale >= 2 and not _gains(width, height, 2)
    same = f" 2x gives the same size{' for less' if scale > 2 else ''}."
    return (
        f"4× of {width}×{height} is more than the {MAX_OUTPUT_PIXELS:,} pixels that Venice makes: "
        f"it reduces the scale to about {scale:.2f}×."
    ) + (same if is_half else "")


def _check_bytes(image: InputFile) -> tuple[int, int]:
    """The size of an input in pixels. Raises InvalidRequestError unless the API takes the file."""
    width, height = size_of_input(image)
    if isinstance(image, bytes) and len(image) >= MAX_INPUT_BYTES:
        raise InvalidRequestError(
            f"The image has {len(image) / 1e6:.1f} MB, and Venice takes less than 25 MB: "
            "make it smaller.",
            "image",
        )
    return width, height
