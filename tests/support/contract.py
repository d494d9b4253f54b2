"""The contract that saved workflows depend on: nothing of it ever changes, only more may come.

contract.json is written by hand from the design, not taken from the nodes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FILE = Path(__file__).resolve().parent.parent / "nodes" / "contract.json"
CONTRACT: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))

KEPT = {
    *("default", "min", "max", "step", "round", "multiline", "forceInput", "options"),
    "control_after_generate",
}
"""What a saved workflow depends on of an input's options; the rest is for the eye."""

LISTED = {"model", "preset"}
"""Their choices are lists of the API."""


def kept(name: str, type: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """What a saved workflow depends on of an input, in the shape of the contract."""
    told = KEPT - {"options"} if name in LISTED else KEPT
    return {"type": type, **{key: value for key, value in options.items() if key in told}}
