"""What `make` promises: what it leaves alone, what it installs."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

pytestmark = pytest.mark.skipif(
    sys.platform == "win32" or not shutil.which("make"), reason="needs make"
)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with what `make` needs of the project."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    for name in ("Makefile", "requirements.txt", "requirements-dev.txt"):
        shutil.copy(ROOT / name, folder)
    for name in ("scripts", "venice_client"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    return folder


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["make", f"PYTHON={sys.executable}", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("target", ["demo", "lint"])
def test_an_environment_that_is_a_link_is_refused(
    checkout: Path, tmp_path: Path, target: str
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "mine").touch()
    (checkout / ".venv").symlink_to(elsewhere)

    end = make(checkout, target)

    assert end.returncode != 0
    assert ".venv is a link" in end.stdout + end.stderr
    assert (elsewhere / "mine").exists()


def test_the_demo_needs_no_tools(checkout: Path) -> None:
    alone = make(checkout, "--dry-run", "demo").stdout
    assert "-r requirements.txt" in alone
    assert "requirements-dev.txt" not in alone

    (checkout / ".venv").mkdir()
    (checkout / ".venv" / ".installed").touch()  # by `make test`

    assert "install" not in make(checkout, "--dry-run", "demo").stdout
    assert "install" not in make(checkout, "--dry-run", "lint").stdout
