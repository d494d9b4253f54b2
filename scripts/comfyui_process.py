"""Find a ComfyUI on this computer, start it with this pack, wait for it, stop it.

`make comfyui` and the tests use it. It needs only the standard library, so any Python can run it.
As a script it prints the Python that can run the nodes, or fails.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from links import link_folder

ROOT = Path(__file__).absolute().parent.parent
PACK_FOLDER = "venice-nodes"
LOG_TAIL_LINES = 15
PORTS = range(20_000, 30_000)
"""Below the system's own ports, so that nobody takes one before ComfyUI listens."""

NEEDED = "import numpy, PIL, requests, torch"
"""A check for the Python of a working ComfyUI."""

if sys.platform == "win32":
    CTRL_C = signal.CTRL_BREAK_EVENT  # Ctrl-C would reach other processes too
    OWN_GROUP = subprocess.CREATE_NEW_PROCESS_GROUP
else:
    CTRL_C, OWN_GROUP = signal.SIGINT, 0

ENDINGS = ((CTRL_C, 60.0), (signal.SIGTERM, 10.0))
"""The signals that end ComfyUI, and the seconds for each: Ctrl-C waits for responses in flight."""


class ComfyUIError(Exception):
    """There is no usable ComfyUI. The message says why."""


class StartFailed(ComfyUIError):
    """ComfyUI ended, or didn't answer in time. The message ends with its last log lines."""


@dataclass(frozen=True)
class Installation:
    """One ComfyUI: its folder, its Python, and the head of PYTHONPATH."""

    path: Path
    python: Path
    python_path: str = ""


def find(environ: Mapping[str, str], pack: Path = ROOT) -> Installation | None:
    """The ComfyUI of COMFYUI_PATH, else the one around `pack`, else ~/comfy/ComfyUI, else None.

    Raises ComfyUIError when COMFYUI_PATH names something else.
    """
    candidates = [_named(environ, "COMFYUI_PATH"), _around(pack), _home(environ) / "ComfyUI"]
    return _first(candidates, environ, "COMFYUI_PYTHON", python_path="")


def find_old(environ: Mapping[str, str]) -> Installation | None:
    """The older ComfyUI for tests: COMFYUI_OLD_PATH, else ~/comfy/ComfyUI-0.3.64.

    Its packages: COMFYUI_OLD_PYTHONPATH, else ~/comfy/old-packages, if any.
    """
    candidates = [_named(environ, "COMFYUI_OLD_PATH"), _home(environ) / "ComfyUI-0.3.64"]
    packages = _home(environ) / "old-packages"
    default = str(packages) if packages.is_dir() else ""
    python_path = environ.get("COMFYUI_OLD_PYTHONPATH", default)
    return _first(candidates, environ, "COMFYUI_OLD_PYTHON", python_path)


def is_comfyui(path: Path) -> bool:
    """Whether `path` holds the sources of a ComfyUI."""
    return (path / "main.py").is_file() and (path / "comfy").is_dir()


def python_of(path: Path) -> Path:
    """The Python of the ComfyUI in `path`: an environment in or beside it, else this one."""
    environments = [path / ".venv", path / "venv", path.parent / "env"]
    places = [place / sub for place in environments for sub in ("bin/python", "Scripts/python.exe")]
    portable = path.parent / "python_embeded" / "python.exe"
    return next((python for python in [*places, portable] if python.exists()), Path(sys.executable))


def _named(environ: Mapping[str, str], variable: str) -> Path | None:
    named = environ.get(variable)
    if not named:
        return None
    if not is_comfyui(Path(named)):
        raise ComfyUIError(f"{variable} is {named}, and there is no ComfyUI")
    return Path(named)


def _around(pack: Path) -> Path | None:
    return pack.parent.parent if pack.parent.name == "custom_nodes" else None


def _home(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("HOME") or Path.home()) / "comfy"


def _first(
    candidates: Sequence[Path | None], environ: Mapping[str, str], variable: str, python_path: str
) -> Installation | None:
    path = next((path for path in candidates if path and is_comfyui(path)), None)
    if path is None:
        return None
    python = Path(environ[variable]) if environ.get(variable) else python_of(path)
    return Installation(path, python, python_path)


