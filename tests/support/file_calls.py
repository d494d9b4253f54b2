"""Find calls that write files themselves, or read text in the system's encoding."""

from __future__ import annotations

import ast

METHODS = {"unlink", "rename", "write_bytes", "write_text", "touch"}
FUNCTIONS = {"os.remove", "os.unlink", "os.rename", "os.replace", "shutil.rmtree", "shutil.move"}


def touches_files(node: ast.AST) -> str:
    """Return the call in `node` that belongs in venice_client/files.py, or ""."""
    if isinstance(node, ast.Import):
        return "tempfile" if any(alias.name == "tempfile" for alias in node.names) else ""
    if isinstance(node, ast.ImportFrom):
        return "tempfile" if node.module == "tempfile" else ""
    if isinstance(node, ast.Attribute):
        return "O_APPEND" if node.attr == "O_APPEND" else ""
    if not isinstance(node, ast.Call):
        return ""
    given = [ast.unparse(value) for value in node.args]
    named = {str(word.arg): ast.unparse(word.value) for word in node.keywords}
    called = ast.unparse(node.func)
    if called in FUNCTIONS or (called == "os.open" and given[0] != "os.devnull"):
        return called
    if called == "open":
        return _opens([*given[1:2], named.get("mode", "")], named)
    if isinstance(node.func, ast.Attribute) and called != "os.open":
        return _calls_method(node.func.attr, given, named)
    return ""


def _calls_method(name: str, given: list[str], named: dict[str, str]) -> str:
    if name == "open" and (not given or given[0].startswith("'")):  # else as in Image.open(file)
        return _opens([*given[:1], named.get("mode", "")], named)
    if name == "replace" and len(given) == 1 and not named:  # else as in text.replace("a", "b")
        return name
    if name == "mkdir" and "mode" in named:
        return "mkdir with a mode"
    if name == "read_text" and not given and "encoding" not in named:
        return "read_text without an encoding"
    return name if name in METHODS else ""


def _opens(modes: list[str], named: dict[str, str]) -> str:
    mode = "".join(modes).strip("'")
    if set(mode) & set("wax"):
        return f"open to write ({mode})"
    return "" if "b" in mode or "encoding" in named else "open without an encoding"
