"""Estimate what a graph will send and cost before it runs, with the client's own code.

It sends and starts nothing, reads no image, and uses no network.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...venice_client import VeniceError, load_settings
from ...venice_client.for_nodes import PriceEstimator
from ..run import comfyui
from ..run.prompt_graph import Graph, in_order, sound_nodes
from .answer import Answer
from .budget import Budget, Memory
from .graph import (
    MAX_ITEMS,
    PRIMITIVES,
    UNKNOWN,
    Failed,
    Inputs,
    Outputs,
    Unknown,
    Wire,
    each,
    foreign_outputs,
    inputs_of,
    lazy_inputs,
    longest,
)
from .item_estimate import ItemEstimate, blank_files, estimate_item, values_of
from .known_items import KnownItems

log = logging.getLogger(__name__)

MAX_GRAPH_FORMS = 10_000
"""The most forms of items to try for one graph. Beyond, prices count as open."""

MAX_SPARE_FORMS = 200
"""The same for nodes that no output needs. Beyond, they get no price."""

MAX_SECONDS = 1.5
"""Seconds after which the rest of a graph counts as open: the page waits for three."""

IMAGES = ("IMAGE", "MASK")

MAX_RUNS = 1_000_000
"""More runs than this are priced as this many."""


class Preview:
    """Answers for graphs, and remembers its estimates. Thread-safe.

    nodes: the classes of the pack by name. Paid ones have `item`. `predict_outputs` returns outputs
    known before a run; PASSED_ON names inputs that it only passes on, which may be unknown.
    LISTS names outputs with a list for each item. clock: seconds.
    """

    def __init__(
        self, nodes: Mapping[str, Any], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._nodes, self._clock = nodes, clock
        self._lock = threading.Lock()
        self._estimator: PriceEstimator | None = None
        self._declared: dict[str, Any] = {}
        self._lazy: dict[str, frozenset[str]] = {}
        self._memory = Memory()
        self._budget = Budget(0, 0, clock)

    def of(self, prompt: object, runs: object = 1, named: object = None) -> dict[str, Any]:
        """Return the route's answer for a graph to queue `runs` times.

        named: the USD that the button for this run named. Raises SettingsError.
        """
        graph = sound_nodes(prompt)
        settings = load_settings(comfyui.user_folder())
        with self._lock:
            estimator = self._estimator
            if (
                estimator is None
                or estimator.settings != settings
                or not estimator.catalogue.is_current
            ):
                self._estimator = estimator = PriceEstimator(settings)
                self._memory, self._declared = Memory(), {}
            needed = in_order(graph, _ends(graph))
            found = self._quote_all(graph, needed, estimator)
            sure = set(in_order(self._without_lazy(graph, needed), _ends(graph)))
            return Answer(estimator, _runs(runs), _usd(named)).of(found, set(needed), sure)

    def _without_lazy(self, graph: Graph, needed: Sequence[str]) -> Graph:
        """The graph without the links that a node may leave unused when it runs."""
        cut = {}
        for name in needed:
            inputs = graph[name]["inputs"]
            lazy = self._lazy_inputs(graph[name]["class_type"])
            cut[name] = {"inputs": {n: v for n, v in inputs.items() if n not in lazy}}
        return cut

    def _lazy_inputs(self, kind: str) -> frozenset[str]:
        if kind not in self._lazy:
            self._lazy[kind] = lazy_inputs(comfyui.node_class(kind))
        return self._lazy[kind]

    def _quote_all(
        self, graph: Graph, needed: Sequence[str], estimator: PriceEstimator
    ) -> dict[str, list[ItemEstimate]]:
        """Return the items of each paid node; of one that no output needs only if that's fast."""
        self._budget = Budget(MAX_GRAPH_FORMS, MAX_SECONDS, self._clock)
        paying = [name for name, node in graph.items() if self._pays(node["class_type"])]
        made: dict[str, Outputs] = {}
        found: dict[str, list[ItemEstimate]] = {}
        known = KnownItems(self._nodes, estimator)

        def follow(name: str) -> None:
            self._follow(name, graph[name], estimator, made, found)
            if name in found:
                found[name] = known.of(name, graph[name], found[name])
            else:
                known.pass_by(name, graph[name])

        for name in needed:
            follow(name)
        self._budget.lower(MAX_SPARE_FORMS)
        for name in in_order(graph, paying):
            if self._budget.is_spent:
                break
            if name not in made:
                follow(name)
        self._budget = Budget(0, 0, self._clock)  # the last one holds texts
        return {name: found[name] for name in paying if name in found}

    def _follow(
        self,
        name: str,
        node: Mapping[str, Any],
        estimator: PriceEstimator,
        made: dict[str, Outputs],
        found: dict[str, list[ItemEstimate]],
    ) -> None:
        """Add the outputs of a node to `made`, and its items to `found` if it's paid."""
        kind = node["class_type"]
        inputs = inputs_of(node, made, self._kinds(kind))
        if self._pays(kind):
            found[name], made[name] = self._quote(kind, inputs, estimator)
        elif kind in self._nodes:
            made[name] = self._foresee(kind, inputs)
        else:
            made[name] = foreign_outputs(kind, inputs)

    def _pays(self, kind: str) -> bool:
        return hasattr(self._nodes.get(kind), "item")

    def _inputs(self, kind: str) -> Any:
        if kind not in self._declared:
            self._declared[kind] = self._nodes[kind].INPUT_TYPES()
        return self._declared[kind]

    def _kinds(self, kind: str) -> dict[str, str]:
        """Return the known types of a node's inputs."""
        if kind not in self._nodes:
            return {"value": PRIMITIVES.get(kind, "")}
        declared = self._inputs(kind)
        inputs = {**declared.get("required", {}), **declared.get("optional", {})}
        return {name: spec[0] for name, spec in inputs.items()}

    def _quote(
        self, kind: str, inputs: Inputs, estimator: PriceEstimator
    ) -> tuple[list[ItemEstimate], Outputs]:
        count, is_open = longest(inputs)
        items = []
        for i in range(count):
            if self._budget.is_spent:
                is_open = True
                break
            given = {name: wire.at(i) for name, wire in inputs.items()}
            items.append(self._item(kind, given, estimator))
        if is_open:
            items.append(ItemEstimate(is_open=True))
        images = Wire(tuple(_output(item) for item in items), is_open)
        lists = Wire.of([text for item in items for text in _texts(item)], is_open)
        others = Wire((UNKNOWN,) * len(items), is_open)
        cls = self._nodes[kind]
        return items, tuple(
            lists if name in getattr(cls, "LISTS", ()) else images if t in IMAGES else others
            for name, t in zip(cls.RETURN_NAMES, cls.RETURN_TYPES, strict=True)
        )

    def _item(self, kind: str, given: dict[str, Any], estimator: PriceEstimator) -> ItemEstimate:
        """Return one item of a node, estimated once. An odd one affects no other node."""
        try:
            key = self._budget.key(kind, given)
            quote: ItemEstimate | None = self._memory.get(key)
            if quote is None:
                quote = estimate_item(self._nodes[kind], self._inputs(kind), given, estimator)
                self._budget.take(max(1, len(quote.forms)))
                self._memory.keep(key, quote)
            return quote
        except Exception as error:  # a graph may hold anything; the run will report it
            log.warning("A node could not be priced (%s).", type(error).__name__)
            return ItemEstimate(is_open=True)

    def _foresee(self, kind: str, inputs: Inputs) -> Outputs:
        """Return the outputs of a free node of ours."""
        cls, slots = self._nodes[kind], len(self._nodes[kind].RETURN_TYPES)
        if not hasattr(cls, "predict_outputs"):
            return (Wire(),) * slots
        rows = each(inputs, lambda given: self._foreseen(kind, given))
        lists = getattr(cls, "OUTPUT_IS_LIST", (False,) * slots)
        outputs = []
        for slot in range(slots):
            items: list[Any] = []
            is_open = rows.is_open
            for row in rows.items:
                value = row if isinstance(row, Unknown | Failed) else row[slot]
                if lists[slot] and isinstance(value, list):
                    items += value
                else:
                    items.append(value)
                    is_open = is_open or lists[slot]
            outputs.append(Wire.of(items, is_open))
        return tuple(outputs)

    def _foreseen(self, kind: str, given: dict[str, Any]) -> Any:
        if self._budget.is_spent:
            return UNKNOWN
        key = self._budget.key(kind, given)
        outputs = self._memory.get(key)
        if outputs is None:
            outputs = self._foresee_item(kind, given)
            self._memory.keep(key, outputs)
        return outputs

    def _foresee_item(self, kind: str, given: dict[str, Any]) -> Any:
        cls = self._nodes[kind]
        failed = next((value for value in given.values() if isinstance(value, Failed)), None)
        unknown = {name: value for name, value in given.items() if isinstance(value, Unknown)}
        passed = {n: v for n, v in unknown.items() if n in getattr(cls, "PASSED_ON", ())}
        if failed or unknown.keys() - passed.keys() - {"images"}:
            return failed or UNKNOWN
        try:
            known = {name: value for name, value in given.items() if name not in passed}
            values = {**values_of(self._inputs(kind), known), **passed}
            if "images" not in values:
                outputs = cls.predict_outputs(values)
            elif values["images"] is None:
                return Failed("Connect images.", is_incomplete=True)
            else:
                count = getattr(given["images"], "count", 1)
                values["images"] = values["images"].expand(min(count, MAX_ITEMS), -1, -1, -1)
                outputs = cls.predict_outputs(values, blank_files)
        except VeniceError as error:
            return Failed(str(error).partition("\n")[0])
        except Exception as error:
            log.warning("Couldn't predict a node's output (%s).", type(error).__name__)
            return UNKNOWN
        return UNKNOWN if outputs is None else outputs


