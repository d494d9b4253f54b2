"""Fields that the client doesn't know: merged as they are, or refused before any money."""

from __future__ import annotations

import io
import math
from typing import Any

import pytest
from PIL import Image

from venice_client import EditRequest, GenerateRequest, InvalidRequestError
from venice_client.catalogue.model import Model
from venice_client.request.extra_fields import parse_extra_fields

MODEL = Model("a-model-of-tomorrow")


def generate_fields(**extra: Any) -> dict[str, Any]:
    return GenerateRequest("m", "a fox", extra_fields=extra).build(MODEL).fields


def edit_fields(**extra: Any) -> dict[str, Any]:
    file = io.BytesIO()
    Image.new("RGB", (256, 256), "red").save(file, "PNG")
    return EditRequest((file.getvalue(),), "a hat", extra_fields=extra).build(MODEL).fields


@pytest.mark.parametrize("build", [generate_fields, edit_fields])
def test_they_are_merged_as_they_are(build: Any) -> None:
    extra = {"film_grain": 0.5, "loras": [{"id": "x"}], "on": True, "nothing": None}
    assert build(**extra).items() >= extra.items()


def test_a_later_change_of_the_mapping_changes_nothing() -> None:
    values = [1]
    fields = GenerateRequest("m", "a fox", extra_fields={"new": values}).build(MODEL).fields
    values.append(2)
    assert fields["new"] == [1]


def test_exif_has_no_input_on_a_node_and_can_be_one_of_them() -> None:
    assert generate_fields(embed_exif_metadata=True)["embed_exif_metadata"] is True
    twice = GenerateRequest(
        "m", "a fox", embed_exif_metadata=False, extra_fields={"embed_exif_metadata": True}
    )
    with pytest.raises(InvalidRequestError, match="set it directly"):
        twice.build(MODEL)


@pytest.mark.parametrize("build", [generate_fields, edit_fields])
@pytest.mark.parametrize("name", ["return_binary", "variants", "image", "images"])
def test_the_shape_of_the_response_cannot_be_changed(build: Any, name: str) -> None:
    with pytest.raises(InvalidRequestError, match=f"Remove {name} from extra_fields"):
        build(**{name: 1})


OWN = {
    generate_fields: ["model", "prompt", "steps", "seed", "style_references", "enhance_prompt"],
    edit_fields: ["model", "prompt", "resolution", "transparent_background", "safe_mode"],
}


@pytest.mark.parametrize(("build", "name"), [(b, n) for b, names in OWN.items() for n in names])
def test_a_field_with_an_input_is_refused_also_if_that_is_not_set(build: Any, name: str) -> None:
    with pytest.raises(InvalidRequestError, match=f"Remove {name} .* set it directly"):
        build(**{name: 1})


def test_the_pack_sets_the_format_of_edits() -> None:
    with pytest.raises(InvalidRequestError, match="can't be changed"):
        edit_fields(output_format="jpeg")


@pytest.mark.parametrize("name", ["", "a b", 'a"\r\nX: 1', "ä", "9lives", "a" * 65])
def test_a_name_cannot_break_out_of_the_form(name: str) -> None:
    with pytest.raises(InvalidRequestError, match="name that no field can have"):
        edit_fields(**{name: 1})


@pytest.mark.parametrize("value", [math.nan, b"x", {1}, "\ud800", [object()]])
def test_a_value_must_be_json(value: Any) -> None:
    with pytest.raises(InvalidRequestError, match="JSON can't carry"):
        generate_fields(new=value)


def test_what_is_no_mapping_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="isn't a JSON object"):
        GenerateRequest("m", "a fox", extra_fields='{"new": 1}').build(MODEL)  # type: ignore[arg-type]


def test_text_is_read_as_an_object() -> None:
    assert parse_extra_fields(' {"new": {"a": [1, 2.5, "x", null]}}\n') == {
        "new": {"a": [1, 2.5, "x", None]}
    }
    assert parse_extra_fields(" \n") == {}


WRONG = {
    "[1]": "isn't a JSON object",
    "null": "isn't a JSON object",
    "steps: 4": "isn't valid JSON .*line 1",
    "{'steps': 4}": "isn't valid JSON",
    '{"new": NaN}': "contains NaN",
    '{"new": 1, "new": 2}': "names a field twice",
    "[" * 50_000: "isn't valid JSON",
    '{"new": ' + "1" * 5000 + "}": "isn't valid JSON",
    '"' + "x" * 100_000 + '"': "longer than 100,000",
}


@pytest.mark.parametrize("text", WRONG)
def test_other_text_is_refused_with_the_reason(text: str) -> None:
    with pytest.raises(InvalidRequestError, match=WRONG[text]) as caught:
        parse_extra_fields(text)
    assert caught.value.field == "extra_fields"
