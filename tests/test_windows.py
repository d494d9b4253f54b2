"""The money core under Windows' file semantics, which support/imitated_windows.py imitates."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
IMITATION = TESTS / "support" / "windows"
FOLDERS = ["client", "cli", "promises"]
"""Each runs in a process of its own, so that two cores share them."""
SEARCH_THE_PATH = (
    "client/test_shell.py::test_an_installed_command_is_named_as_the_shell_finds_it",
    "client/test_shell.py::test_a_library_names_the_command_that_pip_installed_with_it",
)
"""Tests that the imitation can't serve: Python looks for a program as on this system."""


@pytest.mark.long
@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.timeout(1200)
@pytest.mark.skipif(sys.platform != "linux", reason="imitates Windows on Linux")
def test_the_money_core_holds_as_on_windows(folder: str, tmp_path: Path) -> None:
    run = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", folder, "-q", "-n", "0", "-p", "no:cacheprovider"),
            *("-m", "not comfyui and not page", f"--basetemp={tmp_path / 'run'}"),
            *(f"--deselect={test}" for test in SEARCH_THE_PATH),
        ],
        cwd=TESTS,
        env={
            **{name: text for name, text in os.environ.items() if not name.startswith("PYTEST_")},
            "PYTHONPATH": os.fspath(IMITATION),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-20_000:] + run.stderr[-2000:]
    assert "needs Windows" not in run.stdout, "it was not imitated"
