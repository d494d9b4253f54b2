"""Functions for workers of a process pool, which find them by their name."""

from __future__ import annotations


def raise_it(error: Exception) -> None:
    raise error
