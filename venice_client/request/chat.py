"""The typed requests to a text model: describe an image, write prompts from an idea."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from ..catalogue.catalogue import DEFAULT_TEXT, DEFAULT_VISION, Catalogue
from ..catalogue.chat_prices import most_tokens, most_usd
from ..catalogue.model import Model
from ..errors import InvalidRequestError
from ..imaging.for_text_model import image_for_text_model, scaling_warning
from ..imaging.input_image import ImageSource, InputImage, load
from . import system_prompts
from .checks import check_choice, check_is_text, check_range
from .payload import LEFT_OUT, MESSAGES, Payload
from .system_prompts import MAX_PROMPT, TASKS

CHAT_PATH = "/chat/completions"

MIN_TOKENS, MAX_TOKENS = 16, 4096
DESCRIBE_TOKENS, PROMPT_TOKENS = 500, 800
MAX_PROMPTS = 16
MAX_VARIATION = 999_999_999
MAX_TEXT = 32_768
"""The most characters of an idea, or of instructions."""


class _ChatRequest:
    """The base of requests to a text model; their response is JSON with the text in it.

    variants: how many texts it requests. max_prompt: the most characters of a text, None if any
    length will do.
    """

    kind: ClassVar[str] = "text"
    seed: ClassVar[None] = None
    is_binary: ClassVar[bool] = False
    is_reusable: ClassVar[bool] = True

    model: str
    image: ImageSource | None
    instructions: str
    max_tokens: int
    variation: int
    label: str

    @property
    def variants(self) -> int:
        """The number of texts to request."""
        return 1

    @property
    def max_prompt(self) -> int | None:
        """The most characters of a text, None if any length will do."""
        return None

    @property
    def description(self) -> str:
        """A name for it in an error."""
        return f"{self.model}, {self.label}"

    def build(self, model: Model) -> Payload:
        """Build the payload for `model`. Raises InvalidRequestError for a known mistake."""
        self._check()
        content: list[dict[str, Any]] = [{"type": "text", "text": self._order()}]
        warnings: list[str] = []
        files: tuple[tuple[str, InputImage], ...] = ()
        if self.image is not None:
            source = load(self.image)
            sent = image_for_text_model(source)
            content.append({"type": "image_url", "image_url": {"url": LEFT_OUT}})
            warnings = [warning] if (warning := scaling_warning(source, sent)) else []
            files = ((MESSAGES, sent),)
        fields: dict[str, Any] = {
            "model": self.model,
            "messages": [
                {"role": "system", "content": self._system()},
                {"role": "user", "content": content},
            ],
            "max_completion_tokens": self.max_tokens * self.variants,
            "venice_parameters": {
                "include_venice_system_prompt": False,
                "disable_thinking": True,
            },
        }
        if self.variants > 1:
            fields["response_format"] = dict(system_prompts.PROMPTS_FORMAT)
        return Payload(CHAT_PATH, fields, tuple(warnings), files)

    def price(self, payload: Payload, model: Model) -> float | None:
        """Return the most that it costs in USD, an UpperBound; None if no price is published."""
        sizes = [(image.width, image.height) for _, image in payload.files]  # type: ignore[union-attr]
        tokens = most_tokens(model, [self._system()], [self._order()], sizes)
        return most_usd(model, tokens, payload.fields["max_completion_tokens"])

    def _check(self) -> None:
        _check_length("instructions", self.instructions)
        check_range("max_tokens", self.max_tokens, MIN_TOKENS, MAX_TOKENS)
        check_range("variation", self.variation, 0, MAX_VARIATION)

    def _system(self) -> str:
        raise NotImplementedError

    def _order(self) -> str:
        raise NotImplementedError


@dataclass(frozen=True)
class DescribeRequest(_ChatRequest):
    """A request for a text about an image.

    image: bytes or a path; sent as JPEG, or PNG if it is transparent, with a long side of at most
    2048 pixels. task: "prompt", for an image model to generate one like it; "caption"; "tags"; or
    "question", which is in `instructions`. model: an id, or the trait "default_vision".
    instructions: what else to pay attention to. max_tokens: the most tokens of the answer, 16 to
    4096. variation: another number requests another answer; it isn't sent. label: a name for it
    within its batch.
    """

    image: ImageSource
    task: str = TASKS[0]
    model: str = DEFAULT_VISION
    instructions: str = ""
    max_tokens: int = DESCRIBE_TOKENS
    variation: int = 0
    label: str = "image 1"

    @property
    def max_prompt(self) -> int | None:
        """The most characters of a prompt."""
        return MAX_PROMPT if self.task == "prompt" else None

    def _check(self) -> None:
        check_choice("task", self.task, TASKS)
        super()._check()
        if self.task == "question" and not self.instructions.strip():
            raise InvalidRequestError("Enter a question.", "instructions", is_empty=True)

    def _system(self) -> str:
        return system_prompts.system_for_task(self.task)

    def _order(self) -> str:
        return system_prompts.order_for_task(self.task, self.instructions.strip())


@dataclass(frozen=True)
class WritePromptsRequest(_ChatRequest):
    """A request for prompts that turn an idea into images.

    idea: in any words. model: an id, or the trait "default" (with an image, that may mean the one
    of "default_vision"). count: how many different prompts, 1 to 16; several need a model that
    supports response schemas, see `plan_prompts`. image: bytes or a path, something to start from.
    instructions: what the prompts must follow. max_tokens: the most tokens of each prompt, 16 to
    4096. variation: another number requests other prompts; it isn't sent. label: a name for it
    within its batch. part: (number, of) if it is one of several requests for one prompt each.
    """

    idea: str
    model: str = DEFAULT_TEXT
    count: int = 1
    image: ImageSource | None = None
    instructions: str = ""
    max_tokens: int = PROMPT_TOKENS
    variation: int = 0
    label: str = "idea 1"
    part: tuple[int, int] = (1, 1)

    @property
    def variants(self) -> int:
        """The number of prompts to request."""
        return self.count

    @property
    def max_prompt(self) -> int | None:
        """The most characters of a prompt."""
        return MAX_PROMPT

    def build(self, model: Model) -> Payload:
        """Build the payload for `model`. Raises InvalidRequestError for a known mistake."""
        if self.count != 1 and model.abilities.get("supportsResponseSchema") is False:
            raise InvalidRequestError(
                f"{model.id} can't write several prompts in one request. Set count to 1, or use "
                "plan_prompts.",
                "count",
            )
        return super().build(model)

    def _check(self) -> None:
        _check_length("idea", self.idea)
        if not self.idea.strip():
            raise InvalidRequestError("Enter an idea.", "idea", is_empty=True)
        check_range("count", self.count, 1, MAX_PROMPTS)
        super()._check()

    def _system(self) -> str:
        return system_prompts.system_for_prompts(self.count, self.image is not None)

    def _order(self) -> str:
        return system_prompts.order_for_prompts(
            self.idea.strip(), self.instructions.strip(), self.part, self.image is not None
        )


ChatRequest = DescribeRequest | WritePromptsRequest


def text_model_of(request: ChatRequest, catalogue: Catalogue) -> Model:
    """Return the model of a request. If Venice's default can't see its image, that is the one that
    Venice recommends for images."""
    model = catalogue.model_when_known(request.model, request.kind)
    if request.image is not None and request.model == DEFAULT_TEXT and model.sees is False:
        return catalogue.model(DEFAULT_VISION, request.kind)
    return model


def plan_prompts(request: WritePromptsRequest, catalogue: Catalogue) -> list[WritePromptsRequest]:
    """Return the requests that `request` takes with its model.

    That is one if its model is known to support response schemas, else one for each prompt. Then
    they share the wish to differ, and run side by side.
    """
    check_is_text("model", request.model)
    check_range("count", request.count, 1, MAX_PROMPTS)
    model = text_model_of(request, catalogue)
    if request.count == 1 or model.abilities.get("supportsResponseSchema"):
        return [request]
    count = request.count
    return [
        replace(request, count=1, part=(number, count), label=f"prompt {number}")
        for number in range(1, count + 1)
    ]


def _check_length(field: str, text: str) -> None:
    check_is_text(field, text)
    if len(text) > MAX_TEXT:
        raise InvalidRequestError(
            f"Shorten the {field}. It has {len(text):,} characters; the limit is {MAX_TEXT:,}.",
            field,
        )
