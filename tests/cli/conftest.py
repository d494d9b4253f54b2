"""A command line pointed at a sandbox, run in-process or as a process of its own."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from faulty_sandbox import Sandbox
from venice_client.cli.app import main

ROOT = Path(__file__).resolve().parents[2]
KEY = "test-key"


@dataclass(frozen=True)
class End:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


class Cli:
    """Runs commands in the folder that the test writes to."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *argv: str) -> End:
        self._capsys.readouterr()
        try:
            code = main(argv)
        except SystemExit as end:
            code = int(end.code or 0)
        captured = self._capsys.readouterr()
        assert KEY not in captured.out + captured.err
        return End(code, captured.out, captured.err)


def start(*argv: str, **options: Any) -> subprocess.Popen[str]:
    """The command as a process; its folder is the current one."""
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(
        [sys.executable, "-m", "venice_client", *argv],
        env={**os.environ, "PYTHONPATH": paths, "PYTHONUNBUFFERED": "1"},
        stdin=options.pop("stdin", subprocess.DEVNULL),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding=options.pop("encoding", "utf-8"),
        **options,
    )


@pytest.fixture
def cli(
    sandbox: Sandbox,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
) -> Cli:
    """The command line with the sandbox's key and address in the environment."""
    monkeypatch.setenv("VENICE_API_BASE", sandbox.base_url)
    monkeypatch.setenv("VENICE_API_KEY", KEY)
    return Cli(capsys)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    return here


@pytest.fixture
def inputs(folder: Path) -> dict[str, str]:
    """The files a.png, b.jpg and c.webp, and what they look like in a request."""
    sent = {}
    for name, colour in (("a.png", "red"), ("b.jpg", "green"), ("c.webp", "blue")):
        Image.new("RGB", (320, 256), colour).save(folder / name)
        sent[name] = base64.b64encode((folder / name).read_bytes()).decode()
    return sent


@pytest.fixture
def commands() -> Iterator[Any]:
    """`start`; what still runs at the end of the test is stopped."""
    started: list[subprocess.Popen[str]] = []

    def run(*argv: str, **options: Any) -> subprocess.Popen[str]:
        started.append(start(*argv, **options))
        return started[-1]

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()
