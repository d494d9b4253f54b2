"""A ComfyUI that is older than the pack's oldest: said once, and interrupts and folders work."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
COMFYUI = {
    "comfy/__init__.py": "",
    "comfy/model_management.py": "def processing_interrupted():\n    return True\n",
    "comfy/utils.py": "",
    "comfy_execution/__init__.py": "",
    "folder_paths.py": "def get_user_directory():\n    return 'the-user-folder'\n",
    "server.py": "class PromptServer:\n    instance = None\n",
}
CONTEXT = {"comfy_execution/utils.py": "def get_executing_context():\n    return None\n"}
SCRIPT = """
import importlib.util, sys
sys.path.insert(0, sys.argv[1])
path = sys.argv[2] + "/venice_nodes/run/comfyui.py"
spec = importlib.util.spec_from_file_location("venice_host", path)
sys.modules["venice_host"] = host = importlib.util.module_from_spec(spec)
spec.loader.exec_module(host)
print(host.is_interrupted(), host.user_folder(), [host.run_id()])
"""


def start_with(folder: Path, files: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Loads comfyui.py, as ComfyUI would, where there is what `files` hold."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    command = [sys.executable, "-c", SCRIPT, str(folder), str(ROOT)]
    return subprocess.run(command, capture_output=True, text=True, check=True)


def test_a_comfyui_that_is_too_old_is_named_and_still_stops_nodes(tmp_path: Path) -> None:
    end = start_with(tmp_path, COMFYUI)

    assert end.stdout == f"True {Path('the-user-folder', '__venice')} ['']\n"
    (line,) = end.stderr.splitlines()
    assert "need ComfyUI 0.3.64 or newer" in line


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({**COMFYUI, **CONTEXT}, f"True {Path('the-user-folder', '__venice')} ['']\n"),
        ({}, "False None ['']\n"),
    ],
    ids=["a newer one", "none"],
)
def test_nothing_is_said_of_a_newer_one_and_of_none(
    tmp_path: Path, files: dict[str, str], said: str
) -> None:
    end = start_with(tmp_path, files)

    assert (end.stdout, end.stderr) == (said, "")
