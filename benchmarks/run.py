"""`make bench`: measures as ratios within one run, and writes docs/performance.md.

Ratios mean about the same on any machine. Parts by name measure only these; --quick takes fewer
rounds and writes nothing.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
for folder in (".", "scripts", "tests/support"):
    sys.path.insert(0, str(ROOT / folder))

import numpy as np  # noqa: E402
import PIL  # noqa: E402
import torch  # noqa: E402

from performance_page import PARTS, Part, machine, written  # noqa: E402

PAGE = ROOT / "docs" / "performance.md"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("parts", nargs="*", help=f"some of: {', '.join(PARTS)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="few rounds, and no page")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    versions = f"torch {torch.__version__}, Pillow {PIL.__version__}, numpy {np.__version__}"
    found: dict[str, Part] = {}
    for name in options.parts or PARTS:
        began = time.monotonic()
        part = found[name] = importlib.import_module(PARTS[name]).measure(options.quick)
        print(f"## {name} ({time.monotonic() - began:.0f} s)\n\n{part.markdown()}\n", flush=True)
    if not options.quick:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(written(page, found, machine(versions)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
