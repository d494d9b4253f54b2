"""Measures several ways of doing the same thing in turns, so that other load meets all of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

Seconds = dict[str, list[float]]
"""How long each way took, by its name and round."""


def timed(function: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """How many seconds `function` takes by `clock`."""
    began = clock()
    function()
    return clock() - began


def rounds(ways: Mapping[str, Callable[[], float]], count: int) -> Seconds:
    """The seconds that each way says it took, over so many rounds, and one before that is dropped.

    Another way begins in each round.
    """
    names = list(ways)
    taken: Seconds = {name: [] for name in names}
    for number in range(count + 1):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            seconds = ways[name]()
            if number:
                taken[name].append(seconds)
    return taken


def ratio(taken: Seconds, name: str, other: str, more: float = 0.0) -> float:
    """The median, over the rounds, of one way's seconds to those of another and `more`."""
    pairs = zip(taken[name], taken[other], strict=True)
    return statistics.median(own / (theirs + more) for own, theirs in pairs)


def median(taken: Seconds, name: str) -> float:
    """The median of the seconds of one way."""
    return statistics.median(taken[name])
