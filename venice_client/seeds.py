"""Seeds: any 64-bit number folded into what the API takes, and the seeds of a batch."""

from __future__ import annotations

MAX_SEED = 999_999_999
MAX_VARIANTS = 4


def fold_seed(seed: int) -> int:
    """`seed` folded into 1 … 999,999,999, the identity there. 0 would mean a random one."""
    return (seed - 1) % MAX_SEED + 1


def batch_seeds(seed: int, count: int, step: int = 1) -> list[int]:
    """The seeds of `count` requests: the folded seed, then on by `step`, folded again."""
    first = fold_seed(seed)
    return [fold_seed(first + i * step) for i in range(count)]
