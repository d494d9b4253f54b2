"""Venice Grid: every combination of two lists, for Generate and a sheet."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import node_calls
from bench import GENERATE, PROMPT, Bench

GRID = "VeniceGrid"
BASE: Mapping[str, Any] = {
    "columns": "style",
    "column_values": "Anime\nComic Book",
    "rows": "nothing",
    "row_values": "",
    "model": "z-image-turbo",
    "prompt": PROMPT,
    "seed": 7,
}
OUTPUTS = ("model", "prompt", "style", "seed", "labels", "grid")


def cells(bench: Bench, **inputs: Any) -> dict[str, Any]:
    """The outputs of the node by name; `inputs` over the base."""
    end = bench.run(GRID, **{**BASE, **inputs})
    return dict(zip(OUTPUTS, end.shown, strict=True))


def refused(bench: Bench, **inputs: Any) -> str:
    """The first line of the error."""
    end = bench.run(GRID, **{**BASE, **inputs})
    assert end.error_name == "InvalidRequestError"
    assert bench.texts[-1] == end.first_line, "it is shown on the node"
    return end.first_line


def generate(bench: Bench, made: Mapping[str, Any], **inputs: Any) -> tuple[list[Any], ...]:
    """Runs Generate once with all the lists that a grid gives for it."""
    node = bench.pack.NODE_CLASS_MAPPINGS["VeniceGenerateImage"]()
    lists = {name: [value] for name, value in {**GENERATE, **inputs}.items()}
    lists |= {name: made[name] for name in OUTPUTS[:4]}
    return node_calls.call_with_lists(node, **lists)


def test_cells_come_row_by_row(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VENICE_API_KEY")  # no lists are refreshed, and nothing needs it
    made = cells(bench, rows="model", row_values="z-image-turbo\nCHROMA\nkrea-v2-large")
    assert made["style"] == ["Anime", "Comic Book"] * 3
    assert made["model"] == ["z-image-turbo"] * 2 + ["chroma"] * 2 + ["krea-v2-large"] * 2
    assert made["prompt"] == [PROMPT] * 6
    assert made["seed"] == [7] * 6
    assert made["labels"][:3] == [
        "z-image-turbo · Anime",
        "z-image-turbo · Comic Book",
        "chroma · Anime",
    ]
    assert made["grid"].columns == ("Anime", "Comic Book")
    assert made["grid"].rows == ("z-image-turbo", "chroma", "krea-v2-large")
    assert bench.texts == ["2 styles × 3 models = 6"]
    assert bench.sandbox.requests == []


def test_without_rows_there_is_one(bench: Bench) -> None:
    made = cells(bench, row_values="left over")
    assert made["style"] == made["labels"] == ["Anime", "Comic Book"]
    assert made["grid"].rows == ("",)
    assert bench.texts == ["2 styles"]


def test_seeds_and_prompts(bench: Bench) -> None:
    made = cells(
        bench,
        columns="seed",
        column_values="1-3\n9\n",
        rows="prompt",
        row_values="  a fox, in snow \r\n\n \u200b\na cat: 👩\u200d🚀\na fox, in snow",
        style="Watercolor",
    )
    assert made["seed"] == [1, 2, 3, 9] * 2
    assert made["prompt"] == ["a fox, in snow"] * 4 + ["a cat: 👩\u200d🚀"] * 4
    assert made["style"] == ["Watercolor"] * 8
    assert made["grid"].columns == ("seed 1", "seed 2", "seed 3", "seed 9")
    assert bench.texts == ["4 seeds × 2 prompts = 8"]


def test_a_prompt_that_no_axis_varies_may_have_many_lines(bench: Bench) -> None:
    assert cells(bench, prompt="one\ntwo")["prompt"] == ["one\ntwo"] * 2


def test_styles_take_patterns_and_none(bench: Bench) -> None:
    made = cells(bench, column_values="none\n*noir*\nfilm noir")
    assert made["style"] == ["", "Film Noir", "Neon Noir"]
    assert made["grid"].columns == ("None", "Film Noir", "Neon Noir")


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("5", [5]),
        ("3-3", [3]),
        (" 1 - 3 \n2\n1-2", [1, 2, 3]),
        ("1–2\n4−5", [1, 2, 4, 5]),
        ("007", [7]),
        ("999999999-1000000001", [999999999, 1, 2]),
        ("0", [999999999]),
        ("-1", [999999998]),
        ("18446744073709551615", [(2**64 - 2) % 999999999 + 1]),
    ],
)
def test_seeds_may_be_ranges(bench: Bench, text: str, seeds: list[int]) -> None:
    assert cells(bench, columns="seed", column_values=text)["seed"] == seeds


def test_folded_seeds_are_told(bench: Bench) -> None:
    cells(bench, columns="seed", column_values="5\n1000000000")
    assert bench.texts == ["2 seeds · Seed 1000000000 is out of range (1–999999999), so 1 is used."]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("4-1", "4-1 is empty. Write 1-4"),
        ("1-", "“1-”"),
        ("1-2-3", "“1-2-3”"),
        ("1, 2", "“1, 2”"),
        ("1.5", "“1.5”"),
        ("Anime", "“Anime”"),
        ("9" * 21, "isn't a seed"),
        ("1-999999999", "has 999,999,999 seeds; the limit is 10,000"),
        (f"1-{2**64}", f"has {2**64:,} seeds"),
        ("\n".join(f"{n}0000-{n}9999" for n in range(1, 9)), "has 80,000 seeds"),
        ("1-401", "401 seeds, but a grid has at most 400 cells"),
    ],
)
def test_seeds_that_make_no_grid_are_refused(bench: Bench, text: str, words: str) -> None:
    assert words in refused(bench, columns="seed", column_values=text)


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"rows": "style"}, "columns and rows both vary the style"),
        ({"column_values": " \n\ufeff"}, "column_values is empty. Write one style per line"),
        ({"rows": "prompt"}, "row_values is empty. Write one prompt per line"),
        ({"column_values": "*nior*"}, "“*nior*”"),
        ({"columns": "model", "column_values": "bria*"}, "Generate"),
        ({"column_values": "\n".join(map(str, range(10_001)))}, "has 10,001 different lines"),
        ({"columns": "nothing"}, "columns must be"),
        ({"columns": "Style"}, "columns must be"),
        ({"rows": None}, "rows must be"),
        ({"column_values": ["Anime"]}, "column_values must be text"),
        ({"style": None}, "style must be text"),
        ({"seed": 1.5}, "seed"),
        ({"model": 5}, "model must be text"),
        (
            {"rows": "seed", "row_values": "1-201"},
            "2 styles × 201 seeds = 402, but a grid has at most 400 cells",
        ),
    ],
)
def test_what_makes_no_grid_is_refused(bench: Bench, inputs: dict[str, Any], words: str) -> None:
    assert words in refused(bench, **inputs)


def test_four_hundred_cells_are_taken(bench: Bench) -> None:
    made = cells(bench, rows="seed", row_values="1-200")
    assert [len(made[name]) for name in OUTPUTS[:5]] == [400] * 5


axes = st.sampled_from(("style", "model", "seed", "prompt"))
values = st.lists(st.integers(1, 99), min_size=1, max_size=20, unique=True)


@given(columns=axes, rows=axes, column_values=values, row_values=values)
def test_every_combination_comes_once(
    pack: Any, columns: str, rows: str, column_values: list[int], row_values: list[int]
) -> None:
    if columns == rows:
        return
    given = {
        **BASE,
        "style": "",
        "columns": columns,
        "column_values": "\n".join(map(str, column_values)),
        "rows": rows,
        "row_values": "\n".join(map(str, row_values)),
    }
    made = dict(zip(OUTPUTS, pack.NODE_CLASS_MAPPINGS[GRID].predict_outputs(given), strict=True))
    found = list(zip(map(int, made[rows]), map(int, made[columns]), strict=True))
    assert found == [(row, column) for row in row_values for column in column_values]
    assert len(set(made["labels"])) == len(found) == made["grid"].cells
    for name in {"style", "model", "seed", "prompt"} - {columns, rows}:
        assert made[name] == [given[name]] * len(found)


def test_prompts_run_side_by_side(bench: Bench) -> None:
    made = cells(
        bench, columns="prompt", column_values="a fox\na cat\nan owl", rows="seed", row_values="1-2"
    )
    bench.hold(6, "/image/generate")
    images, infos, _ = generate(bench, made)
    assert len(images) == 6
    sent = [json.loads(info)["requests"][0] for info in infos]
    assert [(each["seed"], each["prompt"]) for each in sent] == [
        (seed, prompt) for seed in (1, 2) for prompt in ("a fox", "a cat", "an owl")
    ]


def test_a_grid_over_the_limit_sends_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    made = cells(bench, columns="seed", column_values="1-3\n9", rows="prompt", row_values="a\nb")
    monkeypatch.setenv("VENICE_MAX_USD_PER_RUN", "0.075")
    over = bench.pack.venice_client.errors.SpendingLimitError
    with pytest.raises(over, match=r"\$0\.08"):
        generate(bench, made)
    assert bench.sandbox.paid_requests == []
    monkeypatch.setenv("VENICE_MAX_USD_PER_RUN", "0.08")
    generate(bench, made)
    assert len(bench.sandbox.paid_requests) == 8


def test_one_cell_that_cannot_be_sends_nothing(bench: Bench) -> None:
    made = cells(bench, columns="prompt", column_values=f"a fox\n{'x' * 20_000}")
    with pytest.raises(
        bench.pack.venice_client.errors.InvalidRequestError, match="Shorten the prompt"
    ):
        generate(bench, made)
    assert bench.sandbox.paid_requests == []


@pytest.mark.parametrize("node", ["VeniceStyleSweep", "VeniceModelSweep"])
def test_the_sweeps_point_to_it(bench: Bench, node: str) -> None:
    assert "Venice Grid" in bench.pack.NODE_CLASS_MAPPINGS[node].DESCRIPTION


@pytest.mark.parametrize("words", ["xy plot", "grid"])
def test_the_usual_words_lead_to_it_alone(bench: Bench, words: str) -> None:
    nodes = bench.pack.NODE_CLASS_MAPPINGS.items()
    found = [name for name, cls in nodes if any(words in alias for alias in cls.SEARCH_ALIASES)]
    assert found == [GRID]
