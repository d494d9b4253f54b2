"""docs/scale.md: the program for Dask runs in two worker processes, and pays once an image."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench import held_until
from faulty_sandbox import Sandbox
from project_file import ROOT

KEY = "test-key"


@pytest.fixture
def run(sandbox: Sandbox, home: Path, tmp_path: Path) -> Any:
    """Runs the documented program in a folder of its own."""
    (code,) = re.findall(
        r"```python\n(.+?)```", (ROOT / "docs" / "scale.md").read_text("utf-8"), re.DOTALL
    )
    program = tmp_path / "program.py"
    program.write_text(code, "utf-8")
    environ = {"VENICE_API_KEY": KEY, "VENICE_API_BASE": sandbox.base_url, "PYTHONPATH": str(ROOT)}

    def start(**more: str) -> str:
        ended = subprocess.run(
            [sys.executable, str(program)],
            cwd=tmp_path,
            env={**os.environ, **environ, "VENICE_HOME": str(home), **more},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    return start


@pytest.mark.long
def test_the_program_for_dask_runs_in_two_processes(
    run: Any, sandbox: Sandbox, tmp_path: Path
) -> None:
    """No answer comes before both workers have sent: with one in flight each, two have."""
    both = held_until(lambda: len(sandbox.paid_requests) >= 2)
    sandbox.add_fault(both, path="/image/generate", times=2)

    told = run(VENICE_MAX_IN_FLIGHT="1")

    assert told == "40 images by 2 processes\n"
    seeds = sorted(int(path.stem.split("-")[1]) for path in (tmp_path / "foxes").iterdir())
    assert seeds == sorted(charge.seed for charge in sandbox.charges) == list(range(1, 41))
    assert run().startswith("40 images by ")
    assert len(sandbox.charges) == 40, "a second run is free"


@pytest.mark.long
def test_a_daily_limit_holds_for_all_workers(run: Any, sandbox: Sandbox, tmp_path: Path) -> None:
    told = run(VENICE_MAX_USD_PER_DAY="0.101")

    assert "your daily limit is $0.101" in told
    assert len(sandbox.charges) == 10
