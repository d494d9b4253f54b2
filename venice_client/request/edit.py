"""The typed requests that change an image: edit, upscale, remove the background."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from ..catalogue.catalogue import DEFAULT_EDIT_MODEL
from ..catalogue.model import Model
from ..catalogue.nearest import check_offered
from ..catalogue.prices import estimate_cutout, estimate_edit, estimate_upscale
from ..catalogue.sizing import (
    AUTO,
    check_ratio,
    chooses_ratio,
    is_ratio,
    nearest_ratio,
    no_tiers,
    ratio_of,
)
from ..errors import InvalidRequestError
from ..imaging.images import MAX_PIXELS, size_of_input
from ..imaging.input_image import ImageSource, load
from ..imaging.masks import BY_THICKNESS
from .checks import (
    MAX_EDIT_PIXELS,
    MAX_INPUT_BYTES,
    add_quality,
    check_format,
    check_number,
    check_text,
    may_have_qualities,
)
from .extra_fields import add_extra_fields
from .masked_edit import (
    EMPTY,
    MaskedEdit,
    MaskLayout,
    lay_out,
    why_not_sent,
)
from .payload import Payload

MIN_SIDE = 64
MIN_PIXELS = 65_536
MAX_OUTPUT_PIXELS = 16_777_216
MAX_EDIT_PROMPT = 32_768
MAX_CREATIVITY = 0.02

EDIT_RATIOS = ("1:1", "3:2", "16:9", "21:9", "9:16", "2:3", "3:4", "4:3", "4:5")
"""The known ratios of edits, for models without a list of their own."""


@dataclass(frozen=True)
class _ImageRequest:
    """The base of requests without a seed; their response is the image itself."""

    seed: ClassVar[None] = None
    is_binary: ClassVar[bool] = True
    variants: ClassVar[int] = 1
    is_reusable: ClassVar[bool] = True


@dataclass(frozen=True)
class EditRequest(_ImageRequest):
    """A request to `/image/edit`, or to `/image/multi-edit` for several images or a quality.

    images: bytes or paths; the first is the base, the others are layers. aspect_ratio, resolution
    and quality: "auto" isn't sent. output_format: png, webp or jpeg. variation: another number
    means another result of the same edit; it isn't sent. label: a name for it within its batch.
    is_multi: use the endpoint for several images, even for one. transparent_background: for models
    that support it, as png or webp. extra_fields: fields that this class lacks, sent as they are;
    prices don't count them.

    mask: an image, white where to change, in the base's ratio; transparent counts as black. Only
    what it covers changes, bit for bit, and the result is a PNG in the base's size. If it is empty,
    nothing is sent. grow_mask: pixels of the base to grow it by; below 0 it shrinks. feather: the
    width of its soft edge in pixels, inside the mask; -1 picks one from the image size, unless the
    mask has a soft edge.
    """

    images: tuple[ImageSource, ...]
    prompt: str
    model: str = DEFAULT_EDIT_MODEL
    aspect_ratio: str = AUTO
    resolution: str = AUTO
    quality: str = AUTO
    output_format: str = "png"
    safe_mode: bool | None = None
    enhance_prompt: bool | None = None
    variation: int = 0
    label: str = "image 1"
    is_multi: bool = False
    transparent_background: bool = False
    extra_fields: Mapping[str, Any] = field(default_factory=dict, hash=False)
    mask: ImageSource | None = None
    grow_mask: int = 0
    feather: int = BY_THICKNESS

    kind: ClassVar[str] = "inpaint"

    @property
    def description(self) -> str:
        """A name for it in an error."""
        return f"{self.model}, {self.label}"

    def uses_single_image_endpoint(self, images: int, model: Model) -> bool:
        """Whether this many images go to `/image/edit`, which takes one and has no quality."""
        is_refined = self.quality != AUTO and may_have_qualities(model)
        return images == 1 and not self.is_multi and not is_refined

    def answers_in_input_size(self, images: int, model: Model) -> bool:
        """Whether the result for this many images has the base's size, whatever the ratio."""
        return model.keeps_single_image_size and self.uses_single_image_endpoint(images, model)

    def answer_ratio(self, images: int, width: int, height: int, model: Model) -> float:
        """Return width over height of the result for a base of width × height and this many images.

        If the request names no ratio, models with tiers use the nearest they offer; the others
        generate a square. Raises InvalidRequestError for a wrong ratio.
        """
        if self.answers_in_input_size(images, model):
            return width / height
        if self.aspect_ratio != AUTO and not model.is_auto_only:
            _check_ratio(self.aspect_ratio, model)
            return ratio_of(self.aspect_ratio)
        if model.is_known and model.tiers and model.ratios:
            return ratio_of(nearest_ratio(width, height, model.ratios))
        return 1.0

    def mask_layout(self, images: int, width: int, height: int, model: Model) -> MaskLayout:
        """Return the layout of a mask for a base of width × height, with `images` images in all.

        Raises InvalidRequestError for what a mask can't be used with.
        """
        if self.transparent_background:
            raise InvalidRequestError(
                "A mask doesn't work with transparent_background, since everything outside the "
                "mask stays as it is. Use only one of them.",
                "transparent_background",
            )
        why_not = why_not_sent(images, model)
        ratio = self.answer_ratio(images + (not why_not), width, height, model)
        return lay_out(width, height, ratio, why_not)

    def build(self, model: Model) -> Payload:
        """Build the payload for `model`. Raises InvalidRequestError for a known mistake."""
        if self.mask is not None:
            return self._build_masked(self.mask, model)
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
        fields |= {"transparent_background": True} if self.transparent_background else {}
        add_extra_fields(self.extra_fields, fields, self.__dataclass_fields__)
        files = tuple((name, load(image)) for image in self.images)
        return Payload(path, fields, tuple(warnings), files, if_refused=length)

    def price(self, payload: Payload, model: Model) -> float | None:
        """Return the price in USD; None if it isn't published."""
        return 0.0 if payload.is_empty else estimate_edit(payload.fields, len(payload.files), model)

    def _build_masked(self, mask: ImageSource, model: Model) -> Payload:
        _check_count(len(self.images), model)
        check_pixels(*_check_bytes(self.images[0]), MAX_EDIT_PIXELS)
        size_of_input(mask)
        if self.output_format != "png":
            raise InvalidRequestError(
                f"An edit with a mask is a PNG, so that the rest stays exactly as it is. Use png, "
                f"not {self.output_format}.",
                "output_format",
            )
        masked = MaskedEdit(load(self.images[0]), load(mask), self.grow_mask, self.feather)
        width, height, is_used = masked.check()
        if not is_used:
            return Payload("/image/edit", {}, (EMPTY,), masked=masked)
        masked = masked.laid_out(self.mask_layout(len(self.images), width, height, model))
        images, notes = masked.to_send(tuple(map(load, self.images[1:])))
        payload = replace(self, images=images, mask=None).build(model)
        return replace(payload, warnings=(*notes, *payload.warnings), masked=masked)

    def _add_ratio(self, model: Model, fields: dict[str, Any], warnings: list[str]) -> None:
        ratio = self.aspect_ratio
        if ratio == AUTO:
            return
        if self.answers_in_input_size(len(self.images), model):
            warnings.append(f"{model.id} keeps the input's size, so {ratio} isn't sent.")
            return
        if model.is_auto_only:
            warnings.append(chooses_ratio(model.id, ratio))
            return
        _check_ratio(ratio, model)
        fields["aspect_ratio"] = ratio

    def _add_resolution(self, model: Model, fields: dict[str, Any], warnings: list[str]) -> None:
        tier = self.resolution
        if tier == AUTO:
            return
        if model.is_known and not model.tiers:
            warnings.append(no_tiers(model.id, tier))
            return
        if model.tiers:
            check_offered("resolution", tier, model.tiers, model.id)
        fields["resolution"] = tier


