"""What a node that takes pictures shows while it runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
import torch

from bench import Bench
from faulty_sandbox import Fault

Pictures = Callable[..., torch.Tensor]
EDIT = {"prompt": "make it night", "model": "firered-image-edit"}


def until(said: Callable[[], bool]) -> Fault:
    """A normal answer that waits until something is said."""

    def alter(answer: Any, _request: Any) -> Any:
        ends = time.monotonic() + 30
        while not said() and time.monotonic() < ends:
            time.sleep(0.01)
        return answer

    return Fault("until", alter=alter)


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

    bench.sandbox.add_fault(until(is_said), path=None)
    end = bench.run(node, image=pictures(), **settings)
    assert end.error is None
    assert is_said()
    assert not any("generating" in text for text in end.texts)
