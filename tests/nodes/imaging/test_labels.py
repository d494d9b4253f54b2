"""Labels of Venice Contact Sheet: in their cell, in letters that the font has, else named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from bench import Bench
from contact_sheets import CELL, GAP, LOAD, STRIP, cell, has_ink, run_alone, sheet, strip_of

LABELS = """
for labels in ([], ["Anime"]):
    try:
        (made,) = asyncio.run(arrange([torch.zeros(1, 64, 64, 3)], labels, cell=[128]))["result"]
        print(tuple(made.shape))
    except Exception as error:
        print(f"{type(error).__name__}: {error}")
"""
LONG = "a very long label " * 30


@pytest.mark.parametrize(
    "label",
    [
        LONG,
        "W" * 500,
        "two\nlines",
        "tab\there",
        "日本語のラベル",
        "Аниме",
        "العربية",
        "🦊🦊",
        "é",
        "a\u0301",
        "\ud800",
        "\u202e evil",
        "x" * 100_000,
    ],
    ids=range(13),
)
def test_any_label_stays_in_its_cell(bench: Bench, label: str) -> None:
    image = torch.zeros(1, 64, 64, 3)
    made = sheet(bench, [image] * 3, labels=["", label, ""], columns=3)
    assert has_ink(strip_of(made, 0, 1))
    for other in (strip_of(made, 0, 0), strip_of(made, 0, 2), cell(made, 0, 1, STRIP)):
        assert not has_ink(other)
    assert not has_ink(made[-GAP:])


def test_a_long_label_begins_as_it_does_and_ends_in_dots(pack: Any) -> None:
    text, font = pack.venice_nodes.imaging.labels.fitted(LONG, CELL, STRIP)
    assert text.startswith("a very long")
    assert text.endswith("…")
    assert font.getlength(text) <= CELL
    assert font.getmask("…").getbbox() is not None


@pytest.mark.parametrize(
    ("label", "same"),
    [
        ("Café Über Ñandú", "Cafe Uber Nandu"),
        ("two\n  lines", "two lines"),
        ("\uff21nime", "Anime"),
        ("4×3 – big", "4x3 - big"),
        ("ﬁlm", "film"),
        ("Straße, STRAẞE", "Strasse, STRASSE"),
        ("Ørsted øre Łódź żółw Đà đ", "Orsted ore Lodz zolw Da d"),
        ("Æther æ Œuvre œ \u0131l\u0131k", "AEther ae OEuvre oe ilik"),
        ("Þórr þ Ðð Ħħ Ŋŋ", "Thorr th Dd Hh Nn"),
        ("a — b \u2212 c\u2011d \u2015 e", "a - b - c-d - e"),
        ("• one ● two", "· one · two"),
        ("\u201eso\u201c, \u201aso\u2018", "\u201cso\u201c, \u2018so\u2018"),
        ("5\u2032 6\u2033 \u02bbokina", "5' 6'' 'okina"),
        ("½ ² № ①", "1\u20442 2 No 1"),
        ("\uff37\uff29\uff24\uff25\uff1a \uff4f\uff4b\uff1f", "WIDE: ok?"),
        ("\ufeffAn\u200bime\u2060", "Anime"),
        ("\x00Ani\x07me\x7f", "Anime"),
        ("\u202eevil", "evil"),
        ("\u0301e\u0301\ufe0f", "e"),
    ],
)
def test_letters_that_the_font_lacks_are_drawn_by_those_it_has(
    bench: Bench, label: str, same: str
) -> None:
    image = torch.zeros(1, 64, 64, 3)
    assert torch.equal(sheet(bench, [image], labels=[label]), sheet(bench, [image], labels=[same]))
    assert bench.texts[0] == "1 image", "nothing is missing"


@pytest.mark.parametrize(
    "label",
    ["“a” \u2018b’ «c» \u2039d\u203a", "20° ± 1 · … \u00b4", "© ™", '!"#$%&()*+,-./:;<=>?@'],
)
def test_what_the_font_has_is_drawn_as_it_is(bench: Bench, pack: Any, label: str) -> None:
    sheet(bench, [torch.zeros(1, 64, 64, 3)], labels=[label])
    assert bench.texts == ["1 image"]
    assert pack.venice_nodes.imaging.labels.drawable(label) == label


@pytest.mark.parametrize("label", ["\x00\x07", "\u200b\ufeff", "\u202e", "\u0301"])
def test_what_cannot_be_seen_is_no_label(bench: Bench, label: str) -> None:
    image = torch.zeros(1, 64, 64, 3)
    assert torch.equal(sheet(bench, [image], labels=[label]), sheet(bench, [image]))


BOXES = "and draws boxes instead."


@pytest.mark.parametrize(
    ("labels", "missing"),
    [
        (["a 猫"], "«猫»"),
        (["Жук", "a", "猫 ж"], "«Жук猫ж»"),
        (["β to ω, éß—"], "«βω»"),
        (["10 €"], "«€»"),
        (["\ud800"], "«\ufffd»"),
        (["abcde", "абвгдежзийкл"], "«абвгдежзий» and 2 more"),
    ],
)
def test_letters_that_the_font_lacks_are_named_on_the_node(
    bench: Bench, labels: list[str], missing: str
) -> None:
    count = len(labels)
    sheet(bench, [torch.zeros(count, 64, 64, 3)[i : i + 1] for i in range(count)], labels=labels)
    images = f"{count} image{'s' if count > 1 else ''}"
    assert bench.texts == [f"{images} · The labels' font has no {missing} {BOXES}"]
    assert bench.texts[0].encode()


def test_letters_that_the_font_lacks_are_boxes(bench: Bench) -> None:
    image = torch.zeros(1, 64, 64, 3)
    made, other = (sheet(bench, [image], labels=[label]) for label in ("猫", "Ж"))
    assert torch.equal(made, other)
    assert has_ink(strip_of(made, 0, 0))


def test_what_is_cut_off_is_not_named(bench: Bench) -> None:
    sheet(bench, [torch.zeros(1, 64, 64, 3)], labels=["W" * 300 + "猫"])
    assert bench.texts == ["1 image"]


@pytest.mark.long
def test_without_freetype_only_labels_are_refused(tmp_path: Path) -> None:
    without = 'import sys\nsys.modules["PIL._imagingft"] = None\n'
    made, refused = run_alone(without + LOAD + LABELS, tmp_path).splitlines()
    assert made == "(1, 132, 132, 3)"
    assert refused.startswith(
        "InvalidRequestError: This Pillow can't draw labels, since it was built without FreeType"
    )
    assert "Disconnect labels" in refused