@dataclass(frozen=True)
class UpscaleRequest(_ImageRequest):
    """A request to `/image/upscale`: bytes or a path, scale 2 or 4, creativity 0 to 0.02."""

    image: ImageSource
    scale: int = 2
    creativity: float = 0.01
    variation: int = 0
    label: str = "image 1"

    kind: ClassVar[str] = "upscale"
    model: ClassVar[str] = "upscaler"

    @property
    def description(self) -> str:
        """A name for it in an error."""
        return f"{self.model}, {self.label}"

    def build(self, model: Model) -> Payload:
        """Build the payload. Raises InvalidRequestError for a known mistake."""
        if self.scale not in (2, 4):
            raise InvalidRequestError(f"scale must be 2 or 4, not {self.scale}.", "scale")
        check_number("creativity", self.creativity, 0, MAX_CREATIVITY)
        width, height = _check_bytes(self.image)
        check_upscale(width, height, self.scale)
        warning = _reduction(width, height) if self.scale == 4 else ""
        fields = {"scale": int(self.scale), "creativity": float(self.creativity)}
        files = (("image", load(self.image)),)
        if warning:
            return Payload("/image/upscale", fields, (warning,), files)
        larger = width * self.scale, height * self.scale
        return Payload("/image/upscale", fields, (), files, larger)

    def price(self, payload: Payload, model: Model) -> float | None:
        """Return the price in USD for the scale that Venice can reach."""
        return estimate_upscale(min(self.scale, _largest_scale(*size_of_input(self.image))), model)


