"""Venice Style References: chained, in order, as many and as strong as the model takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from bench import Bench

Pictures = Callable[..., torch.Tensor]
LARGE = "krea-v2-large"  # 3 references, honours their strength
LUMA = "luma-uni-1"  # 3 references, ignores their strength


def refer(bench: Bench, images: torch.Tensor, strength: float = 0.5, chained: Any = None) -> Any:
    more = {} if chained is None else {"style_references": chained}
    end = bench.run("VeniceStyleReferences", images=images, strength=strength, **more)
    assert end.error is None
    return end.outputs[0]


def test_references_reach_generate(
    bench: Bench, pictures: Pictures, opened: Any, judge: Any
) -> None:
    end = bench.generate(model=LARGE, style_references=refer(bench, pictures(), 0.7))
    assert end.error is None
    (reference,) = end.sent[0]["style_references"]
    assert set(reference) == {"image", "strength"}
    assert reference["strength"] == 0.7
    assert (opened(reference["image"]).format, opened(reference["image"]).size) == (
        "PNG",
        (320, 240),
    )
    judge.validate_request("/image/generate", end.sent[0])
    assert end.info["requests"][0]["style_references"] == [{"image": "(left out)", "strength": 0.7}]


def test_chained_references_come_first_with_their_own_strength(
    bench: Bench, pictures: Pictures, opened: Any
) -> None:
    first = refer(bench, pictures(start=1), 0.2)
    both = refer(bench, pictures(count=2, start=2), 0.9, chained=first)
    assert len(first) == 1  # a chain takes nothing away from another one
    sent = bench.generate(model=LARGE, style_references=both).sent[0]["style_references"]
    assert [reference["strength"] for reference in sent] == [0.2, 0.9, 0.9]
    blue = [opened(reference["image"]).getpixel((0, 0))[2] for reference in sent]
    assert blue == [37, 74, 111]


def test_strength_is_left_out_where_the_model_ignores_it(bench: Bench, pictures: Pictures) -> None:
    end = bench.generate(model=LUMA, style_references=refer(bench, pictures()))
    assert list(end.sent[0]["style_references"][0]) == ["image"]
    assert any("ignores the strength" in text for text in end.info["warnings"])


@pytest.mark.parametrize(("model", "most"), [(LARGE, 3), (LUMA, 3)])
def test_more_than_the_model_takes_are_refused(
    bench: Bench, pictures: Pictures, model: str, most: int
) -> None:
    end = bench.generate(model=model, style_references=refer(bench, pictures(count=most + 1)))
    assert end.error_name == "InvalidRequestError"
    assert f"at most {most}" in end.first_line
    assert end.sent == ()


def test_a_model_that_takes_none_refuses_them(bench: Bench, pictures: Pictures) -> None:
    end = bench.generate(style_references=refer(bench, pictures()))
    assert end.error_name == "InvalidRequestError"
    assert "doesn't support style references" in end.first_line
    assert end.sent == ()


@pytest.mark.parametrize("strength", [0.1, 0.15000000000000002, 1.0])
def test_strength_is_sent_as_shown(bench: Bench, pictures: Pictures, strength: float) -> None:
    end = bench.generate(model=LARGE, style_references=refer(bench, pictures(), strength))
    assert end.sent[0]["style_references"][0]["strength"] == round(strength, 2)


@pytest.mark.parametrize("strength", [0.0, 1.1, float("nan")])
def test_strength_out_of_range_is_refused(
    bench: Bench, pictures: Pictures, strength: float
) -> None:
    end = bench.run("VeniceStyleReferences", images=pictures(), strength=strength)
    assert end.error_name == "InvalidRequestError"
    assert "strength" in end.first_line
    assert end.texts[-1] == end.first_line


def test_another_reference_or_strength_asks_again(bench: Bench, pictures: Pictures) -> None:
    def generate(*how: Any) -> int:
        return len(bench.generate(model=LARGE, style_references=refer(bench, *how)).sent)

    assert generate(pictures()) == 1
    assert generate(pictures()) == 0
    assert generate(pictures(), 0.55) == 1
    assert generate(pictures(start=1)) == 1


def test_nothing_is_sent_and_no_key_is_needed(
    bench: Bench, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VENICE_API_KEY")
    assert len(refer(bench, pictures(count=2))) == 2
    assert bench.sandbox.requests == []
    assert bench.texts[-1] == "2 references"


def test_small_and_grey_and_transparent_images_are_references_too(
    bench: Bench, pictures: Pictures, opened: Any
) -> None:
    chain = refer(bench, pictures(64, 64, channels=1))
    chain = refer(bench, pictures(64, 64, channels=4), chained=chain)
    end = bench.generate(model=LARGE, style_references=chain)
    modes = [opened(reference["image"]).mode for reference in end.sent[0]["style_references"]]
    assert modes == ["L", "RGBA"]
