"""Run mypy over the pack, wherever its folder lies and whatever that is called.

The pack's modules use relative imports, as ComfyUI demands, so mypy has to see the folder as a
package; but its name may be anything (`venice-nodes`, `main`) and need not be an identifier.
A link with a proper name inside mypy's cache folder is that package.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINKS = ROOT / ".mypy_cache" / "as_package"
PACKAGE = "venice_pack"
TOOLS = (ROOT / "scripts", ROOT / "tests" / "support", ROOT / "benchmarks")


def main() -> int:
    """Check the pack, then the scripts and what tests share; return mypy's worst exit code."""
    return max(
        _check(_pack_targets(), LINKS),
        _check(["--explicit-package-bases", *map(str, TOOLS)], *TOOLS),
    )


def _pack_targets() -> list[str]:
    link = LINKS / PACKAGE
    LINKS.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(ROOT, target_is_directory=True)
    targets = ["-p", f"{PACKAGE}.venice_client", "-p", f"{PACKAGE}.venice_nodes"]
    for path in sorted(ROOT.glob("*.py")):
        targets += ["-m", PACKAGE if path.stem == "__init__" else f"{PACKAGE}.{path.stem}"]
    return targets


def _check(targets: list[str], *bases: Path) -> int:
    result = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"), *targets],
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
