"""Names as the lists spell them, whatever their case, and lists with odd entries."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from faulty_sandbox import Sandbox
from form_fields import fields_of
from venice_client import EditRequest, GenerateRequest, VeniceClient
from venice_client.catalogue.catalogue import Catalogue
from venice_client.catalogue.lists import Lists, bundled_lists
from venice_client.errors import InvalidRequestError
from venice_client.request.paid_request import resolve

RequestFor = Callable[..., GenerateRequest]
LIMITS = {"promptCharacterLimit": 100, "steps": {"default": 8, "max": 8}}


def entry(id: str, type: str = "image", price: float = 0.0, **limits: Any) -> dict[str, Any]:
    name = "inpaint" if type == "inpaint" else "generation"
    spec = {"constraints": {**LIMITS, **limits}, "pricing": {name: {"usd": price}}}
    return {"id": id, "type": type, "model_spec": spec}


@pytest.fixture
def catalogue(home: Path) -> Callable[..., Catalogue]:
    """A catalogue whose service lists these entries."""

    def make(*entries: dict[str, Any]) -> Catalogue:
        made = Catalogue(home, "https://one.example", lambda _: entries, lambda: ["Film Noir"])
        made.refresh()
        return made

    return make


@pytest.mark.parametrize("style", ["neon punk", "NEON PUNK", " Neon Punk "])
def test_model_and_style_are_sent_as_listed(
    client: VeniceClient, sandbox: Sandbox, request_for: RequestFor, style: str
) -> None:
    result = client.generate_images(request_for(model="Z-Image-TURBO", style_preset=style))
    (request,) = sandbox.paid_requests
    assert (fields_of(request)["model"], fields_of(request)["style_preset"]) == (
        "z-image-turbo",
        "Neon Punk",
    )
    again = client.prepare([request_for(style_preset="Neon Punk")]).planned[0]
    assert again.key == result.key


@pytest.mark.parametrize("style", ["None", "none", " NONE ", "", "  "])
def test_none_is_no_style(
    client: VeniceClient, sandbox: Sandbox, request_for: RequestFor, style: str
) -> None:
    client.generate_images(request_for(style_preset=style))
    assert "style_preset" not in fields_of(sandbox.paid_requests[0])


def test_an_edit_model_is_sent_as_listed(
    client: VeniceClient, sandbox: Sandbox, edit_image: bytes
) -> None:
    client.edit(EditRequest((edit_image,), "night", "FireRed-Image-Edit"))
    assert fields_of(sandbox.paid_requests[0])["model"] == "firered-image-edit"


def test_a_model_in_another_case_is_priced_and_refused_as_itself(
    client: VeniceClient, request_for: RequestFor
) -> None:
    assert client.prepare([request_for(model="Flux-2-PRO")]).planned[0].price == 0.03
    with pytest.raises(InvalidRequestError, match="firered-image-edit edits images"):
        client.prepare([request_for(model="FIRERED-image-edit")])


def test_a_name_that_is_listed_in_two_cases_is_taken_as_typed(
    catalogue: Callable[..., Catalogue],
) -> None:
    lists = catalogue(entry("A"), entry("a"))
    assert [lists.model(id).id for id in ("A", "a")] == ["A", "a"]


def test_a_name_that_is_not_listed_stays_as_typed(catalogue: Callable[..., Catalogue]) -> None:
    lists = catalogue(entry("one"))
    assert lists.style("FILM noir") == "Film Noir"
    assert lists.style("of tomorrow") == "of tomorrow"
    assert lists.model("ONE").id == "one"
    assert lists.model("Two").id == "Two"


def test_a_model_listed_for_both_keeps_both_sets(catalogue: Callable[..., Catalogue]) -> None:
    both = (
        entry("both", price=0.5, aspectRatios=["1:1"]),
        entry("both", "inpaint", 0.25, aspectRatios=["auto"], combineImages=True),
    )
    for entries in (both, both[::-1]):
        lists = catalogue(*entries)
        made, edited = lists.model("Both"), lists.model("both", "inpaint")
        assert (made.kind, made.ratios) == ("image", ("1:1",))
        assert (edited.kind, edited.is_auto_only) == ("inpaint", True)
        assert [m.pricing for m in lists.models("inpaint")] == [{"inpaint": {"usd": 0.25}}]
        request, model = resolve(GenerateRequest("BOTH", "a fox"), lists)
        assert request.model == "both"
        assert request.price(request.build(model), model) == 0.5
        request, model = resolve(EditRequest((), "a fox", "both"), lists)
        assert model is edited


@pytest.mark.parametrize("type", ["text", "video", "music", "decision"])
def test_a_model_of_another_type_is_refused_with_its_type(
    catalogue: Callable[..., Catalogue], type: str
) -> None:
    lists = catalogue(entry("one"), {"id": "other", "type": type, "model_spec": {"x": 1}})
    for request in (GenerateRequest("Other", "a fox"), EditRequest((), "a fox", "other")):
        with pytest.raises(InvalidRequestError, match=f"other is a model of type {type} but"):
            resolve(request, lists)
    assert [model.id for model in lists.models()] == ["one"]


def test_of_models_of_another_type_only_that_is_kept(
    catalogue: Callable[..., Catalogue], home: Path
) -> None:
    catalogue(entry("one"), {"id": "other", "type": "video", "model_spec": {"secret": 1}})
    (file,) = home.glob("catalogue-*.json")
    assert "secret" not in file.read_text()
    assert '{"id": "other", "type": "video"}' in file.read_text()


def test_a_list_without_any_model_for_images_is_not_used(home: Path) -> None:
    only_text = [{"id": "other", "type": "video"}]
    lists = Catalogue(home, "https://one.example", lambda _: only_text, lambda: ["Anime"])
    with pytest.raises(Exception, match=r"is empty\. Keeping the saved list"):
        lists.refresh()
    assert lists.model("z-image-turbo").makes_images


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*FIRERED*", ["firered-image-edit"]),
        ("krea-*", ["krea-2-turbo", "krea-v2-large", "krea-v2-medium", "krea-3"]),
        ("*flux*edit", ["flux-2-max-edit", "flux-3-image-edit"]),
        ("bria*", []),
        ("nothing*", []),
    ],
)
def test_patterns_find_models_that_generate_and_else_edit_models(
    pattern: str, found: list[str]
) -> None:
    assert bundled_lists().ids_like(pattern) == found


def test_a_pattern_for_edits_finds_all_of_them() -> None:
    edits = [model.id for model in bundled_lists().listed("inpaint")]
    assert bundled_lists().ids_like("*edit*") == [id for id in edits if "edit" in id]


def test_a_pattern_finds_a_doubled_id_once() -> None:
    assert Lists((entry("a"), entry("a")), ("Anime",)).ids_like("*") == ["a"]
