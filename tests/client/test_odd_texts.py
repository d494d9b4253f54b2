"""Answers of text models in any form: a text that can be used, or one kind of error."""

from __future__ import annotations

import json
import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from venice_client import Model, NoTextError, WritePromptsRequest
from venice_client.request.payload import Payload
from venice_client.text_result import TextResult, cached_texts, charged_usd, read_text
from venice_client.transport.response import Response

MODEL = Model("m", "text", pricing={"input": {"usd": 1.0}, "output": {"usd": 2.0}})

anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
contents = st.one_of(
    anything,
    st.text(max_size=60),
    st.lists(st.fixed_dictionaries({}, optional={"text": anything, "type": anything})),
    st.builds(lambda each: json.dumps({"prompts": each}), st.lists(st.text(max_size=9)) | anything),
)
choices = st.fixed_dictionaries(
    {},
    optional={
        "message": st.fixed_dictionaries({}, optional={"content": contents}) | anything,
        "finish_reason": st.sampled_from(["stop", "length", "content_filter"]) | anything,
    },
)
bodies = st.one_of(
    anything,
    st.fixed_dictionaries(
        {},
        optional={
            "choices": st.lists(choices | anything, max_size=2) | anything,
            "usage": st.dictionaries(
                st.sampled_from(["prompt_tokens", "completion_tokens"]), anything
            ),
            "cost": st.dictionaries(st.sampled_from(["usd", "diem"]), anything) | anything,
            "id": anything,
        },
    ),
).map(lambda value: json.dumps(value).encode())


def read(body: bytes, count: int) -> TextResult | NoTextError:
    response = Response({}, body, 0.0)
    cost = charged_usd(MODEL, response, 0.5)
    assert cost is not None
    assert 0 <= cost < math.inf
    try:
        return read_text(
            WritePromptsRequest("a fox", count=count),
            Payload("/chat/completions", {}),
            response,
            key="",
            from_store=False,
            cost=cost,
            charge=cost,
            charged="Charged.",
        )
    except NoTextError as error:
        return error


@given(bodies | st.binary(max_size=200), st.integers(1, 3))
def test_any_answer_is_a_text_or_an_error(body: bytes, count: int) -> None:
    result = read(body, count)

    assert all(isinstance(text, str) for text in cached_texts(Response({}, body, 0.0)))
    if isinstance(result, NoTextError):
        assert result.body == body
        assert len(str(result)) < 1000
        return
    assert 1 <= len(result.texts) <= count
    for text in result.texts:
        assert text.strip() == text != ""
        assert len(text) < 1500
        text.encode()
        assert "\0" not in text
    json.dumps(result.facts(), allow_nan=False)
