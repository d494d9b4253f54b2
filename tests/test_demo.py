"""`make demo`: what it says of where it runs and of what it wrote."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

SCRIPTS = {"PYTHONPATH": str(Path(__file__).resolve().parent.parent / "scripts")}
RUN = "import demo, pathlib, sys; demo.OUTPUT = pathlib.Path(sys.argv[1]); sys.exit(demo.main())"


def lines_of_demo(output: Path, folder: Path, key: str, encoding: str = "utf-8") -> list[str]:
    """What the demo prints when it runs in `folder`."""
    run = subprocess.run(
        [sys.executable, "-c", RUN, str(output)],
        cwd=folder,
        env={**os.environ, **SCRIPTS, "VENICE_API_KEY": key, "PYTHONIOENCODING": encoding},
        capture_output=True,
        text=True,
        encoding=encoding,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()


@pytest.mark.parametrize(("key", "is_inside"), [("", True), ("sandbox", False)])
def test_the_sandbox_is_said_to_be_free_and_the_paths_lead_to_the_files(
    tmp_path: Path, key: str, is_inside: bool
) -> None:
    """Paths outside of the current folder are whole."""
    (tmp_path / "elsewhere").mkdir()
    folder = tmp_path if is_inside else tmp_path / "elsewhere"

    lines = lines_of_demo(tmp_path / "output", folder, key)

    assert "in the sandbox (free)" in lines[0]
    assert "paid" not in lines[0]
    output = Path("output") if is_inside else tmp_path / "output"
    assert lines[-5:] == [
        *(
            f"  {output / name}"
            for name in ("demo-1.png", "demo-2.png", "demo-3.png", "demo-4.png")
        ),
        f"  all on a sheet: {output / 'demo.png'}",
    ]


def test_a_terminal_that_knows_fewer_letters_shows_their_codes(tmp_path: Path) -> None:
    lines = lines_of_demo(tmp_path / "output", tmp_path, "sandbox", encoding="cp1252")

    assert lines[0].startswith(r"Style \u2192 Seed \u2192 Generate")
    assert len(lines) == 8


def test_in_a_pipe_what_it_says_stands_in_order(tmp_path: Path) -> None:
    """As in `make demo 2>&1 | tee`, where Python would keep stdout back to the end."""
    run = subprocess.run(
        [sys.executable, "-c", RUN, str(tmp_path / "output")],
        cwd=tmp_path,
        env={**os.environ, **SCRIPTS, "VENICE_API_KEY": "Sandbox"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert run.returncode == 0, run.stdout
    lines = run.stdout.splitlines()
    assert lines[0].endswith("in the sandbox (free):")
    assert lines[-1].endswith("demo.png")
    assert len(lines) == len(set(lines))
    assert any("done" in line for line in lines[1:-7])


def test_a_place_that_cannot_be_written_is_told_before_anything_is_sent(tmp_path: Path) -> None:
    (tmp_path / "output").write_text("a file, so no folder")
    run = subprocess.run(
        [sys.executable, "-c", RUN, str(tmp_path / "output")],
        env={**os.environ, **SCRIPTS, "VENICE_API_KEY": "sandbox"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )

    assert run.returncode == 1
    assert run.stdout == ""
    assert run.stderr.startswith(f"Not sent. The images go to {tmp_path / 'output'}")
