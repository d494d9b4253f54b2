"""The items of nodes that would repeat the requests of their last run, and so may be free."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...venice_client.for_nodes import PriceEstimator, service_name
from ..run.known_requests import Line, is_steady, recall
from ..run.prompt_graph import digest, is_link
from .item_estimate import ItemEstimate


class KnownItems:
    """Follows a graph from node to node, each after those before it.

    A node sends the same as in its last run if everything before it is the same to the bit: files
    that didn't change, nodes that are known to be steady, and paid images that are still saved. If
    only the graph is the same, it may be free. nodes: the classes of the pack by name.
    """

    def __init__(self, nodes: Mapping[str, Any], estimator: PriceEstimator) -> None:
        self._nodes, self._estimator = nodes, estimator
        self._service = service_name(estimator.settings)
        self._lists = estimator.catalogue.content
        self._digests: dict[str, bytes] = {}
        self._results: dict[str, frozenset[str]] = {}
        """By steady node: the keys of the saved results that its output depends on."""

    def pass_by(self, name: str, node: Mapping[str, Any]) -> None:
        """Follow a free node."""
        kind = node["class_type"]
        is_ours = kind in self._nodes and not hasattr(self._nodes[kind], "IS_CHANGED")
        is_fixed = kind == "VeniceSeed" and node["inputs"].get("mode", "fixed") == "fixed"
        self._note(name, node, is_ours or is_fixed or is_steady(kind))

    def of(
        self, name: str, node: Mapping[str, Any], items: Sequence[ItemEstimate]
    ) -> list[ItemEstimate]:
        """Return the items of a paid node, those of its last run if they'd be the same."""
        own = digest(node, self._digests)
        items = list(items)
        if not any(item.error for item in items) and not all(item.is_exact for item in items):
            known = recall(own)
            if known is not None and known.holds(self._service, self._lists):
                is_sure = self._is_after_steady(node) and self._are_older(node, known.time)
                items = self._as_known(items, known.items, is_sure)
        keys = [key for item in items for key in item.keys]
        is_saved = all(item.is_exact for item in items) and all(
            key in self._estimator.results for key in keys
        )
        self._note(name, node, is_saved, keys)
        return items

    def _as_known(
        self,
        items: Sequence[ItemEstimate],
        known: Sequence[tuple[Line, ...]],
        is_sure: bool,
    ) -> list[ItemEstimate]:
        if not is_sure:
            keys = [request.key for requests in known for request in requests]
            may_be_free = all(key in self._estimator.results for key in keys)
            return [replace(item, may_be_free=may_be_free) for item in items]
        likely = [items[min(i, len(items) - 1)] for i in range(len(known))]
        return [
            replace(item, forms=(requests,), is_exact=True, is_open=False, times=1)
            for item, requests in zip(likely, known, strict=True)
        ]

    def _note(
        self, name: str, node: Mapping[str, Any], is_steady: bool, keys: Sequence[str] = ()
    ) -> None:
        self._digests[name] = digest(node, self._digests)
        if is_steady and self._is_after_steady(node):
            self._results[name] = self._results_before(node).union(keys)

    def _is_after_steady(self, node: Mapping[str, Any]) -> bool:
        return all(before in self._results for before in _nodes_before(node))

    def _results_before(self, node: Mapping[str, Any]) -> frozenset[str]:
        return frozenset[str]().union(*map(self._results.__getitem__, _nodes_before(node)))

    def _are_older(self, node: Mapping[str, Any], when: float) -> bool:
        """Whether the saved results before a node were generated before `when`."""
        entries = map(self._estimator.results.entry, self._results_before(node))
        return all(entry is not None and entry.facts["time"] <= when for entry in entries)


def _nodes_before(node: Mapping[str, Any]) -> set[str]:
    return {value[0] for value in node["inputs"].values() if is_link(value)}
