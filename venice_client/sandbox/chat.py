"""Chats: their rules, and answers about what the sandbox sees and reads."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from typing import Any

from PIL import Image

from .chat_fields import CHAT_SCHEMA
from .chat_words import prompt_from_idea, sentence_about
from .fields import require
from .inputs import MIN_SIDE, open_image
from .models import Model, all_models
from .response import Refusal, Response, invalid_field, json_response
from .sight import Sight, look
from .sizes import Size
from .task import Task, known_model

MAX_IMAGES = 10
MAX_CHOICES = 8
CHARACTERS_PER_TOKEN = 4
PIXELS_PER_TOKEN = 750
FRAME_TOKENS = 8
DEFAULT_MAX_TOKENS = 4096
MILLION = 1_000_000


@dataclass(frozen=True)
class _Chat:
    """The content of a chat. system, user: all texts of each. images: of the last user message."""

    system: str
    user: str
    images: tuple[Image.Image, ...]
    digest: bytes


def chat_task(payload: Mapping[str, Any]) -> Task:
    """Check a POST /chat/completions. Raises Refusal if the API wouldn't take it."""
    require(payload, CHAT_SCHEMA, ("messages", "model"))
    model = _text_model(payload["model"])
    schema = _schema(payload, model)
    if payload.get("stream"):
        raise invalid_field("stream", "The sandbox doesn't stream")
    chat = _read(payload["messages"], model)
    choices = int(payload.get("n", 1))
    if choices > MAX_CHOICES:
        raise invalid_field("n", f"Number must be less than or equal to {MAX_CHOICES}")
    sights = tuple(map(look, chat.images))
    text = _answer(chat, sights, schema)
    limit = payload.get("max_completion_tokens") or payload.get("max_tokens") or 0
    limit = int(limit) if limit > 0 else DEFAULT_MAX_TOKENS
    is_cut = _tokens(text) > limit
    text = text[: limit * CHARACTERS_PER_TOKEN] if is_cut else text
    usage = _usage(chat, text, choices)
    usd = _usd(model, usage)
    reason = "length" if is_cut else "stop"

    def make(_size: Size, _count: int) -> Response:
        told = _completion(payload, model, [text] * choices, reason, chat)
        told |= {"usage": usage, "cost": {"usd": usd, "diem": 0}}
        return json_response(told, headers=model.deprecation_headers)

    return Task(model.id, usd, (0, 0), make, images=1)


def _text_model(name: str) -> Model:
    """Return the text model of an id or a trait. Raises Refusal unless there is one."""
    for model in all_models().values():
        if model.type == "text" and name in model.spec.get("traits", ()):
            return model
    return known_model(name, "text")


def _schema(payload: Mapping[str, Any], model: Model) -> Mapping[str, Any] | None:
    """Return the JSON Schema of the answer, None if it may be any text."""
    wanted = payload.get("response_format", {"type": "text"})
    if wanted["type"] == "text":
        return None
    if not model.spec["capabilities"].get("supportsResponseSchema"):
        raise invalid_field("response_format", f"Not supported by the model {model.id}")
    if wanted["type"] == "json_object":
        return {"type": "object"}
    form = wanted["json_schema"]
    schema = form.get("schema")
    if not isinstance(form.get("name"), str) or not isinstance(schema, dict):
        raise invalid_field("response_format.json_schema", "Expected a name and a schema")
    if form.get("strict") is not True or schema.get("additionalProperties") is not False:
        told = "strict must be true, and additionalProperties of the schema false"
        raise invalid_field("response_format.json_schema", told)
    return schema


def _read(messages: Sequence[Mapping[str, Any]], model: Model) -> _Chat:
    """Read the messages, and open their images. Raises Refusal for what the model can't take."""
    digest = sha256(model.id.encode())
    texts: dict[str, list[str]] = {"system": [], "user": []}
    images: tuple[Image.Image, ...] = ()
    for number, message in enumerate(messages):
        role = "user" if message["role"] == "user" else "system"
        content = message.get("content") or ""
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        found = []
        for index, part in enumerate(parts):
            place = f"messages.{number}.content.{index}"
            if part["type"] == "text":
                texts[role].append(part["text"])
                digest.update(part["text"].encode())
            elif part["type"] != "image_url":
                raise invalid_field(place, f"{part['type']} is not supported by {model.id}")
            else:
                found.append(_image(f"{place}.image_url.url", part["image_url"]["url"], model))
                digest.update(found[-1].tobytes())
        if len(found) > MAX_IMAGES:
            raise invalid_field(f"messages.{number}.content", f"At most {MAX_IMAGES} images")
        images = tuple(found) or images
    system, user = ("\n".join(each) for each in texts.values())
    return _Chat(system, user, images, digest.digest())


