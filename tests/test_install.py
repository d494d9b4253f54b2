"""The client installed with pip, away from ComfyUI and from this folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from project_file import ROOT

LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "tests", "web", "docs", "node_modules")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what `pip install .` installs. Building leaves nothing behind in the source."""
    folder = tmp_path_factory.mktemp("installed")
    copy = Path(shutil.copytree(ROOT, folder / "a cöpy", ignore=LEFT_OUT))
    before = {path.relative_to(copy) for path in copy.rglob("*")}
    target = folder / "target"
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-cache-dir"]
    python_pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    done = run([*python_pip, "install", *options, "--target", str(target), str(copy)])
    assert done.returncode == 0, done.stderr
    assert {path.relative_to(copy) for path in copy.rglob("*")} == before, "nothing is left there"
    return target


def run(command: list[str], **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env={**os.environ, **environ},
        cwd=Path(command[0]).anchor,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.long
def test_every_file_of_the_client_is_installed_and_nothing_else(installed: Path) -> None:
    package = ROOT / "venice_client"
    expected = {
        path.relative_to(ROOT)
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    found = {
        path.relative_to(installed)
        for path in (installed / "venice_client").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert found == expected
    assert Path("venice_client/py.typed") in found
    assert not (installed / "venice_nodes").exists()
    assert not (installed / "nodes.py").exists()


def test_an_installed_client_generates_an_image(installed: Path, home: Path) -> None:
    code = (
        "import venice_client as v\n"
        "result = v.VeniceClient().generate_images(v.GenerateRequest('chroma', 'a fox', width=64,"
        " height=64, seed=7))\n"
        "print(v.__file__, result.images[0].width)"
    )
    environ = {"PYTHONPATH": str(installed), "VENICE_API_KEY": "sandbox"}
    done = run([sys.executable, "-c", code], **environ)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == "64"
    assert str(installed) in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="the command has another name and form there")
def test_the_command_is_venice(installed: Path) -> None:
    done = run([str(installed / "bin" / "venice"), "--version"], PYTHONPATH=str(installed))
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
