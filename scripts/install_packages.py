"""Install the packages for `make demo` into this environment, with `--dev` also those for tests.

It announces the download first. TORCH_INDEX can name another package index with CPU builds of
torch. If an index in pip's settings has one, pip prefers it, since its version (2.13.0+cpu) counts
as newer.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PINS = ROOT / "requirements-dev.txt"
"""Also constraints for the demo, so that tests add to its environment and replace nothing."""

CUDA_HINT = (
    "About 2.8 GB: torch comes as its CUDA build. For the CPU build, about 0.3 GB, name an index\n"
    "that has it: make demo TORCH_INDEX=ADDRESS (pytorch.org, Get Started, Compute Platform CPU)."
)
SIZE_OF_TESTS = "Installing the test tools into .venv too. About 50 MB."
NO_TORCH = "torch has no build for Python {} on a Mac with Intel: make PYTHON=python3.12"


def main(arguments: list[str]) -> int:
    is_dev = "--dev" in arguments
    index = os.environ.get("TORCH_INDEX", "").strip()
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    extra = ["--extra-index-url", index] if index else []
    if is_intel_mac() and sys.version_info >= (3, 13):
        print(NO_TORCH.format(platform.python_version()), file=sys.stderr)
        return 1
    said = SIZE_OF_TESTS if is_dev else size_of_demo([*pip, "index", "versions", *extra])
    print(said, flush=True)  # before pip's output
    wanted = ["-r", str(ROOT / "requirements.txt")]
    wanted += ["-r", str(PINS)] if is_dev else ["-c", str(PINS)]
    return subprocess.run([*pip, "install", *extra, *wanted], check=False).returncode


def size_of_demo(versions: list[str]) -> str:
    """Describe the download. versions: the command that lists the versions of a package."""
    head = "Installing requests, numpy, Pillow and torch into .venv. "
    if sys.platform != "linux" or platform.machine() not in ("x86_64", "AMD64"):
        return f"{head}About 0.2 GB."
    run = subprocess.run([*versions, "torch"], capture_output=True, text=True, check=False)
    if f"{pinned_torch()}+cpu" in run.stdout:
        return f"{head}About 0.3 GB: the CPU build of torch is at hand."
    return head + CUDA_HINT


def pinned_torch() -> str:
    found = re.search(r"^torch==([\d.]+)", PINS.read_text(encoding="utf-8"), re.MULTILINE)
    assert found
    return found[1]


def is_intel_mac() -> bool:
    return sys.platform == "darwin" and platform.machine() == "x86_64"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
