"""Images and texts side by side at random faults: the ledger is what the service charged."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import process_state
from bench import KEY
from fault_table import picture
from faults import CHAT, GENERATE
from faulty_sandbox import Fault, Sandbox
from venice_client import (
    DescribeRequest,
    GenerateRequest,
    NoTextError,
    Settings,
    VeniceClient,
    VeniceError,
    WritePromptsRequest,
)
from venice_client.settings.api_key import ApiKey
from venice_client.store.ledger import Ledger

SEED = 20261130
SEES, NO_SCHEMA = "google-gemma-3-27b-it", "qwen-3-7-max"

FAULTS: tuple[Callable[[], Fault], ...] = (
    lambda: Fault.status(400),
    lambda: Fault.status(422),
    lambda: Fault.status(429, headers={"Retry-After": "0"}),
    lambda: Fault.status(500),
    lambda: Fault.status(503),
    lambda: Fault.status(502),
    lambda: Fault.status(504, charge=True),
    lambda: Fault.reset(charge=True),
    lambda: Fault.close(charge=False),
    lambda: Fault.wrong_length(5),
    lambda: Fault.headers({"x-venice-deprecated": "true"}),
)
OF_IMAGES = (*FAULTS, lambda: Fault.foreign_bytes(b"<html>busy</html>", "text/html"))
OF_TEXTS = (
    *FAULTS,
    lambda: Fault.answer(finish_reason="content_filter"),
    lambda: Fault.answer(content=""),
    lambda: Fault.answer(choices=[]),
    lambda: Fault.answer(cost=None),
)
BY_PATH = {GENERATE: OF_IMAGES, CHAT: OF_TEXTS}


class Faulty:
    """In the place of a sandbox's fault plan: that share of the requests meets one by chance."""

    def __init__(self, share: float) -> None:
        self._chance, self._share = random.Random(SEED), share
        self._lock = threading.Lock()
        self._next: dict[str, list[Callable[[], Fault]]] = {GENERATE: [], CHAT: []}
        self.committed: Counter[str] = Counter()

    def take(self, path: str, _payload: Any) -> Fault | None:
        with self._lock:
            if path not in BY_PATH or self._chance.random() >= self._share:
                return None
            faults = BY_PATH[path]
            self._next[path] = self._next[path] or self._chance.sample(faults, len(faults))
            self.committed[path] += 1
            return self._next[path].pop()()


def orders() -> list[Any]:
    """200 requests of all kinds, mixed."""
    found: list[Any] = [
        GenerateRequest("z-image-turbo", "a fox", width=64, height=64, seed=n)
        for n in range(1, 101)
    ]
    found += [
        DescribeRequest(picture(80, 80), task, SEES, variation=n)
        for n in range(25)
        for task in ("prompt", "tags")
    ]
    found += [WritePromptsRequest("an owl", SEES, count=3, variation=n) for n in range(25)]
    found += [WritePromptsRequest("an owl", NO_SCHEMA, part=(n, 25)) for n in range(1, 26)]
    random.Random(SEED).shuffle(found)
    return found


@pytest.mark.long
@pytest.mark.timeout(300)
def test_the_ledger_is_what_the_service_charged_for_images_and_texts(
    free_sandbox: Sandbox, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process_state.reset(monkeypatch, FAILURE_WINDOW=0.1)
    settings = Settings(
        base_url=free_sandbox.base_url,
        key=ApiKey(KEY),
        home=home,
        timeout=20.0,
        store_mb=64.0,
        max_usd_per_run=None,
        max_usd_per_day=1000.0,
    )
    client = VeniceClient(settings)
    client.catalogue.refresh()
    free_sandbox.forget()
    faults = Faulty(0.3)
    monkeypatch.setattr(free_sandbox, "_faults", faults)
    wanted, told, lost = orders(), 0.0, 0.0
    assert len(wanted) == 200

    for round_ in range(40):
        batch = client.start(wanted, run=f"round {round_}")
        assert batch.wait(120)
        again = []
        for request, planned, end in zip(wanted, batch.planned, batch.outcomes, strict=True):
            if not isinstance(end, BaseException):
                told += end.cost or 0.0
                continue
            again.append(request)
            assert isinstance(end, VeniceError), end
            if isinstance(end, NoTextError):
                told += end.cost or 0.0
            elif end.may_have_been_charged:
                lost += planned.max_price or 0.0
        wanted = again
        if not wanted:
            break

    assert not wanted, "not done after 40 rounds"
    charges = Ledger(home).since(0.0)
    ledger = sum(charge.usd or 0.0 for charge in charges)
    answered = [r for r in free_sandbox.paid_requests if r.status == 200]
    assert min(faults.committed.values()) > len(OF_TEXTS), "every fault came"
    assert ledger == pytest.approx(told + lost, abs=1e-7)
    unread = [r for r in answered if r.path == GENERATE]  # a page for an image is a loss, too
    assert len(unread) >= 100
    server = free_sandbox.charged_usd
    silent = sum(r.charged_usd for r in free_sandbox.paid_requests if r.status != 200)
    pages = sum(1 for r in unread) * 0.01 - 100 * 0.01
    assert server - silent - pages == pytest.approx(told, abs=1e-7)
    assert ledger - lost == pytest.approx(server - silent - pages, abs=1e-7)
    assert len({charge.id for charge in charges}) == len(charges)

    before = len(free_sandbox.paid_requests)
    batch = client.start(orders())
    assert batch.wait(60)
    assert len(free_sandbox.paid_requests) == before, "all of it is saved"
    assert sum(end.cost or 0.0 for end in batch.outcomes) == 0  # type: ignore[union-attr]
