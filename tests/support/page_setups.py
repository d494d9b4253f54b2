"""The frontends and renderers that the page's tests run in."""

from __future__ import annotations

import pytest


def _setups(*pairs: tuple[str, str]) -> list[object]:
    return [pytest.param(pair, marks=pytest.mark.xdist_group(f"page-{pair[0]}")) for pair in pairs]


CANVAS = [(frontend, "canvas") for frontend in ("current", "new", "old")]
SETUPS = _setups(*CANVAS, ("current", "vue"), ("new", "vue"))
each_frontend = pytest.mark.parametrize("page", _setups(*CANVAS), indirect=True, ids="-".join)
"""For a test that is the same in both renderers."""
