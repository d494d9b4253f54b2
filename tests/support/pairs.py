"""Rows for tests of two properties at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest


def crossed(first: Sequence[Any], second: Sequence[Any]) -> list[Any]:
    """Every pair of two lists, for `parametrize`.

    `make test` tries each value with the first of the other list, `make test-all` every pair.
    """
    return [
        pytest.param(a, b, marks=[] if 0 in (i, j) else pytest.mark.long)
        for i, a in enumerate(first)
        for j, b in enumerate(second)
    ]
