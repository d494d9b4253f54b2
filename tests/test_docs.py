"""Every statement of README and docs/ that a machine can check."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from PIL import Image, ImageChops
from PIL.PngImagePlugin import PngInfo

import venice_client
from project_file import ROOT, project
from venice_client.cli import exit_codes
from venice_client.cli.app import COMMANDS, _parser, main
from venice_client.settings.settings import DEFAULT_BASE_URL, Settings

DOCS = [*ROOT.glob("*.md"), *sorted((ROOT / "docs").glob("**/*.md"))]
FORMS = sorted((ROOT / ".github").rglob("*.yml"))
PLACES = ("", "venice_client", "venice_client/catalogue", "venice_nodes", "tests")
"""Folders from which documents name files."""

SHOWN_BY_THE_PAGE = (
    *("Save and test", "Remove key", "Try the sandbox (free)", "Show all inputs"),
    *(
        "Refresh Venice models and styles",
        "Limit per run",
        "Daily limit",
        "Confirm runs over",
    ),
)
NO_INPUTS = {"venice_client", "venice_nodes", "custom_nodes"}
MAX_FILM_BYTES = 1_500_000

each_document = pytest.mark.parametrize("file", DOCS, ids=lambda path: path.name)


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def rows(name: str) -> list[list[str]]:
    """The cells of every row of every table in a document."""
    found = re.findall(r"^\| (.+) \|$", read(name), re.MULTILINE)
    return [[cell.strip() for cell in row.split(" | ")] for row in found]


def sources(*more: str) -> str:
    """All Python that users install, and the files that `more` names as globs, in one text."""
    files = [ROOT / "nodes.py"]
    for pattern in ("venice_client/**/*.py", "venice_nodes/**/*.py", *more):
        files += ROOT.glob(pattern)
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


@each_document
def test_relative_links_lead_somewhere(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = file.parent / path if path else file
        assert target.exists(), f"{file.name} links to {link}"
        if anchor:
            assert anchor in anchors(target), f"{file.name} links to {link}"


def anchors(file: Path) -> set[str]:
    """The anchors of a file's headings, as GitHub makes them."""
    heads = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("file", [*DOCS, *FORMS], ids=lambda path: path.name)
def test_the_address_is_that_of_pyproject(file: Path) -> None:
    """pyproject.toml alone decides where the pack lives: what differs is changed here."""
    (address,) = project("Repository")

    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        for url in re.findall(r"https://github\.com/[^\s)`]+", line):
            assert url == address or url.startswith(f"{address}/"), f"{file}:{number}"


def test_pyproject_says_one_address() -> None:
    (address,) = project("Repository")
    raw = address.replace("github.com", "raw.githubusercontent.com") + "/main/"

    assert project("Documentation")[0].startswith(f"{address}/")
    assert project("Bug Tracker") == [f"{address}/issues"]
    for name in ("Icon", "Banner"):
        (url,) = project(name)
        assert url.startswith(raw)
        assert (ROOT / url.removeprefix(raw)).is_file()


def test_a_clone_and_an_installation_have_the_folder_of_that_name() -> None:
    (address,), (name,) = project("Repository"), project("name")
    text = read("README.md")

    assert f"git clone {address} && cd {name}" in text
    assert f"comfy node install {name}" in text
    assert f"*Extensions* → *{name}*" in text
    assert rf"custom_nodes\{name}\venice_client" in read("docs/settings.md")


def test_the_images_have_the_shapes_that_the_registry_asks_for() -> None:
    images = ROOT / "docs" / "images"
    with Image.open(images / "icon.png") as icon, Image.open(images / "banner.png") as banner:
        assert icon.width == icon.height <= 400
        assert banner.width * 9 == banner.height * 21
    assert (images / "first-image.webp").stat().st_size < MAX_FILM_BYTES


def test_the_changelog_begins_with_the_version() -> None:
    heads = re.findall(r"^## \[(\S+)\] - \d{4}-\d\d-\d\d$", read("CHANGELOG.md"), re.MULTILINE)

    assert heads[:1] == [venice_client.__version__]


