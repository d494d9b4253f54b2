"""`make locales`: generate locales/en and the help pages, and check the translations.

English lives in the node declarations, web/settings.js, web/menus.js, the `t("…")` of web/*.js,
scripts/server_texts.py and, for the help pages, scripts/translations/en/help.json. A translator
edits five files: the four in locales/LANGUAGE (as ComfyUI reads them) and
scripts/translations/LANGUAGE/help.json. scripts/translate.py lists what a language lacks, and puts
translations in their places.

scripts/translations/LANGUAGE/in_step.json records which English each translation was made from.
A translation that is missing or older than its English is a warning; the release check
(`--complete`) makes it an error. English stands in for a missing text. If an older translation
still fits, delete its line in in_step.json.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import server_texts
from demo import load_pack

ROOT = Path(__file__).resolve().parent.parent
LOCALES = ROOT / "locales"
SOURCES = ROOT / "scripts" / "translations"
DOCS = ROOT / "web" / "docs"
TRANSLATIONS = ("zh", "zh-TW", "ja", "ko", "fr", "es", "ru", "pt-BR")
FILES = ("nodeDefs", "settings", "commands", "main")
"""ComfyUI's files in the folder of a language."""

NAMES = re.compile(
    r"\.(name|display_name|label)$|^main\.(?!venice\.)|^main\.venice\.\S+( \S+)?$|^help\.words\."
)
"""Texts that may be the same in another language."""

UNSAFE = "{}@|`<"
"""Characters that ComfyUI's translation interprets. It never reads OURS."""

OURS = ("help.", "main.venice.")

NUMBER = re.compile(r"\d+(?:[.,’\u00a0\u202f ]\d+)*")
CODE = re.compile(r"\[[^\]]+\]|\b[A-Z][A-Z_]{3,}\b|\S*\*\S*|venice\.ai|\{\w+\}")
"""Shapes, constants, patterns, addresses and values: the same in every language."""

COMPLETE = "--complete"

Texts = dict[str, str]


def main(arguments: list[str]) -> int:
    """Write the generated files and print every problem of the named languages (default: all).

    Returns 1 if a translation is wrong; with `--complete` also if one is behind the English.
    """
    languages = [name for name in arguments if name != COMPLETE] or TRANSLATIONS
    pack = load_pack()
    english = english_texts(pack)
    for path, text in english_files(english).items():
        write(path, text)
    wrong: list[str] = []
    late: list[str] = []
    for language in languages:
        wrong += check(pack, english, language)
        late += behind(english, language)
        write(record_file(language), in_step(english, language))
    for language in ("en", *languages):
        for path, text in help_pages(pack, language).items():
            write(path, text)
    print("\n".join(wrong + late) or "Complete.")
    return int(bool(wrong or (late and COMPLETE in arguments)))


def write(path: Path, text: str) -> None:
    """Write a file, and the folders that it needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


# The English texts


def english_texts(pack: ModuleType) -> dict[str, Any]:
    """The English texts by file, in the shape that ComfyUI reads; and those of the help pages."""
    settings = settings_of((ROOT / "web" / "settings.js").read_text(encoding="utf-8"))
    commands, entries = menus_of((ROOT / "web" / "menus.js").read_text(encoding="utf-8"))
    return {
        "nodeDefs": {
            key: node_texts(cls, pack.NODE_DISPLAY_NAME_MAPPINGS[key])
            for key, cls in sorted(pack.NODE_CLASS_MAPPINGS.items())
        },
        "settings": {
            f"Venice_{id}": {"name": name, "tooltip": tooltip} for id, _, name, tooltip in settings
        },
        "commands": {id.replace(".", "_"): {"label": label} for id, label in commands},
        "main": {
            "settingsCategories": {group: group for _, group, *_ in settings},
            "menuLabels": {label: label for _, label in commands},
            "contextMenu": {entry: entry for entry in entries},
            "venice": {text: text for text in sorted({*page_texts(), *server_texts.TEXTS})},
        },
        "help": read(SOURCES / "en" / "help.json"),
    }


def node_texts(cls: Any, name: str) -> dict[str, Any]:
    """The texts of a node as nodeDefs.json has them."""
    return {
        "display_name": name,
        "description": cls.DESCRIPTION,
        "inputs": {
            name: {"name": name, "tooltip": options["tooltip"]}
            for name, (_, options) in declared_inputs(cls).items()
        },
        "outputs": {
            str(i): {"name": name, "tooltip": tooltip}
            for i, (name, tooltip) in enumerate(
                zip(cls.RETURN_NAMES, cls.OUTPUT_TOOLTIPS, strict=True)
            )
        },
    }


def declared_inputs(cls: Any) -> dict[str, Any]:
    """The inputs that a node declares, by name."""
    declared = cls.INPUT_TYPES()
    return {**declared["required"], **declared.get("optional", {})}


def settings_of(script: str) -> list[tuple[str, ...]]:
    """Id, group, name and tooltip of each call of `setting(…)`."""
    found = re.findall(
        r'\bsetting\(\s*"([^"]+)",\s*"([^"]+)",\s*"([^"]+)",\s*\d+,.*?,\s*"([^"]+)",?\s*\)',
        script,
        re.DOTALL,
    )
    _expect("web/settings.js", len(found), re.findall(r"^\s*setting\(", script, re.MULTILINE))
    return found


def menus_of(script: str) -> tuple[list[tuple[str, str]], list[str]]:
    """The id and label of each command, and the entries of a node's menu."""
    commands = re.findall(r'\bid: "([^"]+)",\s*label: "([^"]+)"', script)
    _expect("web/menus.js", len(commands), re.findall(r"\bid: ", script))
    entries = re.findall(r'\["([^"]+)", "Venice\w+"\]', script)
    return commands, entries