def _output(item: ItemEstimate) -> Any:
    return Failed(item.error, item.is_incomplete) if item.error else item.output


def _texts(item: ItemEstimate) -> list[Any]:
    """Return the items of an output that is a list of texts."""
    if item.error:
        return [Failed(item.error, item.is_incomplete)]
    return [UNKNOWN] * min(max(1, item.count), MAX_ITEMS)


def _runs(asked: object) -> int:
    """Return how often the graph will be queued; 1 if the page doesn't say.

    ComfyUI's old menu passes the text of its field, and ComfyUI queues a fraction rounded up.
    """
    if isinstance(asked, str) and asked.isascii() and asked.isdigit():
        asked = min(float(asked), MAX_RUNS)
    if isinstance(asked, bool) or not isinstance(asked, int | float) or not 0 < asked < math.inf:
        return 1
    return math.ceil(min(asked, MAX_RUNS))


def _usd(named: object) -> float | None:
    return float(named) if isinstance(named, int | float) and 0 <= named < math.inf else None


def _ends(graph: Graph) -> list[str]:
    """Return the output nodes of a graph; all nodes if ComfyUI doesn't say."""
    ends = [
        name
        for name, node in graph.items()
        if getattr(comfyui.node_class(node["class_type"]), "OUTPUT_NODE", False)
    ]
    is_told = any(comfyui.node_class(node["class_type"]) for node in graph.values())
    return ends if is_told else list(graph)
