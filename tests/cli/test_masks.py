"""`edit --mask`: only what is white in the mask changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from faulty_sandbox import Sandbox


@pytest.fixture
def mask(folder: Path) -> np.ndarray:
    array = np.zeros((256, 320), np.uint8)
    array[60:120, 80:160] = 255
    Image.fromarray(array).save(folder / "mask.bmp")
    return array


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def test_only_what_is_white_changes_in_every_image(
    cli: Any, sandbox: Sandbox, folder: Path, inputs: dict[str, str], mask: np.ndarray
) -> None:
    end = cli("edit", "make it night", "a.png", "b.jpg", "--mask", "mask.bmp", "-o", "night/")

    assert end.code == 0, end.err
    assert {request.path for request in sandbox.paid_requests} == {"/image/multi-edit"}
    for name in ("a.png", "b.jpg"):
        before, after = pixels(folder / name), pixels(folder / "night" / f"{name[0]}-edited.png")
        assert np.array_equal(after[mask == 0], before[mask == 0])
        assert (after[mask > 0] != before[mask > 0]).any()


def test_it_is_not_sent_if_the_mask_is_empty(
    cli: Any, sandbox: Sandbox, folder: Path, inputs: dict[str, str]
) -> None:
    Image.new("L", (32, 32)).save(folder / "none.png")

    end = cli("edit", "make it night", "c.webp", "--mask", "none.png")

    assert end.code == 0, end.err
    assert end.lines == ["c-edited.png"]
    assert "empty" in end.err
    assert "free" in end.err
    assert sandbox.paid_requests == []
    assert np.array_equal(pixels(folder / "c-edited.png"), pixels(folder / "c.webp"))


def test_a_dry_run_says_what_it_would_cost(
    cli: Any, sandbox: Sandbox, folder: Path, inputs: dict[str, str], mask: np.ndarray
) -> None:
    end = cli("--json", "edit", "night", "a.png", "--mask", "mask.bmp", "--dry-run")

    (request,) = end.json["requests"]
    assert request["path"] == "/image/multi-edit"
    assert request["files"] == ["a-edited.png"]
    assert sandbox.requests == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["-o", "fox.jpg"], "writes png"),
        (["--format", "webp"], "PNG"),
        (["--feather", "300"], "feather"),
        (["--mask", "gone.png"], "gone.png can't be read"),
    ],
)
def test_what_cannot_work_is_refused(
    cli: Any,
    sandbox: Sandbox,
    inputs: dict[str, str],
    mask: np.ndarray,
    options: list[str],
    words: str,
) -> None:
    end = cli("edit", "night", "a.png", "--mask", "mask.bmp", *options)

    assert end.code == 2
    assert words in end.err
    assert sandbox.paid_requests == []
