"""What a node that takes images shows while it runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from bench import Bench, held_until

Pictures = Callable[..., torch.Tensor]
EDIT = {"prompt": "make it night", "model": "firered-image-edit"}


@pytest.mark.parametrize(
    ("node", "settings", "doing"),
    [
        ("VeniceUpscaleImage", {"scale": "2x", "creativity": 0.01}, "upscaling"),
        ("VeniceRemoveBackground", {}, "cutting out"),
        ("VeniceEditImage", EDIT, "editing"),
        ("VeniceEditImage", {**EDIT, "mask": torch.ones(1, 240, 320)}, "editing"),
    ],
)
def test_the_status_says_what_is_done(
    bench: Bench, pictures: Pictures, node: str, settings: dict[str, Any], doing: str
) -> None:
    def is_said() -> bool:
        return any(text.startswith(f"{doing} ") for text in bench.texts)

    bench.sandbox.add_fault(held_until(is_said), path=None)
    end = bench.run(node, image=pictures(), **settings)
    assert end.error is None
    assert is_said()
    assert not any("generating" in text for text in end.texts)
