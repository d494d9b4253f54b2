"""Sizes: what comes out is always taken, as close as the model allows, and said in words."""

from __future__ import annotations

import math
import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venice_client.catalogue.lists import bundled_lists
from venice_client.catalogue.model import Model, parse_model
from venice_client.catalogue.sizing import (
    PixelRules,
    RatioRules,
    Size,
    fit,
    nearest_ratio,
    ratio_of,
    smallest_tier,
)
from venice_client.errors import InvalidRequestError
from venice_client.sandbox.models import all_models

LIVE = [m for m in map(parse_model, (entry.entry for entry in all_models().values())) if m]
MODELS = [m for m in (*LIVE, *bundled_lists().listed()) if m.makes_images]
UNHEARD_OF = Model("a-model-of-tomorrow")
PIXEL_RULES = sorted(
    {m.sizing for m in MODELS if isinstance(m.sizing, PixelRules)}, key=lambda r: r.divisor
)

models = st.sampled_from([*MODELS, UNHEARD_OF])
side = st.integers(1, 10_000) | st.integers(1, 200).map(lambda n: n * 8)


def fit_for(model: Model, width: int, height: int) -> Size:
    return fit(width, height, model.sizing, model=model.id)


def test_every_kind_of_rules_is_among_the_models() -> None:
    kinds = {(type(m.sizing).__name__, bool(getattr(m.sizing, "tiers", ()))) for m in MODELS}
    assert kinds == {("PixelRules", False), ("RatioRules", False), ("RatioRules", True)}
    assert {rules.divisor for rules in PIXEL_RULES} == {8, 16}


@given(models, side, side)
def test_what_comes_out_is_taken_by_the_model(model: Model, width: int, height: int) -> None:
    fields = fit_for(model, width, height).fields
    rules = model.sizing
    if isinstance(rules, PixelRules):
        assert set(fields) == {"width", "height"}
        for value in fields.values():
            assert isinstance(value, int)
            assert 1 <= value <= rules.max_side
            assert value % rules.divisor == 0
    else:
        assert set(fields) == ({"aspect_ratio", "resolution"} if rules.tiers else {"aspect_ratio"})
        assert fields["aspect_ratio"] in rules.ratios
        assert not rules.tiers or fields["resolution"] in rules.tiers


@given(models, side, side)
def test_a_note_where_something_changed_and_only_there(
    model: Model, width: int, height: int
) -> None:
    size = fit_for(model, width, height)
    if isinstance(model.sizing, PixelRules):
        changed = (size.fields["width"], size.fields["height"]) != (width, height)
    else:
        name = str(size.fields["aspect_ratio"])
        changed = not math.isclose(ratio_of(name), width / height)
        if tier := size.fields.get("resolution"):
            area = (float(str(tier).removesuffix("K")) * 1024) ** 2 / (width * height)
            changed = changed or not 0.9 <= area <= 1 / 0.9
    assert bool(size.warnings) == changed, size
    assert all(f"{width} × {height}" in note and model.id in note for note in size.warnings)


@given(st.sampled_from(PIXEL_RULES), side, side)
def test_pixels_change_the_ratio_no_more_than_the_divisor_forces(
    rules: PixelRules, width: int, height: int
) -> None:
    """Of all sizes within one step of the scaled one, none is nearer to the ratio."""
    size = fit(width, height, rules, model="m").fields
    came = int(size["width"]), int(size["height"])

    allowed = range(rules.divisor, rules.max_side + 1, rules.divisor)
    scale = min(Fraction(1), Fraction(allowed[-1], max(width, height)))
    near_width, near_height = (
        [n for n in allowed if abs(n - max(side * scale, rules.divisor)) < rules.divisor]
        for side in (width, height)
    )
    best = min(abs(math.log(w / h / (width / height))) for w in near_width for h in near_height)
    assert came[0] in near_width
    assert came[1] in near_height
    assert abs(math.log(came[0] / came[1] / (width / height))) == pytest.approx(best, abs=1e-9)


@given(st.sampled_from(PIXEL_RULES), st.integers(1, 80), st.integers(1, 80))
def test_pixels_that_fit_are_sent_as_typed(rules: PixelRules, columns: int, rows: int) -> None:
    width = min(columns * rules.divisor, rules.max_side)
    height = min(rows * rules.divisor, rules.max_side)
    assert fit(width, height, rules, model="m") == Size(
        {"width": width, "height": height}, expected=(width, height)
    )


@given(models, side, side)
def test_ratio_is_the_nearest_one_on_a_logarithmic_scale(
    model: Model, width: int, height: int
) -> None:
    if not isinstance(rules := model.sizing, RatioRules):
        return
    off = {name: abs(math.log(ratio_of(name) / (width / height))) for name in rules.ratios}
    assert off[nearest_ratio(width, height, rules.ratios)] == min(off.values())


