"""Waiting draws random numbers of its own."""

from __future__ import annotations

import random
from collections.abc import Callable

from faulty_sandbox import Fault, Sandbox
from venice_client import GenerateRequest, VeniceClient


def test_the_programs_own_random_numbers_are_left_alone(
    client: VeniceClient, sandbox: Sandbox, request_for: Callable[..., GenerateRequest]
) -> None:
    """Whoever has seeded them, such as another node, draws the same whatever is waited for here."""
    sandbox.add_fault(Fault.status(503), times=2)
    sandbox.add_fault(Fault.status(429, headers={"retry-after": "0"}))
    random.seed(7)
    before = random.getstate()
    assert client.generate_images(request_for()).images
    assert len(sandbox.paid_requests) == 4
    assert random.getstate() == before
