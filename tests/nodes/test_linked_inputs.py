"""What comes by wire is not checked by ComfyUI: the node refuses nonsense before it is sent."""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import pytest

from bench import Bench
from faulty_sandbox import Fault


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
        ("height", 512.5, "512.5"),
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
    bench: Bench, name: str, value: Any, said: str
) -> None:
    end = bench.generate(**{name: value})
    assert end.error_name == "InvalidRequestError"
    assert name in end.first_line
    assert said in end.first_line
    assert len(end.first_line) < 200
    assert end.error.field == name  # type: ignore[union-attr]
    assert end.texts[-1] == end.first_line
    assert end.sent == ()


@pytest.mark.parametrize(
    "inputs",
    [
        {"batch_size": 16, "width": 72, "height": 64},
        {"cfg_scale": 7, "steps": 8, "lora_strength": 100},
        {"aspect_ratio": ""},
    ],
    ids=str,
)
def test_what_is_in_range_is_taken(bench: Bench, inputs: dict[str, Any]) -> None:
    assert len(bench.generate(**inputs).tensor) == inputs.get("batch_size", 1)


@pytest.mark.parametrize("mode", ["Fixed", "random", "", None, 5])
def test_an_unknown_mode_of_the_seed_is_refused(bench: Bench, mode: Any) -> None:
    end = bench.run("VeniceSeed", seed=1, mode=mode)
    assert end.error_name == "InvalidRequestError"
    assert "mode must be fixed or random every run, not" in end.first_line
    assert "mode must be" in end.texts[-1]


def test_a_seed_that_is_no_number_is_refused(bench: Bench) -> None:
    end = bench.run("VeniceSeed", seed="7", mode="fixed")
    assert end.error_name == "InvalidRequestError"
    assert "'7'" in end.first_line


@pytest.mark.parametrize(("mode", "is_cached"), [("fixed", True), ("random every run", False)])
def test_a_seed_runs_again_unless_it_is_known_to_be_fixed(
    pack: ModuleType, mode: str, is_cached: bool
) -> None:
    node = pack.NODE_CLASS_MAPPINGS["VeniceSeed"]
    assert (node.IS_CHANGED(seed=1, mode=mode) == node.IS_CHANGED(seed=1, mode=mode)) is is_cached


def test_a_seed_whose_mode_comes_by_wire_runs_again(pack: ModuleType) -> None:
    """ComfyUI gives None for what is linked, or leaves it out."""
    node = pack.NODE_CLASS_MAPPINGS["VeniceSeed"]
    texts = {node.IS_CHANGED(seed=1, mode=None) for _ in range(5)}
    assert len(texts | {node.IS_CHANGED(seed=1) for _ in range(5)}) == 10


@pytest.mark.parametrize(
    ("seed", "shown"),
    [
        (7, "seed 7"),
        (0, "seed 999999999 · Seed 0 is out of range (1–999999999), so 999999999 is used."),
    ],
)
def test_a_fixed_seed_says_that_it_was_folded(bench: Bench, seed: int, shown: str) -> None:
    assert bench.run("VeniceSeed", seed=seed, mode="fixed").texts[-1] == shown


def test_a_drawn_seed_is_not_said_to_be_folded(bench: Bench) -> None:
    end = bench.run("VeniceSeed", seed=0, mode="random every run")
    (drawn,) = end.shown
    assert end.texts[-1] == f"seed {drawn}"


@pytest.mark.parametrize(("node", "type"), [("Generate", "image"), ("Edit", "inpaint")])
def test_ratios_and_tiers_that_our_lists_lack_reach_a_model_that_has_them(
    bench: Bench, pictures: Any, monkeypatch: pytest.MonkeyPatch, node: str, type: str
) -> None:
    monkeypatch.setenv("VENICE_MAX_USD_PER_RUN", "none")  # it has no price
    limits = {"aspectRatios": ["1:1", "9:21"], "resolutions": ["1K", "1.5K"]}
    listed = {"id": "of-tomorrow", "type": type, "model_spec": {"constraints": limits}}
    told = {"data": [listed], "object": "list"}
    bench.sandbox.add_fault(Fault.status(200, json=told), path="/models", times=None)
    inputs = {"model": "of-tomorrow", "prompt": "a fox"}

    def run(**new: str) -> Any:
        if node == "Edit":
            return bench.run("VeniceEditImage", image=pictures(), **inputs, **new)
        return bench.generate(**inputs, **new)

    (sent,) = run(aspect_ratio="9:21", resolution="1.5K").sent
    assert (sent["aspect_ratio"], sent["resolution"]) == ("9:21", "1.5K")
    assert "9:21" in run(aspect_ratio="9:22").first_line, "the nearest known one is named"
    assert "1.5K" in run(resolution="1.6K").first_line


class Anything(str):
    """The type of other packs that is never unequal."""

    def __ne__(self, _other: object) -> bool:
        return False

    __hash__ = str.__hash__


@pytest.mark.parametrize(
    ("node", "name", "received", "is_fine"),
    [
        ("VeniceGenerateImage", "model", "STRING", True),
        ("VeniceGenerateImage", "model", "COMBO", True),
        ("VeniceGenerateImage", "model", ["a", "b"], True),
        ("VeniceGenerateImage", "model", "*", True),
        ("VeniceGenerateImage", "model", "INT,STRING", True),
        ("VeniceGenerateImage", "model", "INT", False),
        ("VeniceGenerateImage", "resolution", "STRING", True),
        ("VeniceGenerateImage", "format", "STRING", False),
        ("VeniceGenerateImage", "batch_mode", ["one", "two"], True),
        ("VeniceGenerateImage", "prompt", "IMAGE", False),
        ("VeniceGenerateImage", "prompt", Anything("IMAGE"), True),
        ("VeniceGenerateImage", "prompt", "COMFY_MATCHTYPE_V3", True),
        ("VeniceGenerateImage", "seed", "FLOAT", False),
        ("VeniceGenerateImage", "style_references", "IMAGE", False),
        ("VeniceGenerateImage", "of_tomorrow", "IMAGE", True),
        ("VeniceEditImage", "model", "STRING", True),
        ("VeniceEditImage", "image", "MASK", False),
        ("VeniceGrid", "model", "STRING", True),
        ("VeniceGrid", "columns", "STRING", False),
        ("VeniceStylePreset", "preset", "STRING", True),
        ("VeniceStylePreset", "preset", "IMAGE", False),
    ],
)
def test_a_name_may_come_as_text_and_other_types_are_held_as_ever(
    pack: ModuleType, node: str, name: str, received: Any, is_fine: bool
) -> None:
    cls = pack.NODE_CLASS_MAPPINGS[node]
    for types in ({name: received}, [{name: received}]):
        told = cls.VALIDATE_INPUTS(input_types=types)
        assert (told is True) == is_fine
        assert is_fine or name in told
    assert cls.VALIDATE_INPUTS() is True
