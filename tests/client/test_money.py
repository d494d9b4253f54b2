"""Amounts of money read the same everywhere."""

from __future__ import annotations

import pytest

from venice_client.money import dollar_range, dollars


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "$0.00"),
        (0.03, "$0.03"),
        (0.1 + 0.2, "$0.30"),
        (0.002, "$0.002"),
        (0.0375, "$0.0375"),
        (0.00004, "$0.00004"),
        (0.0, "$0.00"),
        (5, "$5.00"),
        (5.004, "$5.004"),
        (1234.5, "$1,234.50"),
    ],
)
def test_an_amount_has_cents_and_more_digits_only_where_it_needs_them(
    amount: float, text: str
) -> None:
    assert dollars(amount) == text


def test_a_range_names_an_amount_once_if_both_ends_read_the_same() -> None:
    assert dollar_range(0.03, 0.18) == "$0.03–$0.18"
    assert dollar_range(0.03, 0.03) == "$0.03"
