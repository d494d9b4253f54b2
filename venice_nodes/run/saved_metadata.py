"""The data that ComfyUI saves with images, so that you can repeat each from its file.

Savers write the prompt and all of EXTRA_PNGINFO, including the page's `workflow`. Both are objects
of the run, so a node's change to them is in every file saved later.
"""

from __future__ import annotations

import json
import secrets
from collections import deque
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from ...venice_client.for_nodes import MAX_SEED
from ..widgets import EXTRA_PNGINFO, PROMPT
from . import comfyui
from .saved_workflow import Widget, find_widgets, objects

OWN_TEXT = "venice"
SEED_WIDGETS = ("seed", "mode")
"""The first widgets of Venice Seed, in their order."""

ONE_TEXT = (("Image Save", "webp"),)
"""Savers, by class and format, that join all of EXTRA_PNGINFO into one text. With more than
`workflow` in it, the page finds only the bare prompt. (This one is in WAS Node Suite.)"""

STAYS_RANDOM = (
    "The saved workflow still picks a random seed. To get this image again, set seed {} (fixed)."
)
FIRST_ONLY = "This run used several seeds; the saved workflow contains only the first."

_drawn: deque[tuple[str, Hashable, str, int]] = deque(maxlen=1000)
"""The last draw: the run, the place in its workflow, the node, and the seed."""


def draw_seed(hidden: Mapping[str, Any], fixed: str) -> tuple[int, str]:
    """Draw a seed and put it into the data saved with this run's images. Returns a warning or ""
    too.

    fixed: the mode that uses it again. If several nodes share a place in the workflow (a subgraph
    used twice), they all get the same seed, as in mode fixed.
    """
    seed = 1 + secrets.randbelow(MAX_SEED)
    run, node = comfyui.run_id(), comfyui.executing_node()[1]
    prompt, extra = hidden.get(PROMPT) or {}, hidden.get(EXTRA_PNGINFO)
    if not (entry := prompt.get(node)):
        return seed, ""
    workflow = extra.get("workflow") if isinstance(extra, dict) else None
    widgets = find_widgets(workflow, node, SEED_WIDGETS)
    place = (id(widgets[0][-1].node), widgets[0][-1].index) if widgets else node
    known = {name: old for of, where, name, old in _drawn if (of, where) == (run, place)}
    if node in known:  # the node runs for a list
        return seed, FIRST_ONLY
    seed = next(iter(known.values()), seed)
    _drawn.append((run, place, node, seed))
    is_saved = _set(widgets, [entry["inputs"].get(name) for name in SEED_WIDGETS], [seed, fixed])
    inputs = {**entry["inputs"], **dict(zip(SEED_WIDGETS, [seed, fixed], strict=True))}
    # ComfyUI notes the result of IS_CHANGED there, and would reuse it forever.
    rest = {name: value for name, value in entry.items() if name != "is_changed"}
    prompt[node] = {**rest, "inputs": inputs}
    return seed, "" if is_saved or not workflow else STAYS_RANDOM.format(seed)


def _set(found: Sequence[Sequence[Widget]], said: Sequence[Any], values: Sequence[Any]) -> bool:
    """Set the widgets of each value if they match the prompt; return whether they do."""
    ends = [widgets[-1] for widgets in found]
    holds = [
        end.link is not None or end.value in (old, value)
        for end, old, value in zip(ends, said, values, strict=False)
    ]
    if not holds or not all(holds):
        return False
    for widgets, value in zip(found, values, strict=True):
        for widget in widgets:
            widget.set(value)
    return True


def save_facts(hidden: Mapping[str, Sequence[Any]], infos: Sequence[str]) -> None:
    """Add the running node's results to the data saved with this run's images.

    hidden: lists of one. infos: its output `info` for each item.
    """
    node = comfyui.executing_node()[1]
    (prompt, *_), (extra, *_) = (hidden.get(name) or [None] for name in (PROMPT, EXTRA_PNGINFO))
    made = [info for info in map(json.loads, infos) if info["requests"]]
    if not node or not isinstance(extra, dict) or not made or _has_one_text(prompt):
        return
    before = extra.get(OWN_TEXT)
    extra[OWN_TEXT] = {**(before if isinstance(before, dict) else {}), node: _facts(made)}


def make_room(body: Any, nodes: Mapping[str, Any]) -> None:
    """Give a prompt without EXTRA_PNGINFO an empty one, so that savers have a place for
    `save_facts`.

    body: of the request, in any form. nodes: the classes of the pack by name. Prompts without a
    paid node stay unchanged.
    """
    prompt = body.get("prompt") if isinstance(body, dict) else None
    if not isinstance(prompt, dict):
        return
    names = {str(node.get("class_type")) for node in objects([*prompt.values()])}
    extra = body.setdefault("extra_data", {})
    if isinstance(extra, dict) and any(hasattr(nodes.get(name), "item") for name in names):
        extra.setdefault(EXTRA_PNGINFO, {})


def _facts(infos: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the results, with the common fields of all requests only once, to keep files small."""
    sent = [request for info in infos for request in info["requests"]]
    shared = {
        name: value
        for name, value in sent[0].items()
        if all(name in each and each[name] == value for each in sent)
    }
    facts = {
        "model": _one_or_all([info["model"] for info in infos]),
        "seeds": [seed for info in infos for seed in info.get("seeds", ())],
        "size": _one_or_all([info.get("size") for info in infos]),
        "settings": shared,
        "enhanced_prompt": _one_or_all([info.get("enhanced_prompt") for info in infos]),
    }
    own = [{name: each[name] for name in each if name not in shared} for each in sent]
    return {**facts, "requests": own} if any(own) else facts


def _one_or_all(values: Sequence[Any]) -> Any:
    return values[0] if all(value == values[0] for value in values) else list(values)


def _has_one_text(prompt: Any) -> bool:
    """Whether a saver in the graph would join it with the workflow."""
    nodes = objects([*prompt.values()]) if isinstance(prompt, dict) else []
    return any(
        isinstance(inputs := node.get("inputs"), dict)
        and (node.get("class_type"), inputs.get("extension")) in ONE_TEXT
        for node in nodes
    )
