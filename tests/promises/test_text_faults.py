"""Faults of the sandbox × ways to ask for texts: outcome, requests, charges, the store."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import process_state
from bench import KEY
from fault_table import Row
from faults import CHAT
from faulty_sandbox import Sandbox
from text_faults import ODD_ROWS, TEXT_COLUMNS, TEXT_ROWS, TextColumn
from venice_client import RequestBatch, Settings, VeniceClient
from venice_client.settings.api_key import ApiKey
from venice_client.store.ledger import Ledger

MakeClient = Callable[..., VeniceClient]

BOTH_KINDS = ("3 descriptions", "4 prompts in one answer")
CASES = [
    pytest.param(row, column, id=f"{row.name} × {column.name}")
    for row in TEXT_ROWS
    for column in TEXT_COLUMNS
    if row.only in ("", *column.kinds)
    if column.name in BOTH_KINDS or row in ODD_ROWS
]


@pytest.fixture
def make(free_sandbox: Sandbox, home: Path, monkeypatch: pytest.MonkeyPatch) -> MakeClient:
    process_state.reset(monkeypatch, FAILURE_WINDOW=0.1)
    process_state.change(monkeypatch, MAX_ANSWER_BYTES=16 * 2**20)

    def build(timeout: float = 60.0) -> VeniceClient:
        settings = Settings(
            base_url=free_sandbox.base_url,
            key=ApiKey(KEY),
            home=home,
            timeout=timeout,
            store_mb=64.0,
            max_usd_per_run=None,
        )
        client = VeniceClient(settings)
        client.catalogue.refresh()
        free_sandbox.forget()
        return client

    return build


def run(client: VeniceClient, column: TextColumn) -> RequestBatch:
    batch = client.start(column.requests())
    assert batch.wait(60)
    return batch


def texts(batch: RequestBatch) -> list[str]:
    return [text for end in batch.outcomes for text in getattr(end, "texts", ())]


def ledger_usd(client: VeniceClient) -> float:
    return sum(charge.usd or 0.0 for charge in Ledger(client.settings.home).since(0.0))


@pytest.mark.long
@pytest.mark.parametrize(("row", "column"), CASES)
def test_a_fault_ends_as_the_table_says(
    row: Row, column: TextColumn, make: MakeClient, free_sandbox: Sandbox
) -> None:
    client = make(float(row.settings.get("VENICE_TIMEOUT", 60)))
    free_sandbox.add_fault(row.fault(), CHAT, times=None)

    batch = run(client, column)

    check_outcome(batch, row, column)
    count = len(batch.planned)
    sent = len(free_sandbox.paid_requests)
    most = count * row.tries
    assert 1 <= sent <= most if row.holds_for_all else sent == most
    assert bool(free_sandbox.charged_usd) is row.charged
    check_ledger(client, batch, free_sandbox.charged_usd)
    assert len(client.results.keys()) == (count if row.kept else 0)

    free_sandbox.clear_faults()
    free_sandbox.forget()
    again = run(make(), column)
    assert len(texts(again)) == column.texts, again.outcomes
    assert len(free_sandbox.paid_requests) == (0 if row.kept else count)


def check_outcome(batch: RequestBatch, row: Row, column: TextColumn) -> None:
    for end in batch.outcomes:
        if not row.error:
            assert not isinstance(end, BaseException), end
            assert re.search(row.says, "\n".join(end.warnings))  # type: ignore[union-attr]
            continue
        assert type(end).__name__ in (row.error, "RequestCancelledError")
        first = str(end).partition("\n")[0]
        if type(end).__name__ == row.error:
            assert re.search(row.says, first, re.DOTALL), first
            assert len(first) < 500
    assert len(texts(batch)) == (0 if row.error else column.texts)


def check_ledger(client: VeniceClient, batch: RequestBatch, charged: float) -> None:
    """What Venice said it charged, to the last digit; else the most that it can be."""
    expected, is_exact = 0.0, True
    for planned, end in zip(batch.planned, batch.outcomes, strict=True):
        cost: Any = getattr(end, "cost", None)
        if isinstance(end, BaseException) and cost is None:
            cost = planned.max_price if getattr(end, "may_have_been_charged", False) else 0.0
            is_exact = is_exact and not cost
        is_exact = is_exact and cost != planned.max_price
        expected += cost
    assert ledger_usd(client) == pytest.approx(expected, abs=1e-9)
    assert expected >= charged - 1e-9
    if is_exact:
        assert expected == pytest.approx(charged, abs=1e-8)
