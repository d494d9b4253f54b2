"""Seeds: any 64-bit number becomes one that the API takes, and none becomes a random one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venice_client.request.seeds import MAX_SEED, batch_seeds, fold_seed

ANY_64_BIT = st.integers(-(2**63), 2**64 - 1)


@given(st.integers(1, MAX_SEED))
def test_a_seed_that_the_api_takes_stays_as_it_is(seed: int) -> None:
    assert fold_seed(seed) == seed


@given(ANY_64_BIT)
def test_every_64_bit_number_is_folded_into_the_range(seed: int) -> None:
    assert 1 <= fold_seed(seed) <= MAX_SEED


@given(ANY_64_BIT)
def test_folding_keeps_neighbours_apart(seed: int) -> None:
    assert fold_seed(seed) != fold_seed(seed + 1)


@pytest.mark.parametrize(
    ("seed", "folded"),
    [
        (0, 999_999_999),
        (-1, 999_999_998),
        (1_000_000_000, 1),
        (2 * MAX_SEED, MAX_SEED),
        (2**64 - 1, (2**64 - 2) % MAX_SEED + 1),
    ],
)
def test_folding_by_the_published_rule(seed: int, folded: int) -> None:
    assert fold_seed(seed) == folded


def test_a_batch_counts_on_from_its_seed() -> None:
    assert batch_seeds(100, 5) == [100, 101, 102, 103, 104]
    assert batch_seeds(100, 3, step=4) == [100, 104, 108]


def test_a_batch_at_the_end_of_the_range_goes_on_at_its_beginning() -> None:
    assert batch_seeds(MAX_SEED, 3) == [MAX_SEED, 1, 2]
    assert batch_seeds(2**64 - 1, 2)[1] == fold_seed(2**64)


@given(ANY_64_BIT, st.integers(1, 16))
def test_a_larger_batch_begins_with_the_smaller_one(seed: int, count: int) -> None:
    assert batch_seeds(seed, count + 2)[:count] == batch_seeds(seed, count)
