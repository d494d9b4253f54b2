"""Paths that nothing can be read from or written to: one line, before anything is sent."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from faulty_sandbox import Sandbox
from venice_client.cli.files import forbidden_on_windows, too_long_for_windows

needs_windows = pytest.mark.skipif(
    sys.platform != "win32", reason="needs Windows, or its imitation"
)
NOBODY = "~nobody-has-this-name/fox.png"
TOO_LONG = "a" * 300 + ".png"


@pytest.fixture
def _picture(folder: Path) -> None:
    Image.new("RGB", (320, 256), "red").save(folder / "a.png")


@pytest.mark.usefixtures("_picture")
@pytest.mark.parametrize("path", [NOBODY, TOO_LONG], ids=["nobody", "too long"])
@pytest.mark.parametrize(
    "argv",
    [
        ["generate", "a fox", "-o"],
        ["generate", "a fox", "--style-reference"],
        ["upscale"],
        ["upscale", "a.png", "-o"],
        ["edit", "night", "a.png", "--layer"],
        ["multi-edit", "both", "a.png"],
        ["multi-edit", "both", "a.png", "a.png", "-o"],
        ["results", "-o"],
    ],
    ids=" ".join,
)
def test_a_path_that_cannot_be_used_ends_with_2_and_one_line(
    cli: Any, sandbox: Sandbox, argv: list[str], path: str
) -> None:
    end = cli(*argv, path, "--json")

    assert end.code == 2
    assert end.json["error"]["type"] == "InvalidRequestError"
    (line,) = end.err.splitlines()
    assert path in line
    assert sandbox.paid_requests == []


LONGEST = 255 - len(".png")
"""Letters of a name that most file systems take."""


@pytest.mark.skipif(sys.platform == "win32", reason="counts the folders too")
def test_a_name_that_is_too_long_with_its_number_is_refused_before_it_is_paid_for(
    cli: Any, sandbox: Sandbox, folder: Path
) -> None:
    name = "a" * LONGEST + ".png"

    end = cli("generate", "a fox", "-n", "2", "-o", name)

    assert end.code == 2
    assert "too long" in end.err.splitlines()[-1]
    assert sandbox.paid_requests == []
    assert list(folder.iterdir()) == []
    assert cli("generate", "a fox", "-o", name).lines == [name]
    assert cli("generate", "a fox", "-o", name).code == 2  # it would get the number 1


@pytest.mark.skipif(sys.platform == "win32", reason="counts the folders too")
@pytest.mark.parametrize(
    "argv",
    [
        ["generate", "a fox", "-n", "100", "-o", "a" * (LONGEST - 3) + ".png"],
        ["upscale", "long.png"],
        ["edit", "night", "a.png", "--format", "webp", "-o", "{stem}" + "a" * (LONGEST - 1)],
        ["edit", "night", "a.png", "-o", "{stem}" + "a" * LONGEST],
        ["multi-edit", "both", "long.png", "long.png"],
    ],
    ids=["three digits", "an ending", "another format", "a pattern", "multi-edit"],
)
@pytest.mark.usefixtures("_picture")
def test_the_longest_name_that_will_be_written_counts(
    cli: Any, sandbox: Sandbox, folder: Path, argv: list[str]
) -> None:
    long = "b" * LONGEST + ".png"
    (folder / "a.png").rename(folder / long) if "long.png" in argv else None

    end = cli(*[long if word == "long.png" else word for word in argv])

    assert end.code == 2
    assert "too long" in end.err.splitlines()[-1]
    assert sandbox.paid_requests == []


@pytest.mark.parametrize(
    "path",
    [
        "fox:png",
        "images/fox.png:stream",
        *("CON", "nul", "nul.png", "images/aux/fox.png", "Com1.tar.png", "lpt9", "COM¹"),
        *("NUL .png", "CONOUT$"),
    ],
)
def test_windows_takes_it_for_something_else(path: str) -> None:
    assert "Windows" in forbidden_on_windows(Path(path))


@pytest.mark.parametrize("path", ["/con-", "fox.nul", "console.png", "COM10", "COM", "a/b c/fox"])
def test_windows_takes_it_for_a_file(path: str) -> None:
    assert forbidden_on_windows(Path(path)) == ""
    assert forbidden_on_windows(Path("/") / path) == ""


@pytest.mark.parametrize(("length", "is_too_long"), [(254, False), (255, True), (300, True)])
def test_windows_takes_259_characters_with_some_to_spare(
    folder: Path, length: int, is_too_long: bool
) -> None:
    rest = length - len(str(folder)) - 1
    assert bool(too_long_for_windows(Path("a" * rest))) == is_too_long
    assert bool(too_long_for_windows(folder / ("a" * rest))) == is_too_long


@needs_windows
@pytest.mark.usefixtures("_picture")
@pytest.mark.parametrize("path", ["fox:red.png", "nul.png", "con/fox.png", "b" * 250 + ".png"])
@pytest.mark.parametrize(
    "argv",
    [["generate", "a fox", "-o"], ["upscale", "a.png", "-o"], ["edit", "night", "a.png", "-o"]],
    ids=" ".join,
)
def test_what_windows_can_not_write_is_refused_before_it_is_paid_for(
    cli: Any, sandbox: Sandbox, folder: Path, argv: list[str], path: str
) -> None:
    end = cli(*argv, path)

    assert end.code == 2
    assert "Windows" in end.err.splitlines()[-1]
    assert sandbox.paid_requests == []
    assert [file.name for file in folder.iterdir()] == ["a.png"]


@needs_windows
def test_a_device_is_not_read(cli: Any, sandbox: Sandbox) -> None:
    """CON waits for what is typed."""
    assert "Windows reserves the name" in cli("upscale", "con").err
