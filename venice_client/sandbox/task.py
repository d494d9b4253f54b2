"""A valid paid request, and the rules for all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from .models import Model, all_models
from .response import Refusal, Response, invalid_field
from .sizes import Size

# Enhancing doesn't change longer prompts.
ENOUGH_DETAIL = 600
UNFLAGGED = {"x-venice-is-blurred": "false", "x-venice-is-content-violation": "false"}


@dataclass(frozen=True)
class Task:
    """The content of a request: `make` draws that number of images in that size."""

    service: str
    usd: float
    size: Size
    make: Callable[[Size, int], Response]
    seed: int | None = None
    images: int = 1


def known_model(model_id: str, model_type: str) -> Model:
    """Return the model of that id. Raises Refusal unless it exists and has that type."""
    model = all_models().get(model_id)
    if model is None:
        raise Refusal(404, "MODEL_NOT_FOUND", f"Specified model not found: {model_id}")
    if model.type != model_type:
        told = f"The model {model_id} is of type {model.type}, not {model_type}"
        raise Refusal(400, "INVALID_MODEL", told)
    return model


def check_prompt(prompt: str, model: Model, name: str = "prompt") -> None:
    """Raise Refusal for too long a prompt, or a blank one that isn't negative."""
    if len(prompt) > model.prompt_limit:
        told = f"String must contain at most {model.prompt_limit} character(s) for {model.id}"
        raise invalid_field(name, told)
    if name == "prompt" and not prompt.strip():
        raise invalid_field(name, "Prompt must not be blank")


def check_offered(name: str, value: str | None, choices: tuple[str, ...], model: Model) -> None:
    """Raise Refusal unless the model offers the value, exactly as spelled; None isn't sent."""
    if value is None or value in choices:
        return
    if not choices:
        raise invalid_field(name, f"Not supported by the model {model.id}")
    raise invalid_field(name, f"{value!r:.60} is not one of: {', '.join(choices)}")


def check_transparent(payload: Mapping[str, Any], model: Model, format_name: str) -> bool:
    """Whether to draw a transparent background. Raises Refusal if the model can't."""
    name = "transparent_background"
    if not payload.get(name):
        return False
    if not model.constraints.get("supportsTransparentBackground"):
        raise invalid_field(name, f"Not supported by the model {model.id}")
    if format_name == "jpeg":
        raise invalid_field(name, "Only supported with png or webp")
    return True


def enhanced_prompt(payload: Mapping[str, Any]) -> str | None:
    """Return the prompt with more detail; None if it has enough, or without `enhance_prompt`."""
    prompt: str = payload["prompt"]
    if not payload.get("enhance_prompt") or len(prompt) > ENOUGH_DETAIL:
        return None
    return f"{prompt}, in rich detail, with soft natural light and a balanced composition"


def image_headers(model: Model, enhanced: str | None) -> dict[str, str]:
    """Return the headers of an image: flags, the model's end, and a rewritten prompt."""
    rewritten = {} if enhanced is None else {"x-venice-enhanced-prompt": quote(enhanced)}
    return {**UNFLAGGED, **model.deprecation_headers, **rewritten}
