"""The typed request for `/image/generate`, and the requests of a batch."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from ..catalogue.ignored_fields import is_ignored
from ..catalogue.model import Model
from ..catalogue.nearest import folded
from ..catalogue.prices import estimate_generate
from ..catalogue.sizing import AUTO, fit
from ..errors import InvalidRequestError
from ..imaging.image_format import SENDABLE, image_format
from .checks import (
    add_quality,
    add_transparency,
    as_base64,
    check_format,
    check_is_text,
    check_range,
    check_switch,
    check_text,
)
from .payload import Payload
from .seeds import MAX_SEED, MAX_VARIANTS, batch_seeds

MAX_PROMPT = 7500
"""Most characters of a prompt where the model's own limit is unknown: that of the schema."""

DEFAULT_SIDE = 1024
"""How many pixels width and height have by default, as in the schema."""

MAX_ASKED_SIDE = 100_000
"""Most pixels of a side that may be asked for; what the model takes instead is far below."""

DEFAULT_SEED = 1
"""The seed with which nodes begin."""

NO_STYLE = "none"
"""The name that means no style preset, in any case of letters."""

MAX_REFERENCE_BYTES = 8_000_000


@dataclass(frozen=True)
class StyleReference:
    """An encoded PNG, JPEG or WebP whose look guides the picture; strength 0.1 to 1.

    warning: what was done to the image to make it fit, in words, or "".
    """

    image: bytes
    strength: float = 0.5
    warning: str = ""


@dataclass(frozen=True)
class GenerateRequest:
    """A request to `/image/generate`.

    Not sent: None of a number or a switch, "" or "auto" of a text, and no style references.
    width, height: pixels wanted; what the model takes instead is worked out from them.
    aspect_ratio, resolution: override what follows from the size. quality: low, medium, high.
    steps: at least 1. cfg_scale: above 0 to 20. seed: ±1 … ±999999999. lora_strength: 0 to 100.
    style_preset: "None" is none as well. format: png, webp, jpeg. variants: 1 to 4. return_binary:
    by default for one picture. transparent_background: for models that make it, as png or webp.
    The facts are those of the published schema of `/image/generate`.
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

    kind: ClassVar[str] = "image"
    variation: ClassVar[int] = 0
    input_images: ClassVar[int] = 0

    @property
    def label(self) -> str:
        """The words that tell it from others of its batch."""
        return f"seed {self.seed}"

    @property
    def description(self) -> str:
        """The words that tell it from any other request in an error."""
        return f"{self.model}, {self.style_preset or 'no style'}, {self.label}"

    @property
    def is_binary(self) -> bool:
        """Whether the answer is to be the image itself rather than JSON."""
        return self.variants == 1 if self.return_binary is None else self.return_binary

    @property
    def is_reusable(self) -> bool:
        """Whether an equal request means the same picture: without a seed another one is meant."""
        return self.seed is not None

    def build(self, model: Model) -> Payload:
        """The payload for `model`. Raises InvalidRequestError for what is known to be wrong."""
        return _build(self, model)

    def price(self, payload: Payload, model: Model) -> float | None:
        """The price in USD; None where that is not published."""
        return estimate_generate(payload.fields, model)


def plan_batch(
    request: GenerateRequest, batch_size: int, variants: bool = False
) -> list[GenerateRequest]:
    """The requests for `batch_size` pictures from the request's seed (a random one stays random).

    One request a picture with seed, seed + 1, …; with `variants` one for up to four, seed + 4k.
    """
    if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
        raise InvalidRequestError(
            f"batch_size must be a whole number from 1 on, not {batch_size!r}.", "batch_size"
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
    """Warnings of what `request` sets and `model` is known to ignore without a word.

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
        f"{text} is ignored by {model.id}."
        for name, text in _IGNORED_TEXTS.items()
        if is_set[name] and name in ignored
    ]
    if request.variants > 1 and request.seed is not None and "seed" not in ignored:
        warnings.append(
            "Of variants, only the first picture of a request has the seed; each one is paid for "
            "and counts against the rate limit."
        )
    return tuple(warnings)


