"""The size that a model accepts for width × height: pixels, a ratio, or a ratio and a tier."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import InvalidRequestError
from .nearest import check_offered

MAX_SIDE = 1280
"""The most pixels per side in the API's schema."""

TIER_TOLERANCE = 0.9
"""The smallest S² for a tier S, as a share of the area: 1344 × 768 still fits 1K."""

MAX_RATIO = 1000.0
"""The largest ratio of an image; its inverse is the smallest."""

RATIO_TOLERANCE = 0.03
"""The most that a ratio may be off, since Venice rounds sizes to multiples of some pixels."""

GRID = 16
"""In pixels: the sides of a tier's images are multiples of it, as observed."""

AUTO = "auto"


@dataclass(frozen=True)
class PixelRules:
    """The model accepts width and height: multiples of `divisor`, each at most `max_side`."""

    divisor: int = 8
    max_side: int = MAX_SIDE


@dataclass(frozen=True)
class RatioRules:
    """The model accepts one of `ratios`, and one of `tiers` if it has any.

    is_complete: whether the lists are the model's own, so that anything else is known to be wrong.
    If `ratios` is empty, the model always chooses the ratio itself.
    """

    ratios: tuple[str, ...]
    tiers: tuple[str, ...] = ()
    is_complete: bool = False


@dataclass(frozen=True)
class Size:
    """The size to send, with warnings about what differs from the size the user wants.

    expected: (width, height) of the image, or None if a warning already names another size.
    """

    fields: dict[str, int | str]
    warnings: tuple[str, ...] = ()
    expected: tuple[int, int] | None = None


def fit(
    width: int,
    height: int,
    rules: PixelRules | RatioRules,
    *,
    model: str,
    aspect_ratio: str = AUTO,
    resolution: str = AUTO,
) -> Size:
    """Return the size closest to width × height pixels that `model` accepts.

    aspect_ratio, resolution: override width and height, unless "auto". Raises InvalidRequestError
    for an override that the model is known not to offer.
    """
    if width < 1 or height < 1:
        field = "width" if width < 1 else "height"
        raise InvalidRequestError(f"The {field} must be at least 1 pixel.", field)
    if isinstance(rules, PixelRules):
        return _fit_pixels(width, height, rules, model, aspect_ratio, resolution)
    return _fit_ratio(width, height, rules, model, aspect_ratio, resolution)


