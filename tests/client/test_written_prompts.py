"""Prompts that are written in a request each: the error that is raised if some of them fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from faults import CHAT
from faulty_sandbox import Fault, Sandbox
from venice_client import ResponseLostError, WritePromptsRequest
from venice_client.batch import gravest
from venice_client.errors import BadRequestError, PaymentRequiredError, RequestCancelledError

NO_SCHEMA = "qwen-3-7-max"


def is_prompt(number: int) -> Callable[[Any], bool]:
    return lambda sent: f"This is prompt {number} of 3" in str(sent)


def test_a_possible_charge_is_told_before_a_refusal(
    sandbox: Sandbox, make_client: Callable[..., Any]
) -> None:
    client = make_client(sandbox.base_url)
    sandbox.add_fault(Fault.status(400), CHAT, when=is_prompt(1))
    sandbox.add_fault(Fault.reset(charge=True), CHAT, when=is_prompt(2))
    with pytest.raises(ResponseLostError):
        client.write_prompts(WritePromptsRequest("a fox", NO_SCHEMA, count=3))


def test_a_cancellation_is_the_last_to_be_told() -> None:
    cancelled, refused = RequestCancelledError("no"), PaymentRequiredError("no", status=402)
    assert gravest([cancelled, None, refused, BadRequestError("no", status=400)]) is refused
    assert gravest([cancelled]) is cancelled
    assert gravest([None]) is None
