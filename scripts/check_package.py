"""Check the pack against the rules of the Comfy registry, with comfy-cli if it's on the PATH.

`comfy node validate` must print no warning, and `comfy node pack` must pack what users need.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from zipfile import ZipFile

ROOT = Path(__file__).resolve().parent.parent
COMFY = ["comfy", "--skip-prompt", "--no-enable-telemetry", "node"]
NEEDED = {"__init__.py", "nodes.py", "pyproject.toml", "requirements.txt", "README.md", "LICENSE"}
FOLDERS = {
    "docs",
    "example_workflows",
    "locales",
    "subgraphs",
    "venice_client",
    "venice_nodes",
    "web",
}
OPTIONAL = {"CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"}


def main() -> int:
    if not shutil.which(COMFY[0]):
        print("The package is not checked: there is no comfy-cli (pip install comfy-cli).")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        copy_tracked(Path(folder))
        said = run([*COMFY, "validate"], folder)
        run([*COMFY, "pack"], folder)
        with ZipFile(Path(folder) / "node.zip") as packed:
            troubles = troubles_of(packed.namelist())
    troubles += [line for line in said.splitlines() if "warning" in line.lower()]
    for trouble in troubles:
        print(f"package: {trouble}", file=sys.stderr)
    return 1 if troubles else 0


def copy_tracked(folder: Path) -> None:
    """Copy the files in git, as they are on disk, into a new repository: comfy packs from git."""
    listed = run(["git", "ls-files", "-z"], ROOT).split("\0")
    for name in filter(None, listed):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    run(["git", "init", "--quiet"], folder)
    run(["git", "add", "--all"], folder)


def run(command: list[str], folder: Path | str) -> str:
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if ended.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{ended.stdout}{ended.stderr}")
    return ended.stdout + ended.stderr


def troubles_of(names: list[str]) -> list[str]:
    """Return the problems of a package with the files `names`."""
    tops = {name.partition("/")[0] for name in names}
    missing = sorted((NEEDED | FOLDERS) - tops)
    spare = sorted(tops - NEEDED - FOLDERS - OPTIONAL)
    return [f"{name} is missing" for name in missing] + [f"{name} is not needed" for name in spare]


if __name__ == "__main__":
    sys.exit(main())
