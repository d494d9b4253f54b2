"""Venice Contact Sheet: every image once, whole, in order, with its label."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bench import Bench
from contact_sheets import (
    CELL,
    COLOURS,
    GAP,
    LOAD,
    STRIP,
    arrange,
    cell,
    has_ink,
    plain,
    run_alone,
    sheet,
    strip_of,
)

PEAK = """
def peak():  # getrusage would count from what the parent had
    status = dict(line.split(":") for line in open("/proc/self/status"))
    return int(status["VmHWM"].split()[0]) * 1024

images = [torch.rand(1, 512, 512, 3).expand(36, -1, -1, -1)]
asyncio.run(arrange([images[0][:1]], ["all is loaded"]))
before = peak()
(made,) = asyncio.run(arrange(images, ["a label"] * 36, cell=[768]))["result"]
print(made.numel() * 4, peak() - before)
"""


def test_images_come_row_by_row(bench: Bench) -> None:
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


def test_a_label_goes_with_every_image_of_its_item(bench: Bench) -> None:
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


@pytest.mark.parametrize("label", [5, 0.5, None])
def test_labels_that_are_no_text_are_taken(bench: Bench, label: Any) -> None:
    image = torch.zeros(1, 64, 64, 3)
    made = sheet(bench, [image], labels=[label])
    expected = sheet(bench, [image], labels=["" if label is None else str(label)])
    assert torch.equal(made, expected)


def test_images_of_different_sizes_are_shown_whole(bench: Bench) -> None:
    made = sheet(bench, [plain(200, 100, 0), plain(50, 100, 1)], columns=2)
    wide, tall = cell(made, 0, 0), cell(made, 0, 1)
    assert torch.equal(wide[32:96], COLOURS[0].expand(64, CELL, 3))
    assert torch.equal(tall[:, 32:96], COLOURS[1].expand(CELL, 64, 3))
    assert not has_ink(wide[:32])
    assert not has_ink(tall[:, :32])


def test_flat_images_leave_no_empty_height(bench: Bench) -> None:
    made = sheet(bench, [plain(200, 100, 0, 1, 2)], columns=1)
    assert made.shape[0] == 3 * (CELL // 2 + GAP) + GAP


@pytest.mark.parametrize("size", [(4096, 2), (2, 4096), (1, 1), (5000, 1)])
def test_extreme_images_are_still_there(bench: Bench, size: tuple[int, int]) -> None:
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


def test_a_sheet_that_is_too_large_is_refused_before_it_is_made(bench: Bench) -> None:
    end = arrange(bench, [plain(64, 64, 0)] * 49, cell=2048)
    assert end.error_name == "InvalidRequestError"
    assert "14592 × 14592 = 212,926,464 pixels" in end.first_line
    assert "200,000,000" in end.first_line
    assert "Set cell to at most" in end.first_line
    assert bench.texts == [end.first_line]


@pytest.mark.parametrize("labels", [[], ["Anime"]])
def test_the_cell_that_is_named_is_the_largest_that_fits(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, labels: list[str]
) -> None:
    monkeypatch.setattr(bench.pack.venice_nodes.imaging.contact_sheet, "MAX_SHEET_PIXELS", 500_000)
    images = [plain(64, 48, 0)] * 10
    refused = arrange(bench, images, labels=labels, cell=512)
    most = int(refused.first_line.rstrip(".").rpartition("at most ")[2])
    assert most % 8 == 0
    made = arrange(bench, images, labels=labels, cell=most)
    assert made.error is None
    assert made.tensor.shape[1] * made.tensor.shape[2] <= 500_000
    assert arrange(bench, images, labels=labels, cell=most + 8).error is not None


def test_where_no_cell_is_small_enough_fewer_images_are_asked_for(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench.pack.venice_nodes.imaging.contact_sheet, "MAX_SHEET_PIXELS", 4000)
    end = arrange(bench, [plain(64, 64, 0)], cell=128)
    assert "Arrange fewer images" in end.first_line
    assert "cell" not in end.first_line


@pytest.mark.skipif(sys.platform != "linux", reason="measures memory as Linux counts it")
@pytest.mark.long
def test_it_takes_little_more_memory_than_the_sheet(tmp_path: Path) -> None:
    sheet, peak = map(int, run_alone(LOAD + PEAK, tmp_path).split())
    assert sheet > 250_000_000
    assert sheet * 0.7 < peak < sheet * 1.4


@pytest.mark.parametrize("images", [[], [torch.zeros(0, 64, 64, 3)]])
def test_no_images_are_refused(bench: Bench, images: list[torch.Tensor]) -> None:
    end = arrange(bench, images)
    assert end.error_name == "InvalidRequestError"
    assert "no images" in end.first_line


@pytest.mark.parametrize("shape", [(64, 64), (1, 64, 64, 2), (1, 0, 64, 3)])
def test_what_is_no_image_is_refused(bench: Bench, shape: tuple[int, ...]) -> None:
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
    assert bench.texts == ["1 image"]


@given(
    st.lists(st.tuples(st.integers(1, 90), st.integers(1, 90)), min_size=1, max_size=9),
    st.integers(0, 16),
    st.integers(8, 20),
    st.lists(st.text(max_size=30), max_size=10),
)
def test_any_sheet_holds_every_image(
    pack: Any, sizes: list[tuple[int, int]], columns: int, eighths: int, labels: list[str]
) -> None:
    side = eighths * 8
    pictures = [torch.ones(height, width, 3) for width, height in sizes]
    made, _ = pack.venice_nodes.imaging.contact_sheet.contact_sheet(
        pictures, [*labels], columns, side
    )
    wide = min(columns or int(len(pictures) ** 0.5 + 0.9999999), len(pictures))
    rows = -(-len(pictures) // wide)
    gap = max(2, side // 64)
    assert made.shape[2] == wide * (side + gap) + gap
    strip = max(12, round(side * 0.09)) if any(label.strip() for label in labels) else 0
    assert made.shape[1] <= rows * (side + strip + gap) + gap
    assert bool((made[0, :gap] < 0.5).all())
    assert int((made[0, :, :, 0] > 0.9).sum()) >= len(pictures)
