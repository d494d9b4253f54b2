"""Venice Contact Sheet: every picture once, whole, in order, with its label."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bench import Bench

Pictures = Callable[..., torch.Tensor]
ROOT = Path(__file__).resolve().parents[2]
COLOURS = torch.tensor([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [0, 1, 1.0]])
CELL, GAP, STRIP = 128, 2, 12

WITHOUT_FREETYPE = """
import asyncio, importlib.util, sys

sys.modules["PIL._imagingft"] = None
import torch

root, name = sys.argv[1], "pack"
spec = importlib.util.spec_from_file_location(
    name, root + "/__init__.py", submodule_search_locations=[root]
)
pack = sys.modules[name] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(pack)
node = pack.NODE_CLASS_MAPPINGS["VeniceContactSheet"]()
for labels in ([], ["Anime"]):
    images = [torch.zeros(1, 64, 64, 3)]
    try:
        (made,) = asyncio.run(node.arrange(images, labels, cell=[128]))
        print(tuple(made.shape))
    except Exception as error:
        print(f"{type(error).__name__}: {error}")
"""


def plain(width: int, height: int, *colours: int) -> torch.Tensor:
    """Pictures of one colour each, by their number in COLOURS."""
    return COLOURS[list(colours)][:, None, None].expand(-1, height, width, -1)


def arrange(bench: Bench, images: Sequence[torch.Tensor], **inputs: Any) -> Any:
    given = {name: value if name == "labels" else [value] for name, value in inputs.items()}
    return bench.run("VeniceContactSheet", images=list(images), **given)


def sheet(bench: Bench, images: Sequence[torch.Tensor], **inputs: Any) -> torch.Tensor:
    end = arrange(bench, images, **{"cell": CELL, **inputs})
    assert end.error is None
    made: torch.Tensor = end.tensor
    assert made.ndim == 4
    assert made.shape[0] == 1
    assert made.shape[-1] == 3
    assert made.dtype == torch.float32
    assert made.min() >= 0
    assert made.max() <= 1
    return made[0]


def cell(made: torch.Tensor, row: int, column: int, strip: int = 0) -> torch.Tensor:
    """The picture's part of a cell."""
    y, x = GAP + row * (CELL + strip + GAP), GAP + column * (CELL + GAP)
    return made[y : y + CELL, x : x + CELL]


def strip_of(made: torch.Tensor, row: int, column: int) -> torch.Tensor:
    """The label's part of a cell."""
    y, x = GAP + row * (CELL + STRIP + GAP) + CELL, GAP + column * (CELL + GAP)
    return made[y : y + STRIP, x : x + CELL]


def has_ink(part: torch.Tensor) -> bool:
    return bool((part > 0.5).any())


def test_pictures_come_row_by_row(bench: Bench) -> None:
    made = sheet(bench, [plain(64, 64, 0, 1), plain(64, 64, 2)])
    assert made.shape == (2 * (CELL + GAP) + GAP, 2 * (CELL + GAP) + GAP, 3)
    for i, (row, column) in enumerate([(0, 0), (0, 1), (1, 0)]):
        assert torch.allclose(cell(made, row, column), COLOURS[i].expand(CELL, CELL, 3))
    assert not has_ink(cell(made, 1, 1))


@pytest.mark.parametrize(
    ("count", "columns", "grid"),
    [
        (1, 0, (1, 1)),
        (3, 0, (2, 2)),
        (5, 0, (2, 3)),
        (9, 0, (3, 3)),
        (10, 0, (3, 4)),
        (5, 1, (5, 1)),
        (5, 2, (3, 2)),
        (5, 5, (1, 5)),
        (5, 16, (1, 5)),
    ],
)
def test_columns(bench: Bench, count: int, columns: int, grid: tuple[int, int]) -> None:
    made = sheet(bench, [plain(32, 32, 0)] * count, columns=columns)
    rows, wide = grid
    assert made.shape[:2] == (rows * (CELL + GAP) + GAP, wide * (CELL + GAP) + GAP)


