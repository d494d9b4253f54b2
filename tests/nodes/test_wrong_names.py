"""A wrong name in a sweep: nothing of it is sent where a fresh list says that it is wrong."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import pytest

import node_calls
from bench import GENERATE, Bench, held_until
from faulty_sandbox import Fault

STYLES = ["Anime", "Watercolr", "Film Noir"]
MODELS = ["z-image-turbo", "chrome", "qwen-image"]


def sweep(bench: Bench, **lists: list[Any]) -> Any:
    node = bench.pack.NODE_CLASS_MAPPINGS["VeniceGenerateImage"]()
    given: Mapping[str, list[Any]] = {name: [value] for name, value in GENERATE.items()}
    return node_calls.call_with_lists(node, **{**given, **lists})


def asked_for_lists(bench: Bench) -> int:
    return sum(request.path == "/image/styles" for request in bench.sandbox.requests)


@pytest.mark.parametrize(
    ("lists", "said"),
    [
        ({"style": STYLES}, "no style “Watercolr”. Did you mean Watercolor?"),
        ({"model": MODELS}, "no model “chrome”. Did you mean chroma?"),
        ({"style": ["", "qqqqqqqqqqqq"]}, "no style “qqqqqqqqqqqq”. Check its spelling."),
        ({"style": ["Anime", "x" * 5000]}, "x…”. Check its spelling."),
    ],
)
def test_a_wrong_name_in_a_sweep_is_refused_before_anything_is_sent(
    bench: Bench, lists: dict[str, list[Any]], said: str
) -> None:
    refused = bench.pack.venice_client.errors.InvalidRequestError
    for _ in range(2):
        with pytest.raises(refused) as caught:
            sweep(bench, **lists)
        assert str(caught.value).partition("\n")[0].endswith(said)
        assert bench.texts[-1].startswith("Not sent. ")
    assert bench.sandbox.paid_requests == []
    assert asked_for_lists(bench) == 1, "once for both runs"


@pytest.mark.parametrize(
    "lists",
    [
        {"style": ["ANIME", "None", " film noir "]},
        {"model": ["Z-Image-Turbo", "chroma"]},
        {"seed": [1, 2], "style": ["Of Next Year"]},  # the same for all: nothing is paid if wrong
    ],
)
def test_names_that_are_listed_and_a_single_one_go_on(
    bench: Bench, lists: dict[str, list[Any]]
) -> None:
    bench.sandbox.add_fault(Fault.size(64, 64), path=None, times=None)
    if "seed" in lists:
        with pytest.raises(bench.pack.venice_client.VeniceError):
            sweep(bench, **lists)
    else:
        sweep(bench, **lists)
    assert len(bench.sandbox.paid_requests) == max(map(len, lists.values()))


def test_a_list_that_is_minutes_old_is_asked_for_again(bench: Bench) -> None:
    """A name that is newer than the saved list is fine."""
    catalogue = bench.pack.venice_client.for_nodes.shared_client(
        bench.pack.venice_client.load_settings()
    ).catalogue
    catalogue.refresh()
    old = catalogue._lists
    catalogue._use(type(old)(old.entries, ("Anime", "Film Noir"), old.saved_at - 3600))
    bench.sandbox.forget()
    sweep(bench, style=["Anime", "Watercolor"])
    assert asked_for_lists(bench) == 1
    assert len(bench.sandbox.paid_requests) == 2


@pytest.mark.parametrize("trouble", ["fails", "hangs"])
def test_without_a_fresh_list_names_go_as_typed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    module = bench.pack.venice_client.catalogue.catalogue
    assert module.MAX_REFRESH_WAIT == 5.0
    monkeypatch.setattr(module, "MAX_REFRESH_WAIT", 0.2)
    go_on = threading.Event()
    fault = Fault.status(400) if trouble == "fails" else held_until(go_on.is_set)
    bench.sandbox.add_fault(fault, path="/models", times=None)
    try:
        with pytest.raises(bench.pack.venice_client.BatchError) as caught:
            sweep(bench, style=STYLES)
    finally:
        go_on.set()
    assert len(bench.sandbox.paid_requests) == 3
    first, second, *_ = str(caught.value).splitlines()
    assert "Watercolor" in first, "the cause comes first"
    assert (
        second
        == "2 of 3 images are saved. Saved images stay free if you run again with seed 100 (fixed)."
    )
    assert "ueue again" not in str(caught.value)
