"""Paths that nothing can be read from or written to: one line, before anything is sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from venice_client.sandbox import Sandbox

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
