"""What holds for the project as a whole: versions, requirements, files, imports."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import venice_client
from file_calls import touches_files
from project_file import ROOT, project
from venice_client import errors

MAX_FILE_BYTES = 1_500_000
WRITES_FILES = {
    "venice_client/files.py",
}
COMFYUI = {"comfy", "comfy_execution", "comfy_extras", "folder_paths", "server", "nodes"}


def tracked() -> list[Path]:
    """The files in git, as they are on disk."""
    if not shutil.which("git"):
        pytest.skip("there is no git")
    run = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if run.returncode:
        pytest.skip("not a git checkout")
    paths = [ROOT / name.decode() for name in run.stdout.split(b"\0") if name]
    return [path for path in paths if path.is_file()]


def test_the_version_is_the_same_everywhere() -> None:
    assert project("version") == [venice_client.__version__]


def test_the_oldest_comfyui_is_the_same_everywhere() -> None:
    (oldest,) = project("requires-comfyui")
    version = oldest.removeprefix(">=")

    for name in ("README.md", "venice_nodes/run/comfyui.py"):
        assert version in (ROOT / name).read_text(encoding="utf-8"), name


def test_requirements_are_the_dependencies_and_torch() -> None:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()

    named = [line.strip() for line in lines if line.strip() and not line.startswith("#")]

    assert sorted(named) == sorted([*project("dependencies"), "torch"])


def test_no_file_is_large() -> None:
    assert [path for path in tracked() if path.stat().st_size > MAX_FILE_BYTES] == []


def test_no_file_holds_a_key() -> None:
    """Nothing looks like a key of Venice, and no workflow or document sets one."""
    looks_like_one = re.compile(rb"VENICE[_-](?:INFERENCE|ADMIN)[_-]KEY[_-]\w+|Bearer [\w-]{24,}")
    sets_one = re.compile(rb"VENICE_API_KEY[\"']?\s*[=:]\s*[\"']?([\w-]+)")
    harmless = {b"sandbox", b"sandbox-local-key"}
    for path in tracked():
        data = path.read_bytes()
        assert not looks_like_one.search(data), path
        if path.suffix in (".md", ".json", ".toml", ".txt", ".yml", ".yaml"):
            assert set(sets_one.findall(data)) <= harmless, path


def test_the_client_needs_neither_torch_nor_comfyui() -> None:
    code = (
        "import sys, pkgutil, importlib, venice_client\n"
        "for found in pkgutil.walk_packages(venice_client.__path__, 'venice_client.'):\n"
        "    if not found.name.endswith('__main__'):\n"
        "        importlib.import_module(found.name)\n"
        f"print(sorted({COMFYUI | {'torch'}!r} & set(sys.modules)))"
    )

    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (run.returncode, run.stdout) == (0, "[]\n"), run.stderr


def test_the_client_never_looks_outside_itself() -> None:
    allowed = {*sys.stdlib_module_names, "requests", "urllib3", "numpy", "PIL", "venice_client"}
    package = ROOT / "venice_client"
    for path in package.rglob("*.py"):
        depth = len(path.relative_to(package).parts)
        for level, name in imports(path):
            if level:
                assert level <= depth, f"{path}: leaves venice_client"
            else:
                assert name.partition(".")[0] in allowed, f"{path}: {name}"


def test_one_file_imports_comfyui() -> None:
    importers = {
        path.relative_to(ROOT).as_posix()
        for path in shipped()
        for level, name in imports(path)
        if not level and name.partition(".")[0] in COMFYUI
    }
    assert importers == {"venice_nodes/run/comfyui.py"}


def test_the_nodes_enter_the_client_by_its_two_doors_alone() -> None:
    doors = {"venice_client", "venice_client.for_nodes"}
    taken: set[str] = set()
    for path in [*ROOT.glob("*.py"), *(ROOT / "venice_nodes").rglob("*.py")]:
        for level, name in imports(path):
            if level and name.split(".")[0] == "venice_client":
                assert name in doors, f"{path}: {name}"
        taken |= names_taken(path, "venice_client.for_nodes")

    tree = ast.parse((ROOT / "venice_client" / "for_nodes.py").read_text(encoding="utf-8"))
    held = {name.name for n in tree.body if isinstance(n, ast.ImportFrom) for name in n.names}
    assert held == taken, "the second door holds what the nodes take"
    assert not held & set(venice_client.__all__), "a name has one door"


def test_all_errors_are_at_the_front_door() -> None:
    tree = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    names = {kind.__name__ for kind in tree if issubclass(kind, errors.VeniceError)}

    assert names <= set(venice_client.__all__)


def test_the_client_loads_no_sandbox_and_no_command_line() -> None:
    code = (
        "import sys, venice_client\n"
        "loaded = [name.split('.') for name in sys.modules if name.startswith('venice_client.')]\n"
        "print(sorted({parts[1] for parts in loaded} & {'sandbox', 'cli'}))"
    )

    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (run.returncode, run.stdout) == (0, "[]\n"), run.stderr


def test_no_room_leads_back_to_itself() -> None:
    """Rooms are folders, and files that lie in no folder of their layer."""
    arrows: dict[str, set[str]] = {}
    for path in shipped():
        for level, name in imports(path):
            if level and (target := room(resolved(path, level, name))) != room(path):
                arrows.setdefault(room(path), set()).add(target)

    def reach(start: str) -> set[str]:
        found: set[str] = set()
        todo = [start]
        while todo:
            new = arrows.get(todo.pop(), set()) - found
            found |= new
            todo += new
        return found

    assert [start for start in arrows if start in reach(start)] == []


def test_every_module_is_on_the_map() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    page = (ROOT / "docs" / "page.md").read_text(encoding="utf-8")
    self_evident = {"__init__.py", "__main__.py", "version.py"}
    modules = {path for path in shipped() if "sandbox" not in path.parts}

    missing = {path.name for path in modules if f"{path.name}`" not in text} - self_evident
    missing |= {path.name for path in (ROOT / "web").glob("*.js") if f"`{path.name}`" not in page}
    assert not missing


PRIVATE_TO_COMFYUI = (
    *(
        "scripts/app.js",
        "scripts/api.js",
        "activeState",
        "changeTracker",
        "_state",
        "activeWorkflow",
    ),
    *("LiteGraph", "LGraphBadge", "extensionManager", "nodeOutputs", "prototype", "data-testid"),
    *("queuePrompt", "graphToPrompt", "loadGraphData", "postProcessSearchScores", "linkIds"),
)


def test_one_script_touches_comfyuis_frontend() -> None:
    scripts = {path: path.read_text("utf-8") for path in (ROOT / "web").iterdir() if path.is_file()}

    touched = [
        (path.name, name)
        for path, text in scripts.items()
        for name in PRIVATE_TO_COMFYUI
        if name in text and path.name != "comfy.js"
    ]

    assert touched == []


def test_tests_are_collected_without_playwright() -> None:
    needs_it = {"playwright", "comfy_page"}
    importers = {
        path.name
        for path in (ROOT / "tests").rglob("*.py")
        if "node_modules" not in path.parts and path.stem not in needs_it
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in needs_it)
        or (isinstance(node, ast.Import) and node.names[0].name.split(".")[0] in needs_it)
    }
    assert importers == set()


def test_one_module_creates_replaces_and_removes_files() -> None:
    """Elsewhere, nobody thinks of Windows: see the head of venice_client/files.py."""
    found = {
        f"{path.relative_to(ROOT).as_posix()}:{node.lineno}: {why}"
        for path in shipped()
        if path.relative_to(ROOT).as_posix() not in WRITES_FILES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (why := touches_files(node))
    }
    assert not found


@pytest.mark.parametrize(
    "code",
    [
        "import tempfile",
        "from tempfile import mkstemp",
        "os.open(path, os.O_APPEND)",
        "os.open(path, os.O_RDONLY)",
        "os.replace(a, b)",
        "path.replace(other)",
        "path.rename(other)",
        "path.unlink(missing_ok=True)",
        "os.remove(path)",
        "shutil.rmtree(path)",
        "path.mkdir(mode=0o700)",
        "path.write_bytes(data)",
        "open(path)",
        "open(path, 'w', encoding='utf-8')",
        "path.open()",
        "path.open('a')",
        "path.open(mode='xb')",
        "path.read_text()",
        "path.write_text('', encoding='utf-8')",
    ],
)
def test_a_file_that_is_touched_elsewhere_is_found(code: str) -> None:
    assert any(touches_files(node) for node in ast.walk(ast.parse(code)))


@pytest.mark.parametrize(
    "code",
    [
        "os.open(os.devnull, os.O_WRONLY)",
        "text.replace('a', 'b')",
        "replace(charge, time=1)",
        "moment.replace(tzinfo=utc)",
        "path.mkdir(parents=True, exist_ok=True)",
        "open(path, 'rb')",
        "path.open('r+b', buffering=0)",
        "path.open(encoding='utf-8')",
        "path.read_text('utf-8')",
        "Image.open(file)",
        "ledger.open(record)",
    ],
)
def test_what_touches_no_file_is_not_found(code: str) -> None:
    assert not any(touches_files(node) for node in ast.walk(ast.parse(code)))


def shipped() -> list[Path]:
    """The Python files that users install."""
    inner = [p for name in ("venice_client", "venice_nodes") for p in (ROOT / name).rglob("*.py")]
    return [*ROOT.glob("*.py"), *inner]


def resolved(path: Path, level: int, name: str) -> Path:
    """The file or folder that a relative import names."""
    folder = path.parents[level - 1]
    target = folder.joinpath(*name.split("."))
    return target if target.is_dir() else target.with_suffix(".py")


def room(path: Path) -> str:
    """The folder below venice_client or venice_nodes that holds a file, else the file itself."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = parts[:-1] if parts[-1] == "__init__" and len(parts) > 2 else parts
    return "/".join(parts[:2])


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """(dots in front, module) of every import in a file, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.level, node.module
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.level, alias.name) for alias in node.names)


def names_taken(path: Path, module: str) -> set[str]:
    """The names that a file imports from a module by a relative import."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    taken = [n.names for n in nodes if isinstance(n, ast.ImportFrom) and n.module == module]
    return {alias.name for names in taken for alias in names}
