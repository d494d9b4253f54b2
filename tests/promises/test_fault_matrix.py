"""Faults of the sandbox × ways to run a node: outcome, requests, charges, the store."""

from __future__ import annotations

import re
from collections import Counter
from functools import partial
from types import ModuleType

import pytest

import process_state
from bench import Bench, End
from fault_columns import COLUMNS, Column
from fault_table import ROWS, Row
from faulty_sandbox import Fault
from text_faults import TEXT_ROWS
from waiting import wait_for

BOTH_KINDS = ("one picture", "4 variants")
"""A column of binary answers and one of JSON: every fault meets both."""

TYPICAL = (
    "status 402 INSUFFICIENT_BALANCE",
    "status 422 CONTENT_POLICY_VIOLATION",
    "status 503 MODEL_AT_CAPACITY",
    "502, charged",
    "reset, charged",
    "cut",
    "half a PNG",
    "blurred",
    "another size than made",
)
"""One row of each kind of end: these meet every endpoint, alone and in a batch."""

CASES = [
    pytest.param(row, column, id=f"{row.name} × {column.name}")
    for row in ROWS
    for column in COLUMNS
    if row.fits(column) and not row.settings
    if column.name in BOTH_KINDS or row.name in TYPICAL or row.only == "edited"
]
SLOW = [pytest.param(row, id=row.name) for row in ROWS if row.settings]
"""Those that end with the time limit: there all columns wait for it side by side."""


@pytest.fixture(autouse=True)
def small_limit(pack: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers may have 16 MiB; the real limit is measured in test_hostile_answers."""
    process_state.change(monkeypatch, pack, MAX_ANSWER_BYTES=16 * 2**20)


@pytest.mark.long
@pytest.mark.parametrize(("row", "column"), CASES)
def test_a_fault_ends_as_the_table_says(row: Row, column: Column, bench: Bench) -> None:
    bench.sandbox.add_fault(row.fault(), path=column.path, times=None)

    end = bench.run(column.node, **column.inputs())

    check_outcome(end, row, column)
    if end.error is not None:
        advice = getattr(end.error, "advice", "")
        shown = " ".join(filter(None, (end.first_line, advice)))
        assert end.texts[-1] == shown, "the node shows something else"
    check_account(end, row, column, bench)
    check_next_run(end, row, column, bench)


@pytest.mark.long
@pytest.mark.parametrize("row", SLOW)
def test_a_slow_fault_ends_as_the_table_says(
    row: Row, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in row.settings.items():
        monkeypatch.setenv(name, value)
    columns = [column for column in COLUMNS if row.fits(column)]
    requests = sum(column.requests for column in columns)
    monkeypatch.setenv("VENICE_MAX_IN_FLIGHT", str(requests))
    bench.sandbox.add_fault(row.fault(), path=None, times=None)

    ends = bench.side_by_side(*(partial(bench.run, c.node, **c.inputs()) for c in columns))

    for end, column in zip(ends, columns, strict=True):
        check_outcome(end, row, column)
        assert end.first_line in bench.texts
        assert end.seconds < 30
    usd = sum(column.usd * column.requests for column in columns) if row.charged else 0.0
    wait_for(lambda: bench.sandbox.charged_usd == pytest.approx(usd))
    sent = Counter(request.path for request in bench.sandbox.paid_requests)
    assert sent == sum((Counter({c.path: c.requests * row.tries}) for c in columns), Counter())
    assert len(bench.entries) == (requests if row.kept else 0)
    for name in row.settings:
        monkeypatch.delenv(name)
    for end, column in zip(ends, columns, strict=True):
        check_next_run(end, row, column, bench)


def check_outcome(end: End, row: Row, column: Column) -> None:
    """Images where the table says images; else its error, with cause and remedy first."""
    error = row.error_of(column)
    if not error:
        assert end.error is None, end.error
        wanted = column.pictures if row.pictures is None else row.pictures
        assert end.pictures == wanted
        assert float(end.tensor.std()) > 0, "a blank picture"
        assert re.search(row.warns or row.says, "\n".join(end.info["warnings"]))
        return
    assert end.outputs == ()
    assert end.error_name in ((error,) if column.requests == 1 else (error, "BatchError"))
    for each in getattr(end.error, "errors", [end.error]):
        assert type(each).__name__ in (error, "RequestCancelledError")
    assert re.search(row.says, end.first_line, re.DOTALL), end.first_line
    assert len(end.first_line) < 500


def check_account(end: End, row: Row, column: Column, bench: Bench) -> None:
    """As many requests as the table says, charged as it says, and kept as it says."""
    most = column.requests * row.tries
    if row.holds_for_all:
        assert 1 <= len(end.sent) <= most
    else:
        assert len(end.sent) == most
    assert end.charged == pytest.approx(column.usd * column.requests if row.charged else 0.0)
    assert len(bench.entries) == (column.requests if row.kept else 0)


def check_next_run(end: End, row: Row, column: Column, bench: Bench) -> None:
    """Once the fault is gone the same run shows its images, and pays for no kept one."""
    bench.sandbox.clear_faults()
    inputs = dict(column.inputs())
    if row.error_of(column) in ("FlaggedImageError", "ContentViolationError"):
        inputs["if_flagged"] = "continue"

    again = bench.run(column.node, **inputs)

    assert again.error is None, again.error
    assert len(again.sent) == (0 if row.kept else column.requests)
    assert again.pictures == (row.pictures or column.pictures)
    if row.kept:
        assert again.info["from_store"] == column.requests
        assert again.info["estimated_cost_usd"] == 0
        assert "free" in again.texts[-1]


@pytest.mark.parametrize(
    ("status", "column"),
    [
        pytest.param(status, column, id=f"{status} × {column.name}")
        for status in (429, 500, 503)
        for column in COLUMNS
        if column.name in BOTH_KINDS or status == 429
    ],
)
def test_a_passing_fault_is_waited_for(status: int, column: Column, bench: Bench) -> None:
    """429, 500 and 503 go away: all images come, and each is charged once."""
    headers = {"Retry-After": "0"}
    bench.sandbox.add_fault(Fault.status(status, headers=headers), path=column.path, times=2)
    end = bench.run(column.node, **column.inputs())
    assert end.error is None, end.error
    assert end.pictures == column.pictures
    assert len(end.sent) == column.requests + 2
    assert end.charged == pytest.approx(column.usd * column.requests)


def test_every_fault_of_the_sandbox_is_in_the_table() -> None:
    made = {row.fault().name.partition(" ")[0] for row in (*ROWS, *TEXT_ROWS)}
    names = [name for name, member in vars(Fault).items() if isinstance(member, classmethod)]
    assert not [name for name in names if name.partition("_")[0] not in made]


def test_every_row_is_tried() -> None:
    tried = {case.values[0].name for case in (*CASES, *SLOW)}
    assert tried == {row.name for row in ROWS}
    assert set(TYPICAL) <= tried
