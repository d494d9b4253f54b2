"""Find translated-sounding phrases and wrong money formats in all texts; part of `make lint`.

Four classes: interface (declared texts, page scripts, template notes), messages (Python strings),
documents, and docstrings with comments. `--hints` also lists phrases that are often a sign of a
sentence to rewrite; they never fail.
"""

from __future__ import annotations

import ast
import io
import json
import re
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent

KINDS = ("interface", "messages", "documents", "docstrings")

BANNED = (
    r"(?<![`.])\bpictures?\b(?!\.\w|:)",  # but not names in code
    r"\b(?:anew|dear(?:er|est)?|likewise|heed(?:s|ed)?|once more|asked for|by wire)\b",
    r"\b(?:go(?:es)? along|comes? out as|what came|(?:is|was|are|were) kept|is said|is told)\b",
    r"\b(?:made again|may not|where it is|of its own|all the same|at the foot)\b",
    r"\bso that it\b(?=.*\bso that it\b)",
    r"[\d}] (?-i:USD)\b",
)
CLAUSE = re.compile(r"\s*(?:What|How|Where|Which|Whose|Why)\b")
"""The beginning of a docstring that should be an imperative or a noun phrase."""

HINTS = (
    r"\b(?:that it is|are told|such that|so as (?:not )?to|as it is|whose|lies|stands|by itself)\b",
    r"\bwhat (?:is|was|it|the|comes|goes)\b",
    r"\bis (?:asked|worked out|looked at|meant)\b",
    r"\b(?:of (?:their|your) own|paid for)\b",
)


class Text(NamedTuple):
    """Something a person reads, and the line it starts on."""

    kind: str
    file: str
    line: int
    text: str


def main(arguments: list[str]) -> int:
    """Print every hit, and their number in each class; return 1 if there are any.

    `--hints` prints the hints too.
    """
    texts = [*from_python(), *from_scripts(), *from_json(), *from_documents()]
    if "--hints" in arguments:
        for kind, line in found(HINTS, texts):
            print(f"hint, {kind}: {line}")
    hits = [*found(BANNED, texts), *clauses(texts)]
    counts = Counter(kind for kind, _ in hits)
    for kind, line in hits:
        print(f"{kind}: {line}")
    print("English:", ", ".join(f"{counts[kind]} in {kind}" for kind in KINDS))
    return int(bool(hits))


def found(phrases: tuple[str, ...], texts: list[Text]) -> Iterator[tuple[str, str]]:
    """The class and a printable line for each match."""
    pattern = re.compile("|".join(phrases).replace(" ", r"[\s#/]+"), re.IGNORECASE)
    for kind, file, line, text in texts:
        for match in pattern.finditer(text):
            at = line + text.count("\n", 0, match.start())
            around = " ".join(text[max(0, match.start() - 30) : match.end() + 30].split())
            yield kind, f"{file}:{at}: “{' '.join(match[0].split())}” in: {around}"


def clauses(texts: list[Text]) -> Iterator[tuple[str, str]]:
    """The docstrings that begin with a clause, as in `found`."""
    for kind, file, line, text in texts:
        if kind == "docstrings" and CLAUSE.match(text):
            yield kind, f"{file}:{line}: begins with a clause: {text.strip().splitlines()[0]}"


def from_python() -> Iterator[Text]:
    """The strings, docstrings and comments of the installed code and of the scripts."""
    for path in _files("*.py", "venice_client/**/*.py", "venice_nodes/**/*.py", "scripts/*.py"):
        if path == Path(__file__):
            continue
        file, source = _name(path), path.read_text(encoding="utf-8")
        notes = path.stem == "workflow_notes"
        tree = ast.parse(source)
        _without_search_words(tree)
        docstrings = {id(node) for node in _docstrings(tree)}
        for node in _strings(tree):
            text = _text_of(node)
            if id(node) in docstrings:
                yield Text("docstrings", file, node.lineno, text)
            elif " " in text.strip():
                yield Text("interface" if notes else "messages", file, node.lineno, text)
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.COMMENT:
                yield Text("docstrings", file, token.start[0], token.string)


def _without_search_words(tree: ast.AST) -> None:
    """Empty SEARCH_ALIASES: people do search for pictures."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "SEARCH_ALIASES":
            node.value = ast.Constant("", lineno=0)


def _docstrings(tree: ast.AST) -> Iterator[ast.expr]:
    """Every string that is a statement: docstrings, and those under a constant."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.value


def _strings(node: ast.AST) -> Iterator[ast.Constant | ast.JoinedStr]:
    if isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    ):
        yield node
    for child in ast.iter_child_nodes(node):
        if not (isinstance(node, ast.JoinedStr) and isinstance(child, ast.Constant)):
            yield from _strings(child)


def _text_of(node: ast.Constant | ast.JoinedStr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    return "".join(
        str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values
    )


SCRIPT_TOKEN = re.compile(
    r"//(?P<line>[^\n]*)|/\*(?P<block>.*?)\*/"
    r"|\"(?P<double>(?:\\.|[^\"\\\n])*)\"|'(?P<single>(?:\\.|[^'\\\n])*)'"
    r"|`(?P<template>(?:\\.|[^`\\])*)`",
    re.DOTALL,
)


def from_scripts() -> Iterator[Text]:
    """The strings and comments of the page's scripts."""
    for path in _files("web/*.js", "scripts/*.js"):
        source = path.read_text(encoding="utf-8")
        for match in SCRIPT_TOKEN.finditer(source):
            name = match.lastgroup or ""
            kind = "docstrings" if name in ("line", "block") else "interface"
            if kind == "docstrings" or " " in match[name].strip():
                yield Text(kind, _name(path), source.count("\n", 0, match.start()) + 1, match[name])


def from_json() -> Iterator[Text]:
    """The declared English texts, and the notes on the canvas of the templates."""
    for path in _files("locales/en/*.json", "scripts/translations/en/*.json"):
        for text in _leaves(json.loads(path.read_text(encoding="utf-8"))):
            yield Text("interface", _name(path), 1, text)
    for path in _files("example_workflows/*.json", "subgraphs/*.json"):
        for node in json.loads(path.read_text(encoding="utf-8"))["nodes"]:
            if "Note" in node["type"]:
                for text in node["widgets_values"]:
                    yield Text("interface", _name(path), 1, text)


def _leaves(tree: Any) -> Iterator[str]:
    if isinstance(tree, str):
        yield tree
    else:
        for value in tree.values():
            yield from _leaves(value)


def from_documents() -> Iterator[Text]:
    """README, docs/ and the forms on GitHub."""
    for path in _files("*.md", "docs/*.md", ".github/ISSUE_TEMPLATE/*.yml"):
        yield Text("documents", _name(path), 1, path.read_text(encoding="utf-8"))


def _files(*patterns: str) -> list[Path]:
    return sorted(path for pattern in patterns for path in ROOT.glob(pattern))


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
