"""The typed request for `/image/generate`, and the requests of a batch."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from ..catalogue.ignored_fields import is_ignored
from ..catalogue.model import Model
from ..catalogue.nearest import folded
from ..catalogue.prices import estimate_generate
from ..catalogue.sizing import AUTO, fit
from ..errors import InvalidRequestError
from ..imaging.input_image import load
from ..imaging.whole_image import image_format
from .checks import (
    add_quality,
    as_base64,
    check_format,
    check_is_text,
    check_range,
    check_switch,
    check_text,
)
from .extra_fields import add_extra_fields
from .payload import Payload
from .seeds import MAX_SEED, MAX_VARIANTS, batch_seeds

MAX_PROMPT = 7500
"""The schema's limit in characters, for models with an unknown limit of their own."""

DEFAULT_SIDE = 1024
"""The schema's default for width and height, in pixels."""

MAX_ASKED_SIDE = 100_000
"""The most pixels per side to request; the models' own limits are far lower."""

DEFAULT_SEED = 1
"""The default seed of nodes."""

NO_STYLE = "none"
"""The name for no style preset, ignoring case."""

MAX_REFERENCE_BYTES = 8_000_000


@dataclass(frozen=True)
class StyleReference:
    """A PNG, JPEG or WebP, as bytes or a path, that guides the look; strength 0.1 to 1.

    warning: how the reference was changed to fit, or "".
    """

    image: bytes | str | os.PathLike[str]
    strength: float = 0.5
    warning: str = ""


@dataclass(frozen=True)
class GenerateRequest:
    """A request to `/image/generate`.

    None, "" and "auto" aren't sent, nor are empty style references.
    width, height: the size you want in pixels; the model gets the closest size it accepts.
    aspect_ratio, resolution: override that size. quality: low, medium, high. steps: at least 1.
    cfg_scale: above 0 to 20. seed: ±1 … ±999999999. lora_strength: 0 to 100. style_preset: "None"
    means none. format: png, webp, jpeg. variants: 1 to 4 images of one request. return_binary:
    default: True for one image. transparent_background: for models that support it, as png or webp.
    extra_fields: fields that this class lacks, sent as they are; prices don't count them.
    The ranges are those of the published schema of `/image/generate`.
    """

    model: str
    prompt: str
    negative_prompt: str = ""
    width: int | None = None
    height: int | None = None
    aspect_ratio: str = AUTO
    resolution: str = AUTO
    quality: str = AUTO
    steps: int | None = None
    cfg_scale: float | None = None
    seed: int | None = None
    style_preset: str = ""
    style_references: tuple[StyleReference, ...] = ()
    lora_strength: int | None = None
    format: str = "png"
    variants: int = 1
    return_binary: bool | None = None
    hide_watermark: bool | None = None
    safe_mode: bool | None = None
    embed_exif_metadata: bool | None = None
    enable_web_search: bool | None = None
    enhance_prompt: bool | None = None
    disable_prompt_optimization_thinking: bool | None = None
    transparent_background: bool = False
    extra_fields: Mapping[str, Any] = field(default_factory=dict, hash=False)

    kind: ClassVar[str] = "image"
    variation: ClassVar[int] = 0

    @property
    def label(self) -> str:
        """A name for it within its batch."""
        return f"seed {self.seed}"

    @property
    def description(self) -> str:
        """A name for it in an error."""
        return f"{self.model}, {self.style_preset or 'no style'}, {self.label}"

    @property
    def is_binary(self) -> bool:
        """Whether the response is the image itself rather than JSON."""
        return self.variants == 1 if self.return_binary is None else self.return_binary

    @property
    def is_reusable(self) -> bool:
        """Whether an equal request means the same image: without a seed, it means another one."""
        return self.seed is not None

    def build(self, model: Model) -> Payload:
        """Build the payload for `model`. Raises InvalidRequestError for a known mistake."""
        return _build(self, model)

    def price(self, payload: Payload, model: Model) -> float | None:
        """Return the price in USD; None if it isn't published."""
        return estimate_generate(payload.fields, model)


