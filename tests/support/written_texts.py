"""The sentences that the code of the client and the nodes can write, read from its source."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

PARTS = re.compile(r"\n| · |(?<=[.?!]) ")
"""The places where web/server_texts.js splits a text."""

MOST, DEPTH = 500, 3
"""The most forms of one string to look at, and the most names to follow in it."""

RETURNED = "return"
"""The name under which a scope has what its function returns."""


@dataclass
class Scope:
    """The possible values of the names in a function, or at the top of a module."""

    values: dict[str, list[ast.expr]]
    functions: dict[str, Scope]


def written() -> set[str]:
    """Every sentence that the code of the client and the nodes can write, with {} for values."""
    files = [*ROOT.glob("venice_client/**/*.py"), *ROOT.glob("venice_nodes/**/*.py")]
    return {part for path in files for part in _parts(ast.parse(path.read_text("utf-8")))}


def is_written(text: str, by_code: set[str]) -> bool:
    """Whether the code writes a text, perhaps behind another value."""
    known = anonymous(text)
    return not by_code.isdisjoint((known, known.removeprefix("{} "), known.removeprefix("{}")))


def anonymous(text: str) -> str:
    """The text with {} for values."""
    return re.sub(r"(\{\w*\}\s?)+(?<!\s)", "{}", text)


def _parts(tree: ast.Module) -> Iterator[str]:
    top = Scope(_assigned(tree.body), {})
    places: list[tuple[ast.AST, Scope]] = [(tree, top)]
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            values = {**top.values, **_assigned(ast.walk(node)), RETURNED: _returned(node)}
            top.functions[node.name] = Scope(values, top.functions)
            places.append((node, top.functions[node.name]))
    for place, scope in places:
        for node in ast.walk(place):
            if isinstance(node, ast.JoinedStr | ast.Constant):
                for text in itertools.islice(_forms(node, scope, DEPTH), MOST):
                    for part in (text, *PARTS.split(text.strip())):
                        yield anonymous(part)
                        yield anonymous(part).removeprefix("{} ")


def _returned(function: ast.AST) -> list[ast.expr]:
    ends = (node for node in ast.walk(function) if isinstance(node, ast.Return))
    return [end.value for end in ends if end.value is not None]


def _assigned(nodes: Iterable[ast.AST]) -> dict[str, list[ast.expr]]:
    """Return the possible values of each name, by plain assignments."""
    found: dict[str, list[ast.expr]] = {}
    for node in nodes:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found.setdefault(node.targets[0].id, []).append(node.value)
    return found


def _forms(node: ast.expr, scope: Scope, depth: int) -> Iterator[str]:
    """The texts that an expression may be; {} where that isn't known."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp(body=one, orelse=other):
            yield from _forms(one, scope, depth)
            yield from _forms(other, scope, depth)
        case ast.Name(id=name) if depth:
            yield "{}"
            for value in scope.values.get(name, ()):
                yield from _forms(value, scope, depth - 1)
        case ast.Call(func=ast.Name(id=name)) if depth and name in scope.functions:
            yield "{}"
            inner = scope.functions[name]
            for value in inner.values[RETURNED]:
                yield from _forms(value, inner, depth - 1)
        case ast.JoinedStr(values=parts):
            each = [list(itertools.islice(_forms(part, scope, depth), MOST)) for part in parts]
            yield from map("".join, itertools.product(*each))
        case ast.FormattedValue(value=value):
            yield from _forms(value, scope, depth)
        case _:
            yield "{}"
