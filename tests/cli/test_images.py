"""`upscale`, `edit`, `multi-edit` and `remove-background`: files in, files out."""

from __future__ import annotations

import base64
import io
import json
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bench import held_until
from faulty_sandbox import Fault, Sandbox
from form_fields import fields_of
from venice_client.imaging.whole_image import image_format
from waiting import read_until, wait_for


def sent(sandbox: Sandbox) -> list[Any]:
    return [fields_of(request) for request in sandbox.paid_requests]


def new(folder: Path) -> list[str]:
    names = {path.name for path in folder.iterdir() if path.is_file()}
    return sorted(names - {"a.png", "b.jpg", "c.webp"})


def size(path: Path | str) -> tuple[int, int]:
    with Image.open(path) as picture:
        return picture.size


def test_upscale_writes_beside_the_input(
    cli: Any, sandbox: Sandbox, folder: Path, inputs: dict[str, str]
) -> None:
    end = cli("upscale", "a.png", "b.jpg")

    assert end.code == 0, end.err
    assert sorted(end.lines) == ["a-upscaled-2x.png", "b-upscaled-2x.png"]
    assert new(folder) == sorted(end.lines)
    assert {size(line) for line in end.lines} == {(640, 512)}
    assert {request["image"] for request in sent(sandbox)} == {inputs["a.png"], inputs["b.jpg"]}
    assert "2 images · about $0.04" in end.err


def test_upscale_options_reach_the_request(
    cli: Any, sandbox: Sandbox, folder: Path, inputs: Any
) -> None:
    end = cli("upscale", "a.png", "--scale", "4", "--creativity", "0.02", "-o", "large/")

    assert end.lines == [str(Path("large/a-upscaled-4x.png"))]
    assert size(end.lines[0]) == (1280, 1024)
    assert (sent(sandbox)[0]["scale"], sent(sandbox)[0]["creativity"]) == (4, 0.02)


def test_remove_background_writes_transparency(cli: Any, folder: Path, inputs: Any) -> None:
    end = cli("remove-background", "a.png")

    assert end.lines == ["a-cutout.png"]
    with Image.open(folder / "a-cutout.png") as picture:
        assert picture.mode == "RGBA"


def test_a_small_image_is_cut_out_and_nothing_else(
    cli: Any, sandbox: Sandbox, folder: Path
) -> None:
    Image.new("RGB", (100, 100), "red").save(folder / "small.png")

    assert cli("remove-background", "small.png").lines == ["small-cutout.png"]
    assert "65,536" in cli("upscale", "small.png").err
    assert "65,536" in cli("edit", "make it night", "small.png").err
    assert len(sandbox.paid_requests) == 1


@pytest.mark.parametrize(
    ("output", "names"),
    [
        ("out/", ["out/a-edited.png", "out/b-edited.png"]),
        ("out/{stem}.jpg", ["out/a.jpg", "out/b.jpg"]),
        ("night-{stem}", ["night-a.png", "night-b.png"]),
        ("new", ["new/a-edited.png", "new/b-edited.png"]),
        ("night.webp", ["night-1.webp", "night-2.webp"]),
    ],
)
def test_output_is_a_folder_a_pattern_or_a_name(
    cli: Any, folder: Path, inputs: Any, output: str, names: list[str]
) -> None:
    end = cli("edit", "night", "a.png", "b.jpg", "-o", output)

    assert {*end.lines} == {str(Path(name)) for name in names}
    for name in names:
        format = image_format((folder / name).read_bytes())
        assert name.endswith(str(format).replace("jpeg", "jpg"))


def test_one_input_and_a_name(cli: Any, folder: Path, inputs: Any) -> None:
    assert cli("remove-background", "a.png", "-o", "fox.png").lines == ["fox.png"]


@pytest.mark.parametrize("command", ["upscale", "remove-background"])
def test_a_name_of_another_format_than_is_written_is_refused(
    cli: Any, sandbox: Sandbox, folder: Path, inputs: Any, command: str
) -> None:
    end = cli(command, "a.png", "-o", "large.jpg")

    assert end.code == 2
    assert end.err == "-o large.jpg: this command writes png. Change the extension.\n"
    assert sandbox.requests == []


