"""What a saved workflow depends on in a node class, in a form that a snapshot can hold.

A snapshot is a JSON object of node id → node; `lines` prints nodes so that a difference can be
read line by line. Lists that follow the API (models, styles) are left out of it by the snapshot:
there its `options` are the word "listed".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

KEPT = (
    "default",
    "min",
    "max",
    "step",
    "round",
    "multiline",
    "forceInput",
    "control_after_generate",
    "options",
)
LISTED = "listed"


def described(node: Any, listed: tuple[str, ...] = ()) -> dict[str, Any]:
    """The contract of a V1 node class; `listed` names the combos whose choices follow the API."""
    names = getattr(node, "RETURN_NAMES", node.RETURN_TYPES)
    return {
        "category": node.CATEGORY,
        "inputs": {
            kind: [_input(name, entry, listed) for name, entry in inputs.items()]
            for kind, inputs in node.INPUT_TYPES().items()
        },
        "input_is_list": getattr(node, "INPUT_IS_LIST", False),
        "outputs": [list(pair) for pair in zip(names, node.RETURN_TYPES, strict=True)],
        "output_is_list": list(getattr(node, "OUTPUT_IS_LIST", [False] * len(names))),
    }


def read_snapshot(path: Path) -> dict[str, Any]:
    """The nodes of a snapshot by id."""
    nodes: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return nodes


def listed_in(snapshot: Mapping[str, Any]) -> tuple[str, ...]:
    """The inputs of a node's snapshot whose choices follow the API."""
    inputs = [entry for kind in snapshot["inputs"].values() for entry in kind]
    return tuple(entry["name"] for entry in inputs if entry.get("options") == LISTED)


def lines(node: Mapping[str, Any]) -> list[str]:
    """A node in lines, one for each input and output."""
    told = [f"category {node['category']}"]
    for kind, inputs in node["inputs"].items():
        told += [f"{kind} {json.dumps(entry, sort_keys=True)}" for entry in inputs]
    told += [f"output {json.dumps(pair)}" for pair in node["outputs"]]
    return [
        *told,
        f"output_is_list {json.dumps(node['output_is_list'])}",
        f"input_is_list {json.dumps(node['input_is_list'])}",
    ]


def _input(name: str, entry: Any, listed: tuple[str, ...]) -> dict[str, Any]:
    kind, settings = entry[0], entry[1] if len(entry) > 1 else {}
    kept = {key: settings[key] for key in KEPT if key in settings}
    if name in listed:
        kept["options"] = LISTED
    return {"name": name, "type": kind, **kept}