def test_no_labels_leave_no_strip(bench: Bench) -> None:
    assert sheet(bench, [plain(64, 64, 0)]).shape[0] == CELL + 2 * GAP
    assert sheet(bench, [plain(64, 64, 0)], labels=[]).shape[0] == CELL + 2 * GAP
    assert sheet(bench, [plain(64, 64, 0)], labels=["", "  "]).shape[0] == CELL + 2 * GAP
    assert sheet(bench, [plain(64, 64, 0)], labels=["a"]).shape[0] == CELL + STRIP + 2 * GAP


def test_a_label_goes_with_every_picture_of_its_item(bench: Bench) -> None:
    images = [plain(64, 64, 0, 1), plain(64, 64, 2)]
    made = sheet(bench, images, labels=["Anime", "Noir"], columns=3)
    first, second, third = (strip_of(made, 0, i) for i in range(3))
    assert torch.equal(first, second)
    assert has_ink(first)
    assert has_ink(third)
    assert not torch.equal(first, third)


def test_too_few_labels_leave_cells_without_one(bench: Bench) -> None:
    made = sheet(bench, [plain(64, 64, 0)] * 3, labels=["one", ""], columns=3)
    assert [has_ink(strip_of(made, 0, i)) for i in range(3)] == [True, False, False]


def test_too_many_labels_are_left_over(bench: Bench) -> None:
    images = [plain(64, 64, 0)]
    assert torch.equal(
        sheet(bench, images, labels=["a", "b", "c"]), sheet(bench, images, labels=["a"])
    )


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
    text, font = pack.labels.fitted(LONG, CELL, STRIP)
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
    assert bench.texts[0] == "1 picture", "nothing is missing"


@pytest.mark.parametrize(
    "label",
    ["“a” \u2018b’ «c» \u2039d\u203a", "20° ± 1 · … \u00b4", "© ™", '!"#$%&()*+,-./:;<=>?@'],
)
def test_what_the_font_has_is_drawn_as_it_is(bench: Bench, pack: Any, label: str) -> None:
    sheet(bench, [torch.zeros(1, 64, 64, 3)], labels=[label])
    assert bench.texts == ["1 picture"]
    assert pack.labels.drawable(label) == label


@pytest.mark.parametrize("label", ["\x00\x07", "\u200b\ufeff", "\u202e", "\u0301"])
def test_what_cannot_be_seen_is_no_label(bench: Bench, label: str) -> None:
    image = torch.zeros(1, 64, 64, 3)
    assert torch.equal(sheet(bench, [image], labels=[label]), sheet(bench, [image]))


BOXES = "boxes are drawn instead."


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
    pictures = f"{count} picture{'s' if count > 1 else ''}"
    assert bench.texts == [f"{pictures} · The labels' font has no {missing}: {BOXES}"]
    assert bench.texts[0].encode()


def test_letters_that_the_font_lacks_are_boxes(bench: Bench) -> None:
    image = torch.zeros(1, 64, 64, 3)
    made, other = (sheet(bench, [image], labels=[label]) for label in ("猫", "Ж"))
    assert torch.equal(made, other)
    assert has_ink(strip_of(made, 0, 0))


def test_what_is_cut_off_is_not_named(bench: Bench) -> None:
    sheet(bench, [torch.zeros(1, 64, 64, 3)], labels=["W" * 300 + "猫"])
    assert bench.texts == ["1 picture"]


def test_without_freetype_only_labels_are_refused(tmp_path: Any) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_FREETYPE, str(ROOT)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    made, refused = done.stdout.splitlines()
    assert made == "(1, 132, 132, 3)"
    assert refused.startswith("InvalidRequestError: This Pillow was built without FreeType")
    assert "`labels`" in refused


@pytest.mark.parametrize("label", [5, 0.5, None])
def test_labels_that_are_no_text_are_taken(bench: Bench, label: Any) -> None:
    image = torch.zeros(1, 64, 64, 3)
    made = sheet(bench, [image], labels=[label])
    expected = sheet(bench, [image], labels=["" if label is None else str(label)])
    assert torch.equal(made, expected)


