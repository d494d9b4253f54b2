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
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from links import link_folder

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".mypy_cache"
LINKS = CACHE / "as_package"
PACKAGE = "venice_pack"
PROGRAMS = CACHE / "programs"
PLATFORMS = ("linux", "win32", "darwin")
TOOLS = (ROOT / "scripts", ROOT / "tests" / "support", ROOT / "benchmarks")

WITHOUT_TORCH = """
[[tool.mypy.overrides]]
module = ["torch.*"]
follow_imports = "skip"
"""
"""For all platforms but the first. Torch takes longer than all else, and its types are the same."""


def main() -> int:
    """Check the pack, the scripts and what tests share, as on each platform, side by side; and the
    programs in docs/python.md.

    Return mypy's worst exit code.
    """
    CACHE.mkdir(exist_ok=True)
    config = (ROOT / "pyproject.toml").read_text(encoding="utf-8") + WITHOUT_TORCH
    (CACHE / "without_torch.toml").write_text(config, encoding="utf-8")
    targets, programs = _pack_targets(), _programs()
    with ThreadPoolExecutor() as pool:
        return max(pool.map(lambda p: _check_all(p, targets, programs), PLATFORMS))


def _check_all(platform: str, targets: list[str], programs: list[str]) -> int:
    codes = [
        _check(targets, platform, LINKS),
        _check(["--explicit-package-bases", *map(str, TOOLS)], platform, *TOOLS),
    ]
    if platform == PLATFORMS[0]:
        codes.append(_check(programs, platform, ROOT))
    return max(codes)


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
    is_first = platform == PLATFORMS[0]
    config = ROOT / "pyproject.toml" if is_first else CACHE / "without_torch.toml"
    options = ["--config-file", str(config), "--platform", platform]
    options += [] if is_first else ["--no-warn-unreachable"]
    options += ["--cache-dir", str(CACHE / platform)]
    result = subprocess.run(
        [sys.executable, "-m", "mypy", *options, *targets],
        cwd=ROOT,
        env={**os.environ, "MYPYPATH": os.pathsep.join(map(str, bases))},
        capture_output=True,
        text=True,
        check=False,
    )
    link = f"{(LINKS / PACKAGE).relative_to(ROOT)}{os.sep}"
    print(f"{platform}: {result.stdout.replace(link, '')}", end="")
    print(result.stderr, end="", file=sys.stderr)
    return result.returncode


if __name__ == "__main__":
    sys.exit(main())
