"""Turn ratio and tier into pixels."""

from __future__ import annotations

import math

Size = tuple[int, int]

GRID = 16


def ratio_value(ratio: str) -> float:
    """Parse width over height from a ratio such as 16:9; `auto` counts as a square."""
    width, _, height = ratio.partition(":")
    return int(width) / int(height) if height else 1.0


def sized(ratio: str, tier: str | None = None) -> Size:
    """Return width and height of about the tier's area at that ratio, both multiples of 16."""
    side = 1024 * float((tier or "1K").removesuffix("K"))
    root = math.sqrt(ratio_value(ratio))
    return _snapped(side * root), _snapped(side / root)


def nearest_ratio(size: Size, ratios: tuple[str, ...]) -> str:
    """Return the given ratio nearest to that of `size`; 1:1 if none is a ratio."""
    wanted = math.log(size[0] / size[1])
    known = [ratio for ratio in ratios if ":" in ratio] or ["1:1"]
    return min(known, key=lambda ratio: abs(math.log(ratio_value(ratio)) - wanted))


def _snapped(length: float) -> int:
    return max(GRID, round(length / GRID) * GRID)
