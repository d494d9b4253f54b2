"""Run mypy over the pack, whatever its folder is called.

The pack's modules use relative imports, so mypy has to see the folder as a package. But its name
(`venice-nodes`, `main`) may be no identifier, so mypy gets a link with a proper name inside its
cache folder.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from links import link_folder

ROOT = Path(__file__).resolve().parent.parent
LINKS = ROOT / ".mypy_cache" / "as_package"
PACKAGE = "venice_pack"
PROGRAMS = ROOT / ".mypy_cache" / "programs"
PLATFORMS = ("linux", "win32", "darwin")
TOOLS = (ROOT / "scripts", ROOT / "tests" / "support", ROOT / "benchmarks")


def main() -> int:
    """Check the pack, the scripts and what tests share, as on each platform; then the programs
    in docs/python.md.

    Return mypy's worst exit code.
    """
    targets, tools = _pack_targets(), ["--explicit-package-bases", *map(str, TOOLS)]
    codes = [_check(targets, platform, LINKS) for platform in PLATFORMS]
    codes += [_check(tools, platform, *TOOLS) for platform in PLATFORMS]
    return max(*codes, _check(_programs(), PLATFORMS[0], ROOT))


def _programs() -> list[str]:
    """The documented programs, each in a file."""
    PROGRAMS.mkdir(parents=True, exist_ok=True)
    text = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    paths = []
    for number, code in enumerate(re.findall(r"```python\n(.+?)```", text, re.DOTALL)):
        paths.append(PROGRAMS / f"program_{number}.py")
        paths[-1].write_text(code, encoding="utf-8")
    return list(map(str, paths))


def _pack_targets() -> list[str]:
    link = LINKS / PACKAGE
    LINKS.mkdir(parents=True, exist_ok=True)
    link_folder(link, ROOT)
    targets = ["-p", f"{PACKAGE}.venice_client", "-p", f"{PACKAGE}.venice_nodes"]
    for path in sorted(ROOT.glob("*.py")):
        targets += ["-m", PACKAGE if path.stem == "__init__" else f"{PACKAGE}.{path.stem}"]
    return targets


def _check(targets: list[str], platform: str, *bases: Path) -> int:
    print(f"{platform}: ", end="", flush=True)
    options = ["--config-file", str(ROOT / "pyproject.toml"), "--platform", platform]
    options += [] if platform == "linux" else ["--no-warn-unreachable"]
    options += ["--cache-dir", str(ROOT / ".mypy_cache" / platform)]
    result = subprocess.run(
        [sys.executable, "-m", "mypy", *options, *targets],
        cwd=ROOT,
        env={**os.environ, "MYPYPATH": os.pathsep.join(map(str, bases))},
        capture_output=True,
        text=True,
        check=False,
    )
    link = f"{(LINKS / PACKAGE).relative_to(ROOT)}{os.sep}"
    print(result.stdout.replace(link, ""), end="")
    print(result.stderr, end="", file=sys.stderr)
    return result.returncode


if __name__ == "__main__":
    sys.exit(main())