def test_nothing_is_overwritten_without_force(cli: Any, folder: Path, inputs: Any) -> None:
    (folder / "a-cutout.png").write_bytes(b"mine")

    assert cli("remove-background", "a.png").lines == ["a-cutout-1.png"]
    assert (folder / "a-cutout.png").read_bytes() == b"mine"

    assert cli("remove-background", "a.png", "--force").lines == ["a-cutout.png"]
    assert image_format((folder / "a-cutout.png").read_bytes()) == "png"


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_inputs_of_one_name_do_not_meet(
    cli: Any, folder: Path, inputs: Any, force: list[str]
) -> None:
    Image.new("RGB", (256, 256), "white").save(folder / "a.jpg")

    end = cli("upscale", "a.png", "a.jpg", *force)

    assert sorted(end.lines) == ["a-upscaled-2x-1.png", "a-upscaled-2x-2.png"]
    assert [size(line) for line in sorted(end.lines)] == [(640, 512), (512, 512)]


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_inputs_of_one_name_do_not_meet_whatever_their_folder_is_called(
    cli: Any, folder: Path, inputs: Any, force: list[str]
) -> None:
    Image.new("RGB", (256, 256), "white").save(folder / "a.jpg")

    end = cli("upscale", "a.png", str(folder / "a.jpg"), *force)

    names = ["a-upscaled-2x-1.png", "a-upscaled-2x-2.png"]
    assert sorted(Path(line).name for line in end.lines) == names
    assert [size(folder / name) for name in names] == [(640, 512), (512, 512)]


@pytest.mark.parametrize(
    "command",
    [
        ["upscale", "a.png", "b.jpg"],
        ["edit", "night", "a.png"],
        ["multi-edit", "night", "a.png", "b.jpg"],
        ["remove-background", "a.png"],
    ],
)
def test_the_same_again_is_free(
    cli: Any, sandbox: Sandbox, folder: Path, inputs: Any, command: list[str]
) -> None:
    first = cli(*command)
    charges = len(sandbox.charges)

    again = cli(*command)

    assert again.code == 0
    assert "free (saved result)" in again.err
    assert len(sandbox.charges) == charges
    for one, other in zip(sorted(first.lines), sorted(again.lines), strict=True):
        assert one != other
        assert Path(one).read_bytes() == Path(other).read_bytes()


@pytest.mark.parametrize(
    "command",
    [["upscale", "a.png"], ["edit", "night", "a.png"], ["multi-edit", "night", "a.png", "b.jpg"]],
)
def test_another_variation_asks_again(
    cli: Any, sandbox: Sandbox, folder: Path, inputs: Any, command: list[str]
) -> None:
    for variation in ("0", "1", "1"):
        assert cli(*command, "--variation", variation).code == 0

    assert len(sandbox.charges) == 2


def test_one_that_fails_leaves_the_others_written(
    cli: Any, sandbox: Sandbox, folder: Path, inputs: dict[str, str]
) -> None:
    sandbox.add_fault(
        Fault.status(422, {"error": "no green"}),
        path="/image/upscale",
        when=lambda payload: payload["image"] == inputs["b.jpg"],
    )

    end = cli("upscale", "a.png", "b.jpg", "c.webp")

    assert end.code == 3
    assert sorted(end.lines) == ["a-upscaled-2x.png", "c-upscaled-2x.png"]
    assert new(folder) == sorted(end.lines)
    assert "2 of 3 images are saved. Saved images stay free." in end.err
    assert "- b.jpg: " in end.err

    again = cli("upscale", "a.png", "b.jpg", "c.webp", "--force")

    assert again.code == 0
    assert len(sandbox.charges) == 3


def test_json_names_the_sources(
    cli: Any, sandbox: Sandbox, folder: Path, inputs: dict[str, str]
) -> None:
    sandbox.add_fault(
        Fault.status(422, {"error": "no green"}),
        path="/image/edit",
        when=lambda payload: payload["image"] == inputs["b.jpg"],
    )

    end = cli("edit", "night", "a.png", "b.jpg", "--json")

    facts = end.json
    (picture,) = facts["images"]
    assert (picture["path"], picture["source"]) == ("a-edited.png", "a.png")
    assert [(f["source"], f["status"]) for f in facts["failed"]] == [("b.jpg", 422)]
    assert facts["requests"][0]["sent"]["image"] == "(left out)"
    assert inputs["a.png"] not in end.out


@pytest.mark.parametrize(
    "argv",
    [
        ["upscale"],
        ["upscale", "missing.png"],
        ["upscale", "a.png", "missing.png"],
        ["upscale", "text.png"],
        ["upscale", "small.png"],
        ["upscale", "a.png", "--scale", "3"],
        ["upscale", "a.png", "--creativity", "0.5"],
        ["upscale", "a.png", "--creativity", "nan"],
        ["upscale", "a.png", "-o", "large.gif"],
        ["upscale", "a.png", "-o", "text.png/large.png"],
        ["upscale", *["a.png"] * 1001],
        ["edit", "night"],
        ["edit", " ", "a.png"],
        ["edit", "night", "a.png", "--layer", "missing.png"],
        ["edit", "night", "a.png", *["--layer", "b.jpg"] * 3],
        ["edit", "night", "a.png", "--aspect-ratio", "7:3"],
        ["edit", "night", "a.png", "--safe-mode", "--unsafe"],
        ["multi-edit", "night"],
        ["multi-edit", " ", "a.png"],
        ["multi-edit", "night", "a.png", "missing.png"],
        ["multi-edit", "night", "a.png", "b.jpg", "c.webp", "a.png"],
        ["multi-edit", "night", "a.png", "--layer", "b.jpg"],
        ["multi-edit", "night", "a.png", "--aspect-ratio", "7:3"],
        ["remove-background", "a.png", "text.png"],
    ],
)
def test_what_is_wrong_here_ends_with_2_and_sends_nothing(
    cli: Any, sandbox: Sandbox, folder: Path, inputs: Any, argv: list[str]
) -> None:
    (folder / "text.png").write_text("no picture")
    Image.new("RGB", (100, 100)).save(folder / "small.png")

    end = cli(*argv)

    assert end.code == 2
    assert end.out == ""
    assert end.err
    assert sandbox.paid_requests == []