def page_texts() -> list[str]:
    """The English of each `t("…")` in web/, sorted."""
    found = set()
    for path in sorted((ROOT / "web").glob("*.js")):
        script = path.read_text(encoding="utf-8")
        calls = re.findall(r'\bt\(\s*(?:"((?:[^"\\]|\\.)*)"|(?=\S))', script)
        if "" in calls:
            sys.exit(f"{path.name}: t() needs one literal in double quotes: see scripts/locales.py")
        found |= {json.loads(f'"{text}"') for text in calls}
    return sorted(found)


def _expect(file: str, count: int, marks: list[str]) -> None:
    if not count or count != len(marks):
        sys.exit(f"{file}: {count} of {len(marks)} entries can be read: see scripts/locales.py")


def english_files(english: Mapping[str, Any]) -> dict[Path, str]:
    """locales/en."""
    return {LOCALES / "en" / f"{file}.json": dump(english[file]) for file in FILES}


# The help pages


def help_pages(pack: ModuleType, language: str) -> dict[Path, str]:
    """The help pages of a language, one per node, from its locales and its help.json.

    The English ones also go where the page looks if a language has none.
    """
    texts = english_texts(pack)
    if language != "en":
        texts = completed(texts_of(language), texts)
    templates = read(SOURCES / "templates.json")
    pages = {}
    for key, cls in pack.NODE_CLASS_MAPPINGS.items():
        for file, named in ("en/help.json", texts["help"]["nodes"]), ("templates.json", templates):
            if key not in named:
                sys.exit(f"scripts/translations/{file}: {key} is missing")
        page = help_page(
            texts["nodeDefs"][key],
            list(declared_inputs(cls)),
            texts["help"]["nodes"][key],
            texts["help"]["words"],
            templates[key],
        )
        pages[DOCS / key / f"{language}.md"] = page
        if language == "en":
            pages[DOCS / f"{key}.md"] = page
    return pages


def help_page(
    node: Mapping[str, Any],
    inputs: list[str],
    own: Mapping[str, str],
    words: Mapping[str, str],
    templates: list[str],
) -> str:
    """One page: two columns a table, since the panel that shows it is narrow."""
    rows = [(name, node["inputs"][name]) for name in inputs]
    parts = [
        f"# {node['display_name']}",
        own["intro"],
        f"## {words['inputs']}",
        _table(words["input"], words["what_it_does"], rows),
        f"## {words['outputs']}",
        _table(words["output"], words["what_it_is"], [("", o) for o in node["outputs"].values()]),
        f"## {words['cost']}",
        own["cost"],
        f"## {words['example']}",
        own["example"],
        f"## {words['template']}",
        words["where_templates_are"],
        "\n".join(f"- {name}" for name in templates),
    ]
    return "\n\n".join(parts) + "\n"


def _table(first: str, second: str, rows: list[tuple[str, Any]]) -> str:
    lines = [f"| {first} | {second} |", "| --- | --- |"]
    for key, text in rows:
        name = f"**{_escaped(text['name'])}**"
        # The messages of a run name inputs as they are declared.
        code = f"<br><code>{_breakable(key)}</code>" if key and key != text["name"] else ""
        lines.append(f"| {name}{code} | {_escaped(text['tooltip'])} |")
    return "\n".join(lines)


def _escaped(text: str) -> str:
    return _breakable(re.sub(r"([\\`*_|<~])", r"\\\1", text))


def _breakable(text: str) -> str:
    """The text, with places to break long names in a narrow column."""
    return text.replace("_", "_<wbr>")


# The other languages


