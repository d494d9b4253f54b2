"""What the page shows in other languages is complete, in step with the English, and current."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import locales
import translate
from contract import CONTRACT

ROOT = locales.ROOT
REMEDY = "run `make locales`"
each_language = pytest.mark.parametrize(
    "language", locales.TRANSLATIONS, ids=[f"lang-{name}" for name in locales.TRANSLATIONS]
)


@pytest.fixture
def english(pack: ModuleType) -> dict[str, Any]:
    return locales.english_texts(pack)


@pytest.fixture
def copy(
    english: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """The texts of a language in a folder of their own: a marked copy of the English."""
    monkeypatch.setattr(locales, "LOCALES", tmp_path / "locales")
    monkeypatch.setattr(locales, "SOURCES", tmp_path / "sources")
    return save(marked(english))


def marked(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {key: marked(value) for key, value in tree.items()}
    return f"{tree} …"


def save(texts: dict[str, Any]) -> dict[str, Any]:
    for file in locales.FILES:
        locales.write(locales.LOCALES / "xx" / f"{file}.json", json.dumps(texts[file]))
    locales.write(locales.SOURCES / "xx" / "help.json", json.dumps(texts["help"]))
    return texts


def on_disk(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def test_english_is_what_the_nodes_and_the_page_declare(english: dict[str, Any]) -> None:
    for path, text in locales.english_files(english).items():
        assert on_disk(path) == text, f"{path}: {REMEDY}"


def test_english_names_everything_of_the_contract(english: dict[str, Any]) -> None:
    assert set(english["nodeDefs"]) == set(CONTRACT)
    for node, contract in CONTRACT.items():
        texts = english["nodeDefs"][node]
        assert texts["display_name"] == contract["name"]
        assert set(texts["inputs"]) == {*contract["required"], *contract["optional"]}
        assert [output["name"] for output in texts["outputs"].values()] == [
            name for name, _ in contract["outputs"]
        ]


def test_english_is_short(english: dict[str, Any]) -> None:
    for key, text in locales.flat(english["nodeDefs"]).items():
        if key.endswith(("tooltip", "description")):
            assert len(text) <= 140, f"{key} has {len(text)} characters: {text}"


def test_english_can_be_shown(english: dict[str, Any]) -> None:
    for key, text in locales.flat(english).items():
        assert text.strip(), key
        if not key.startswith(locales.OURS):
            assert not set(locales.UNSAFE) & set(text), f"{key}: {text}"
    for label in english["main"]["menuLabels"]:
        assert not set(".'\"[]") & set(label), f"the page cannot look up {label}"


@pytest.mark.parametrize("language", ["en", *locales.TRANSLATIONS], ids=lambda name: f"lang-{name}")
def test_help_pages_are_current(pack: ModuleType, language: str) -> None:
    for path, text in locales.help_pages(pack, language).items():
        assert on_disk(path) == text, f"{path}: {REMEDY}"


@each_language
def test_a_language_is_right_and_what_it_lacks_is_a_warning(
    pack: ModuleType, english: dict[str, Any], language: str
) -> None:
    problems = locales.check(pack, english, language)
    assert not problems, "\n".join(problems)
    if late := locales.behind(english, language):
        warnings.warn(f"translations: {len(late)} texts behind, {late[0]}", stacklevel=1)


@pytest.mark.long
@pytest.mark.parametrize(("arguments", "code"), [([], 0), ([locales.COMPLETE], 1)])
def test_only_the_release_check_fails_for_a_translation_that_is_behind(
    pack: ModuleType,
    copy: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
) -> None:
    sources = ROOT / "scripts" / "translations"
    shutil.copytree(sources / "en", locales.SOURCES / "en")
    shutil.copy(sources / "templates.json", locales.SOURCES)
    monkeypatch.setattr(locales, "DOCS", tmp_path / "docs")
    del copy["settings"]["Venice_Key"]["tooltip"]
    save(copy)

    assert locales.main([*arguments, "xx"]) == code
    assert "xx: settings.Venice_Key.tooltip is missing" in capsys.readouterr().out


@each_language
def test_a_language_says_what_it_was_translated_from(
    english: dict[str, Any], language: str
) -> None:
    recorded = locales.record_file(language).read_text(encoding="utf-8")
    assert recorded == locales.in_step(english, language), REMEDY


def test_no_page_and_no_folder_is_left_over(pack: ModuleType) -> None:
    languages = {"en", *locales.TRANSLATIONS}
    assert {path.name for path in locales.LOCALES.iterdir()} <= languages
    pages = {path.relative_to(locales.DOCS) for path in locales.DOCS.rglob("*.md")}
    allowed = {Path(node, f"{name}.md") for node in CONTRACT for name in languages}
    assert pages <= allowed | {Path(f"{node}.md") for node in CONTRACT}


def test_the_templates_that_help_pages_name_exist(pack: ModuleType) -> None:
    templates = locales.read(locales.SOURCES / "templates.json")
    assert set(templates) >= set(pack.NODE_CLASS_MAPPINGS)
    for node in pack.NODE_CLASS_MAPPINGS:
        assert templates[node]
        for name in templates[node]:
            assert (ROOT / "example_workflows" / f"{name}.json").is_file(), f"{node}: {name}"


def test_the_package_holds_the_languages() -> None:
    command = ["git", "ls-files", "-ci", "--exclude-from=.comfyignore", "locales", "web"]
    if not shutil.which("git"):
        pytest.skip("there is no git")
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if run.returncode:
        pytest.skip("not a git checkout")
    assert run.stdout == ""


def test_a_full_translation_has_no_problem(
    pack: ModuleType, english: dict[str, Any], copy: dict[str, Any]
) -> None:
    assert locales.check(pack, english, "xx") == []
    assert locales.behind(english, "xx") == []


def test_english_stands_in_for_what_is_not_translated_yet(
    pack: ModuleType, english: dict[str, Any], copy: dict[str, Any]
) -> None:
    locales.write(locales.SOURCES / "en" / "help.json", json.dumps(english["help"]))
    templates = {key: ["…"] for key in english["nodeDefs"]}
    locales.write(locales.SOURCES / "templates.json", json.dumps(templates))
    whole = locales.help_pages(pack, "xx")[locales.DOCS / "VeniceSeed" / "xx.md"]
    del copy["nodeDefs"]["VeniceSeed"]["inputs"]["mode"]
    save(copy)

    page = locales.help_pages(pack, "xx")[locales.DOCS / "VeniceSeed" / "xx.md"]
    problems = locales.behind(english, "xx")

    tooltip = english["nodeDefs"]["VeniceSeed"]["inputs"]["mode"]["tooltip"]
    assert f"{tooltip} … |" in whole
    assert f"{tooltip} |" in page
    assert "VeniceSeed.inputs.mode" not in locales.in_step(english, "xx")
    assert problems == [
        "xx: nodeDefs.VeniceSeed.inputs.mode.name is missing: mode",
        f"xx: nodeDefs.VeniceSeed.inputs.mode.tooltip is missing: {tooltip}",
    ]


def test_a_node_without_words_for_its_help_page_is_named(
    pack: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = pack.NODE_CLASS_MAPPINGS["VeniceSeed"]
    monkeypatch.setitem(pack.NODE_CLASS_MAPPINGS, "VeniceNew", node)
    monkeypatch.setitem(pack.NODE_DISPLAY_NAME_MAPPINGS, "VeniceNew", "Venice New")

    with pytest.raises(SystemExit, match=r"en/help\.json: VeniceNew is missing"):
        locales.help_pages(pack, "en")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Images to enlarge, each at least 65,536 pixels.", "still English"),
        ("Las imágenes, al menos 65 536 píxeles.", None),
        ("Las imágenes, al menos 65 píxeles.", "lacks the numbers 65536"),
        ("Las `imágenes`, 65.536 píxeles.", "must be without `"),
    ],
)
def test_a_wrong_text_is_named(
    pack: ModuleType,
    english: dict[str, Any],
    copy: dict[str, Any],
    text: str,
    problem: str | None,
) -> None:
    copy["nodeDefs"]["VeniceUpscaleImage"]["inputs"]["image"]["tooltip"] = text
    save(copy)

    problems = locales.check(pack, english, "xx")

    assert len(problems) == (problem is not None)
    assert all("VeniceUpscaleImage.inputs.image.tooltip" in one for one in problems)
    assert problem is None or problem in problems[0]


def test_code_and_choices_stay_as_they_are(
    pack: ModuleType, english: dict[str, Any], copy: dict[str, Any]
) -> None:
    seed = copy["nodeDefs"]["VeniceSeed"]["inputs"]["mode"]
    seed["tooltip"] = seed["tooltip"].replace("random every run", "toujours une autre")
    sheet = copy["nodeDefs"]["VeniceContactSheet"]["outputs"]["0"]
    sheet["tooltip"] = sheet["tooltip"].replace("[1, H, W, 3]", "(1, H, W, 3)")
    save(copy)

    (sheet_problem, seed_problem) = locales.check(pack, english, "xx")

    assert "must keep [1, H, W, 3]" in sheet_problem
    assert "must keep random every run" in seed_problem


def test_a_value_stays_in_the_text(
    pack: ModuleType, english: dict[str, Any], copy: dict[str, Any]
) -> None:
    copy["main"]["venice"]["Reuse last seed ({seed})"] = "Même graine"
    save(copy)

    (problem,) = locales.check(pack, english, "xx")

    assert problem == "xx: main.venice.Reuse last seed ({seed}) must keep {seed}"


def test_a_text_of_the_page_that_is_no_literal_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locales, "ROOT", tmp_path)
    (tmp_path / "web").mkdir()
    script = tmp_path / "web" / "page.js"

    script.write_text('t("One"); t(\n  "Two {n}",\n  { n })')
    assert locales.page_texts() == ["One", "Two {n}"]
    script.write_text("t(`Three`)")
    with pytest.raises(SystemExit, match=r"page\.js"):
        locales.page_texts()


def test_a_text_that_english_has_no_more_is_named(
    pack: ModuleType, english: dict[str, Any], copy: dict[str, Any]
) -> None:
    copy["settings"]["Venice_Gone"] = {"name": "…"}
    save(copy)

    (problem,) = locales.behind(english, "xx")

    assert problem == "xx: settings.Venice_Gone.name is no longer in English"


def test_an_english_text_that_changed_is_named_until_it_is_translated_again(
    pack: ModuleType, english: dict[str, Any], copy: dict[str, Any]
) -> None:
    locales.write(locales.record_file("xx"), locales.in_step(english, "xx"))
    english["settings"]["Venice_Key"]["tooltip"] = "Goes into a file."

    locales.write(locales.record_file("xx"), locales.in_step(english, "xx"))  # forgets nothing
    (problem,) = locales.behind(english, "xx")
    assert problem.startswith("xx: settings.Venice_Key.tooltip is older than its English")

    copy["settings"]["Venice_Key"]["tooltip"] = "Va dans un fichier."
    save(copy)
    locales.write(locales.record_file("xx"), locales.in_step(english, "xx"))
    assert locales.behind(english, "xx") == []


def test_signs_of_markdown_are_kept_from_a_table(pack: ModuleType) -> None:
    page = locales.help_pages(pack, "en")[locales.DOCS / "VeniceStyleSweep" / "en.md"]
    assert r"\*: every style. \*noir\*: names" in page
    for row in (line for line in page.splitlines() if line.startswith("|")):
        assert row.replace(r"\|", "").count("|") == 3, row


def test_a_translator_gets_what_a_language_lacks_and_hands_it_back(
    english: dict[str, Any], copy: dict[str, Any]
) -> None:
    del copy["settings"]["Venice_Key"]["tooltip"]
    del copy["main"]["venice"]["Copy"]
    copy["main"]["venice"]["gone"] = "weg"
    save(copy)
    locales.write(locales.record_file("xx"), locales.in_step(english, "xx"))
    english["settings"]["Venice_Key"]["name"] += ", changed"

    given = translate.missing(english, "xx")
    assert set(given) == {
        "settings.Venice_Key.name",
        "settings.Venice_Key.tooltip",
        "main.venice.Copy",
    }
    translate.fill(
        english, "xx", {**given, "settings.Venice_Key.name": "N", "main.venice.Copy": "="}
    )

    assert translate.missing(english, "xx") == {
        "settings.Venice_Key.tooltip": english["settings"]["Venice_Key"]["tooltip"]
    }
    filled = locales.texts_of("xx")
    assert filled["settings"]["Venice_Key"]["name"] == "N"
    assert filled["main"]["venice"]["Copy"] == "Copy"
    assert "gone" not in filled["main"]["venice"]
    assert filled["help"] == copy["help"]


NAMES = {"Venice", "Diem"}
SHOWN = re.compile(
    r'(?:\b(?:text|title|placeholder|alt|tooltip)|"aria-label"): "([^"]*[a-zA-Z][^"]*)"'
    r'|\bbutton\(\s*"([^"]+)"|\btoast\("\w+", "([^"]+)"'
)


def test_the_page_shows_no_text_without_its_translation() -> None:
    for script in sorted((ROOT / "web").glob("*.js")):
        for match in SHOWN.finditer(script.read_text(encoding="utf-8")):
            text = next(filter(None, match.groups()))
            assert text in NAMES, f"{script.name} shows {text!r}: call t() for it"
