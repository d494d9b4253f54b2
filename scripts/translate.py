"""Hand a translator what a language lacks, and put the translations in their places.

    python scripts/translate.py missing fr > fr.json     the English texts, by key
    python scripts/translate.py fill fr < fr.json        the same keys with translations

`missing` prints texts without a translation, and those whose English has changed since. Replace
each value by its translation, or by "=" if the language has the same word; keep `{values}`, numbers
and names in capitals. `fill` skips what is still English, and removes what English no longer has.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

import locales
from demo import load_pack

SAME = "="
"""A translation that is the same as the English."""


def main(arguments: list[str]) -> int:
    """Run one of the two commands for a language."""
    match arguments:
        case ["missing", language] if language in locales.TRANSLATIONS:
            print(locales.dump(missing(locales.english_texts(load_pack()), language)), end="")
            return 0
        case ["fill", language] if language in locales.TRANSLATIONS:
            fill(locales.english_texts(load_pack()), language, json.load(sys.stdin))
            return locales.main([language])
    print(__doc__, file=sys.stderr)
    return 2


def missing(english: Mapping[str, Any], language: str) -> dict[str, str]:
    """The English of each text that is missing or outdated in a language, by key."""
    translated = locales.flat(locales.texts_of(language))
    late = locales.outdated(english, language)
    return {
        key: text
        for key, text in locales.flat(english).items()
        if key in late or not translated.get(key, "").strip()
    }


def fill(english: Mapping[str, Any], language: str, given: Mapping[str, str]) -> None:
    """Write the translations in `given`, by key, into the files of a language."""
    known = locales.flat(english)
    if unknown := sorted(given.keys() - known.keys()):
        sys.exit(f"no such text: {unknown[0]}")
    done = {
        key: known[key] if text == SAME else text
        for key, text in given.items()
        if text.strip() and text != known[key]
    }
    texts = {**locales.flat(locales.texts_of(language)), **done}
    for file, tree in english.items():
        path = locales.LOCALES / language / f"{file}.json"
        if file == "help":
            path = locales.SOURCES / language / "help.json"
        locales.write(path, locales.dump(_placed(tree, texts, f"{file}.")))
    record = locales.read(locales.record_file(language))
    rest = {key: line for key, line in record.items() if key not in done}
    locales.write(locales.record_file(language), locales.dump(rest))


def _placed(tree: Mapping[str, Any], texts: Mapping[str, str], above: str) -> dict[str, Any]:
    """The tree with the texts of another language, without those that it lacks."""
    placed: dict[str, Any] = {}
    for key, value in tree.items():
        path = f"{above}{key}"
        if isinstance(value, Mapping):
            placed[key] = _placed(value, texts, f"{path}.")
        elif path in texts:
            placed[key] = texts[path]
    return placed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