def test_pictures_of_different_sizes_are_shown_whole(bench: Bench) -> None:
    made = sheet(bench, [plain(200, 100, 0), plain(50, 100, 1)], columns=2)
    wide, tall = cell(made, 0, 0), cell(made, 0, 1)
    assert torch.equal(wide[32:96], COLOURS[0].expand(64, CELL, 3))
    assert torch.equal(tall[:, 32:96], COLOURS[1].expand(CELL, 64, 3))
    assert not has_ink(wide[:32])
    assert not has_ink(tall[:, :32])


def test_flat_pictures_leave_no_empty_height(bench: Bench) -> None:
    made = sheet(bench, [plain(200, 100, 0, 1, 2)], columns=1)
    assert made.shape[0] == 3 * (CELL // 2 + GAP) + GAP


@pytest.mark.parametrize("size", [(4096, 2), (2, 4096), (1, 1), (5000, 1)])
def test_extreme_pictures_are_still_there(bench: Bench, size: tuple[int, int]) -> None:
    assert has_ink(sheet(bench, [plain(*size, 0)]))


def test_what_is_transparent_shows_the_sheet(bench: Bench) -> None:
    image = torch.ones(1, 64, 64, 4)
    image[0, :, :32, 3] = 0
    made = cell(sheet(bench, [image]), 0, 0)
    assert not has_ink(made[:, :56])
    assert bool((made[:, 72:] == 1).all())


def test_grey_half_and_gradients_are_taken(bench: Bench) -> None:
    images = [
        torch.full((1, 64, 64, 1), 0.5),
        torch.full((1, 64, 64, 3), 0.5, dtype=torch.float16),
        torch.full((1, 64, 64, 3), 0.5, requires_grad=True),
    ]
    made = sheet(bench, images, columns=3)
    assert not made.requires_grad
    for i in range(3):
        assert torch.allclose(cell(made, 0, i), torch.tensor(0.5), atol=0.003)


@pytest.mark.parametrize("images", [[], [torch.zeros(0, 64, 64, 3)]])
def test_no_pictures_are_refused(bench: Bench, images: list[torch.Tensor]) -> None:
    end = arrange(bench, images)
    assert end.error_name == "InvalidRequestError"
    assert "no picture" in end.first_line


@pytest.mark.parametrize("shape", [(64, 64, 3), (1, 64, 64, 2), (1, 0, 64, 3)])
def test_what_is_no_picture_is_refused(bench: Bench, shape: tuple[int, ...]) -> None:
    end = arrange(bench, [torch.zeros(shape)])
    assert end.error_name == "InvalidRequestError"


def test_an_empty_batch_among_others_is_left_out_with_its_label(bench: Bench) -> None:
    images = [plain(64, 64, 0), torch.zeros(0, 64, 64, 3), plain(64, 64, 1)]
    made = sheet(bench, images, labels=["a", "b", "c"], columns=2)
    other = sheet(bench, [images[0], images[2]], labels=["a", "c"], columns=2)
    assert torch.equal(made, other)


def test_it_costs_nothing_and_needs_no_key(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VENICE_API_KEY")
    assert arrange(bench, [plain(64, 64, 0)]).error is None
    assert bench.sandbox.requests == []
    assert bench.texts == ["1 picture"]


@given(
    st.lists(st.tuples(st.integers(1, 90), st.integers(1, 90)), min_size=1, max_size=9),
    st.integers(0, 16),
    st.integers(8, 20),
    st.lists(st.text(max_size=30), max_size=10),
)
def test_any_sheet_holds_every_picture(
    pack: Any, sizes: list[tuple[int, int]], columns: int, eighths: int, labels: list[str]
) -> None:
    side = eighths * 8
    pictures = [torch.ones(height, width, 3) for width, height in sizes]
    made, _ = pack.sheets.contact_sheet(pictures, [*labels], columns, side)
    wide = min(columns or int(len(pictures) ** 0.5 + 0.9999999), len(pictures))
    rows = -(-len(pictures) // wide)
    gap = max(2, side // 64)
    assert made.shape[2] == wide * (side + gap) + gap
    strip = max(12, round(side * 0.09)) if any(label.strip() for label in labels) else 0
    assert made.shape[1] <= rows * (side + strip + gap) + gap
    assert bool((made[0, :gap] < 0.5).all())
    assert int((made[0, :, :, 0] > 0.9).sum()) >= len(pictures)