def test_a_file_that_cannot_be_read_is_one_line_with_its_name(
    cli: Any, folder: Path, inputs: Any
) -> None:
    (line,) = cli("upscale", "a.png", "missing.png").err.splitlines()

    assert line.startswith("missing.png can't be read")


def test_a_large_image_is_refused_twice_as_large_and_noted_four_times(
    cli: Any, sandbox: Sandbox, folder: Path
) -> None:
    Image.new("RGB", (2100, 2000)).save(folder / "large.png")

    refused = cli("upscale", "large.png")
    assert refused.code == 2
    assert refused.err.startswith("large.png is 2100 × 2000")

    assert "so Venice enlarges it about" in cli("upscale", "large.png", "--scale", "4").err


def test_a_converted_input_is_said(cli: Any, sandbox: Sandbox, folder: Path) -> None:
    Image.new("RGB", (320, 256), "red").save(folder / "a.bmp")

    end = cli("upscale", "a.bmp")

    assert end.lines == ["a-upscaled-2x.png"]
    assert "note: a.bmp is sent as PNG." in end.err
    assert image_format(base64.b64decode(sent(sandbox)[0]["image"])) == "png"


@pytest.mark.parametrize(
    "command",
    [["upscale", "t.png"], ["edit", "night", "t.png"], ["multi-edit", "night", "t.png"]],
)
def test_transparency_is_left_out_and_that_is_said(
    cli: Any, sandbox: Sandbox, folder: Path, command: list[str]
) -> None:
    Image.new("RGBA", (320, 256), (200, 90, 40, 0)).save(folder / "t.png")

    end = cli(*command)

    assert end.code == 0, end.err
    assert "note: t.png is sent as PNG without its transparency" in end.err
    request = sent(sandbox)[0]
    data = request["image"] if "image" in request else request["images"][0]
    with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
        assert (picture.mode, picture.getpixel((0, 0))) == ("RGB", (200, 90, 40))


def test_the_key_is_not_shown_where_the_api_repeats_it(
    cli: Any, sandbox: Sandbox, folder: Path, inputs: Any
) -> None:
    sandbox.add_fault(Fault.echo_key(), path="/image/edit")

    end = cli("edit", "night", "a.png", "--verbose", "--json")

    assert end.code != 0
    assert "HTTP 400" in end.out + end.err  # and `cli` looks for the key in everything


def test_the_spending_limit_counts_all_of_them(
    cli: Any, sandbox: Sandbox, folder: Path, inputs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENICE_MAX_USD_PER_RUN", "0.05")

    end = cli("upscale", "a.png", "b.jpg", "c.webp")

    assert end.code == 2
    assert "VENICE_MAX_USD_PER_RUN" in end.err
    assert sandbox.paid_requests == []


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_interrupt_keeps_what_is_on_its_way(
    cli: Any, commands: Any, sandbox: Sandbox, folder: Path, inputs: Any
) -> None:
    answered = threading.Event()
    sandbox.add_fault(held_until(answered.is_set), path=None, times=None)
    process = commands("upscale", "a.png", "b.jpg", "--json")
    read_until(process.stderr, "upscaling")
    wait_for(lambda: len(sandbox.paid_requests) == 2)

    process.send_signal(signal.SIGINT)
    read_until(process.stderr, "Press Ctrl-C again to quit now")
    answered.set()
    out, err = process.communicate(timeout=60)

    assert process.returncode == 130, err
    assert len(json.loads(out)["images"]) == 2
    assert new(folder) == ["a-upscaled-2x.png", "b-upscaled-2x.png"]


def test_what_they_made_can_be_had_again(cli: Any, folder: Path, inputs: Any) -> None:
    made = [
        *cli("upscale", "a.png").lines,
        *cli("edit", "night", "a.png", "--format", "jpeg").lines,
        *cli("remove-background", "a.png").lines,
    ]

    saved = cli("results", "-o", "saved").lines

    assert sorted(Path(name).read_bytes() for name in saved) == sorted(
        Path(name).read_bytes() for name in made
    )
