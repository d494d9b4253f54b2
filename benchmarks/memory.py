"""Measures the peak of memory that a node needs over that of the idle process.

Each case runs in a process of its own, which is this file, on Linux.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stand_in import Control, StandIn, picture

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
RESET_PEAK = "5"
GOAL = 1.25
MIB = 2**20


@dataclass(frozen=True)
class Case:
    """count images of side²; of those that take images, the inputs have 2048²."""

    what: str
    node: str
    side: int
    count: int
    format: str = "png"
    why: str = ""


TWICE = "Pillow decodes a WebP into a buffer and then copies it into its image."

CASES = {
    "generate 16": Case("Generate, 16 × 2048²", "VeniceGenerateImage", 2048, 16),
    "generate 1": Case("Generate, 1 × 4096²", "VeniceGenerateImage", 4096, 1),
    "webp": Case("Generate, 1 × 4096² as WebP", "VeniceGenerateImage", 4096, 1, "webp", TWICE),
    "edit": Case("Edit, 16 × 2048²", "VeniceEditImage", 2048, 16),
    "upscale": Case("Upscale 2x, 16 × 2048²", "VeniceUpscaleImage", 4096, 16),
}


def measure(quick: bool) -> Any:
    """All rows, but on Linux only; quick: with 4 images in place of 16."""
    from performance_page import Part, Row

    if not CLEAR.exists():
        return Part(text="Skipped: the peak of a process can be read on Linux only.")
    rows = []
    with StandIn() as api:
        for name, case in CASES.items():
            found = _in_a_process(name, api.url, quick)
            needed = found["tensors"] + found["encoded"]
            detail = (
                f"{found['over'] / MIB:,.0f} / {found['tensors'] / MIB:,.0f} + "
                f"{found['encoded'] / MIB:,.0f} MiB"
            )
            ratio = found["over"] / needed
            rows.append(Row(case.what, "", ratio, "×", GOAL, detail, case.why))
    return Part(rows)


def _in_a_process(name: str, url: str, quick: bool) -> dict[str, int]:
    command = [sys.executable, __file__, name, url, "4" if quick else "16"]
    with tempfile.TemporaryDirectory() as home:
        environ = {**os.environ, **Control(url).environ, "VENICE_HOME": home}
        environ |= {"VENICE_MAX_USD_PER_RUN": "none"}
        run = subprocess.run(command, env=environ, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, int] = json.loads(run.stdout.splitlines()[-1])
    return found


def _measure_here(case: Case, api: Control, count: int) -> dict[str, int]:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))
    from demo import load_pack

    node = load_pack().NODE_CLASS_MAPPINGS[case.node]()
    run = getattr(node, node.FUNCTION)
    inputs: Callable[[int, int], dict[str, Any]] = INPUTS[case.node]
    api.answer(size=(256, 256))
    asyncio.run(run(**inputs(1, 256)))  # so that all is loaded, and all threads are there
    given = inputs(count, min(case.side, 2048))
    size = api.answer(size=(case.side, case.side), format=case.format)
    gc.collect()
    CLEAR.write_text(RESET_PEAK)
    idle = _bytes("VmRSS")
    outputs = asyncio.run(run(**given))["result"]
    over = _bytes("VmHWM") - idle
    encoded = size * count + api.asked()[1]
    return {"over": over, "tensors": outputs[0][0].nbytes, "encoded": encoded}


def _bytes(name: str) -> int:
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024


def _generate(count: int, side: int) -> dict[str, Any]:
    fixed = {"model": ["z-image-turbo"], "prompt": ["a fox in snow"], "seed": [side]}
    return {**fixed, "width": [side], "height": [side], "batch_size": [count]}


def _images(count: int, side: int) -> Any:
    """Images that differ in one pixel, so that none is asked for once for all."""
    import numpy as np
    import torch
    from PIL import Image

    with tempfile.TemporaryFile() as file:
        file.write(picture(side, side))
        array = np.asarray(Image.open(file).convert("RGB"))
    batch = torch.empty((count, side, side, 3))
    for i in range(count):
        batch[i] = torch.from_numpy(array.astype(np.float32) / 255)
        batch[i, 0, 0] = i / 255
    return [batch]


INPUTS: dict[str, Callable[[int, int], dict[str, Any]]] = {
    "VeniceGenerateImage": _generate,
    "VeniceEditImage": lambda count, side: {
        **{"image": _images(count, side), "prompt": ["make it night"]},
        "model": ["firered-image-edit"],
    },
    "VeniceUpscaleImage": lambda count, side: {
        **{"image": _images(count, side), "scale": ["2x"], "creativity": [0.01]}
    },
}

if __name__ == "__main__":
    name, url, count = sys.argv[1:]
    case = CASES[name]
    print(json.dumps(_measure_here(case, Control(url), 1 if case.count == 1 else int(count))))
