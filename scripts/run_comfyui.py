"""`make comfyui`: start a real ComfyUI with this pack, in the sandbox or with your key.

Uses the ComfyUI that comfyui_process.find returns, or downloads one. Its files go into .comfyui,
which `make clean` keeps, since you may have paid for the images. ComfyUI gets further arguments.
"""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from comfyui_process import (
    PACK_FOLDER,
    ROOT,
    ComfyUIError,
    ComfyUIProcess,
    Installation,
    find,
    make_base,
    python_of,
)

OFFICIAL = "https://github.com/comfyanonymous/ComfyUI.git"
BASE = ROOT / ".comfyui"
PORT = 8188
HAS_ACCELERATOR = (
    "import sys, torch; "
    "sys.exit(not (torch.cuda.is_available() or torch.backends.mps.is_available()))"
)


def main(arguments: list[str]) -> int:
    """Run ComfyUI until it ends; return its exit code."""
    installation = find(os.environ) or fetch(Path.home() / "comfy" / "ComfyUI")
    base = make_base(BASE)
    environ = dict(os.environ)
    paying = has_key(environ, base)
    if not paying:
        environ["VENICE_API_KEY"] = "sandbox"
    print(f"ComfyUI in {installation.path}, with {installation.python}", flush=True)
    if not has_accelerator(installation):
        arguments = ["--cpu", *arguments]
    with ComfyUIProcess(installation, base, environ, arguments, PORT) as comfyui:
        comfyui.wait_until_ready()
        print("With your Venice key: images cost money." if paying else "With the sandbox: free.")
        print(
            f"Open {comfyui.url} (Templates has the workflows; Ctrl-C ends it; log {comfyui.log})"
        )
        sys.stdout.flush()
        return comfyui.wait()


def has_key(environ: Mapping[str, str], base: Path) -> bool:
    """Whether the nodes of ComfyUI in `base` would find the user's own key.

    Unreadable settings count: the nodes report the error.
    """
    linked = base / "custom_nodes" / PACK_FOLDER
    credentials = _credentials(linked if linked.is_dir() else ROOT)
    try:
        key = credentials.load_settings(base / "user" / credentials.COMFYUI_FOLDER, environ).key
    except credentials.SettingsError:
        return True
    return key is not None and not key.is_sandbox


def _credentials(pack: Path) -> ModuleType:
    """Load only the pack's reader of settings, since the rest needs packages."""
    package = ModuleType("venice_settings")
    package.__path__ = [str(pack / "venice_client")]
    sys.modules[package.__name__] = package
    sys.modules.pop("venice_settings.settings.settings", None)
    return importlib.import_module("venice_settings.settings.settings")


def has_accelerator(installation: Installation) -> bool:
    """Whether ComfyUI's torch can use a GPU; without one ComfyUI needs an option."""
    check = [str(installation.python), "-c", HAS_ACCELERATOR]
    return subprocess.run(check, check=False, stderr=subprocess.DEVNULL).returncode == 0


def fetch(path: Path, repository: str = OFFICIAL) -> Installation:
    """Clone ComfyUI into `path` and make an environment for it there."""
    if shutil.which("git") is None:
        raise ComfyUIError("there is no ComfyUI, and no git to get one. COMFYUI_PATH names yours")
    print(
        f"No ComfyUI found (COMFYUI_PATH names one). Cloning {repository} to {path} and installing "
        "its packages: several GB.",
        flush=True,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    _run("git", "clone", "--depth", "1", repository, str(path))
    _run(sys.executable, "-m", "venv", str(path / ".venv"))
    _run(str(python_of(path)), "-m", "pip", "install", "-r", str(path / "requirements.txt"))
    return Installation(path, python_of(path))


def _run(*command: str) -> None:
    if subprocess.run(command, check=False).returncode:
        raise ComfyUIError(f"failed: {' '.join(command)}")


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except ComfyUIError as error:
        sys.exit(f"make comfyui: {error}")
    except KeyboardInterrupt:
        sys.exit()  # the normal end, no error for make
