"""A sheet under the headings of Venice Grid: every image in its cell, every heading at it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bench import Bench
from contact_sheets import CELL, COLOURS, GAP, LOAD, arrange, has_ink, plain, run_alone, sheet

PEAK = """
def peak():  # getrusage would count from what the parent had
    status = dict(line.split(":") for line in open("/proc/self/status"))
    return int(status["VmHWM"].split()[0]) * 1024

texts = tuple(f"a heading of some length, number {i}" for i in range(12))
Headings = pack.venice_nodes.imaging.grid_sheet.Headings
one = torch.rand(1, 512, 512, 3)
asyncio.run(arrange([one], grid=[Headings(("all is loaded",), ("",))]))
before = peak()
made = asyncio.run(arrange([one] * 144, cell=[512], grid=[Headings(texts, texts)]))["result"][0]
print(made.numel() * 4, peak() - before)
"""


def headings(bench: Bench, columns: str, rows: str = "") -> Any:
    """One for each letter."""
    made = bench.pack.venice_nodes.imaging.grid_sheet.Headings
    return made(tuple(columns), tuple(rows) or ("",))


def colour_at(made: torch.Tensor, row: int, column: int, rows: int, columns: int) -> Any:
    """The number of the colour in the middle of a cell of one image, None for none."""
    height, width = made.shape[:2]
    y = height - (rows - row) * (CELL + GAP) + CELL // 2
    x = width - (columns - column) * (CELL + GAP) + CELL // 2
    found = [i for i, colour in enumerate(COLOURS) if torch.allclose(made[y, x], colour)]
    return found[0] if found else None


def test_cells_stand_under_their_headings(bench: Bench) -> None:
    images = [plain(64, 64, i % 5) for i in range(6)]
    made = sheet(bench, images, grid=headings(bench, "abc", "xy"), labels=["unused"] * 6)
    top = made.shape[0] - 2 * (CELL + GAP)
    left = made.shape[1] - 3 * (CELL + GAP)
    found = [[colour_at(made, row, column, 2, 3) for column in range(3)] for row in range(2)]
    assert found == [[0, 1, 2], [3, 4, 0]]
    assert not has_ink(made[: top - GAP, : left - GAP]), "nothing stands in the corner"
    for part in made[: top - GAP, left:].split(CELL + GAP, dim=1):
        assert has_ink(part)
    for part in made[top:, : left - GAP].split(CELL + GAP):
        assert has_ink(part)


def test_one_row_has_no_heading_at_the_left(bench: Bench) -> None:
    made = sheet(bench, [plain(64, 64, 0)] * 3, grid=headings(bench, "abc"))
    assert made.shape[1] == 3 * (CELL + GAP) + GAP
    assert made.shape[0] > CELL + 2 * GAP


def test_columns_do_not_count(bench: Bench) -> None:
    images, grid = [plain(64, 64, 0)] * 4, headings(bench, "ab", "xy")
    assert torch.equal(sheet(bench, images, grid=grid, columns=1), sheet(bench, images, grid=grid))


def test_a_batch_stays_in_its_cell(bench: Bench) -> None:
    grid = headings(bench, "ab", "xy")
    made = sheet(bench, [plain(64, 64, i, i, i, i) for i in range(4)], grid=grid)
    block = 2 * (CELL + GAP) - GAP
    space = 4 * GAP
    for i, part in enumerate(
        made[-(1 + k // 2) * (block + space) :, -(1 + k % 2) * (block + space) :][:block, :block]
        for k in range(4)
    ):
        centres = part[CELL // 2 :: CELL + GAP, CELL // 2 :: CELL + GAP].reshape(-1, 3)
        assert torch.allclose(centres, COLOURS[3 - i].expand(4, 3)), i
    assert bench.texts == ["16 images"]


def test_an_empty_item_leaves_its_cell_empty(bench: Bench) -> None:
    images = [plain(64, 64, 0), torch.zeros(0, 64, 64, 3), plain(64, 64, 1)]
    made = sheet(bench, images, grid=headings(bench, "abc"))
    assert [colour_at(made, 0, column, 1, 3) for column in range(3)] == [0, None, 1]


def test_a_list_cut_short_leaves_the_last_cells_empty(bench: Bench) -> None:
    made = sheet(bench, [plain(64, 64, i) for i in range(3)], grid=headings(bench, "ab", "xy"))
    assert [colour_at(made, *divmod(i, 2), 2, 2) for i in range(4)] == [0, 1, 2, None]
    assert bench.texts == ["3 images · 3 items for 4 cells: 1 left empty at the end."]


def test_what_is_too_much_stands_below(bench: Bench) -> None:
    made = sheet(bench, [plain(64, 64, i) for i in range(5)], grid=headings(bench, "ab", "x"))
    assert [colour_at(made, *divmod(i, 2), 3, 2) for i in range(6)] == [0, 1, 2, 3, 4, None]
    assert bench.texts == ["5 images · 5 items for 2 cells: 3 more are below, without a heading."]


@pytest.mark.parametrize(
    ("sizes", "own"), [((6,), "1 per cell"), ((3, 3), "1 per cell"), ((1,) * 12, "2 per cell")]
)
def test_images_in_other_batches_fill_the_cells_in_order(
    bench: Bench, sizes: tuple[int, ...], own: str
) -> None:
    pictures = [i % 5 for i in range(sum(sizes))]
    images = [plain(64, 64, *(pictures.pop(0) for _ in range(size))) for size in sizes]
    made = sheet(bench, images, grid=headings(bench, "abc", "xy"))
    if own.startswith("1"):
        assert [colour_at(made, *divmod(i, 3), 2, 3) for i in range(6)] == [0, 1, 2, 3, 4, 0]
    assert own in bench.texts[0]


def test_several_grids_stand_below_one_another(bench: Bench) -> None:
    grids = [headings(bench, "ab", "x"), headings(bench, "ab", "y")]
    images = [plain(64, 64, i) for i in range(4)]
    joined = bench.pack.venice_nodes.imaging.grid_sheet.Headings.joined(grids)
    assert (joined.columns, joined.rows) == (("a", "b"), ("x", "y"))
    end = bench.run("VeniceContactSheet", images=images, cell=[CELL], grid=grids)
    assert torch.equal(end.tensor[0], sheet(bench, images, grid=joined))
    other = bench.run("VeniceContactSheet", images=images, grid=[*grids, headings(bench, "abc")])
    assert "Connect one Venice Grid" in other.first_line


def test_no_grid_is_the_plain_sheet(bench: Bench) -> None:
    images = [plain(64, 64, 0)] * 3
    assert torch.equal(sheet(bench, images, grid=None), sheet(bench, images))


@pytest.mark.parametrize("grid", ["ab", ("ab",), 5])
def test_what_is_no_grid_is_refused(bench: Bench, grid: Any) -> None:
    assert "must come from Venice Grid" in arrange(bench, [plain(64, 64, 0)], grid=grid).first_line


def test_long_headings_are_wrapped_and_unknown_letters_told(bench: Bench) -> None:
    made = bench.pack.venice_nodes.imaging.grid_sheet.Headings
    long = "a fox in deep snow at dawn, with a red scarf, looking straight at the viewer"
    sheet(bench, [plain(64, 64, 0)] * 2, grid=made((long, "猫"), ("a\nb",)))
    assert bench.texts == ["2 images · The labels' font has no «猫» and draws boxes instead."]


def test_a_sheet_that_is_too_large_names_the_largest_cell(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench.pack.venice_nodes.imaging.contact_sheet, "MAX_SHEET_PIXELS", 500_000)
    images, grid = [plain(64, 48, 0)] * 12, headings(bench, "abcd", "xyz")
    refused = arrange(bench, images, grid=grid, cell=512)
    most = int(refused.first_line.rstrip(".").rpartition("at most ")[2])
    made = arrange(bench, images, grid=grid, cell=most)
    assert made.tensor.shape[1] * made.tensor.shape[2] <= 500_000
    assert arrange(bench, images, grid=grid, cell=most + 8).error is not None


@pytest.mark.long
@given(
    st.lists(st.lists(st.tuples(st.integers(1, 90), st.integers(1, 90)), max_size=5), max_size=8),
    st.lists(st.text(max_size=60), min_size=1, max_size=4),
    st.lists(st.text(max_size=60), min_size=1, max_size=4),
    st.integers(8, 16),
)
def test_any_sheet_holds_every_image_whole(
    pack: Any,
    sizes: list[list[tuple[int, int]]],
    columns: list[str],
    rows: list[str],
    eighths: int,
) -> None:
    if not any(sizes):
        return
    sheets = pack.venice_nodes.imaging.grid_sheet
    items = [[torch.ones(height, width, 3) for width, height in item] for item in sizes]
    own = sheets.Headings(tuple(columns), tuple(rows))
    without = sheets.Headings(("",) * len(columns), ("",) * len(rows))
    cells, _ = sheets.in_cells(items, own.cells)
    side = eighths * 8
    made, _ = sheets.grid_sheet(cells, without, side)
    drawn = int((made[0, :, :, 0] == 1).sum())
    assert drawn == sum(
        max(1, round(width * side / max(width, height)))
        * max(1, round(height * side / max(width, height)))
        for item in sizes
        for width, height in item
    ), "no picture lies on another, or beyond the edge"
    headed, _ = sheets.grid_sheet(cells, own, side)
    assert int((headed[0, :, :, 0] == 1).sum()) == drawn, "and no heading on an image"


@given(
    st.text(min_size=1, max_size=200),
    st.integers(30, 400),
    st.integers(10, 200),
    st.integers(8, 40),
)
def test_wrapped_text_fits_and_loses_nothing_but_what_is_cut(
    pack: Any, text: str, width: int, height: int, largest: int
) -> None:
    labels = pack.venice_nodes.imaging.labels
    line = labels.drawable(text)
    if not line:
        return
    lines, font = labels.wrapped(line, (width, height), largest)
    assert font.size <= max(largest, 8)
    kerning = font.size / 2
    assert all(font.getlength(each) <= width + kerning or len(each) == 1 for each in lines)
    assert len(lines) == 1 or len(lines) * font.size * labels.LINE_HEIGHT <= height
    kept = "".join("".join(lines).split())
    whole = "".join(line.split())
    assert kept == whole or (kept.endswith("…") and whole.startswith(kept[:-1]))


@pytest.mark.skipif(sys.platform != "linux", reason="measures memory as Linux counts it")
@pytest.mark.long
def test_it_takes_little_more_memory_than_the_sheet(tmp_path: Path) -> None:
    sheet, peak = map(int, run_alone(LOAD + PEAK, tmp_path).split())
    assert sheet > 12 * 512 * 12 * 512 * 3 * 4
    assert sheet * 0.7 < peak < sheet * 1.2