@each_document
def test_make_targets_that_are_named_exist(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))

    assert set(re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE)) <= targets


@each_document
def test_commands_that_are_named_can_be_given(file: Path) -> None:
    text = re.sub(r"\n\s*", " ", file.read_text(encoding="utf-8"))  # a command may be wrapped
    named = re.findall(r"python -m venice_client ([^`]+?)(?=`| python -m| *$)", text)
    for words in named:
        _parser().parse_args(shlex.split(words))


def test_options_that_are_named_exist(capsys: pytest.CaptureFixture[str]) -> None:
    text = read("docs/command-line.md")
    for command in (*re.findall(r"^python -m venice_client ([\w-]+)", text, re.MULTILINE),):
        with pytest.raises(SystemExit):
            main([command, "--help"])
    known = set(re.findall(r"--[\w-]+", capsys.readouterr().out))

    assert set(re.findall(r"--[a-z][\w-]+", text)) - {"--help"} <= known


def test_every_command_is_shown() -> None:
    text = read("docs/command-line.md")
    parsers: list[str] = []

    def note(name: str, *_: Any, **__: Any) -> Any:
        parsers.append(name)
        return argparse.ArgumentParser()

    for module in COMMANDS:
        module.add(note)

    assert [name for name in parsers if f"python -m venice_client {name}" not in text] == []


def test_the_table_of_settings_is_that_of_the_code() -> None:
    shown = {row[0].strip("`"): row[1].strip("`") for row in rows("docs/settings.md")[2:]}
    named = set(re.findall(r'"(VENICE_[A-Z_]+)"', read("venice_client/settings/settings.py")))

    assert set(shown) == named
    others = dict.fromkeys(("VENICE_API_KEY", "VENICE_ALLOWED_HOSTS"), "–")
    others["VENICE_API_BASE"] = DEFAULT_BASE_URL
    for name, text in shown.items():
        if name == "VENICE_HOME":
            continue
        default = getattr(Settings, name.removeprefix("VENICE_").lower(), None)
        expected = str(default).lower() if isinstance(default, bool) else f"{default or 0:g}"
        assert text == others.get(name, "none" if default is None else expected), name


@each_document
def test_settings_that_are_named_exist(file: Path) -> None:
    known = set(re.findall(r"VENICE_[A-Z_]+", read("docs/settings.md")))
    known |= {"VENICE_SOAK", "VENICE_OPENAPI"}  # of the tests

    assert set(re.findall(r"VENICE_[A-Z_]+", file.read_text(encoding="utf-8"))) <= known


def test_the_table_of_nodes_is_that_of_the_pack(pack: ModuleType) -> None:
    named = [row[0] for row in rows("README.md") if row[0].startswith("Venice ")]

    titles = ", ".join(named).split(", ")

    assert sorted(titles) == sorted(pack.NODE_DISPLAY_NAME_MAPPINGS.values())


def test_templates_that_are_named_exist() -> None:
    templates = {path.stem for path in (ROOT / "example_workflows").glob("*.json")}
    name = re.compile(r"^- (Venice [a-z][a-z ]+)$|\*(Venice [a-z][a-z ]+)\*", re.MULTILINE)
    found = {}
    for file in [*DOCS, *(ROOT / "web" / "docs").glob("**/*.md")]:
        named = {"".join(pair) for pair in name.findall(file.read_text(encoding="utf-8"))}
        found[file.name] = named
        assert named <= templates, file
    assert found["README.md"]


def test_the_template_of_the_first_image_is_there() -> None:
    (name,) = re.findall(r"\*\*(Venice [^*]+)\*\*", read("README.md"))

    assert (ROOT / "example_workflows" / f"{name}.json").is_file()


@pytest.mark.parametrize(
    "name", ["README.md", "docs/models-and-sizes.md", "docs/money.md", "docs/troubleshooting.md"]
)
def test_inputs_that_are_named_exist(pack: ModuleType, name: str) -> None:
    known = set(NO_INPUTS)
    for node in pack.NODE_CLASS_MAPPINGS.values():
        declared = node.INPUT_TYPES()
        known |= {*declared["required"], *declared.get("optional", {}), *node.RETURN_NAMES}

    assert set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", read(name))) <= known


