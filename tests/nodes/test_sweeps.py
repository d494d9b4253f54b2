"""The sweeps: lines and patterns to lists of styles and models."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import node_calls
from bench import GENERATE, Bench

STYLES = "VeniceStyleSweep"
MODELS = "VeniceModelSweep"


def styles(bench: Bench, text: str) -> tuple[list[str], list[str]]:
    end = bench.run(STYLES, styles=text)
    assert end.error is None
    return end.outputs[0], end.outputs[1]


def matching(pack: Any, text: str, known: list[str]) -> list[str]:
    sweeps = pack.venice_nodes.patterns
    lines = sweeps.names_in("styles", text)
    found: list[str] = sweeps.matching(lines, known, lambda line: sweeps._like(line, known))
    return found


def models(bench: Bench, text: str) -> tuple[list[str], list[str]]:
    end = bench.run(MODELS, models=text)
    assert end.error is None
    return end.outputs[0], end.outputs[1]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Anime\nWatercolor\nFilm Noir", ["Anime", "Watercolor", "Film Noir"]),
        ("Film Noir\nAnime", ["Film Noir", "Anime"]),
        ("anime\nFILM NOIR", ["Anime", "Film Noir"]),
        ("*noir*", ["Film Noir", "Neon Noir"]),
        ("*NOIR", ["Film Noir", "Neon Noir"]),
        ("Neon Noir\n*noir*\nneon noir", ["Neon Noir", "Film Noir"]),
        ("anim?", ["Anime"]),
        ("[af]nime", ["Anime"]),
        ("  Anime  \n\n \t \nWatercolor\n", ["Anime", "Watercolor"]),
        ("Anime\r\nWatercolor\r\n", ["Anime", "Watercolor"]),
        ("Anime\rWatercolor", ["Anime", "Watercolor"]),
        ("Of Next Year", ["Of Next Year"]),
        ("of next year\nAnime\nof next year", ["of next year", "Anime"]),
        ("of next year\nAnime\nOf Next Year", ["of next year", "Anime"]),
        ("日本画\nЛиц", ["日本画", "Лиц"]),
        ("[1]", ["[1]"]),
        ("\ufeffAnime\nWatercolor\u200b", ["Anime", "Watercolor"]),
        ("Film\u200b Noir\u2060\n\u200eAni\u00adme\x07", ["Film Noir", "Anime"]),
        ("\ufeffOf Next\u200d Year", ["Of Next Year"]),
        ("*\u200bnoir*", ["Film Noir", "Neon Noir"]),
        ("\u200b\nAnime\n\ufeff", ["Anime"]),
        ("Cafe\u0301", ["Caf\u00e9"]),
        ("Cafe\u0301\nCAF\u00c9", ["Caf\u00e9"]),
        ("Of Next Year\nof next year\nOF NEXT YEAR", ["Of Next Year"]),
        ("ANIME\nanime\nAnime", ["Anime"]),
    ],
)
def test_lines_become_styles(bench: Bench, text: str, found: list[str]) -> None:
    assert styles(bench, text) == (found, found)


@pytest.mark.parametrize("none", ["None", "none", " NONE "])
def test_none_is_no_style_with_a_label(bench: Bench, none: str) -> None:
    assert styles(bench, f"Anime\n{none}") == (["Anime", ""], ["Anime", "None"])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Neo [Noir]", ["Neo [Noir]"]),
        ("neo [NOIR]", ["Neo [Noir]"]),
        ("What?", ["What?"]),
        ("what?", ["What?"]),
        ("neo *", ["Neo [Noir]", "Neo N"]),
        ("Neo [n]", ["Neo N"]),
        ("Neo N\nneo [noir]\n*", ["Neo N", "Neo [Noir]", "What?", "What Is", "Caf\u00e9"]),
        ("CAFE\u0301", ["Caf\u00e9"]),
    ],
)
def test_a_known_name_comes_before_a_pattern(pack: Any, text: str, found: list[str]) -> None:
    known = ["Neo [Noir]", "Neo N", "What?", "What Is", "Caf\u00e9"]
    assert matching(pack, text, known) == found


def test_a_star_is_every_style(bench: Bench) -> None:
    found, labels = styles(bench, "*")
    assert found == labels == bench.pack.venice_nodes.model_lists.styles()
    assert len(found) == 76
    assert "None" not in labels
    assert styles(bench, "None\n*")[1] == ["None", *labels]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("z-image-turbo\nqwen-image\nchroma", ["z-image-turbo", "qwen-image", "chroma"]),
        ("Z-IMAGE-TURBO", ["z-image-turbo"]),
        ("krea-*", ["krea-2-turbo", "krea-v2-large", "krea-v2-medium", "krea-3"]),
        ("of-next-year", ["of-next-year"]),
        ("chroma\nchroma\nCHROMA", ["chroma"]),
        ("None", ["None"]),
        ("\ufeffchroma", ["chroma"]),
        ("of-next-year\nOF-NEXT-YEAR", ["of-next-year"]),
        ("firered-image-edit", ["firered-image-edit"]),
    ],
)
def test_lines_become_models(bench: Bench, text: str, found: list[str]) -> None:
    assert models(bench, text) == (found, found)


@pytest.mark.parametrize("pattern", ["*edit*", "*EDIT*", " *-Edit"])
def test_a_pattern_finds_edit_models_where_no_other_is_meant(bench: Bench, pattern: str) -> None:
    found, labels = models(bench, f"chroma\n{pattern}")
    assert found == labels
    assert found[0] == "chroma"
    assert "firered-image-edit" in found
    assert set(found[1:]) <= set(bench.pack.venice_nodes.model_lists.edit_models())
    assert models(bench, "FireRed-Image-EDIT")[0] == ["firered-image-edit"]


@pytest.mark.parametrize("node", [STYLES, MODELS])
def test_sweeps_say_that_a_grid_combines_two_lists(bench: Bench, node: str) -> None:
    assert "Venice Grid" in bench.pack.NODE_CLASS_MAPPINGS[node].DESCRIPTION


def test_a_star_is_every_model_that_generates(bench: Bench) -> None:
    found, _ = models(bench, "*")
    assert found == bench.pack.venice_nodes.model_lists.generate_models()
    assert "bria-bg-remover" not in found
    assert not any(name.endswith("-edit") for name in found)


@pytest.mark.parametrize(
    ("pattern", "such_as"),
    [("UPSCALE?", "upscaler"), ("bria*", "bria-bg-remover")],
)
def test_models_that_do_something_else_are_told_from_a_wrong_spelling(
    bench: Bench, pattern: str, such_as: str
) -> None:
    end = bench.run(MODELS, models=f"chroma\n{pattern}")
    assert end.error_name == "InvalidRequestError"
    assert f"“{pattern}”" in end.first_line
    assert such_as in end.first_line
    assert "Generate" in end.first_line
    assert "spelling" not in end.first_line
    assert bench.texts == [end.first_line]


@pytest.mark.parametrize("text", ["", "\n", " \n\t\r\n ", "\ufeff\n\u200b"])
@pytest.mark.parametrize(("node", "name"), [(STYLES, "styles"), (MODELS, "models")])
def test_an_empty_list_is_refused(bench: Bench, node: str, name: str, text: str) -> None:
    end = bench.run(node, **{name: text})
    assert end.error_name == "InvalidRequestError"
    assert "one" in end.first_line


@pytest.mark.parametrize(("node", "name"), [(STYLES, "styles"), (MODELS, "models")])
def test_a_pattern_that_matches_nothing_is_refused(bench: Bench, node: str, name: str) -> None:
    end = bench.run(node, **{name: "chroma\n*nior*"})
    assert end.error_name == "InvalidRequestError"
    assert "“*nior*”" in end.first_line


def test_outputs_are_lists_of_their_own(bench: Bench) -> None:
    found, labels = models(bench, "chroma")
    assert found is not labels


def test_nothing_is_sent_and_no_key_is_needed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VENICE_API_KEY")
    assert styles(bench, "*noir*")[0]
    assert models(bench, "krea-*")[0]
    assert bench.sandbox.requests == []
    assert bench.texts == ["2 styles", "4 models"]


@given(st.text(max_size=60))
def test_any_text_gives_names_without_doubles_or_is_refused(pack: Any, text: str) -> None:
    known = ["Anime", "Film Noir", "Neon Noir"]
    refused = pack.venice_client.errors.InvalidRequestError
    try:
        found = matching(pack, text, known)
    except refused:
        seen = "".join(c for c in text if unicodedata.category(c) not in ("Cc", "Cf"))
        assert not seen.strip() or any(sign in seen for sign in "*?")
        return
    assert found
    assert len({name.casefold() for name in found}) == len(found)
    assert all(name == name.strip() for name in found)
    assert all(unicodedata.is_normalized("NFC", name) for name in found)
    assert not any(unicodedata.category(c) == "Cf" for name in found for c in name)


def test_a_sweep_makes_a_labelled_sheet(bench: Bench) -> None:
    found, labels = styles(bench, "Anime\nWatercolor\nFilm Noir")
    ends = [bench.generate(style=style) for style in found]
    assert [end.sent[0]["style_preset"] for end in ends] == found
    sheet = bench.run("VeniceContactSheet", images=[e.tensor for e in ends], labels=labels)
    assert sheet.error is None
    assert sheet.tensor.shape[0] == 1
    assert len(bench.sandbox.paid_requests) == 3


def test_an_error_names_the_item(bench: Bench) -> None:
    end = bench.generate(style="Anima", seed=7)
    assert "(z-image-turbo, Anima, seed 7)" in str(end.error)
    assert "Anime" in str(end.error)


def test_a_sweep_over_the_limit_sends_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list is one call of the node, and its whole price is reserved before anything is sent."""
    monkeypatch.setenv("VENICE_MAX_USD_PER_RUN", "0.025")
    styles = ["Anime", "Cinematic", "Watercolor", "Comic Book"]
    node = bench.pack.NODE_CLASS_MAPPINGS["VeniceGenerateImage"]()
    with pytest.raises(bench.pack.venice_client.errors.SpendingLimitError, match=r"\$0\.04"):
        node_calls.call_with_lists(node, **in_lists(GENERATE), style=styles)
    assert bench.sandbox.paid_requests == []


def test_a_sweep_is_one_call_and_gives_lists_in_order(bench: Bench) -> None:
    node = bench.pack.NODE_CLASS_MAPPINGS["VeniceGenerateImage"]()
    values = {**in_lists(GENERATE), "style": ["Anime", "Cinematic", ""], "batch_size": [1, 2]}
    images, infos, _ = node_calls.call_with_lists(node, **values)
    assert [len(batch) for batch in images] == [1, 2, 2], "the shorter list repeats its last"
    sent = [[r.get("style_preset") for r in json.loads(info)["requests"]] for info in infos]
    assert sent == [["Anime"], ["Cinematic"] * 2, [None] * 2]


def test_an_error_in_one_item_sends_none(bench: Bench) -> None:
    node = bench.pack.NODE_CLASS_MAPPINGS["VeniceGenerateImage"]()
    values = {**in_lists(GENERATE), "prompt": ["a fox", "  "]}
    with pytest.raises(bench.pack.venice_client.errors.InvalidRequestError, match="Enter a prompt"):
        node_calls.call_with_lists(node, **values)
    assert bench.sandbox.paid_requests == []


def in_lists(values: Mapping[str, Any]) -> dict[str, list[Any]]:
    return {name: [value] for name, value in values.items()}
