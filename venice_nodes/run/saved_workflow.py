"""Finds and sets widgets in a workflow as ComfyUI's page saves it, in its subgraphs too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

SUBGRAPH_INPUTS = -10
"""Where a link inside a subgraph begins that carries an input of the subgraph."""


@dataclass(frozen=True)
class _Graph:
    """A workflow, or the definition of a subgraph in it.

    outer: the graph in which a node stands for it, and that node.
    """

    data: Json
    outer: tuple[_Graph, Json] | None = None

    def node(self, name: str) -> Json:
        return next(node for node in self.data["nodes"] if str(node["id"]) == name)

    def start(self, number: int) -> tuple[int, int]:
        """The node and the number of the output at which a link begins."""
        link = next(each for each in self.data["links"] if _has(each, number))
        if isinstance(link, Mapping):
            return link["origin_id"], link["origin_slot"]
        return link[1], link[2]

    def cut(self, number: int) -> None:
        """Removes a link. What else is in the graph may have any form."""
        self.data["links"] = [each for each in self.data["links"] if not _has(each, number)]
        for node in objects(self.data["nodes"]):
            for socket in objects(node.get("inputs")):
                if socket.get("link") == number:
                    socket["link"] = None
            for socket in objects(node.get("outputs")):
                if isinstance(links := socket.get("links"), list):
                    socket["links"] = [each for each in links if each != number]

    def is_widget(self, socket: Json) -> bool:
        """Whether an input of the subgraph is a widget of the node that stands for it."""
        links = socket.get("linkIds") or ()
        inner = (each for node in self.data["nodes"] for each in node.get("inputs") or ())
        return any(each.get("link") in links and each.get("widget") for each in inner)


@dataclass(frozen=True)
class Widget:
    """A value that a node holds for one of its inputs.

    link: its number, where the input has one; what comes by it goes before the value.
    """

    graph: _Graph
    node: Json
    index: int | str
    link: int | None = None

    @property
    def value(self) -> Any:
        return self._values[self.index]

    def set(self, value: Any) -> None:
        """Sets the value, and removes the link that would go before it."""
        self._values[self.index] = value
        if self.link is not None:
            self.graph.cut(self.link)

    @property
    def _values(self) -> Any:
        values = self.node["widgets_values"]
        if not isinstance(values, list | dict):
            raise TypeError("no value can be set here")
        return values


def find_widgets(workflow: Any, execution_id: str, names: Sequence[str]) -> list[list[Widget]]:
    """For each of the first inputs of a node the widgets that hold its value; [] if not found.

    The first of them is the node's own. Where the node of a subgraph shows it too, that one
    follows, and the last one counts. execution_id: as in a prompt, "5:3" for node 3 in the subgraph
    for which node 5 stands.
    """
    try:
        graph = _Graph(workflow)
        *outers, own = execution_id.split(":")
        subgraphs = (workflow.get("definitions") or {}).get("subgraphs") or ()
        definitions = {each["id"]: each for each in subgraphs}
        for name in outers:
            node = graph.node(name)
            graph = _Graph(definitions[node["type"]], (graph, node))
        node = graph.node(own)
        found = [_widgets(graph, node, name, index) for index, name in enumerate(names)]
        [widget.value for widgets in found for widget in widgets]  # all of them are there
    except (LookupError, StopIteration, AttributeError, TypeError, ValueError, RecursionError):
        return []  # what a client sends as a workflow may have any form
    return found


def _widgets(graph: _Graph, node: Json, name: str, index: int) -> list[Widget]:
    own: int | str = name if isinstance(node["widgets_values"], Mapping) else index
    links = [each.get("link") for each in node.get("inputs") or () if each["name"] == name]
    link = next((each for each in links if each is not None), None)
    start, slot = (None, 0) if link is None else graph.start(link)
    if start == SUBGRAPH_INPUTS and graph.outer:
        inputs = graph.data["inputs"]
        before = sum(map(graph.is_widget, inputs[:slot]))
        outer = _widgets(*graph.outer, inputs[slot]["name"], before)
        return [Widget(graph, node, own), *outer]
    return [Widget(graph, node, own, link), *_proxies(graph, node, name)]


def _proxies(graph: _Graph, node: Json, name: str) -> list[Widget]:
    """The same value as an outer node may save it, the way of frontends before 1.49."""
    if not graph.outer:
        return []
    outer_graph, outer = graph.outer
    shown = (outer.get("properties") or {}).get("proxyWidgets") or ()
    names = [[str(part) for part in each[:2]] for each in shown]
    wanted = [str(node["id"]), name]
    if wanted not in names or len(outer.get("widgets_values") or ()) != len(names):
        return []
    return [Widget(outer_graph, outer, names.index(wanted))]


def _has(link: Any, number: int) -> bool:
    """Whether a link has that number."""
    if isinstance(link, Mapping):
        return link.get("id") == number
    return isinstance(link, list) and link[:1] == [number]


def objects(values: Any) -> list[Json]:
    """The objects in what should be a list of them."""
    return [each for each in values if isinstance(each, dict)] if isinstance(values, list) else []
