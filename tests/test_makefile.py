"""What `make` promises: what it leaves alone, what it installs, how it ends."""

from __future__ import annotations

import os
import platform
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import install_packages

ROOT = Path(__file__).resolve().parent.parent
FAKE_COMFYUI = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
port = int(sys.argv[sys.argv.index("--port") + 1])
http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""

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


def make(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs make as on a machine without a ComfyUI, but for what `variables` name."""
    command = ["make", f"PYTHON={sys.executable}", *arguments]
    environ = {name: text for name, text in os.environ.items() if "COMFYUI" not in name}
    return subprocess.run(
        command,
        cwd=folder,
        env={**environ, "HOME": str(folder.parent), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def fake_comfyui(folder: Path, python: str) -> dict[str, str]:
    """The variables that name a ComfyUI without anything in it, and its Python."""
    path = folder / "ComfyUI"
    (path / "comfy").mkdir(parents=True)
    (path / "main.py").write_text(FAKE_COMFYUI)
    return {"COMFYUI_PATH": str(path), "COMFYUI_PYTHON": python}


def test_clean_keeps_what_a_real_comfyui_made(checkout: Path) -> None:
    picture = checkout / ".comfyui" / "output" / "paid.png"
    for path in (picture, checkout / "output" / "demo.png"):
        path.parent.mkdir(parents=True)
        path.touch()

    assert make(checkout, "clean").returncode == 0

    assert picture.exists()
    assert not (checkout / "output").exists()


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


def test_the_demo_takes_no_test_tools_and_tests_add_to_its_environment(checkout: Path) -> None:
    install = "scripts/install_packages.py"

    assert make(checkout, "--dry-run", "demo").stdout.count(install) == 1
    assert make(checkout, "--dry-run", "lint").stdout.count(install) == 2

    (checkout / ".venv").mkdir()
    (checkout / ".venv" / ".base").touch()

    assert install not in make(checkout, "--dry-run", "demo").stdout
    for target in ("lint", "test", "test-all"):
        told = make(checkout, "--dry-run", target).stdout
        assert f"{install} --dev" in told
        assert "venv --clear" not in told

    (checkout / ".venv" / ".installed").touch()

    for target in ("demo", "lint", "test", "test-all"):
        assert install not in make(checkout, "--dry-run", target).stdout


@pytest.mark.parametrize(("system", "folder"), [("Windows_NT", "Scripts"), ("", "bin")])
def test_the_environment_is_found_on_windows_too(checkout: Path, system: str, folder: str) -> None:
    told = make(checkout, "--dry-run", "lint", OS=system).stdout

    assert f"\n.venv/{folder}/ruff check" in told
    assert f"\n.venv/{'bin' if system else 'Scripts'}/" not in told


@pytest.mark.parametrize("target", ["lint-page", "lint", "format"])
def test_a_dry_run_runs_no_linter_of_the_page(checkout: Path, target: str) -> None:
    npm = checkout / "npm"
    npm.write_text("#!/bin/sh\ntouch npm-ran\n")
    npm.chmod(0o755)
    stamp = checkout / "tests" / "page" / "node_modules" / ".ready"
    stamp.parent.mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        (checkout / "tests" / "page" / name).touch()
    stamp.touch()

    told = make(checkout, "--dry-run", target, f"NPM={npm}")

    assert f"{npm} --prefix tests/page run" in told.stdout, told.stderr
    assert not (checkout / "npm-ran").exists()


@pytest.mark.long
def test_the_demo_takes_the_python_of_a_comfyui(checkout: Path, tmp_path: Path) -> None:
    comfyui = fake_comfyui(tmp_path, sys.executable)

    told = make(checkout, "--dry-run", "demo", **comfyui).stdout

    assert f"'{sys.executable}' scripts/demo.py" in told
    assert "install_packages.py" not in told


def test_the_demo_leaves_a_comfyui_that_cannot_run_it(checkout: Path, tmp_path: Path) -> None:
    told = make(checkout, "--dry-run", "demo", **fake_comfyui(tmp_path, "false")).stdout

    assert "install_packages.py" in told


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64", reason="the CUDA build is Linux's"
)
@pytest.mark.parametrize(
    ("versions", "size"), [("2.14.0, {}+cpu, {}", "0.3 GB"), ("2.14.0, {}", "2.8 GB")]
)
def test_the_size_that_is_said_is_that_of_the_build_at_hand(versions: str, size: str) -> None:
    pin = install_packages.pinned_torch()
    listing = f"print({versions.replace('{}', pin)!r})"

    said = install_packages.size_of_demo([sys.executable, "-c", listing])

    assert f"About {size}" in said
    assert ("TORCH_INDEX" in said) == (size == "2.8 GB")


@pytest.fixture
def comfyui(checkout: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """`make comfyui` with what looks like a ComfyUI, as a terminal would start it."""
    named = fake_comfyui(tmp_path, sys.executable)
    run = subprocess.Popen(
        ["make", f"PYTHON={sys.executable}", "comfyui"],
        cwd=checkout,
        env={**os.environ, **named},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    yield run
    if run.poll() is None:
        os.killpg(run.pid, signal.SIGKILL)
    run.communicate()


@pytest.mark.long
def test_ctrl_c_ends_comfyui_without_an_error(
    checkout: Path, comfyui: subprocess.Popen[str]
) -> None:
    assert comfyui.stdout is not None
    lines = iter(comfyui.stdout.readline, "")
    assert any(line.startswith("Open http://127.0.0.1:") for line in lines)

    os.killpg(comfyui.pid, signal.SIGINT)
    rest, _ = comfyui.communicate(timeout=120)

    assert "Error" not in rest
    assert "Traceback" not in rest
    assert (checkout / ".comfyui" / "output").is_dir()
