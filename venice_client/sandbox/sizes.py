"""From ratio and tier to pixels."""

from __future__ import annotations

import math

TIER_SIDES = {"1K": 1024, "1.5K": 1536, "2K": 2048, "4K": 4096}
GRID = 16


def ratio_value(ratio: str) -> float:
    """Width over height of a ratio as spelled, such as 16:9; 1 of `auto`."""
    if ratio == "auto":
        return 1.0
    width, height = ratio.split(":")
    return int(width) / int(height)


def sized(ratio: str, tier: str | None = None) -> tuple[int, int]:
    """Width and height of about the tier's area at that ratio, both multiples of 16."""
    side = TIER_SIDES[tier or "1K"]
    root = math.sqrt(ratio_value(ratio))
    return _snapped(side * root), _snapped(side / root)


def nearest_ratio(width: int, height: int, ratios: tuple[str, ...]) -> str:
    """The ratio, of those given, that is nearest to width over height."""
    wanted = math.log(width / height)
    known = [ratio for ratio in ratios if ":" in ratio]
    return min(known, key=lambda ratio: abs(math.log(ratio_value(ratio)) - wanted))


def _snapped(length: float) -> int:
    return max(GRID, round(length / GRID) * GRID)
