"""What comes by wire is not checked by ComfyUI: the node refuses nonsense before it is sent."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from faulty_sandbox import Sandbox

RunNode = Callable[..., Any]
Part = Callable[[str], ModuleType]


@pytest.fixture
def texts(part: Part, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the node shows."""
    shown: list[str] = []
    monkeypatch.setattr(part("venice_nodes.run.comfyui"), "status_listener", shown.append)
    return shown


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("batch_size", 0, "1 to 16"),
        ("batch_size", 17, "1 to 16"),
        ("batch_size", 10**6, "1 to 16"),
        ("batch_size", "4", "'4'"),
        ("batch_size", None, "None"),
        ("batch_size", True, "True"),
        ("width", 63, "64 to 4096"),
        ("width", 10**400, "64 to 4096"),
        ("width", "64", "'64'"),
        ("height", 4097, "64 to 4096"),
        ("height", 512.0, "512.0"),
        ("seed", "7", "'7'"),
        ("seed", 7.5, "7.5"),
        ("steps", -1, "0 to 50"),
        ("steps", 51, "0 to 50"),
        ("cfg_scale", -0.1, "0 to 20"),
        ("cfg_scale", math.nan, "nan"),
        ("cfg_scale", math.inf, "inf"),
        ("cfg_scale", "7", "'7'"),
        ("lora_strength", -2, "-1 to 100"),
        ("lora_strength", 101, "-1 to 100"),
        ("lora_strength", None, "None"),
        ("style", None, "text"),
        ("style", 5, "text"),
        ("style", ["Anime"], "text"),
        ("prompt", None, "text"),
        ("negative_prompt", 5, "text"),
        ("model", ["z-image-turbo"], "text"),
        ("aspect_ratio", 1, "text"),
        ("quality", None, "text"),
        ("hide_watermark", "yes", "true or false"),
        ("safe_mode", 0, "true or false"),
        ("enhance_prompt", None, "true or false"),
        ("format", "jpg", "png, webp or jpeg"),
        ("batch_mode", "Variants", "one seed per image or variants"),
        ("if_flagged", "Stop", "stop or continue"),
        ("if_flagged", None, "stop or continue"),
    ],
)
def test_what_generate_does_not_take_is_refused_before_anything_is_sent(
    service: Sandbox,
    generate: RunNode,
    part: Part,
    texts: list[str],
    name: str,
    value: Any,
    said: str,
) -> None:
    with pytest.raises(part("venice_client.errors").InvalidRequestError) as caught:
        generate(**{name: value})
    first = str(caught.value).partition("\n")[0]
    assert name in first
    assert said in first
    assert len(first) < 200
    assert caught.value.field == name
    assert texts[-1] == first
    assert service.paid_requests == []


@pytest.mark.parametrize(
    "inputs",
    [
        {"batch_size": 16, "width": 72, "height": 64},
        {"cfg_scale": 7, "steps": 8, "lora_strength": 100},
        {"aspect_ratio": ""},
    ],
    ids=str,
)
def test_what_is_in_range_is_taken(
    service: Sandbox, generate: RunNode, inputs: dict[str, Any]
) -> None:
    images, _ = generate(**inputs)
    assert len(images) == inputs.get("batch_size", 1)


@pytest.mark.parametrize("mode", ["Fixed", "random", "", None, 5])
def test_an_unknown_mode_of_the_seed_is_refused(
    run: RunNode, part: Part, texts: list[str], mode: Any
) -> None:
    error = part("venice_client.errors").InvalidRequestError
    with pytest.raises(error, match="mode must be fixed or random every run, not"):
        run("VeniceSeed", seed=1, mode=mode)
    assert "mode must be" in texts[-1]


def test_a_seed_that_is_no_number_is_refused(run: RunNode, part: Part) -> None:
    with pytest.raises(part("venice_client.errors").InvalidRequestError, match="'7'"):
        run("VeniceSeed", seed="7", mode="fixed")


@pytest.mark.parametrize(("mode", "is_kept"), [("fixed", True), ("random every run", False)])
def test_a_seed_runs_again_unless_it_is_known_to_be_fixed(
    pack: ModuleType, mode: str, is_kept: bool
) -> None:
    node = pack.NODE_CLASS_MAPPINGS["VeniceSeed"]
    assert (node.IS_CHANGED(seed=1, mode=mode) == node.IS_CHANGED(seed=1, mode=mode)) is is_kept


def test_a_seed_whose_mode_comes_by_wire_runs_again(pack: ModuleType) -> None:
    """ComfyUI gives None for what is linked, or leaves it out."""
    node = pack.NODE_CLASS_MAPPINGS["VeniceSeed"]
    assert math.isnan(node.IS_CHANGED(seed=1, mode=None))
    assert math.isnan(node.IS_CHANGED(seed=1))


@pytest.mark.parametrize(
    ("seed", "shown"),
    [
        (7, "seed 7"),
        (0, "seed 999999999 · seed 0 was folded into 999999999: Venice takes 1 to 999999999."),
    ],
)
def test_a_fixed_seed_says_that_it_was_folded(
    run: RunNode, texts: list[str], seed: int, shown: str
) -> None:
    run("VeniceSeed", seed=seed, mode="fixed")
    assert texts[-1] == shown


def test_a_drawn_seed_is_not_said_to_be_folded(run: RunNode, texts: list[str]) -> None:
    (drawn,) = run("VeniceSeed", seed=0, mode="random every run")
    assert texts[-1] == f"seed {drawn}"