_IGNORED_TEXTS = {
    "negative_prompt": "The negative prompt",
    "steps": "steps",
    "seed": "seed",
    "enable_web_search": "Web search",
    "disable_prompt_optimization_thinking": "Skipping the thinking about the prompt",
    "hide_watermark": "The wish for a watermark",
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
    add_transparency(request.transparent_background, model, fields)
    if request.is_binary:
        fields["return_binary"] = True
    elif request.variants > 1:
        fields["variants"] = request.variants
    if folded(request.style_preset) not in ("", NO_STYLE):
        fields["style_preset"] = request.style_preset
    for name in _SENT_AS_GIVEN:
        value = getattr(request, name)
        if value is not None:
            fields[name] = value
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
_SENT_AS_GIVEN = ("cfg_scale", "seed", "lora_strength", *_SENT_SWITCHES)
_SWITCHES = ("return_binary", *_SENT_SWITCHES)


def _check_names(request: GenerateRequest) -> None:
    for name in ("model", "aspect_ratio", "resolution", "quality", "style_preset"):
        check_is_text(name, getattr(request, name))
    check_format("format", request.format, request.transparent_background)
    if not request.model.strip():
        raise InvalidRequestError("No model is chosen.", "model")


def _check_numbers(request: GenerateRequest) -> None:
    for side in ("width", "height"):
        if getattr(request, side) is not None:
            check_range(side, getattr(request, side), 1, MAX_ASKED_SIDE)
    check_range("variants", request.variants, 1, MAX_VARIANTS)
    if request.is_binary and request.variants > 1:
        raise InvalidRequestError("Several variants cannot come as binary.", "return_binary")
    if request.seed is not None:
        check_range("seed", request.seed, -MAX_SEED, MAX_SEED)
        if request.seed == 0:
            raise InvalidRequestError(f"seed must be 1 to {MAX_SEED}, not 0.", "seed")
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
    """Adds the size as the model takes it. Returns (width, height) to expect, if that follows."""
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
        warnings.append(f"{model.id} takes no steps: steps {request.steps} was not sent.")
        return
    if model.max_steps is not None and request.steps > model.max_steps:
        raise InvalidRequestError(
            f"{model.id} takes at most {model.max_steps} steps, not {request.steps}: lower steps, "
            "or set 0 for the model's default.",
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
            f"{model.id} takes no style references: choose another model, or give none.",
            "style_references",
        )
    if maximum is not None and len(references) > maximum:
        raise InvalidRequestError(
            f"{model.id} takes at most {maximum} style reference{'s' if maximum > 1 else ''}, not "
            f"{len(references)}.",
            "style_references",
        )
    warnings.extend(reference.warning for reference in references if reference.warning)
    if not model.honours_reference_strength:
        warnings.append(f"{model.id} ignores the strength of style references: it was not sent.")
    fields["style_references"] = [
        _style_reference(reference, model.honours_reference_strength) for reference in references
    ]


def _style_reference(reference: StyleReference, with_strength: bool) -> dict[str, Any]:
    is_sendable = image_format(reference.image) in SENDABLE
    if not is_sendable or len(reference.image) >= MAX_REFERENCE_BYTES:
        raise InvalidRequestError(
            "A style reference must be a PNG, JPEG or WebP image under 8 MB.", "style_references"
        )
    if not math.isfinite(reference.strength) or not 0.1 <= reference.strength <= 1:
        raise InvalidRequestError(
            f"The strength of a style reference must be 0.1 to 1, not {reference.strength}.",
            "style_references",
        )
    entry: dict[str, Any] = {"image": as_base64(reference.image)}
    if with_strength:
        entry["strength"] = reference.strength
    return entry
