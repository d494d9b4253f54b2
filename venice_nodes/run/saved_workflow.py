"""Find and set widgets in a workflow saved by ComfyUI's page, including its subgraphs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

SUBGRAPH_INPUTS = -10
"""The origin of a link inside a subgraph that carries an input of the subgraph."""


@dataclass(frozen=True)
class _Graph:
    """A workflow, or the definition of a subgraph in it.

    outer: the graph with the node for it, and that node.
    """

    data: Json
    outer: tuple[_Graph, Json] | None = None

    def node(self, name: str) -> Json:
        return next(node for node in self.data["nodes"] if str(node["id"]) == name)

    def start(self, number: int) -> tuple[int, int]:
        """Return the node and the number of the output at which a link begins."""
        link = next(each for each in self.data["links"] if _has(each, number))
        if isinstance(link, Mapping):
            return link["origin_id"], link["origin_slot"]
        return link[1], link[2]

    def cut(self, number: int) -> None:
        """Remove a link. The rest of the graph may have any form."""
        self.data["links"] = [each for each in self.data["links"] if not _has(each, number)]
        for node in objects(self.data["nodes"]):
            for socket in objects(node.get("inputs")):
                if socket.get("link") == number:
                    socket["link"] = None
            for socket in objects(node.get("outputs")):
                if isinstance(links := socket.get("links"), list):
                    socket["links"] = [each for each in links if each != number]

    def is_widget(self, socket: Json) -> bool:
        """Whether an input of the subgraph is a widget of its node."""
        links = socket.get("linkIds") or ()
        inner = (each for node in self.data["nodes"] for each in node.get("inputs") or ())
        return any(each.get("link") in links and each.get("widget") for each in inner)


@dataclass(frozen=True)
class Widget:
    """A value of a node for one of its inputs.

    link: its number, if the input has one; it overrides the value.
    """

    graph: _Graph
    node: Json
    index: int | str
    link: int | None = None

    @property
    def value(self) -> Any:
        return self._values[self.index]

    def set(self, value: Any) -> None:
        """Set the value, and remove the link that would override it."""
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
    """Return, for each of a node's first inputs, the widgets with its value; [] if not found.

    The node's own comes first, then those of subgraph nodes that promote it; the last one counts.
    execution_id: as in a prompt, "5:3" for node 3 in the subgraph of node 5.
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
        return []  # a client's workflow may have any form
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
    """The same value in an outer node, as frontends before 1.49 save it."""
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
    """Return the objects in what should be a list of them."""
    return [each for each in values if isinstance(each, dict)] if isinstance(values, list) else []