def make_base(base: Path, pack: Path = ROOT) -> Path:
    """A ComfyUI base directory (input, output, user, custom_nodes) with the pack linked in."""
    link = base / "custom_nodes" / PACK_FOLDER
    link.parent.mkdir(parents=True, exist_ok=True)
    for folder in ("input", "models", "output", "temp", "user"):
        (base / folder).mkdir(exist_ok=True)
    link_folder(link, pack)
    return base


def free_port(wanted: int = 0) -> int:
    """Return `wanted` if nothing listens on it, else another free port."""
    for port in filter(None, (wanted, *random.sample(PORTS, 50))):
        try:
            with socket.create_server(("127.0.0.1", port)) as server:
                return int(server.getsockname()[1])
        except OSError:
            continue
    raise ComfyUIError("no free port on 127.0.0.1")


def working_python(environ: Mapping[str, str]) -> Path | None:
    """Return the Python of a ComfyUI with its packages, or None."""
    try:
        found = find(environ)
        if found is None:
            return None
        check = subprocess.run([str(found.python), "-c", NEEDED], check=False, capture_output=True)
    except (ComfyUIError, OSError):
        return None
    return None if check.returncode else found.python


class ComfyUIProcess:
    """A ComfyUI that runs while the `with` block does, on 127.0.0.1, with its log in `base`."""

    def __init__(
        self,
        installation: Installation,
        base: Path,
        environ: Mapping[str, str],
        arguments: Sequence[str] = (),
        port: int = 0,
    ) -> None:
        """base: the base directory. environ: the whole environment. port: 0 for any free one."""
        self.port = free_port(port)
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = base / "comfyui.log"
        command = [str(installation.python), "-u", str(installation.path / "main.py")]
        command += ["--listen", "127.0.0.1", "--port", str(self.port), "--disable-auto-launch"]
        command += ["--base-directory", str(base), "--database-url", "sqlite:///:memory:"]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [*command, *arguments],
                cwd=base,
                env=_with_python_path(environ, installation.python_path),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                creationflags=OWN_GROUP,
            )

    def __enter__(self) -> ComfyUIProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def wait_until_ready(self, timeout_s: float = 180.0) -> None:
        """Wait until ComfyUI answers. Raises StartFailed if it ends or takes too long."""
        deadline = time.monotonic() + timeout_s
        while not self._answers():
            if self._process.poll() is not None:
                raise StartFailed(f"ComfyUI ended ({self._process.returncode}):\n{self.log_tail()}")
            if time.monotonic() > deadline:
                raise StartFailed(f"ComfyUI is silent after {timeout_s:g} s:\n{self.log_tail()}")
            time.sleep(0.2)

    def wait(self) -> int:
        """Return ComfyUI's exit code when it ends by itself."""
        return self._process.wait()

    def log_tail(self, lines: int = LOG_TAIL_LINES) -> str:
        """Return ComfyUI's last lines of output."""
        text = self.log.read_text(encoding="utf-8", errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def stop(self, first: signal.Signals = CTRL_C) -> None:
        """End ComfyUI as Ctrl-C does (or with `first`), then harder."""
        for sign, seconds in ((first, ENDINGS[0][1]), *ENDINGS[1:]):
            if self._process.poll() is not None:
                return
            self._process.send_signal(sign)
            try:
                self._process.wait(timeout=seconds)
            except subprocess.TimeoutExpired:
                continue
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def _answers(self) -> bool:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"{self.url}/system_stats", timeout=5) as response:
                return bool(response.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def _with_python_path(environ: Mapping[str, str], first: str) -> dict[str, str]:
    paths = [path for path in (first, environ.get("PYTHONPATH", "")) if path]
    return {**environ, "PYTHONPATH": os.pathsep.join(paths)} if paths else dict(environ)


def main() -> int:
    python = working_python(os.environ)
    if python is None:
        return 1
    print(python)
    return 0


if __name__ == "__main__":
    sys.exit(main())
