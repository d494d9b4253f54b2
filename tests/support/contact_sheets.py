"""Contact sheets of plain images, their parts, and code for a separate process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from bench import Bench

ROOT = Path(__file__).resolve().parents[2]
COLOURS = torch.tensor([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [0, 1, 1.0]])
CELL, GAP, STRIP = 128, 2, 12

LOAD = """
import asyncio, sys, torch
sys.path.insert(0, sys.argv[1] + "/scripts")
from demo import load_pack
pack = load_pack()
arrange = pack.NODE_CLASS_MAPPINGS["VeniceContactSheet"]().arrange
"""
"""Code that loads the pack, for a separate process."""


def plain(width: int, height: int, *colours: int) -> torch.Tensor:
    """Images of one color each, by their number in COLOURS."""
    return COLOURS[list(colours)][:, None, None].expand(-1, height, width, -1)


def arrange(bench: Bench, images: Sequence[torch.Tensor], **inputs: Any) -> Any:
    given = {name: value if name == "labels" else [value] for name, value in inputs.items()}
    return bench.run("VeniceContactSheet", images=list(images), **given)


def sheet(bench: Bench, images: Sequence[torch.Tensor], **inputs: Any) -> torch.Tensor:
    end = arrange(bench, images, **{"cell": CELL, **inputs})
    assert end.error is None
    made: torch.Tensor = end.tensor
    assert made.ndim == 4
    assert made.shape[0] == 1
    assert made.shape[-1] == 3
    assert made.dtype == torch.float32
    assert made.min() >= 0
    assert made.max() <= 1
    return made[0]


def cell(made: torch.Tensor, row: int, column: int, strip: int = 0) -> torch.Tensor:
    """The image's part of a cell."""
    y, x = GAP + row * (CELL + strip + GAP), GAP + column * (CELL + GAP)
    return made[y : y + CELL, x : x + CELL]


def strip_of(made: torch.Tensor, row: int, column: int) -> torch.Tensor:
    """The label's part of a cell."""
    y, x = GAP + row * (CELL + STRIP + GAP) + CELL, GAP + column * (CELL + GAP)
    return made[y : y + STRIP, x : x + CELL]


def has_ink(part: torch.Tensor) -> bool:
    return bool((part > 0.5).any())


def run_alone(code: str, folder: Path) -> str:
    """Run `code` in a separate process; return its output."""
    done = subprocess.run(
        [sys.executable, "-c", code, str(ROOT)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