@pytest.mark.parametrize(
    ("width", "height", "tier", "is_enough"),
    [
        (1024, 1024, "1K", True),
        (1344, 768, "1K", True),
        (1216, 832, "1K", True),
        (1152, 896, "1K", True),
        (1280, 720, "1K", True),
        (64, 64, "1K", True),
        (1080, 1080, "2K", True),
        (1920, 1080, "2K", True),
        (2048, 2048, "2K", True),
        (2560, 1440, "2K", True),
        (2160, 2160, "4K", True),
        (4096, 2304, "4K", True),
        (4096, 4096, "4K", True),
        (8192, 8192, "4K", False),
    ],
)
def test_tier_is_the_smallest_that_holds_the_size(
    width: int, height: int, tier: str, is_enough: bool
) -> None:
    assert smallest_tier(width, height, ("4K", "1K", "2K")) == (tier, is_enough)


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ((64, 64), (64, 64)),
        ((1280, 1280), (1280, 1280)),
        ((1024, 1000), (1024, 1000)),
        ((1344, 768), (1280, 728)),
        ((1920, 1080), (1280, 720)),
        ((4096, 2304), (1280, 720)),
        ((4096, 4096), (1280, 1280)),
        ((10_000, 1), (1280, 8)),
        ((1, 1), (8, 8)),
    ],
)
def test_pixels_by_eights(asked: tuple[int, int], sent: tuple[int, int]) -> None:
    size = fit(*asked, PixelRules(8), model="m")
    assert (size.fields["width"], size.fields["height"]) == sent


@pytest.mark.parametrize(
    ("asked", "ratio", "tier"),
    [
        ((64, 64), "1:1", "1K"),
        ((1344, 768), "16:9", "1K"),
        ((1216, 832), "3:2", "1K"),
        ((768, 1344), "9:16", "1K"),
        ((1920, 1080), "16:9", "2K"),
        ((2520, 1080), "21:9", "2K"),
        ((4096, 2304), "16:9", "4K"),
    ],
)
def test_ratio_and_tier(asked: tuple[int, int], ratio: str, tier: str) -> None:
    rules = RatioRules(("1:1", "3:2", "2:3", "16:9", "9:16", "21:9"), ("1K", "2K", "4K"), True)
    assert fit(*asked, rules, model="m").fields == {"aspect_ratio": ratio, "resolution": tier}


def test_more_than_the_largest_tier_is_said() -> None:
    (note,) = fit(2048, 2048, RatioRules(("1:1",), ("1K",), True), model="small").warnings
    assert note == "2048 × 2048 is sent as 1K, the largest resolution of small."


def test_overrides_win_and_say_so() -> None:
    rules = RatioRules(("1:1", "21:9"), ("1K", "2K"), True)
    size = fit(1024, 1024, rules, model="m", aspect_ratio="21:9", resolution="2K")
    assert size.fields == {"aspect_ratio": "21:9", "resolution": "2K"}
    assert size.warnings == ("aspect_ratio 21:9 overrides 1024 × 1024.",)


def test_a_ratio_for_a_model_of_pixels_keeps_the_area() -> None:
    size = fit(1024, 1024, PixelRules(8), model="m", aspect_ratio="16:9")
    width, height = int(size.fields["width"]), int(size.fields["height"])
    assert width / height == pytest.approx(16 / 9, rel=0.02)
    assert "aspect_ratio is 16:9" in size.warnings[0]


def test_a_tier_for_a_model_without_is_not_sent_and_said() -> None:
    for rules in (PixelRules(8), RatioRules(("1:1",), is_complete=True)):
        size = fit(1024, 1024, rules, model="plain", resolution="4K")
        assert "resolution" not in size.fields
        assert size.warnings == ("plain has no resolution setting, so 4K isn't sent.",)


@pytest.mark.parametrize(
    ("field", "value", "nearest"), [("aspect_ratio", "16:10", "16:9"), ("resolution", "3K", "2K")]
)
def test_what_a_known_model_does_not_offer_is_refused_with_the_nearest(
    field: str, value: str, nearest: str
) -> None:
    rules = RatioRules(("1:1", "16:9"), ("2K",), is_complete=True)
    with pytest.raises(InvalidRequestError, match=re.escape(nearest)) as caught:
        fit(1024, 1024, rules, model="m", **{field: value})
    assert caught.value.field == field
    assert value in str(caught.value)


def test_what_an_unknown_model_may_offer_is_sent_as_typed() -> None:
    size = fit(1024, 1024, UNHEARD_OF.sizing, model="m", aspect_ratio="32:9", resolution="8K")
    assert size.fields == {"aspect_ratio": "32:9", "resolution": "8K"}


@pytest.mark.parametrize("ratio", ["wide", "0:1", "1:0", "", "1:1:1", "9" * 400 + ":1", "-1:1"])
def test_no_ratio_is_refused_for_pixels(ratio: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        fit(1024, 1024, PixelRules(8), model="m", aspect_ratio=ratio)
    assert caught.value.field == "aspect_ratio"


@pytest.mark.parametrize(("width", "height"), [(0, 64), (64, 0), (-8, 64)])
def test_no_size_is_refused(width: int, height: int) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        fit(width, height, PixelRules(8), model="m")
    assert caught.value.field in ("width", "height")


@pytest.mark.parametrize("divisor", [1, 7, 48, 1280, 1281, 5000])
def test_odd_divisors(divisor: int) -> None:
    entry = {"id": "odd", "model_spec": {"constraints": {"widthHeightDivisor": divisor}}}
    model = parse_model(entry)
    assert model is not None
    for width, height in ((64, 64), (1000, 333), (4096, 2304)):
        fields = fit_for(model, width, height).fields
        assert all(1 <= int(value) <= 1280 for value in fields.values())
