"""The writer of docs/performance.md: tables, goals, and text around them that stays."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))

from performance_page import PARTS, Part, Row, written  # noqa: E402

PAGE = (
    "Before.\n<!-- measured: machine -->\nHere.\n<!-- end: machine -->\n"
    "<!-- measured: one -->\nold\n<!-- end: one -->\nBehind.\n"
)
MET = Row("a node", "the disk", 0.9, goal=1.1)
MISSED = Row("a put", "the clock", 7.0, "ms", 5, "of 9", "The disk is slow.")


def test_the_measured_part_is_replaced_and_the_text_around_it_stays() -> None:
    page = written(PAGE, {"one": Part([MET])}, "Measured here.")

    assert page.startswith("Before.\n<!-- measured: machine -->\nHere.\n<!-- end: machine -->\n")
    assert "<!-- measured: one -->\n| what |" in page
    assert page.endswith("Measured here.\n<!-- end: one -->\nBehind.\n")
    assert "old" not in page
    assert written(page, {"one": Part([MET])}, "Measured here.") == page
    assert page.replace("\n\nMeasured here.", "") == written(PAGE, {"one": Part([MET])}, "Here.")


def test_all_parts_share_one_line_about_the_machine() -> None:
    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    page = written(page, {name: Part([MET]) for name in PARTS}, "Measured here.")
    assert page.count("Measured here.") == 1


def test_a_row_says_whether_its_goal_is_met_and_why_not() -> None:
    page = written(PAGE, {"one": Part([MET, MISSED])}, "")

    assert "| a node | the disk | **0.90×** | ≤ 1.1× |" in page
    assert "| a put | the clock | **7.00 ms** (of 9) | ≤ 5 ms, **missed** |" in page
    assert Row("threads", "", 32, "", 40).cells() == ("threads", "", "**32**", "≤ 40")
    assert "- Missed: a put. The disk is slow." in page


def test_a_column_that_is_empty_in_every_row_is_left_out() -> None:
    page = written(PAGE, {"one": Part([Row("threads", "", 32, ""), Row("a put", "", 7, "ms")])}, "")

    assert (
        "| what | measured |\n| --- | --- |\n| threads | **32** |\n| a put | **7.00 ms** |" in page
    )


def test_a_part_without_a_place_in_the_page_is_an_error() -> None:
    with pytest.raises(ValueError, match="measured: two"):
        written(PAGE, {"two": Part()}, "")


def test_the_page_has_a_place_for_every_part() -> None:
    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    assert written(page, {name: Part() for name in PARTS}, "")
