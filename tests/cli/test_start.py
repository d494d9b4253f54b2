"""The first second of a command: Ctrl-C, a Python that is too old, the portable Python."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import venice_client

ROOT = Path(__file__).resolve().parents[2]
CLIENT = Path(venice_client.__file__).resolve().parent

INTERRUPT = """
import os, signal, sys

class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == {name!r}:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupt())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
@pytest.mark.parametrize("name", ["requests", "venice_client.batch", "venice_client.cli.results"])
@pytest.mark.parametrize("start", [["-m", "venice_client"], [str(CLIENT)]], ids=["name", "path"])
def test_ctrl_c_while_it_loads_ends_quietly(tmp_path: Path, name: str, start: list[str]) -> None:
    (tmp_path / "sitecustomize.py").write_text(INTERRUPT.format(name=name))
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}

    end = subprocess.run(
        [sys.executable, *start, "styles"],
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert (end.stdout, end.stderr) == ("", "")
    assert end.returncode in (-signal.SIGINT, 130)


def old_python() -> str:
    """A Python 3.9 of this machine. Skips the test if there is none that runs."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    for python in [*map(str, sorted(pyenv.glob("3.9.*/bin/python"))), shutil.which("python3.9")]:
        if (
            python
            and not subprocess.run([python, "-V"], capture_output=True, check=False).returncode
        ):
            return python
    pytest.skip("no Python 3.9 here")


@pytest.mark.parametrize("start", [["-m", "venice_client"], [str(CLIENT)]], ids=["name", "path"])
def test_a_python_that_is_too_old_is_one_sentence(start: list[str]) -> None:
    end = subprocess.run(
        [old_python(), *start, "styles"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert end.returncode == 1
    assert end.stdout == ""
    assert end.stderr.startswith("The Venice client needs Python 3.10 or newer. This is 3.9.")
    assert len(end.stderr.splitlines()) == 1


@pytest.mark.parametrize("flags", [["-I"], ["-I", "-S"]])
def test_an_isolated_python_runs_the_folder_from_anywhere(tmp_path: Path, flags: list[str]) -> None:
    """ComfyUI's portable Python has a ._pth file: it is isolated, and knows no current folder."""
    isolated = [*flags, str(CLIENT)]
    with_packages = {**os.environ, "PYTHONPATH": "ignored"}

    end = subprocess.run(
        [sys.executable, *isolated, "--version"],
        cwd=tmp_path,
        env=with_packages,
        capture_output=True,
        text=True,
        check=False,
    )

    if "-S" in flags:  # no packages either: a sentence says what to do
        assert end.stderr.startswith("This Python is missing requests")
        assert len(end.stderr.splitlines()) == 1
    else:
        assert end.stdout.strip() == venice_client.__version__
