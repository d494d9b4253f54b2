"""The inputs of the text nodes, in ComfyUI's order. Saved workflows depend on it.

Add new inputs only at the end of `optional`.
"""

from __future__ import annotations

from typing import Any

from ..venice_client.for_nodes import (
    DEFAULT_TEXT,
    DEFAULT_VISION,
    DESCRIBE_TOKENS,
    MAX_PROMPTS,
    MAX_TOKENS,
    MIN_TOKENS,
    PROMPT_TOKENS,
    TASKS,
)
from .model_lists import describe_models, prompt_models
from .widgets import HIDDEN, combo, image, text, variation, whole


def describe_inputs() -> dict[str, Any]:
    """The inputs of Venice Describe Image."""
    return {
        "required": {
            "image": image("Images to describe. Each one is charged."),
            "task": combo(
                TASKS,
                default=TASKS[0],
                tooltip="prompt: for a similar image. caption: a sentence or two. tags: a list. "
                "question: answers your question in instructions.",
            ),
            "model": combo(
                describe_models(),
                default=DEFAULT_VISION,
                tooltip="A text model that accepts images. The list shows $ per million input / "
                "output tokens, cheapest first.",
            ),
        },
        "optional": {
            "instructions": text("What to pay attention to, or your question."),
            "max_tokens": whole(
                DESCRIBE_TOKENS,
                MIN_TOKENS,
                MAX_TOKENS,
                "Maximum length in tokens (about four characters each). Caps the price.",
            ),
            "variation": variation(),
        },
        "hidden": HIDDEN,
    }


def prompt_inputs() -> dict[str, Any]:
    """The inputs of Venice Write Prompt."""
    return {
        "required": {
            "idea": text("What you want to see, in a few words."),
            "model": combo(
                prompt_models(),
                default=DEFAULT_TEXT,
                tooltip="The text model. The list shows $ per million input / output tokens, "
                "cheapest first.",
            ),
            "count": whole(1, 1, MAX_PROMPTS, "How many different prompts to write."),
        },
        "optional": {
            "image": image("An image to start from, for models that accept images."),
            "instructions": text("What every prompt must follow, such as a style or a language."),
            "max_tokens": whole(
                PROMPT_TOKENS,
                MIN_TOKENS,
                MAX_TOKENS,
                "Maximum length in tokens (about four characters each). Caps the price.",
            ),
            "variation": variation(),
        },
        "hidden": HIDDEN,
    }
