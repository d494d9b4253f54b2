"""What a price is called, on the API and on the sandbox, which charges nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from venice_client.money import ExactCost, LowerBound, UpperBound, cost_text, total_cost


@pytest.mark.parametrize(
    ("costs", "api", "sandbox"),
    [
        (
            [0.01, 0.02],
            "about $0.03",
            "free in the sandbox (about $0.03 on Venice)",
        ),
        ([0.01, None], "price unknown", "free in the sandbox"),
        ([0.0], "free (saved result)", "free (saved result)"),
        (
            [LowerBound(0.09)],
            "from $0.09",
            "free in the sandbox (from $0.09 on Venice)",
        ),
        (
            [LowerBound(0.09), 0.01],
            "from $0.10",
            "free in the sandbox (from $0.10 on Venice)",
        ),
        (
            [LowerBound(0.09), None],
            "price unknown",
            "free in the sandbox",
        ),
        (
            [UpperBound(0.00181), UpperBound(0.0002)],
            "up to $0.0021",
            "free in the sandbox (up to $0.0021 on Venice)",
        ),
        ([ExactCost(0.000387)], "$0.000387", "free in the sandbox ($0.000387 on Venice)"),
        ([ExactCost(0.01), 0.0], "$0.01", "free in the sandbox ($0.01 on Venice)"),
        ([ExactCost(0.01), 0.02], "about $0.03", "free in the sandbox (about $0.03 on Venice)"),
        (
            [UpperBound(0.01), LowerBound(0.02)],
            "from $0.03",
            "free in the sandbox (from $0.03 on Venice)",
        ),
        ([UpperBound(0.0)], "free", "free"),
    ],
    ids=[
        *("known", "unknown", "kept", "bound", "bound and known", "bound and unknown"),
        *("at most", "exact", "exact and kept", "exact and known", "both bounds", "free model"),
    ],
)
def test_a_price_in_words(costs: Sequence[float | None], api: str, sandbox: str) -> None:
    assert cost_text(costs) == api
    assert cost_text(costs, is_sandbox=True) == sandbox


def test_a_bound_is_a_number_like_others() -> None:
    total = total_cost([LowerBound(0.09), LowerBound(0.01)])
    assert json.dumps([total, LowerBound(0.0375)]) == "[0.1, 0.0375]"
