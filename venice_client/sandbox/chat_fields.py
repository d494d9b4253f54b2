"""The fields of a chat, by the published document: closed at the top, open within messages."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from .fields import (
    FINE,
    Check,
    Problems,
    Schema,
    anything,
    boolean,
    expected,
    integer,
    items,
    nullable,
    number,
    one_of,
    open_record,
    record,
    text,
)

WHOLE = 10**30
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
VERBOSITIES = ("low", "medium", "high", "auto")

_text_part = open_record({"text": text(1), "type": one_of("text")}, ("text", "type"))
_MEDIA = {
    "image_url": open_record({"url": text(1)}, ("url",)),
    "input_audio": open_record({"data": text(), "format": text(1)}, ("data", "format")),
    "video_url": open_record({"url": text(1)}, ("url",)),
    "file": open_record({"file_data": text(), "filename": text()}, ("file_data",)),
}


def _part(value: Any) -> Problems:
    """Check a part of a user's message."""
    kind = value.get("type") if isinstance(value, dict) else None
    if kind not in _MEDIA:
        return _text_part(value)
    return open_record({kind: _MEDIA[kind]}, (kind,))(value)


def _text_or(parts: Check) -> Check:
    return lambda value: FINE if isinstance(value, str) else parts(value)


_CONTENT = {
    "user": _text_or(items(_part)),
    "assistant": nullable(_text_or(items(_text_part))),
    "tool": _text_or(items(_text_part)),
    "system": _text_or(items(_text_part)),
    "developer": _text_or(items(_text_part)),
}


def _message(value: Any) -> Problems:
    if not isinstance(value, dict):
        return expected("object", value)
    if (role := value.get("role")) not in _CONTENT:
        return {"role": f"Invalid value. Expected one of: {', '.join(_CONTENT)}"}
    needed = () if role == "assistant" else ("content",)
    schema: Schema = {"content": _CONTENT[role], "name": nullable(text())}
    return open_record(schema, needed)(value)


def _either(*checks: Check) -> Check:
    def check(value: Any) -> Problems:
        found = [each(value) for each in checks]
        return FINE if FINE in found else found[0]

    return check


def _response_format(value: Any) -> Problems:
    kind = value.get("type") if isinstance(value, dict) else None
    if kind == "json_schema":
        schema: Schema = {"type": one_of(kind), "json_schema": open_record({})}
        return record(schema, ("json_schema", "type"))(value)
    return record({"type": one_of("text", "json_object", "json_schema")}, ("type",))(value)


_PARAMETERS: Schema = {
    "character_slug": text(),
    "enable_web_search": _either(one_of("auto", "on", "off"), boolean()),
    **{
        name: boolean()
        for name in (
            *("strip_thinking_response", "disable_thinking", "enable_e2ee", "enable_x_search"),
            *("enable_web_scraping", "enable_web_citations", "include_venice_system_prompt"),
            *("include_search_results_in_stream", "return_search_results_as_documents"),
        )
    },
}

CHAT_SCHEMA: Mapping[str, Check] = {
    "model": text(1),
    "messages": items(_message, minimum=1),
    "max_completion_tokens": integer(-WHOLE, WHOLE),
    "max_tokens": integer(-WHOLE, WHOLE),
    "n": integer(1, WHOLE),
    "seed": integer(1, WHOLE),
    "stream": boolean(),
    "stream_options": open_record({"include_usage": boolean()}),
    "temperature": number(0, 2),
    "top_p": number(0, 1),
    "top_k": integer(0, WHOLE),
    "min_p": number(0, 1),
    "min_temp": number(0, 2),
    "max_temp": number(0, 2),
    "frequency_penalty": number(-2, 2),
    "presence_penalty": number(-2, 2),
    "repetition_penalty": number(0, math.inf),
    "logprobs": boolean(),
    "top_logprobs": integer(0, WHOLE),
    "stop": nullable(_either(text(), items(text(), minimum=1))),
    "stop_token_ids": items(number(-math.inf, math.inf)),
    "response_format": _response_format,
    "reasoning": open_record({"effort": one_of(*EFFORTS), "enabled": boolean()}),
    "reasoning_effort": one_of(*EFFORTS),
    "verbosity": one_of(*VERBOSITIES),
    "text": open_record({"verbosity": one_of(*VERBOSITIES)}),
    "prompt_cache_key": text(),
    "prompt_cache_retention": one_of("default", "extended", "24h"),
    "user": text(),
    "fallbacks": items(open_record({"model": text(1)}, ("model",))),
    "store": boolean(),
    "include": items(text()),
    "metadata": open_record({}),
    "parallel_tool_calls": boolean(),
    "tool_choice": anything(),
    "tools": nullable(items(open_record({}))),
    "venice_parameters": open_record(_PARAMETERS),
}
