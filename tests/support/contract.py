"""The contract of saved workflows: nothing in it ever changes; you can only add.

contract.json comes from the design, by hand, not from the nodes.
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
"""The options of an input that saved workflows depend on."""

LISTED = {"model", "preset"}
"""Their choices are lists of the API."""


def kept(name: str, type: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the contract's part of an input."""
    told = KEPT - {"options"} if name in LISTED else KEPT
    return {"type": type, **{key: value for key, value in options.items() if key in told}}
