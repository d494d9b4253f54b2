"""A model that is known to do something else is refused before anything is sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from bench import Bench
from faulty_sandbox import Fault

Pictures = Callable[..., torch.Tensor]


@pytest.mark.parametrize(
    ("model", "does", "instead"),
    [
        ("z-image-turbo", "generates images from a prompt", "firered-image-edit"),
        ("flux-2-max", "generates images from a prompt", "flux-2-max-edit"),
        ("bria-bg-remover", "removes backgrounds", "firered-image-edit"),
        ("upscaler", "upscales images", "firered-image-edit"),
    ],
)
@pytest.mark.parametrize("mask", [None, torch.ones(1, 240, 320)])
def test_edit_refuses_what_does_not_edit(
    bench: Bench, pictures: Pictures, model: str, does: str, instead: str, mask: Any
) -> None:
    end = bench.run("VeniceEditImage", image=pictures(), prompt="night", model=model, mask=mask)
    assert end.error_name == "InvalidRequestError"
    assert f"{model} {does} but can't edit images" in end.first_line
    assert f"such as {instead}." in end.first_line
    assert end.sent == ()


@pytest.mark.parametrize(
    ("model", "does", "instead"),
    [
        ("firered-image-edit", "edits images", "z-image-turbo"),
        ("flux-2-max-edit", "edits images", "flux-2-max"),
        ("bria-bg-remover", "removes backgrounds", "z-image-turbo"),
        ("upscaler", "upscales images", "z-image-turbo"),
    ],
)
def test_generate_refuses_what_makes_nothing_from_a_prompt(
    bench: Bench, model: str, does: str, instead: str
) -> None:
    end = bench.generate(model=model)
    assert end.error_name == "InvalidRequestError"
    assert f"{model} {does} but can't generate images" in end.first_line
    assert f"such as {instead}." in end.first_line
    assert end.sent == ()


def test_a_model_that_no_list_knows_is_sent_as_typed(bench: Bench, pictures: Pictures) -> None:
    end = bench.run("VeniceEditImage", image=pictures(), prompt="night", model="of-next-year")
    assert len(end.sent) == 1
    assert len(bench.generate(model="of-next-year").sent) == 1


@pytest.fixture
def _no_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """These lists hold no price."""
    monkeypatch.setenv("VENICE_MAX_USD_PER_RUN", "none")


@pytest.mark.usefixtures("_no_limit")
def test_a_model_that_is_listed_for_both_does_both(bench: Bench, pictures: Pictures) -> None:
    listed = [{"id": "two-in-one", "type": type} for type in ("image", "inpaint")]
    told = {"data": listed, "object": "list"}
    bench.sandbox.add_fault(Fault.status(200, json=told), path="/models", times=None)
    end = bench.run("VeniceEditImage", image=pictures(), prompt="night", model="two-in-one")
    assert len(end.sent) == 1
    assert len(bench.generate(model="two-in-one").sent) == 1


@pytest.mark.usefixtures("_no_limit")
def test_a_type_that_nobody_knows_refuses_nothing(bench: Bench, pictures: Pictures) -> None:
    told = {"data": [{"id": "odd", "type": "everything"}], "object": "list"}
    bench.sandbox.add_fault(Fault.status(200, json=told), path="/models", times=None)
    end = bench.run("VeniceEditImage", image=pictures(), prompt="night", model="odd")
    assert len(end.sent) == 1


def test_upscale_and_remove_background_have_models_of_their_own(
    bench: Bench, pictures: Pictures
) -> None:
    assert bench.run("VeniceUpscaleImage", image=pictures(), scale="2x", creativity=0.01).sent
    assert bench.run("VeniceRemoveBackground", image=pictures()).sent
