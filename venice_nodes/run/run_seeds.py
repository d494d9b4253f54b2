"""The seeds of the nodes of one run, so that a message can name the only one."""

from __future__ import annotations

import threading

from . import comfyui

REMEMBERED_RUNS = 16

_seeds: dict[str, set[int]] = {}
_lock = threading.Lock()


def note_seed(seed: int) -> None:
    """Note that a node of this run uses `seed`."""
    if run := comfyui.run_id():
        with _lock:
            _seeds.setdefault(run, set()).add(seed)
            while len(_seeds) > REMEMBERED_RUNS:
                del _seeds[next(iter(_seeds))]


def seed_of_run() -> int | None:
    """Return the one seed of this run so far; None for none or several."""
    run = comfyui.run_id()
    with _lock:
        seeds = _seeds.get(run, set())
    return next(iter(seeds)) if len(seeds) == 1 else None
