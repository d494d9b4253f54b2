"""The money core under Windows' file semantics, which support/imitated_windows.py imitates."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
IMITATION = TESTS / "support" / "windows"
FILES = [
    "client/store",
    "client/test_files.py",
    "client/settings",
    "client/test_process.py",
    "cli/test_failures.py",
    "cli/test_paths.py",
    "cli/test_results.py",
    "cli/test_spending.py",
    "promises/test_batches.py",
    "promises/test_limits_of_processes.py",
    "promises/test_limits_of_processes.py",
    "promises/test_scanner.py",
    "promises/test_single_flight.py",
    "promises/test_spending.py",
    "promises/test_store.py",
    "promises/test_unshown_runs.py",
]


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.skipif(sys.platform != "linux", reason="imitates Windows on Linux")
def test_the_money_core_holds_as_on_windows(tmp_path: Path) -> None:
    run = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", *FILES, "-q", "-n", "0", "-p", "no:cacheprovider"),
            *("-m", "not long and not comfyui and not page", f"--basetemp={tmp_path / 'run'}"),
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
