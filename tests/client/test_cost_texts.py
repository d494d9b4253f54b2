"""What a price is called, on the API and on the sandbox, which charges nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from venice_client import VeniceClient

MakeClient = Callable[..., VeniceClient]


@pytest.mark.parametrize(
    ("costs", "api", "sandbox"),
    [
        ([0.01, 0.02], "about 0.03 USD", "about 0.03 USD on Venice, free on the sandbox"),
        ([0.01, None], "price unknown", "price unknown, free on the sandbox"),
        ([0.0], "free: made before", "free: made before"),
    ],
    ids=["known", "unknown", "kept"],
)
def test_a_price_in_words(
    make_client: MakeClient, costs: Sequence[float | None], api: str, sandbox: str
) -> None:
    base = "http://127.0.0.1:9/api/v1"
    assert make_client(base).cost_text(costs) == api
    assert make_client(base, key="sandbox").cost_text(costs) == sandbox
