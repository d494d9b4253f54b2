"""What the pack sets in its process: signals, streams; and a Python without the packages."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest

from bench import held_until
from faulty_sandbox import Sandbox
from venice_client import GenerateRequest, Settings, VeniceClient
from venice_client import batch as batch_module
from venice_client.batch import was_cancelled
from venice_client.process import end_gently
from venice_client.settings.api_key import ApiKey
from waiting import read_until, wait_for

ROOT = Path(__file__).resolve().parents[2]
ENDINGS = ("SIGTERM", "SIGHUP", "SIGQUIT")
needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")

HANDLERS = """
import signal, sys, threading
sys.path.insert(0, sys.argv[1])
from venice_client.for_nodes import end_gently
{before}
names = ("SIGTERM", "SIGHUP", "SIGQUIT")
print([signal.getsignal(getattr(signal, name)) is {expected} for name in names])
"""
SET_ALL = "for n in ('SIGTERM', 'SIGHUP', 'SIGQUIT'): signal.signal(getattr(signal, n), {})\n"


def run_python(code: str, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, str(ROOT), *arguments],
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


@pytest.mark.long
@needs_posix
@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("end_gently()", "signal.default_int_handler"),
        ("end_gently(); end_gently()", "signal.default_int_handler"),
        (SET_ALL.format("signal.SIG_IGN") + "end_gently()", "signal.SIG_IGN"),
        (SET_ALL.format("print") + "end_gently()", "print"),
        (
            "thread = threading.Thread(target=end_gently); thread.start(); thread.join()",
            "signal.SIG_DFL",
        ),
        ("", "signal.SIG_DFL"),
    ],
    ids=["default", "twice", "ignored", "another's", "off the main thread", "import alone"],
)
def test_only_a_default_handler_is_replaced(before: str, expected: str) -> None:
    done = run_python(HANDLERS.format(before=before, expected=expected))
    assert done.stdout == "[True, True, True]\n", done.stderr


GENERATES = """
import asyncio, sys, threading, time
sys.path.insert(0, sys.argv[1] + "/scripts")
from demo import load_pack
pack = load_pack()
node = pack.NODE_CLASS_MAPPINGS["VeniceGenerateImage"]()
def work():
    asyncio.run(node.generate(
        model=["z-image-turbo"], prompt=["a fox"], width=[64], height=[64], seed=[1], batch_size=[3]
    ))
threading.Thread(target=work, daemon=True).start()
print("begun", flush=True)
while True:
    time.sleep(0.05)
