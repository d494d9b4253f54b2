"""What a run paid for and did not show is kept, also where the store is small."""

from __future__ import annotations

import pytest
import torch

from bench import GENERATE, Bench
from node_calls import call_with_lists


def test_what_a_run_made_and_could_not_show_is_not_paid_for_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All answers came, and then the node failed: for a day they stay, up to twice the limit."""
    runs = iter("abcdefghijkl")
    comfyui = bench.pack.venice_nodes.run.comfyui

    def begin_run() -> None:
        name = f"{next(runs)} of {id(bench)}"
        monkeypatch.setattr(comfyui, "run_id", lambda: name)

    def no_room(*_: object, **__: object) -> None:
        raise MemoryError

    begin_run()
    with monkeypatch.context() as patch:
        patch.setattr("torch.empty", no_room)
        assert bench.generate(batch_size=8).error is not None
    limit = sum(path.stat().st_size for path in bench.entries) / 1e6
    monkeypatch.setenv("VENICE_STORE_MB", f"{limit:.6f}")
    for seed in (1000, 1010):
        begin_run()
        assert bench.generate(seed=seed, batch_size=3, prompt="a bear").pictures == 3
    begin_run()
    again = bench.generate(batch_size=8)
    assert again.pictures == 8
    assert again.sent == ()


def test_equal_requests_of_a_list_are_reserved_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENICE_MAX_USD_PER_RUN", "0.015")
    node = bench.pack.NODE_CLASS_MAPPINGS["VeniceGenerateImage"]()
    lists = {name: [value] for name, value in GENERATE.items()}
    images, _, _ = call_with_lists(node, **{**lists, "prompt": ["a fox"] * 5})
    assert len(images) == 5
    assert len(bench.sandbox.charges) == 1


def test_an_empty_list_is_not_taken_for_nothing_connected(bench: Bench) -> None:
    """A mask of a detector that found nothing would become an edit of the whole image."""
    node = bench.pack.NODE_CLASS_MAPPINGS["VeniceEditImage"]()
    image = torch.full((1, 256, 256, 3), 0.5)
    given = {"image": [image], "prompt": ["snow"], "model": ["firered-image-edit"], "mask": []}
    with pytest.raises(bench.pack.venice_client.InvalidRequestError, match="mask is an empty list"):
        call_with_lists(node, **given)
    assert bench.sandbox.paid_requests == []
