"""What a release needs beside working code: what its archive holds, whose it is, who builds it."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from project_file import ROOT, project

LEFT_OUT = [
    line.strip().strip("/")
    for line in (ROOT / ".comfyignore").read_text(encoding="utf-8").splitlines()
    if line.strip() and not line.startswith("#")
]
CODE = [*ROOT.glob("*.py"), *(ROOT / "venice_client").rglob("*.py")]
CODE += [*(ROOT / "venice_nodes").rglob("*.py")]
STARTS_PROGRAMS = {"subprocess", "pty", "multiprocessing", "code"}
RUNS_CODE = {"eval", "exec", "compile", "__import__"}


def is_packed(path: str) -> bool:
    """Whether a file of the project is in the archive that users get."""
    return not any(path == name or path.startswith(f"{name}/") for name in LEFT_OUT)


def documents() -> Iterator[Path]:
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "web").rglob("*.md")]:
        if is_packed(path.relative_to(ROOT).as_posix()):
            yield path


@pytest.mark.parametrize("file", sorted(documents()), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_link_leads_to_a_file_that_is_left_out(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)\s#]+)", text):
        if not re.match(r"[a-z]+:", link):
            path = Path(os.path.normpath(file.parent / link))
            assert is_packed(path.relative_to(ROOT).as_posix()), link
            assert path.exists(), link


@pytest.mark.parametrize("file", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_pack_starts_no_program_and_runs_no_text(file: Path) -> None:
    """The registry's scanner flags it, and SECURITY.md says so to its reviewers."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert not STARTS_PROGRAMS & {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            assert (node.module or "").partition(".")[0] not in STARTS_PROGRAMS
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in RUNS_CODE


def test_no_file_at_all_runs_text() -> None:
    """`comfy node validate` reads the tests, too."""
    for folder in ("tests", "scripts", "benchmarks"):
        for file in (ROOT / folder).rglob("*.py"):
            if "node_modules" not in file.parts:
                assert not re.search(r"(?<![\w.])(exec|eval)\(", file.read_text("utf-8")), file


def test_license_project_file_and_readme_name_the_same_authors() -> None:
    (authors,) = re.findall(
        r'^authors = \[\{ name = "(.+)" \}\]$',
        (ROOT / "pyproject.toml").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    (title,) = re.findall(r"^# (.+)$", readme.partition("\n")[0])
    assert title in authors
    assert f"© 2026 {authors}" in readme
    assert f"Copyright (c) 2026 {authors}\n" in (ROOT / "LICENSE").read_text(encoding="utf-8")


def test_the_changelog_has_room_for_what_comes_and_the_version() -> None:
    heads = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)

    assert heads[:2] == ["Unreleased", *project("version")]


def test_actions_are_named_by_their_commit() -> None:
    for file in (ROOT / ".github" / "workflows").glob("*.yml"):
        for action in re.findall(r"uses: (\S+)", file.read_text(encoding="utf-8")):
            assert action.startswith("./") or re.search(r"@[0-9a-f]{40}$", action), action