def texts_of(language: str) -> dict[str, Any]:
    """All texts of a language by file; empty where there is none."""
    texts = {file: read(LOCALES / language / f"{file}.json") for file in FILES}
    return {**texts, "help": read(SOURCES / language / "help.json")}


def completed(texts: Mapping[str, Any], english: Mapping[str, Any]) -> dict[str, Any]:
    """The texts of a tree, with English for missing ones."""
    whole: dict[str, Any] = {}
    for key, text in english.items():
        is_tree = isinstance(text, Mapping)
        whole[key] = completed(texts.get(key, {}), text) if is_tree else texts.get(key) or text
    return whole


def check(pack: ModuleType, english: Mapping[str, Any], language: str) -> list[str]:
    """The mistakes in the texts of a language that aren't outdated, one per line."""
    source, translated = flat(english), flat(texts_of(language))
    own_words = _own_words(pack)
    late = outdated(english, language)
    return [
        f"{language}: {key} {problem}"
        for key, text in source.items()
        if key not in late and translated.get(key, "").strip()
        for problem in _problems(key, text, translated[key], own_words.get(key, ()))
    ]


def behind(english: Mapping[str, Any], language: str) -> list[str]:
    """The texts that a language lacks, has in excess, or has from an older English."""
    source, translated = flat(english), flat(texts_of(language))
    late = outdated(english, language)
    lines = [
        f"{language}: {key} is no longer in English" for key in translated if key not in source
    ]
    for key, text in source.items():
        if not translated.get(key, "").strip():
            lines.append(f"{language}: {key} is missing: {text}")
        elif key in late:
            lines.append(f"{language}: {key} is older than its English: {text}")
    return lines


def outdated(english: Mapping[str, Any], language: str) -> set[str]:
    """The keys whose English changed since they were translated."""
    translated, record = flat(texts_of(language)), read(record_file(language))
    return {
        key
        for key, text in flat(english).items()
        if (seen := record.get(key, "").split())
        and seen[0] != short_hash(text)
        and seen[1] == short_hash(translated.get(key, ""))
    }


def _problems(key: str, english: str, text: str, words: tuple[str, ...]) -> Iterator[str]:
    if text == english and not NAMES.search(key):
        yield "is still English"
    if not key.startswith(OURS) and (unsafe := set(UNSAFE) & set(text)):
        yield f"must be without {' '.join(sorted(unsafe))}"
    if missing := [number for number in _numbers(english) if number not in _numbers(text)]:
        yield f"lacks the numbers {', '.join(missing)}"
    codes = {word.strip(",.:;()") for word in CODE.findall(english)}
    if lost := sorted(code for code in {*codes, *words} if code not in text):
        yield f"must keep {', '.join(lost)}"


def _numbers(text: str) -> list[str]:
    """The numbers in a text, without separators: 65,536 is 65 536 elsewhere."""
    return [re.sub(r"\D", "", number) for number in NUMBER.findall(text)]


def _own_words(pack: ModuleType) -> dict[str, tuple[str, ...]]:
    """The choices in the tooltip of a combo, by key: ComfyUI doesn't translate them."""
    words = {}
    for key, cls in pack.NODE_CLASS_MAPPINGS.items():
        for name, (_, options) in declared_inputs(cls).items():
            tooltip = options["tooltip"]
            words[f"nodeDefs.{key}.inputs.{name}.tooltip"] = tuple(
                choice
                for choice in options.get("options", ())
                if re.search(rf"(?<![\w.-]){re.escape(choice)}(?![\w-])", tooltip)
            )
    return words


def in_step(english: Mapping[str, Any], language: str) -> str:
    """The record of the English behind each translation; an outdated one keeps its line."""
    translated, record = flat(texts_of(language)), read(record_file(language))
    late = outdated(english, language)
    return dump(
        {
            key: record[key] if key in late else f"{short_hash(text)} {short_hash(translated[key])}"
            for key, text in flat(english).items()
            if key in translated
        }
    )


def record_file(language: str) -> Path:
    """The path of that record."""
    return SOURCES / language / "in_step.json"


def short_hash(text: str) -> str:
    """A hash long enough to notice a change."""
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def flat(tree: Mapping[str, Any], above: str = "") -> Texts:
    """The texts of a tree by the dotted path of their keys."""
    texts: Texts = {}
    for key, value in tree.items():
        path = f"{above}{key}"
        texts.update(flat(value, f"{path}.") if isinstance(value, Mapping) else {path: value})
    return texts


def read(path: Path) -> dict[str, Any]:
    """A JSON file; empty where there is none."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def dump(tree: Any) -> str:
    """JSON for people to read and compare."""
    return json.dumps(tree, ensure_ascii=False, indent=2) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