def snap_pixels(width: int, height: int, rules: PixelRules) -> tuple[int, int]:
    """Return the size within the rules with the nearest ratio, scaled down no more than needed."""
    divisor = rules.divisor
    longest = rules.max_side // divisor * divisor
    part, whole = (longest, max(width, height)) if max(width, height) > longest else (1, 1)
    sides = [
        {min(longest, max(divisor, step * divisor)) for step in (down, -up)}
        for side in (width, height)
        for down, up in [(side * part // (whole * divisor), -side * part // (whole * divisor))]
    ]
    ratio = width / height

    def distance(size: tuple[int, int]) -> tuple[float, float]:
        area = size[0] * size[1] * whole**2 / (width * height * part**2)
        return abs(math.log(size[0] / size[1] / ratio)), abs(math.log(area))

    return min(((w, h) for w in sorted(sides[0]) for h in sorted(sides[1])), key=distance)


def nearest_ratio(width: int, height: int, ratios: Sequence[str]) -> str:
    """Return the ratio nearest to width : height on a logarithmic scale, named as in `ratios`."""
    return min(ratios, key=lambda name: abs(math.log(ratio_of(name) * height / width)))


def ratio_of(name: str) -> float:
    """Return width over height of a ratio such as "16:9". Raises ValueError for anything else."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?):(\d+(?:\.\d+)?)", name)
    width, height = (float(match[1]), float(match[2])) if match else (0.0, 0.0)
    if not width or not height or not 1 / MAX_RATIO <= width / height <= MAX_RATIO:
        raise ValueError(f"{name!r} is not a ratio")
    return width / height


def is_other_ratio(width: int, height: int, ratio: float) -> bool:
    """Whether width : height differs from `ratio` by more than rounding to whole pixels."""
    return abs(math.log(width / height / ratio)) > RATIO_TOLERANCE


def is_ratio(name: str) -> bool:
    """Whether `name` is a ratio such as "16:9"."""
    try:
        return ratio_of(name) > 0
    except ValueError:
        return False


def check_ratio(ratio: str, offered: Sequence[str], model: str) -> None:
    """Raise InvalidRequestError, which names the nearest, unless `ratio` is among `offered`."""
    if ratio not in offered and offered and is_ratio(ratio):
        near = min(offered, key=lambda name: abs(math.log(ratio_of(name) / ratio_of(ratio))))
        raise InvalidRequestError(
            f"{model} doesn't offer aspect_ratio {ratio}. The closest is {near}. Choose "
            f"{', '.join(offered)}, or auto.",
            "aspect_ratio",
        )
    check_offered("aspect_ratio", ratio, offered, model)


def tier_side(name: str) -> float | None:
    """Return the side of a tier's square in pixels, 1024 for "1K"; None for other names."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)K", name, re.IGNORECASE)
    return float(match[1]) * 1024 if match else None


def tier_size(ratio: str, tier: object = None) -> tuple[int, int] | None:
    """Return the approximate (width, height) of a tier at a ratio; None for unknown names."""
    side = tier_side(str(tier)) if tier else 1024.0
    if side is None or not is_ratio(ratio):
        return None
    root = math.sqrt(ratio_of(ratio))
    width, height = (
        max(GRID, round(length / GRID) * GRID) for length in (side * root, side / root)
    )
    return width, height


def smallest_tier(width: int, height: int, tiers: Sequence[str]) -> tuple[str, bool]:
    """Return the smallest tier that holds width × height, else the largest; and if it holds it."""
    sides = sorted((side, name) for name in tiers if (side := tier_side(name)))
    if not sides:
        return tiers[0], True
    for side, name in sides:
        if side * side >= TIER_TOLERANCE * width * height:
            return name, True
    return sides[-1][1], False


def no_tiers(model: str, resolution: str) -> str:
    """Return the warning that a model has no setting for its resolution."""
    return f"{model} has no resolution setting, so {resolution} isn't sent."


def chooses_ratio(model: str, size: str) -> str:
    """Return the warning that a model ignores a ratio or a size."""
    return f"{model} chooses the aspect ratio itself, so {size} isn't sent."


def _fit_pixels(
    width: int, height: int, rules: PixelRules, model: str, aspect_ratio: str, resolution: str
) -> Size:
    warnings = []
    wanted = width, height
    if aspect_ratio != AUTO:
        try:
            ratio = ratio_of(aspect_ratio)
        except ValueError:
            raise InvalidRequestError(
                f"aspect_ratio must be a ratio such as 16:9, not {aspect_ratio!r}.", "aspect_ratio"
            ) from None
        side = math.sqrt(width * height)
        wanted = round(side * math.sqrt(ratio)) or 1, round(side / math.sqrt(ratio)) or 1
    if resolution != AUTO:
        warnings.append(no_tiers(model, resolution))
    size = snap_pixels(*wanted, rules)
    if size != (width, height):
        if aspect_ratio != AUTO:
            why = f"aspect_ratio is {aspect_ratio}"
        elif max(width, height) > rules.max_side:
            why = f"{model} generates at most {rules.max_side} pixels per side"
        else:
            why = f"{model} needs multiples of {rules.divisor}"
        warnings.append(f"Size: {size[0]} × {size[1]} instead of {width} × {height}; {why}.")
    return Size({"width": size[0], "height": size[1]}, tuple(warnings), size)


def _fit_ratio(
    width: int, height: int, rules: RatioRules, model: str, aspect_ratio: str, resolution: str
) -> Size:
    ratio, warning = _ratio(width, height, rules, model, aspect_ratio)
    fields: dict[str, int | str] = {"aspect_ratio": ratio} if ratio else {}
    warnings = [warning] if warning else []
    if rules.tiers:
        fields["resolution"], warning = _tier(width, height, rules, model, resolution)
        warnings += [warning] if warning else []
    expected = None if warnings else (width, height)
    if resolution != AUTO and not rules.tiers:
        if rules.is_complete:
            warnings.append(no_tiers(model, resolution))
        else:
            fields["resolution"] = resolution
    return Size(fields, tuple(warnings), expected)


def _ratio(
    width: int, height: int, rules: RatioRules, model: str, aspect_ratio: str
) -> tuple[str, str]:
    """Return the ratio to send, "" for none, and a warning if it isn't that of width × height."""
    is_own = aspect_ratio != AUTO
    if not rules.ratios:
        return "", chooses_ratio(model, aspect_ratio if is_own else f"{width} × {height}")
    if is_own and rules.is_complete:
        check_ratio(aspect_ratio, rules.ratios, model)
    ratio = aspect_ratio if is_own else nearest_ratio(width, height, rules.ratios)
    if not is_ratio(ratio) or math.isclose(ratio_of(ratio), width / height):
        return ratio, ""
    if is_own:
        return ratio, f"aspect_ratio {ratio} overrides {width} × {height}."
    return ratio, f"{width} × {height} is sent as {ratio}, the closest ratio that {model} offers."


def _tier(
    width: int, height: int, rules: RatioRules, model: str, resolution: str
) -> tuple[str, str]:
    if resolution != AUTO:
        if rules.is_complete:
            check_offered("resolution", resolution, rules.tiers, model)
        return resolution, ""
    tier, is_enough = smallest_tier(width, height, rules.tiers)
    side = tier_side(tier)
    if not is_enough:
        return tier, f"{width} × {height} is sent as {tier}, the largest resolution of {model}."
    if side and not TIER_TOLERANCE <= side * side / (width * height) <= 1 / TIER_TOLERANCE:
        square = f"about {side:.0f} × {side:.0f}"
        return tier, f"{width} × {height} is sent as {tier} ({square}) for {model}."
    return tier, ""
