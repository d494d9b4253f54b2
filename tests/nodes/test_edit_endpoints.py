"""Which endpoint an edit goes to: that of what is really sent, for the store as for the wire."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from bench import Bench

Pictures = Callable[..., torch.Tensor]
EDIT, MULTI = "/image/edit", "/image/multi-edit"
FIRERED = "firered-image-edit"  # no qualities
GPT = "gpt-image-2-edit"  # qualities
KEEPS = "qwen-edit-uncensored"  # singleImageAspectRatio false, no qualities


def edit(bench: Bench, image: torch.Tensor, model: str, **inputs: Any) -> Any:
    inputs = {"prompt": "make it night", "keep_size": False, **inputs}
    return bench.run("VeniceEditImage", image=image, model=model, **inputs)


def paths(bench: Bench) -> list[str]:
    return [request.path for request in bench.sandbox.paid_requests]


@pytest.mark.parametrize(("model", "path"), [(FIRERED, EDIT), (KEEPS, EDIT), (GPT, MULTI)])
def test_only_a_quality_that_is_sent_needs_the_endpoint_for_several(
    bench: Bench, pictures: Pictures, model: str, path: str
) -> None:
    end = edit(bench, pictures(), model, quality="high")
    assert paths(bench) == [path]
    assert ("quality" in end.sent[0]) is (path == MULTI)
    told = any("so high isn't sent" in text for text in end.info["warnings"])
    assert told is (path == EDIT)


def test_a_quality_that_is_not_sent_asks_for_nothing_new(bench: Bench, pictures: Pictures) -> None:
    edit(bench, pictures(), FIRERED)
    assert edit(bench, pictures(), FIRERED, quality="high").sent == ()
    assert [entry.facts["path"] for entry in bench.store().entries()] == [EDIT]


def test_a_kept_size_is_kept_whatever_quality_was_asked_for(
    bench: Bench, pictures: Pictures
) -> None:
    end = edit(bench, pictures(400, 300), KEEPS, aspect_ratio="16:9", quality="high")
    assert paths(bench) == [EDIT]
    assert "aspect_ratio" not in end.sent[0]
    assert any("16:9 isn't sent" in text for text in end.info["warnings"])
    assert end.tensor.shape == (1, 300, 400, 3)


def test_the_endpoint_for_several_takes_a_ratio_for_one_image_too(
    client: Any, bench: Bench, encoded: Any
) -> None:
    edits = bench.pack.venice_client.request.edit
    request = edits.EditRequest((encoded((400, 300)),), "night", KEEPS, aspect_ratio="16:9")
    alone, several = client.edit(request), client.multi_edit(request)
    assert sorted(paths(bench)) == [EDIT, MULTI]
    assert "aspect_ratio" not in alone.sent
    assert any("16:9 isn't sent" in text for text in alone.warnings)
    assert several.sent["aspect_ratio"] == "16:9"
    assert not any("not sent" in text for text in several.warnings)
