"""Measures what the pack adds to the start of ComfyUI, and to its list of nodes."""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from loaded import pack
from performance_page import Part, Row
from rounds import timed

ROOT = Path(__file__).resolve().parent.parent
THERE = (
    "import decimal, fractions, numpy.typing, requests, secrets, shlex, torch; "
    "from PIL import ImageChops, ImageDraw, ImageFont, ImageOps, ImageSequence, PngImagePlugin"
)
"""What ComfyUI 0.33.0 has loaded before, as far as the pack needs it too."""

LINE = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \|\s*(\S+)$")
OURS = "venice_pack"
LISTED = 300


def measure(quick: bool) -> Part:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / OURS).symlink_to(ROOT, target_is_directory=True)
        runs = [_import_times(folder) for _ in range(4 if quick else 16)][1:]
    milliseconds = [run[OURS][1] / 1000 for run in runs]
    best = min(runs, key=lambda run: run[OURS][1])
    rows = [
        Row(
            "import of the pack",
            "",
            min(milliseconds),
            "ms",
            60,
            f"fastest of {len(runs)} processes, median {statistics.median(milliseconds):.0f} ms",
            "Half of it is Python's own work for 63 data classes.",
        ),
        _unwanted(best),
        *_lists(),
    ]
    return Part(rows)


def _import_times(folder: str) -> dict[str, tuple[int, int]]:
    """Microseconds of each module that the pack loads: its own, and with those that it loads.

    folder: where the pack lies, and where Python keeps what it compiled, as from the second start
    on.
    """
    # A collection of all garbage that torch has made due would be counted for whoever comes next.
    code = f"{THERE}; import gc, sys; gc.collect(); sys.path.insert(0, {folder!r}); "
    code += f"sys.stderr.write('begin\\n'); import {OURS}"
    environ = {**os.environ, "PYTHONPYCACHEPREFIX": f"{folder}/compiled"}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    run = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code],
        env=environ,
        stderr=subprocess.PIPE,
        text=True,
        check=True,
    )
    lines = run.stderr.partition("begin\n")[2].splitlines()
    found = (match for line in lines if (match := LINE.match(line)))
    return {match[3]: (int(match[1]), int(match[2])) for match in found}


def _unwanted(loaded: dict[str, tuple[int, int]]) -> Row:
    rooms = {f"{OURS}.venice_client.{room}" for room in ("sandbox", "cli")}
    unwanted = [name for name in loaded if rooms & {name, name.rpartition(".")[0]}]
    return Row("sandbox and command-line modules loaded", "", len(unwanted), "", 0)


def _lists() -> list[Row]:
    """How long ComfyUI waits for the inputs of a node, and of all of them."""
    nodes = pack().NODE_CLASS_MAPPINGS
    times = {
        name: statistics.median(timed(node.INPUT_TYPES) for _ in range(LISTED)) * 1000
        for name, node in nodes.items()
    }
    slowest = max(times, key=lambda name: times[name])
    detail = f"{sum(times.values()):.2f} ms for all {len(times)} nodes"
    what = f"INPUT_TYPES of the slowest node ({slowest})"
    return [Row(what, "", times[slowest], "ms", 0.5, detail)]
