"""`edit` and `multi-edit`: which images go where, with which options."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from faulty_sandbox import Fault, Sandbox
from form_fields import fields_of


def sent(sandbox: Sandbox) -> list[Any]:
    return [fields_of(request) for request in sandbox.paid_requests]


def test_edit_makes_one_of_each_image(
    cli: Any, sandbox: Sandbox, folder: Path, inputs: dict[str, str]
) -> None:
    end = cli("edit", "make it night", "a.png", "b.jpg", "c.webp")

    assert sorted(end.lines) == ["a-edited.png", "b-edited.png", "c-edited.png"]
    assert {request.path for request in sandbox.paid_requests} == {"/image/edit"}
    assert {request["image"] for request in sent(sandbox)} == set(inputs.values())
    assert {request["prompt"] for request in sent(sandbox)} == {"make it night"}


def test_layers_go_along_with_each(
    cli: Any, sandbox: Sandbox, folder: Path, inputs: dict[str, str]
) -> None:
    end = cli("edit", "like the other", "a.png", "b.jpg", "--layer", "c.webp")

    assert end.code == 0, end.err
    assert {request.path for request in sandbox.paid_requests} == {"/image/multi-edit"}
    assert sorted(request["images"] for request in sent(sandbox)) == sorted(
        [inputs[name], inputs["c.webp"]] for name in ("a.png", "b.jpg")
    )


def test_multi_edit_makes_one_of_all_images(
    cli: Any, sandbox: Sandbox, folder: Path, inputs: dict[str, str]
) -> None:
    end = cli("multi-edit", "put them side by side", "b.jpg", "a.png", "c.webp")

    assert end.code == 0, end.err
    assert end.lines == ["b-edited.png"]
    assert [path.name for path in folder.glob("*-edited*")] == end.lines
    (request,) = sandbox.paid_requests
    assert request.path == "/image/multi-edit"
    assert fields_of(request)["images"] == [inputs[name] for name in ("b.jpg", "a.png", "c.webp")]
    assert fields_of(request)["prompt"] == "put them side by side"
    assert "1 image · about $0.04" in end.err


def test_multi_edit_of_one_image_goes_to_its_own_endpoint(
    cli: Any, sandbox: Sandbox, folder: Path, inputs: dict[str, str]
) -> None:
    end = cli("multi-edit", "make it night", "a.png", "--json")

    assert end.code == 0, end.err
    (request,) = sandbox.paid_requests
    assert (request.path, fields_of(request)["images"]) == ("/image/multi-edit", [inputs["a.png"]])
    (picture,) = end.json["images"]
    assert (picture["path"], picture["source"]) == ("a-edited.png", "a.png")


@pytest.mark.parametrize(
    ("output", "name"),
    [("out/", "out/b-edited.png"), ("{stem}-all.webp", "b-all.webp"), ("all.jpg", "all.jpg")],
)
def test_multi_edit_names_its_answer_by_the_base(
    cli: Any, folder: Path, inputs: Any, output: str, name: str
) -> None:
    end = cli("multi-edit", "night", "b.jpg", "a.png", "-o", output)

    assert end.lines == [str(Path(name))]


@pytest.mark.parametrize(
    "command",
    [["edit", "make it night", "a.png", "--layer", "b.jpg"], ["multi-edit", "night", "a.png"]],
)
def test_every_option_of_edits_reaches_the_request(
    cli: Any, sandbox: Sandbox, folder: Path, inputs: Any, command: list[str]
) -> None:
    models = cli("models", "--type", "inpaint", "--json").json
    model = next(m for m in models if m["qualities"] and m["sizing"]["resolutions"])
    tier = model["sizing"]["resolutions"][0]

    end = cli(
        *(*command, "--model", model["id"], "--aspect-ratio", "16:9"),
        *("--resolution", tier, "--quality", model["qualities"][0]),
        *("--format", "webp", "--unsafe", "--enhance"),
    )

    assert end.code == 0, end.err
    (request,) = sent(sandbox)
    expected = {
        "modelId": model["id"],
        "aspect_ratio": "16:9",
        "resolution": tier,
        "quality": model["qualities"][0],
        "output_format": "webp",
        "safe_mode": False,
        "enhance_prompt": True,
    }
    assert {name: request.get(name) for name in expected} == expected
    assert end.lines == ["a-edited.webp"]
    assert "Venice used this prompt: " in end.err


@pytest.mark.parametrize("command", ["edit", "multi-edit"])
def test_a_transparent_background_is_asked_for(
    cli: Any, sandbox: Sandbox, folder: Path, inputs: Any, command: str
) -> None:
    end = cli(command, "cut out", "a.png", "--model", "gpt-image-1-5-edit", "--transparent")

    assert end.code == 0, end.err
    assert sent(sandbox)[0]["transparent_background"] is True


@pytest.mark.parametrize(
    "command",
    [
        ["remove-background", "t.png"],
        ["edit", "night", "a.png", "--layer", "t.png"],
        ["multi-edit", "night", "a.png", "t.png"],
    ],
)
def test_transparency_of_cutouts_and_layers_is_sent(
    cli: Any, sandbox: Sandbox, folder: Path, inputs: Any, command: list[str]
) -> None:
    Image.new("RGBA", (320, 256), (200, 90, 40, 0)).save(folder / "t.png")

    end = cli(*command)

    assert end.code == 0, end.err
    assert "transparency" not in end.err
    request = sent(sandbox)[0]
    data = request["image"] if "image" in request else request["images"][-1]
    assert base64.b64decode(data) == (folder / "t.png").read_bytes()


def test_an_edit_in_another_ratio_is_said(
    cli: Any, sandbox: Sandbox, folder: Path, inputs: Any
) -> None:
    Image.new("RGB", (640, 360), "red").save(folder / "wide.png")
    Image.new("RGB", (512, 512), "red").save(folder / "square.png")
    end = cli("edit", "night", "wide.png", "square.png", "--json")
    said = (
        "firered-image-edit returned 1024 × 1024, a different aspect ratio from "
        "wide.png (640 × 360). "
        "Aspect ratio 16:9 matches it."
    )
    assert end.json["warnings"] == [said]
    assert f"note: {said}" in end.err
    for options in (["--aspect-ratio", "16:9"], ["--aspect-ratio", "1:1"]):
        assert cli("edit", "night", "wide.png", *options, "--json").json["warnings"] == []


def test_a_ratio_that_no_option_asks_for_gets_the_nearest(
    cli: Any, folder: Path, inputs: Any
) -> None:
    Image.new("RGB", (640, 480), "red").save(folder / "photo.png")

    end = cli("edit", "night", "photo.png", "--json")

    (said,) = end.json["warnings"]
    (nearest,) = re.findall(r"Aspect ratio (\S+) is the closest\.$", said)
    assert cli("edit", "night", "photo.png", "--aspect-ratio", nearest).code == 0


def test_a_ratio_that_was_asked_for_and_did_not_come_is_said(
    cli: Any, sandbox: Sandbox, folder: Path, inputs: Any
) -> None:
    sandbox.add_fault(Fault.size(512, 512), path="/image/edit")
    end = cli("edit", "night", "a.png", "--aspect-ratio", "16:9", "--json")
    assert end.json["warnings"] == ["firered-image-edit returned 512 × 512, which isn't 16:9."]


@pytest.mark.parametrize(
    ("command", "path"),
    [
        (["generate", "a fox", "--size", "640x512"], "/image/generate"),
        (["upscale", "a.png"], "/image/upscale"),
    ],
)
def test_another_size_than_was_asked_for_is_said(
    cli: Any, sandbox: Sandbox, inputs: Any, command: list[str], path: str
) -> None:
    sandbox.add_fault(Fault.size(96, 64), path=path)
    (said,) = cli(*command, "--json").json["warnings"]
    assert re.fullmatch(r"[\w-]+ returned 96 × 64 instead of 640 × 512\.", said)


def test_a_flagged_edit_is_written_with_a_note(
    cli: Any, sandbox: Sandbox, folder: Path, inputs: Any
) -> None:
    sandbox.add_fault(Fault.flags(), path="/image/edit")

    end = cli("edit", "night", "a.png")

    assert end.lines == ["a-edited.png"]
    assert "blurred this image (a.png), since safe_mode is on" in end.err