def plan_batch(
    request: GenerateRequest, batch_size: int, variants: bool = False
) -> list[GenerateRequest]:
    """Return the requests for `batch_size` images, starting at the request's seed.

    One request for each image with seed, seed + 1, …; with `variants` one for up to four images,
    with seed, seed + 4, …. Without a seed, each image is random.
    """
    if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
        raise InvalidRequestError(
            f"batch_size must be a whole number of at least 1, not {batch_size!r}.", "batch_size"
        )
    step = MAX_VARIANTS if variants else 1
    counts = [min(step, batch_size - done) for done in range(0, batch_size, step)]
    if request.seed is None:
        return [replace(request, variants=count) for count in counts]
    seeds = batch_seeds(request.seed, len(counts), step)
    return [
        replace(request, variants=count, seed=seed)
        for count, seed in zip(counts, seeds, strict=True)
    ]


def ignored_warnings(request: GenerateRequest, model: Model) -> tuple[str, ...]:
    """Return warnings about settings of `request` that `model` is known to ignore silently.

    A seed counts as set unless it is DEFAULT_SEED.
    """
    is_set = {
        "negative_prompt": bool(request.negative_prompt.strip()),
        "steps": request.steps is not None,
        "seed": request.seed not in (None, DEFAULT_SEED),
        "enable_web_search": request.enable_web_search is True,
        "disable_prompt_optimization_thinking": request.disable_prompt_optimization_thinking
        is True,
        "hide_watermark": request.hide_watermark is False,
    }
    ignored = {name for name in is_set if is_ignored(name, model)}
    warnings = [
        text.format(model=model.id)
        for name, text in _IGNORED_TEXTS.items()
        if is_set[name] and name in ignored
    ]
    if request.variants > 1 and request.seed is not None and "seed" not in ignored:
        warnings.append(
            "With variants, only the first image of each request uses the seed. Each image is "
            "charged and counts against the rate limit."
        )
    return tuple(warnings)


_IGNORED_TEXTS = {
    "negative_prompt": "{model} doesn't use negative prompts.",
    "steps": "{model} doesn't use steps.",
    "seed": "{model} doesn't use seeds.",
    "enable_web_search": "{model} can't search the web.",
    "disable_prompt_optimization_thinking": "{model} can't skip prompt thinking.",
    "hide_watermark": "{model} doesn't add watermarks.",
}


def _build(request: GenerateRequest, model: Model) -> Payload:
    lengths = [
        check_text("prompt", request.prompt, model, MAX_PROMPT, is_needed=True),
        check_text("negative_prompt", request.negative_prompt, model, MAX_PROMPT),
    ]
    _check_names(request)
    _check_numbers(request)
    for name in _SWITCHES:
        if getattr(request, name) is not None:
            check_switch(name, getattr(request, name))
    fields: dict[str, Any] = {"model": request.model, "prompt": request.prompt}
    warnings: list[str] = []
    if request.negative_prompt.strip():
        fields["negative_prompt"] = request.negative_prompt
    expected = _add_size(request, model, fields, warnings)
    add_quality(request.quality or AUTO, model, fields, warnings)
    _add_steps(request, model, fields, warnings)
    _add_style_references(request, model, fields, warnings)
    fields["format"] = request.format
    if request.transparent_background:
        fields["transparent_background"] = True
    if request.is_binary:
        fields["return_binary"] = True
    elif request.variants > 1:
        fields["variants"] = request.variants
    if folded(request.style_preset) not in ("", NO_STYLE):
        fields["style_preset"] = request.style_preset
    if request.cfg_scale is not None:
        fields["cfg_scale"] = float(request.cfg_scale)  # 7 and 7.0 are one request
    for name in _SENT_AS_GIVEN:
        value = getattr(request, name)
        if value is not None:
            fields[name] = value
    add_extra_fields(request.extra_fields, fields, _OWN_FIELDS)
    warnings += ignored_warnings(request, model)
    if_refused = " ".join(filter(None, lengths))
    return Payload("/image/generate", fields, tuple(warnings), (), expected, if_refused)


_SENT_SWITCHES = (
    "hide_watermark",
    "safe_mode",
    "embed_exif_metadata",
    "enable_web_search",
    "enhance_prompt",
    "disable_prompt_optimization_thinking",
)
_SENT_AS_GIVEN = ("seed", "lora_strength", *_SENT_SWITCHES)
_SWITCHES = ("return_binary", *_SENT_SWITCHES)
_OWN_FIELDS = frozenset(GenerateRequest.__dataclass_fields__) - {"embed_exif_metadata"}
"""Names that extra_fields can't have. No node has an input for EXIF, so it can be one of them."""


