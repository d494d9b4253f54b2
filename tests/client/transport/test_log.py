"""The log: one line for each request, one for each response that is paid for, and no secret."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable

import pytest

from faulty_sandbox import Fault, Sandbox
from venice_client import GenerateRequest, VeniceClient, VeniceError

PROMPT = "a fox nobody else may read of"
RequestFor = Callable[..., GenerateRequest]


def lines(caplog: pytest.LogCaptureFixture, level: int) -> list[str]:
    """What `venice_client` has logged at a level."""
    found = [r for r in caplog.records if r.name.startswith("venice_client")]
    return [record.getMessage() for record in found if record.levelno == level]


@pytest.mark.parametrize(
    ("fault", "end", "is_paid"),
    [
        (None, r"200 in \d+\.\d s, tries: 1, request id: \S+", True),
        (Fault.status(500), r"200 in \d+\.\d s, tries: 2, request id: \S+", True),
        (
            Fault.status(400, {"error": PROMPT}, headers={"x-request-id": "req-7"}),
            r"400 in \d+\.\d s, tries: 1, request id: req-7",
            False,
        ),
        (Fault.echo_key(), r"\d+ in \d+\.\d s, tries: 1, request id: \S+", False),
        (Fault.reset(), r"ResponseLostError in \d+\.\d s, tries: 1, request id: none", False),
    ],
    ids=["good", "tried again", "refused", "key echoed", "lost"],
)
def test_each_request_has_a_line_without_prompt_and_key(
    fault: Fault | None,
    end: str,
    is_paid: bool,
    client: VeniceClient,
    sandbox: Sandbox,
    request_for: RequestFor,
    caplog: pytest.LogCaptureFixture,
) -> None:
    if fault is not None:
        sandbox.add_fault(fault)
    with caplog.at_level(logging.DEBUG):
        try:
            client.generate_images(request_for(prompt=PROMPT))
        except VeniceError:
            assert not is_paid
    (line,) = lines(caplog, logging.DEBUG)
    assert re.fullmatch(f"POST /image/generate: {end}", line), line
    paid = ["z-image-turbo responded: about $0.01"] if is_paid else []
    assert lines(caplog, logging.INFO) == paid
    logged = "".join(record.getMessage() for record in caplog.records)
    assert PROMPT not in logged
    assert "test-key" not in logged
    client.generate_images(request_for(prompt=PROMPT, seed=8))
