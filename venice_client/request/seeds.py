"""Seeds: any 64-bit number folded into the API's range, and the seeds of a batch."""

from __future__ import annotations

from ..errors import InvalidRequestError

MAX_SEED = 999_999_999
MAX_VARIANTS = 4


def fold_seed(seed: int) -> int:
    """Return `seed` folded into 1 … 999,999,999, unchanged within that range; never 0.

    Raises InvalidRequestError unless it is a whole number.
    """
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise InvalidRequestError(f"seed must be a whole number, not {seed!r:.40}.", "seed")
    return (seed - 1) % MAX_SEED + 1


def folding_warning(seed: int) -> str:
    """Return the warning that `seed` is folded, or ""."""
    folded = fold_seed(seed)
    if folded == seed:
        return ""
    return f"Seed {seed} is out of range (1–{MAX_SEED}), so {folded} is used."


def batch_seeds(seed: int, count: int, step: int = 1) -> list[int]:
    """Return the seeds of `count` requests: the folded seed, then every `step`, folded again."""
    first = fold_seed(seed)
    return [fold_seed(first + i * step) for i in range(count)]