def _check_names(request: GenerateRequest) -> None:
    for name in ("model", "aspect_ratio", "resolution", "quality", "style_preset"):
        check_is_text(name, getattr(request, name))
    check_format("format", request.format, request.transparent_background)
    if not request.model.strip():
        raise InvalidRequestError("Choose a model.", "model")


def _check_numbers(request: GenerateRequest) -> None:
    for side in ("width", "height"):
        if getattr(request, side) is not None:
            check_range(side, getattr(request, side), 1, MAX_ASKED_SIDE)
    check_range("variants", request.variants, 1, MAX_VARIANTS)
    if request.is_binary and request.variants > 1:
        raise InvalidRequestError(
            "return_binary works for one image only. Turn it off, or set variants to 1.",
            "return_binary",
        )
    if request.seed is not None:
        check_range("seed", request.seed, -MAX_SEED, MAX_SEED)
        if request.seed == 0:
            raise InvalidRequestError(f"seed can't be 0. Use 1 to {MAX_SEED}.", "seed")
    if request.cfg_scale is not None:
        cfg = request.cfg_scale
        if isinstance(cfg, bool) or not isinstance(cfg, int | float) or not 0 < cfg <= 20:
            raise InvalidRequestError(
                f"cfg_scale must be above 0 and at most 20, not {cfg}.", "cfg_scale"
            )
    if request.lora_strength is not None:
        check_range("lora_strength", request.lora_strength, 0, 100)


def _add_size(
    request: GenerateRequest, model: Model, fields: dict[str, Any], warnings: list[str]
) -> tuple[int, int] | None:
    """Add the size as the model accepts it. Return the (width, height) to expect, if known."""
    ratio, tier = request.aspect_ratio or AUTO, request.resolution or AUTO
    if (request.width, request.height, ratio, tier) == (None, None, AUTO, AUTO):
        return None
    size = fit(
        DEFAULT_SIDE if request.width is None else request.width,
        DEFAULT_SIDE if request.height is None else request.height,
        model.sizing,
        model=model.id,
        aspect_ratio=ratio,
        resolution=tier,
    )
    fields.update(size.fields)
    warnings.extend(size.warnings)
    return size.expected


def _add_steps(
    request: GenerateRequest, model: Model, fields: dict[str, Any], warnings: list[str]
) -> None:
    if request.steps is None:
        return
    check_range("steps", request.steps, 1, 1000)
    if model.max_steps == 0:
        warnings.append(f"{model.id} doesn't use steps, so {request.steps} isn't sent.")
        return
    if model.max_steps is not None and request.steps > model.max_steps:
        raise InvalidRequestError(
            f"{model.id} allows at most {model.max_steps} steps, not {request.steps}. Lower steps, "
            "or leave them at the model's default.",
            "steps",
        )
    fields["steps"] = request.steps


def _add_style_references(
    request: GenerateRequest, model: Model, fields: dict[str, Any], warnings: list[str]
) -> None:
    references = request.style_references
    if not references:
        return
    maximum = model.style_references
    if maximum == 0:
        raise InvalidRequestError(
            f"{model.id} doesn't support style references. Choose another model, or remove them.",
            "style_references",
        )
    if maximum is not None and len(references) > maximum:
        raise InvalidRequestError(
            f"{model.id} accepts at most {maximum} style reference{'s' if maximum > 1 else ''}, "
            f"not {len(references)}.",
            "style_references",
        )
    warnings.extend(reference.warning for reference in references if reference.warning)
    if not model.honours_reference_strength:
        warnings.append(f"{model.id} ignores the strength of style references, so it isn't sent.")
    fields["style_references"] = [
        _style_reference(reference, model.honours_reference_strength) for reference in references
    ]


def _style_reference(reference: StyleReference, with_strength: bool) -> dict[str, Any]:
    image = load(reference.image)
    assert isinstance(image, bytes), "references are packed before"
    if image_format(image) is None or len(image) >= MAX_REFERENCE_BYTES:
        raise InvalidRequestError(
            "A style reference must be a PNG, JPEG or WebP image under 8 MB.", "style_references"
        )
    strength = reference.strength
    if not isinstance(strength, int | float) or not 0.1 <= strength <= 1:  # NaN fails too
        raise InvalidRequestError(
            f"The strength of a style reference must be 0.1 to 1, not {strength}.",
            "style_references",
        )
    entry: dict[str, Any] = {"image": as_base64(image)}
    if with_strength:
        entry["strength"] = float(strength)
    return entry