"""


@pytest.mark.long
@needs_posix
@pytest.mark.parametrize("name", ENDINGS)
def test_what_is_on_its_way_is_kept_when_the_process_is_ended(
    name: str, sandbox: Sandbox, home: Path
) -> None:
    """As `docker stop`, a closed terminal and systemd end ComfyUI."""
    answered = threading.Event()
    sandbox.add_fault(held_until(answered.is_set), times=None)
    process = subprocess.Popen(
        [sys.executable, "-c", GENERATES, str(ROOT)],
        env={
            **os.environ,
            "VENICE_API_KEY": "test-key",
            "VENICE_API_BASE": sandbox.base_url,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        read_until(process.stdout, "begun")
        wait_for(lambda: len(sandbox.paid_requests) == 3)
        process.send_signal(getattr(signal, name))
        read_until(process.stderr, "KeyboardInterrupt")
        answered.set()
        _, err = process.communicate(timeout=120)
    finally:
        answered.set()
        process.kill()

    assert len(sandbox.charges) == 3
    assert len(list((home / "results").glob("*.result"))) == 3, err


class Kernel32:
    """What Windows does with a console, as far as a process can see."""

    handlers: ClassVar[list[Callable[[int], int]]] = []

    def __init__(self, name: str) -> None:
        assert name == "kernel32"

    def SetConsoleCtrlHandler(self, handler: Callable[[int], int], adds: bool) -> int:
        assert adds
        self.handlers.append(handler)
        return 1


@pytest.fixture
def console(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], int]:
    """The handler that end_gently gives to Windows."""
    monkeypatch.setattr(Kernel32, "handlers", [])
    monkeypatch.setattr("venice_client.process._handlers", [])
    monkeypatch.setattr("venice_client.batch._is_ending", threading.Event())
    monkeypatch.setattr("ctypes.WinDLL", Kernel32, raising=False)
    monkeypatch.setattr("ctypes.WINFUNCTYPE", lambda *_: lambda handle: handle, raising=False)
    with monkeypatch.context() as patch:
        patch.setattr("venice_client.process.sys.platform", "win32")
        for _ in range(2):
            end_gently()
    (handler,) = Kernel32.handlers
    return handler


@pytest.mark.long
@pytest.mark.parametrize("event", [2, 5, 6], ids=["closed", "logged off", "shut down"])
def test_a_closed_console_waits_for_what_is_in_flight(
    console: Callable[[int], int], sandbox: Sandbox, home: Path, event: int
) -> None:
    settings = Settings(home, ApiKey("test-key"), sandbox.base_url, max_in_flight=2)
    seeds = range(1, 5)
    batch = VeniceClient(settings).prepare(
        [GenerateRequest("z-image-turbo", "a fox", width=64, height=64, seed=s) for s in seeds]
    )
    sandbox.add_fault(held_until(lambda: sum(map(was_cancelled, batch.outcomes)) == 2), times=None)
    batch.begin()
    wait_for(lambda: len(sandbox.paid_requests) == 2)

    assert console(event)

    assert len(list((home / "results").glob("*.result"))) == len(sandbox.charges) == 2
    assert sum(map(was_cancelled, batch.outcomes)) == 2


def test_what_takes_too_long_is_not_waited_for(
    console: Callable[[int], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("venice_client.process._at_close", [waits.append])
    assert console(2)
    assert waits == [pytest.approx(4.5)]


@pytest.mark.parametrize("event", [0, 1])
def test_ctrl_c_and_ctrl_break_are_left_to_python(
    console: Callable[[int], int], event: int
) -> None:
    assert not console(event)
    assert not batch_module._is_ending.is_set()


PRINTS = """
import sys
sys.path.insert(0, sys.argv[1])
from venice_client import VeniceError
from venice_client.for_nodes import accept_any_letter
accept_any_letter()
import logging
logging.basicConfig(stream=sys.stdout, format="%(message)s")
logging.error(VeniceError("Size 3 × 4 → ‹b› … 狐 \\ud800"))
print("seed 7 · 狐 …")
"""


@pytest.mark.parametrize("encoding", ["cp1252", "gbk", "ascii", "utf-8"])
def test_no_letter_breaks_a_log_or_a_console(encoding: str) -> None:
    environ = {**os.environ, "PYTHONIOENCODING": f"{encoding}:strict"}
    done = run_python(PRINTS, env=environ, encoding=encoding)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    error, printed = done.stdout.splitlines()
    assert error.startswith("Size 3")
    assert printed.startswith("seed 7")


@pytest.mark.parametrize("how", [["-m", "venice_client"], ["venice_client"]], ids=["name", "path"])
def test_a_python_without_the_packages_gets_a_sentence(how: list[str]) -> None:
    """-S: without what is installed."""
    done = subprocess.run(
        [sys.executable, "-S", *how, "generate", "a fox"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("This Python is missing requests, numpy and pillow. Use ComfyUI's own")
    assert line.endswith("-m pip install requests numpy pillow")


def test_an_import_without_the_packages_is_an_error_with_that_sentence() -> None:
    done = subprocess.run(
        [sys.executable, "-S", "-c", "import venice_client"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr.splitlines()[-1].startswith("ModuleNotFoundError: This Python is missing ")