@each_document
def test_files_that_are_named_exist(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    for name in re.findall(r"`([\w.-]+(?:/[\w.-]+)+\.(?:py|json|js|md|yml))`", text):
        assert any((ROOT / place / name).is_file() for place in PLACES), f"{file.name}: {name}"


def test_names_in_the_guide_exist() -> None:
    text = read("docs/adding.md")
    code = sources("scripts/*.py", "tests/**/*.py", "web/*.js")
    names = set(re.findall(r"`(_?[A-Z]{2,}[A-Z_]*|[a-z]+_[a-z_]+|[A-Z][a-z]+[A-Z]\w+)`", text))

    assert names
    assert {name for name in names if not re.search(rf"\b{name}\b", code)} == set()


def test_what_the_page_shows_is_called_by_its_name() -> None:
    documents = " ".join(path.read_text(encoding="utf-8") for path in DOCS)
    page = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "web").glob("*.js"))

    for words in SHOWN_BY_THE_PAGE:
        assert words in re.sub(r"\s+", " ", documents), words
        assert words in page, words


def test_the_documents_and_the_help_say_the_same_of_exit_codes() -> None:
    shown = {int(row[0]): row[1] for row in rows("docs/command-line.md") if row[0].isdigit()}

    assert shown == exit_codes.MEANINGS
    told = re.sub(r"\s+", " ", exit_codes.HELP)
    for code, meaning in shown.items():
        assert f" {code} {meaning} " in told


@pytest.mark.long
def test_the_python_examples_run_one_after_the_other(tmp_path: Path, home: Path) -> None:
    programs = re.findall(r"```python\n(.+?)```", read("docs/python.md"), re.DOTALL)
    environ = {"VENICE_API_KEY": "sandbox", "VENICE_HOME": str(home), "PYTHONPATH": str(ROOT)}

    runs = [run_python(code, tmp_path, environ) for code in programs]

    assert [run.returncode for run in runs] == [0] * 6, [run.stderr for run in runs]
    _, changed, _, described, many, together = (run.stdout.strip() for run in runs)
    assert Image.open(tmp_path / "fox-0.png").size == (1024, 768)
    assert changed == "2048 True"
    before, after = (
        Image.open(tmp_path / name).convert("RGB") for name in ("fox-0.png", "moon.png")
    )
    assert ImageChops.difference(before, after).getbbox() == (600, 50, 901, 351)
    assert len(set(described.splitlines())) == 6
    assert float(described.splitlines()[-1]) > 0
    assert many == "4 of 4"
    assert {path.stem for path in tmp_path.glob("[0-9]*.png")} == {"7", "8", "9", "10"}
    assert together == "[1024, 1024]"


def test_the_command_that_reads_an_image_works(tmp_path: Path) -> None:
    (code,) = re.findall(r'^python -c "(.+)" image\.png$', read("docs/troubleshooting.md"), re.M)
    texts = PngInfo()
    texts.add_text("venice", "as sent")
    Image.new("RGB", (8, 8)).save(tmp_path / "picture.png", pnginfo=texts)

    run = run_python(code, tmp_path, {}, "picture.png")

    assert run.stdout.strip() == "as sent", run.stderr


def run_python(
    code: str, folder: Path, environ: dict[str, str], *arguments: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("file", FORMS, ids=lambda path: path.name)
def test_what_github_reads_can_be_read(file: Path) -> None:
    assert isinstance(yaml.safe_load(file.read_text(encoding="utf-8")), dict)


def test_the_form_of_a_fault_asks_for_what_helps_and_never_for_the_key() -> None:
    form = yaml.safe_load(read(".github/ISSUE_TEMPLATE/bug.yml"))
    fields = {part["id"]: part for part in form["body"] if "id" in part}

    assert {"version", "venice"} <= set(fields)
    assert "Never paste your key" in form["body"][0]["attributes"]["value"]
    assert fields["key"]["attributes"]["options"][0]["required"]