def _image(name: str, url: str, model: Model) -> Image.Image:
    if not model.spec["capabilities"].get("supportsVision"):
        raise Refusal(400, "INVALID_REQUEST", f"The model {model.id} does not support images")
    if not url.startswith(("data:", "http://", "https://")):
        raise invalid_field(name, "Invalid url")
    image = open_image(name, url)
    if min(image.size) < MIN_SIDE:
        told = f"{name}: the image must be at least {MIN_SIDE} pixels a side"
        raise Refusal(400, "IMAGE_TOO_SMALL", told)
    return image


def _answer(chat: _Chat, sights: Sequence[Sight], schema: Mapping[str, Any] | None) -> str:
    if schema is None:
        return sentence_about(chat.system, chat.user, sights, chat.digest)
    return json.dumps(_instance(schema, chat, sights, 0), ensure_ascii=False)


def _instance(schema: Any, chat: _Chat, sights: Sequence[Sight], number: int) -> Any:
    """Return a value that fits a schema of objects, lists and texts."""
    kind = schema.get("type") if isinstance(schema, dict) else None
    if kind == "object":
        inner = schema.get("properties", {})
        return {name: _instance(each, chat, sights, number) for name, each in inner.items()}
    if kind == "array":
        count = _wanted(chat.system)
        return [_instance(schema.get("items"), chat, sights, i) for i in range(count)]
    if kind in ("number", "integer"):
        return number
    if kind == "boolean":
        return True
    return prompt_from_idea(chat.user, sights, chat.digest, number)


def _wanted(text: str) -> int:
    """Return the number behind the word "exactly", else 1."""
    words = text.replace(".", " ").split()
    pairs = pairwise(words)
    return next((int(n) for word, n in pairs if word == "exactly" and n.isdecimal()), 1)


def _tokens(text: str) -> int:
    return math.ceil(len(text) / CHARACTERS_PER_TOKEN)


def _usage(chat: _Chat, text: str, choices: int) -> dict[str, Any]:
    pixels = sum(image.width * image.height for image in chat.images)
    came_in = FRAME_TOKENS + _tokens(chat.system) + _tokens(chat.user)
    came_in += math.ceil(pixels / PIXELS_PER_TOKEN)
    out = _tokens(text) * choices
    return {
        "prompt_tokens": came_in,
        "completion_tokens": out,
        "total_tokens": came_in + out,
        "prompt_tokens_details": None,
        "completion_tokens_details": None,
    }


def _usd(model: Model, usage: Mapping[str, Any]) -> float:
    usd = sum(
        float(usage[tokens]) * float(model.pricing[name]["usd"])
        for tokens, name in (("prompt_tokens", "input"), ("completion_tokens", "output"))
    )
    return round(usd / MILLION, 9)


def _completion(
    payload: Mapping[str, Any], model: Model, texts: Sequence[str], reason: str, chat: _Chat
) -> dict[str, Any]:
    asked = payload.get("venice_parameters", {})
    return {
        "id": f"chatcmpl-{chat.digest.hex()[:32]}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model.id,
        "choices": [
            {
                "index": index,
                "finish_reason": reason,
                "stop_reason": None,
                "logprobs": None,
                "message": {
                    "role": "assistant",
                    "content": text,
                    "reasoning_content": None,
                    "tool_calls": [],
                },
            }
            for index, text in enumerate(texts)
        ],
        "prompt_logprobs": None,
        "venice_parameters": {
            "enable_e2ee": asked.get("enable_e2ee", True),
            "enable_web_search": "off",
            "enable_web_citations": asked.get("enable_web_citations", False),
            "enable_web_scraping": asked.get("enable_web_scraping", False),
            "include_venice_system_prompt": asked.get("include_venice_system_prompt", True),
            "include_search_results_in_stream": False,
            "return_search_results_as_documents": False,
            "strip_thinking_response": asked.get("strip_thinking_response", False),
            "disable_thinking": asked.get("disable_thinking", False),
            "web_search_citations": [],
        },
    }
