"""A virus scanner holds each new file for a moment, and no image is lost or paid for twice.

Only Windows lets nobody rename or remove a file that is open: tests/test_windows.py imitates that.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from PIL import Image

from bench import Bench
from scanner import scanning
from venice_client.cli.app import main
from venice_client.files import create_file, write_new
from venice_client.settings.api_key import ApiKey
from venice_client.settings.settings import load_settings, save_key

pytestmark = pytest.mark.skipif(sys.platform != "win32", reason="needs Windows, or its imitation")

MOMENT = 0.25


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_a_scanner_holds_can_be_neither_renamed_nor_removed(home: Path) -> None:
    """So that the other tests show what they claim."""
    with scanning(60):
        file, path = create_file(home, "new-")
        file.close()
        for action in (path.unlink, lambda: path.replace(home / "a"), lambda: path.rename("a")):
            with pytest.raises(PermissionError):
                action()
    path.unlink()


def test_four_images_are_paid_for_once(bench: Bench) -> None:
    with scanning(MOMENT) as scanner:
        end = bench.generate(batch_size=4)
        assert end.pictures == 4
        assert end.info["warnings"] == []
        assert len(bench.entries) == 4
        aside = [Path(path).parent.name for path in scanner.held if ".aside-" in path]
        assert sorted(aside) == ["prompts"] * 4 + ["results"] * 4
        again = bench.generate(batch_size=4)
    assert again.pictures == 4
    assert again.sent == ()
    assert [path.suffix for path in (bench.home / "results").iterdir()] == [".result"] * 4


def test_the_command_line_writes_whole_files_and_nothing_else(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "images"
    with scanning(MOMENT) as scanner:
        ask = ["generate", "a fox", "-n", "2", "--seed", "5", "-o", str(folder / "fox.png")]
        assert main(ask) == 0
        assert main([*ask, "--force"]) == 0
        assert main(["results", "-o", str(folder / "saved")]) == 0
    assert scanner.held
    assert names(folder) == ["fox-1.png", "fox-2.png", "saved"]
    assert len(names(folder / "saved")) == 2
    for path in folder.rglob("*.png"):
        with Image.open(path) as image:
            image.verify()
    assert len(bench.sandbox.paid_requests) == 2


def test_the_settings_and_the_thumbnails_are_written(bench: Bench) -> None:
    with scanning(MOMENT):
        for key in ("one-key", "another-key"):
            save_key([bench.home], ApiKey(key))
        bench.generate()
        results = bench.pack.venice_nodes.page.results.Results()
        (row,) = results.listed(0, 10)["results"]
        results.thumbnail(row["id"])
    assert names(bench.home / "thumbnails") == [f"{row['id']}.webp"]
    assert [name for name in names(bench.home) if name.startswith(".")] == []
    assert load_settings(environ={"VENICE_HOME": str(bench.home)}).key == ApiKey("another-key")


def test_a_file_that_is_held_for_too_long_is_an_error_and_leaves_nothing(home: Path) -> None:
    with scanning(2.5), pytest.raises(PermissionError):
        write_new(home / "a.png", b"image", prefix=".venice-")
    assert names(home) == []
