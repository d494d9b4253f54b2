"""The frontends and renderers that the page's tests run in."""

from __future__ import annotations

import pytest


def _setups(*pairs: tuple[str, str]) -> list[object]:
    return [pytest.param(pair, marks=pytest.mark.xdist_group(f"page-{pair[0]}")) for pair in pairs]


CANVAS = [(frontend, "canvas") for frontend in ("current", "new", "old")]
SETUPS = _setups(*CANVAS, ("current", "vue"), ("new", "vue"))


def _for(*pairs: tuple[str, str]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("page", _setups(*pairs), indirect=True, ids="-".join)


each_frontend = _for(*CANVAS)
"""For a test that is the same in both renderers."""

in_one_page = _for(CANVAS[0])
"""For a test of our style sheet, which is the same everywhere."""
