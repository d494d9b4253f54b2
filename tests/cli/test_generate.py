"""`generate`: names, formats, seeds, options, --json."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from faulty_sandbox import Fault, Sandbox
from venice_client.imaging.whole_image import image_format


def sent(sandbox: Sandbox) -> list[Any]:
    return [request.json for request in sandbox.paid_requests]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_writes_numbered_images_and_prints_their_paths(
    cli: Any, sandbox: Sandbox, folder: Path
) -> None:
    end = cli(
        *("generate", "a fox in snow", "--style", "Anime", "--seed", "7"),
        *("--size", "1024x768", "-n", "4", "-o", "fox.png"),
    )

    assert end.code == 0
    assert sorted(end.lines) == ["fox-1.png", "fox-2.png", "fox-3.png", "fox-4.png"]
    assert names(folder) == sorted(end.lines)
    assert sorted(request["seed"] for request in sent(sandbox)) == [7, 8, 9, 10]
    assert {request["style_preset"] for request in sent(sandbox)} == {"Anime"}
    with Image.open("fox-1.png") as picture:
        assert picture.size == (1024, 768)


def test_one_image_has_no_number(cli: Any, folder: Path) -> None:
    assert cli("generate", "a fox", "-o", "fox.png").lines == ["fox.png"]


def test_a_name_is_free_beside_one_of_another_format(cli: Any, folder: Path) -> None:
    (folder / "f3.webp").write_bytes(b"x")
    (folder / "f3-7.webp").write_bytes(b"x")

    assert cli("generate", "a fox", "-o", "f3.jpg").lines == ["f3.jpg"]
    assert cli("generate", "a fox", "-o", "f3.JPG").lines == ["f3-8.JPG"]
    assert {*cli("generate", "a fox", "-n", "2", "-o", "f3.png").lines} == {"f3-9.png", "f3-10.png"}
    assert (folder / "f3.webp").read_bytes() == b"x"


def test_a_name_that_is_taken_gets_the_next_free_number(cli: Any, folder: Path) -> None:
    for name in ("fox.png", "fox-1.jpg", "fox-7.webp", "foxes-9.png", "fox-8.txt"):
        (folder / name).write_bytes(b"mine")

    assert cli("generate", "a fox", "-o", "fox.png").lines == ["fox-8.png"]
    assert {*cli("generate", "a fox", "-n", "2", "-o", "fox.png").lines} == {
        "fox-9.png",
        "fox-10.png",
    }
    assert (folder / "fox.png").read_bytes() == b"mine"


def test_force_overwrites(cli: Any, folder: Path) -> None:
    (folder / "fox.png").write_bytes(b"old")

    assert cli("generate", "a fox", "-o", "fox.png", "--force").lines == ["fox.png"]
    assert image_format((folder / "fox.png").read_bytes()) == "png"
    assert names(folder) == ["fox.png"]


@pytest.mark.parametrize(
    ("name", "format"),
    [("a.png", "png"), ("a.webp", "webp"), ("a.jpg", "jpeg"), ("a.JPEG", "jpeg")],
)
def test_the_extension_decides_the_format(
    cli: Any, sandbox: Sandbox, folder: Path, name: str, format: str
) -> None:
    assert cli("generate", "a fox", "-o", name).lines == [name]
    assert sent(sandbox)[0]["format"] == format
    assert image_format((folder / name).read_bytes()) == format


def test_format_and_extension_must_agree(cli: Any, sandbox: Sandbox, folder: Path) -> None:
    end = cli("generate", "a fox", "--format", "webp", "-o", "a.png")

    assert end.code == 2
    assert end.err == "-o a.png: --format says webp. Change the extension.\n"
    assert sandbox.requests == []
    assert cli("generate", "a fox", "--format", "jpeg", "-o", "a.jpg").lines == ["a.jpg"]


def test_bytes_of_another_format_are_written_as_what_they_are(
    cli: Any, sandbox: Sandbox, folder: Path
) -> None:

    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(buffer, "JPEG")
    body = buffer.getvalue()
    sandbox.add_fault(Fault.foreign_bytes(body, "image/png"))

    end = cli("generate", "a fox", "-o", "a.png")

    assert end.lines == ["a.jpg"]
    assert (folder / "a.jpg").read_bytes() == body
    assert "Venice sent jpeg instead of png: written as a.jpg." in end.err


def test_a_name_without_an_image_extension_is_a_folder(cli: Any, folder: Path) -> None:
    assert cli("generate", "a fox").lines == ["venice.png"]
    assert cli("generate", "a fox", "-o", "new").lines == [str(Path("new/venice.png"))]
    assert cli("generate", "a fox", "-o", "new/").lines == [str(Path("new/venice-1.png"))]
    assert cli("generate", "a fox", "-o", "v1.2").lines == [str(Path("v1.2/venice.png"))]
    assert cli("generate", "a fox", "-o", "x.png/").lines == [str(Path("x.png/venice.png"))]


def test_a_drawn_seed_is_printed_and_makes_the_same_again(
    cli: Any, sandbox: Sandbox, folder: Path
) -> None:
    first = cli("generate", "a fox", "-o", "a.png")
    seed = sent(sandbox)[0]["seed"]
    assert f"repeat with --seed {seed}" in first.err

    again = cli("generate", "a fox", "-o", "b.png", "--seed", str(seed))

    assert (folder / "a.png").read_bytes() == (folder / "b.png").read_bytes()
    assert "free (saved result)" in again.err
    assert len(sandbox.charges) == 1


def test_a_seed_out_of_range_is_folded_as_the_nodes_do(
    cli: Any, sandbox: Sandbox, folder: Path
) -> None:
    end = cli("generate", "a fox", "--seed", "0")

    assert sent(sandbox)[0]["seed"] == 999_999_999
    assert "so 999999999 is used" in end.err


def test_variants_ask_for_up_to_four_of_one_seed(cli: Any, sandbox: Sandbox, folder: Path) -> None:
    end = cli("generate", "a fox", "--variants", "-n", "5", "--seed", "100", "-o", "v.png")

    assert sorted(end.lines) == [f"v-{i}.png" for i in range(1, 6)]
    asked = sorted((request["seed"], request.get("variants", 1)) for request in sent(sandbox))
    assert asked == [(100, 4), (104, 1)]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["-n", "1", "--seed", "5"], "seed 5"),
        (["-n", "2", "--seed", "5"], "seeds 5, 6"),
        (["-n", "8", "--seed", "5"], "seeds 5–12"),
        (["-n", "4", "--seed", "999999998"], "seeds 999999998, 999999999, 1, 2"),
        (["-n", "16", "--seed", "999999998"], "seeds 999999998, 999999999, 1–14"),
        (["-n", "4", "--variants", "--seed", "100"], "seed 100"),
        (["-n", "5", "--variants", "--seed", "100"], "seeds 100, 104"),
        (["-n", "40", "--variants", "--seed", "100"], "seeds 100, 104, 108, …, 136"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_seeds_that_are_sent_are_listed(
    cli: Any, sandbox: Sandbox, folder: Path, options: list[str], said: str
) -> None:
    end = cli("generate", "a fox", "--size", "64x64", *options)

    assert end.err.splitlines()[0].startswith(said + " · ")
    named = {int(seed) for seed in re.findall(r"\d+", said)}
    assert named <= {request["seed"] for request in sent(sandbox)}


def test_every_option_reaches_the_request(cli: Any, sandbox: Sandbox, folder: Path) -> None:
    end = cli(
        *("generate", "a fox", "--model", "z-image-turbo", "--negative", "dogs"),
        *("--aspect-ratio", "3:2", "--size", "960x960", "--steps", "5", "--cfg-scale", "4.5"),
        *("--lora-strength", "20", "--no-watermark", "--unsafe", "--exif", "--enhance"),
        *("--web-search", "--no-prompt-thinking", "--seed", "3", "--style", "Anime"),
    )

    assert end.code == 0, end.err
    (request,) = sent(sandbox)
    expected = {
        "model": "z-image-turbo",
        "prompt": "a fox",
        "negative_prompt": "dogs",
        "steps": 5,
        "cfg_scale": 4.5,
        "lora_strength": 20,
        "hide_watermark": True,
        "safe_mode": False,
        "embed_exif_metadata": True,
        "enhance_prompt": True,
        "enable_web_search": True,
        "disable_prompt_optimization_thinking": True,
        "seed": 3,
        "style_preset": "Anime",
        "format": "png",
        "return_binary": True,
    }
    assert {name: request.get(name) for name in expected} == expected
    assert request["width"] / request["height"] == pytest.approx(1.5, rel=0.02)
    assert "Venice used this prompt: " in end.err


def test_extra_fields_are_sent_as_they_are(cli: Any, sandbox: Sandbox, folder: Path) -> None:
    extra = ("--extra-fields", '{"embed_exif_metadata": true}')
    dry = cli("generate", "a fox", *extra, "--dry-run")
    end = cli("generate", "a fox", *extra)
    refused = cli("generate", "a fox", "--extra-fields", '{"steps": 4}')

    assert "about $0.01 plus extra fields. Nothing was sent." in dry.err
    assert end.code == 0, end.err
    assert "about $0.01 plus extra fields" in end.err
    assert refused.code != 0
    assert "Remove steps from extra_fields" in refused.err
    (request,) = sent(sandbox)
    assert request["embed_exif_metadata"] is True


def test_a_rewritten_prompt_cannot_write_to_the_terminal(cli: Any, sandbox: Sandbox) -> None:
    told = {"x-venice-enhanced-prompt": "a %1B[31mred%1B[0m fox%0D%0Anote: paid%C2%9B2J"}
    sandbox.add_fault(Fault.headers(told))
    end = cli("generate", "a fox", "--enhance")
    (line,) = [line for line in end.err.split("\n") if "this prompt" in line]
    assert line == "note: Venice used this prompt: a red fox note: paid"


def test_0_leaves_steps_and_cfg_scale_to_the_model_as_on_the_node(
    cli: Any, sandbox: Sandbox, folder: Path
) -> None:
    refused = cli("generate", "a fox", "--steps", "99")
    assert "leave them at the model's default" in refused.err

    end = cli("generate", "a fox", "--steps", "0", "--cfg-scale", "0")

    assert end.code == 0, end.err
    assert sent(sandbox)[0].keys().isdisjoint({"steps", "cfg_scale"})


@pytest.mark.parametrize("option", [("--steps", "-1"), ("--cfg-scale", "-0.1")])
def test_less_than_0_is_refused(
    cli: Any, sandbox: Sandbox, folder: Path, option: tuple[str, str]
) -> None:
    assert cli("generate", "a fox", *option).code == 2
    assert sandbox.paid_requests == []


def test_tier_and_quality_reach_a_model_that_has_them(
    cli: Any, sandbox: Sandbox, folder: Path
) -> None:
    end = cli(
        *("generate", "a fox", "--model", "gpt-image-2", "--aspect-ratio", "16:9"),
        *("--resolution", "2K", "--quality", "low"),
    )

    assert end.code == 0, end.err
    (request,) = sent(sandbox)
    assert (request["aspect_ratio"], request["resolution"], request["quality"]) == (
        "16:9",
        "2K",
        "low",
    )


def test_style_references_are_read_from_files(cli: Any, sandbox: Sandbox, folder: Path) -> None:
    model = next(m["id"] for m in cli("models", "--json").json if m["max_style_references"])
    Image.new("RGB", (64, 64), "red").save("look.png")

    end = cli(
        *("generate", "a fox", "--model", model, "--style-reference", "look.png"),
        *("--style-reference", "look.png", "--json"),
    )

    assert end.code == 0, end.err
    assert len(sent(sandbox)[0]["style_references"]) == 2
    assert end.json["requests"][0]["sent"]["style_references"][0]["image"] == "(left out)"


def test_json_says_all_there_is(cli: Any, folder: Path) -> None:
    facts = cli("generate", "a fox", "--seed", "5", "-n", "2", "-o", "f.webp", "--json").json

    assert [(p["path"], p["format"], p["size"], p["seed"]) for p in facts["images"]] == [
        ("f-1.webp", "webp", [1024, 1024], 5),
        ("f-2.webp", "webp", [1024, 1024], 6),
    ]
    assert facts["failed"] == []
    assert facts["unfinished"] == []
    assert facts["estimated_cost_usd"] == pytest.approx(0.02)
    assert [request["sent"]["seed"] for request in facts["requests"]] == [5, 6]


@pytest.mark.long
def test_progress_goes_to_stderr(cli: Any, sandbox: Sandbox, folder: Path) -> None:
    sandbox.latency_s = 2

    end = cli("generate", "a fox", "-n", "2")

    assert "0 of 2 done · generating" in end.err
    assert "generating" not in end.out
    assert "\r" not in end.err


def test_a_transparent_background_is_asked_for(cli: Any, sandbox: Sandbox, folder: Path) -> None:
    end = cli("generate", "a fox", "--model", "GPT-Image-1-5", "--transparent", "-o", "fox.webp")

    assert end.code == 0, end.err
    (request,) = sent(sandbox)
    assert (request["model"], request["transparent_background"]) == ("gpt-image-1-5", True)
    assert request["format"] == "webp"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--model", "gpt-image-1-5", "-o", "fox.jpg"], "Choose png or webp"),
        (["--model", "z-image-turbo"], "Choose gpt-image-1-5, "),
    ],
)
def test_a_transparent_background_that_cannot_be_had_is_refused(
    cli: Any, sandbox: Sandbox, folder: Path, options: list[str], named: str
) -> None:
    end = cli("generate", "a fox", "--transparent", *options)

    assert end.code == 2
    assert named in end.err
    assert sandbox.paid_requests == []


def test_a_price_that_is_only_a_bound_and_what_is_ignored_are_said(
    cli: Any, sandbox: Sandbox, folder: Path
) -> None:
    end = cli("generate", "a fox", "--model", "krea-3", "--seed", "7")
    assert "from $0.07" in end.err

    end = cli("generate", "a fox", "--model", "gpt-image-2", "--seed", "7", "-n", "2")
    assert end.err.count("note: gpt-image-2 doesn't use seeds.") == 1