@dataclass(frozen=True)
class RemoveBackgroundRequest(_ImageRequest):
    """A request to `/image/background-remove`: bytes or a path. The result is a PNG with alpha."""

    image: ImageSource
    label: str = "image 1"

    kind: ClassVar[str] = "cutout"
    model: ClassVar[str] = "bria-bg-remover"
    variation: ClassVar[int] = 0

    @property
    def description(self) -> str:
        """A name for it in an error."""
        return f"{self.model}, {self.label}"

    def build(self, model: Model) -> Payload:
        """Build the payload. Raises InvalidRequestError for a known mistake."""
        check_cutout(*_check_bytes(self.image))
        return Payload("/image/background-remove", {}, files=(("image", load(self.image)),))

    def price(self, payload: Payload, model: Model) -> float | None:
        """Return the price in USD."""
        return estimate_cutout(model)


def _check_ratio(ratio: str, model: Model) -> None:
    """Raise InvalidRequestError unless `model` may accept `ratio`; some have no known list."""
    if model.ratios or not is_ratio(ratio):
        check_ratio(ratio, model.ratios or EDIT_RATIOS, model.id)


def _check_count(count: int, model: Model) -> None:
    maximum = model.max_input_images
    if count < 1:
        raise InvalidRequestError("Add an image to edit.", "images")
    if maximum is not None and count > maximum:
        raise InvalidRequestError(
            f"{model.id} accepts at most {maximum} image{'s' if maximum > 1 else ''}, not {count}. "
            "Remove some, or choose another model.",
            "images",
        )


def check_pixels(width: int, height: int, maximum: int, what: str = "The image") -> None:
    """Raise InvalidRequestError unless the API accepts this size, up to `maximum` pixels."""
    if min(width, height) < MIN_SIDE:
        raise InvalidRequestError(
            f"{what} is {width} × {height} pixels; Venice needs at least {MIN_SIDE} per side. "
            "Resize or pad it first.",
            "image",
        )
    if not MIN_PIXELS <= width * height <= maximum:
        raise InvalidRequestError(
            f"{what} is {width} × {height} = {width * height:,} pixels; Venice accepts "
            f"{MIN_PIXELS:,} to {maximum:,}. Resize it first.",
            "image",
        )


def check_upscale(width: int, height: int, scale: int, what: str = "The image") -> None:
    """Raise InvalidRequestError unless Venice would enlarge an image of this size."""
    pixels = width * height
    if scale == 4 and not _gains(width, height, 1):
        raise InvalidRequestError(
            f"{what} is {width} × {height} = {pixels:,} pixels. Venice upscales to at most "
            f"{MAX_OUTPUT_PIXELS:,}, so 4x wouldn't enlarge it.",
            "image",
        )
    check_pixels(width, height, MAX_OUTPUT_PIXELS, what)
    if scale == 2 and pixels * 4 > MAX_OUTPUT_PIXELS:
        raise InvalidRequestError(
            f"{what} is {width} × {height}. Venice upscales to at most {MAX_OUTPUT_PIXELS:,} "
            "pixels, so it can't double this image. Resize it first.",
            "image",
        )


def check_cutout(width: int, height: int, what: str = "The image") -> None:
    """Raise InvalidRequestError if the cutout would be too large to open; the API has no limit."""
    if width * height > MAX_PIXELS:
        raise InvalidRequestError(
            f"{what} is {width} × {height} = {width * height:,} pixels; a cutout of more than "
            f"{MAX_PIXELS:,} can't be opened. Resize it first.",
            "image",
        )


def _largest_scale(width: int, height: int) -> float:
    """Return the scale at which an image reaches the most pixels that Venice generates."""
    return math.sqrt(MAX_OUTPUT_PIXELS / (width * height))


def _gains(width: int, height: int, scale: int) -> bool:
    """Whether Venice's maximum is more than `scale` times the image."""
    factor = _largest_scale(width, height)
    return any(math.floor(side * factor) > side * scale for side in (width, height))


def _reduction(width: int, height: int) -> str:
    """Return the warning that Venice can't reach 4x, or ""."""
    pixels = width * height
    if pixels * 16 <= MAX_OUTPUT_PIXELS:
        return ""
    scale = _largest_scale(width, height)
    is_half = scale >= 2 and not _gains(width, height, 2)
    same = f" 2x gives the same size{' and costs less' if scale > 2 else ''}."
    return (
        f"4x of {width} × {height} exceeds Venice's limit of {MAX_OUTPUT_PIXELS:,} pixels, "
        f"so Venice enlarges it about {scale:.2f}x."
    ) + (same if is_half else "")


def _check_bytes(image: ImageSource) -> tuple[int, int]:
    """Return the size of an input in pixels. Raises InvalidRequestError for unsuitable files."""
    width, height = size_of_input(image)
    if isinstance(image, bytes) and len(image) >= MAX_INPUT_BYTES:
        raise InvalidRequestError(
            f"The image is {len(image) / 1e6:.1f} MB; Venice accepts less than 25 MB. Resize it, "
            "or save it as JPEG.",
            "image",
        )
    return width, height
