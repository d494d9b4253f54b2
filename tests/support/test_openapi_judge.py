"""The judge itself: it lets good requests pass, and names what is wrong with the others."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import openapi

GOOD = {
    "model": "z-image-turbo",
    "prompt": "a fox in snow",
    "width": 1024,
    "height": 768,
    "seed": 7,
}


def test_accepts_a_good_request(judge: ModuleType) -> None:
    judge.validate_request("/image/generate", GOOD)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"stray": 1}, "stray"),
        ({"width": 0}, "width"),
        ({"width": 1281}, "width"),
        ({"seed": 1_000_000_000}, "seed"),
        ({"seed": "7"}, "seed"),
        ({"cfg_scale": 0}, "cfg_scale"),
        ({"format": "gif"}, "format"),
        ({"variants": 5}, "variants"),
        ({"prompt": ""}, "prompt"),
        ({"style_references": [{"strength": 0.5}]}, "style_references"),
    ],
)
def test_refuses_and_names_the_field(judge: ModuleType, change: dict[str, Any], named: str) -> None:
    with pytest.raises(judge.RequestRefused, match=named):
        judge.validate_request("/image/generate", {**GOOD, **change})


def test_refuses_a_missing_field(judge: ModuleType) -> None:
    with pytest.raises(judge.RequestRefused, match="model"):
        judge.validate_request("/image/generate", {"prompt": "a fox"})


def test_refuses_a_path_nobody_published(judge: ModuleType) -> None:
    with pytest.raises(judge.RequestRefused, match="no such request"):
        judge.validate_request("/image/dream", GOOD)


def test_reads_an_edit_by_the_first_member_of_its_schema(judge: ModuleType) -> None:
    edit = {"model": "firered-image-edit", "prompt": "make it night", "image": "aGVsbG8="}
    judge.validate_request("/image/edit", edit)
    with pytest.raises(judge.RequestRefused, match="quality"):
        judge.validate_request("/image/edit", {**edit, "quality": "high"})
    with pytest.raises(judge.RequestRefused, match="7:3"):
        judge.validate_request("/image/edit", {**edit, "aspect_ratio": "7:3"})


def test_takes_the_document_that_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENICE_OPENAPI", str(tmp_path / "other.yaml"))
    assert openapi.document_path() == tmp_path / "other.yaml"
    assert not openapi.available()
    assert "other.yaml" in openapi.missing_reason()


def test_reads_yaml_by_the_rules_of_1_2(tmp_path: Path) -> None:
    file = tmp_path / "ratios.yaml"
    file.write_text("ratios: [16:9, no, 2026-08-21]\ncount: 12\nshare: 0.5\nnone: null\non: true\n")
    assert openapi.load(file) == {
        "ratios": ["16:9", "no", "2026-08-21"],
        "count": 12,
        "share": 0.5,
        "none": None,
        "on": True,
    }


def test_turns_openapi_into_json_schema() -> None:
    document = {"components": {"schemas": {"Size": {"type": "integer", "nullable": True}}}}
    schema = {
        "type": "object",
        "properties": {
            "size": {"$ref": "#/components/schemas/Size"},
            "scale": {"type": "number", "minimum": 0, "exclusiveMinimum": True},
            "share": {"type": "number", "maximum": 1, "exclusiveMaximum": False},
            "default": {"type": "string", "example": "x"},
        },
    }
    assert openapi.to_json_schema(schema, document)["properties"] == {
        "size": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "scale": {"type": "number", "exclusiveMinimum": 0},
        "share": {"type": "number", "maximum": 1},
        "default": {"type": "string"},
    }


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/image/edit", {"prompt": ["x"], "image": [b"png"], "safe_mode": ["false"]}),
        ("/image/edit", {"prompt": ["x"], "image": ["iVBO"], "aspect_ratio": ["4:3"]}),
        ("/image/multi-edit", {"prompt": ["x"], "images": [b"one", b"two"]}),
        ("/image/upscale", {"image": [b"png"], "scale": ["4"], "creativity": ["0.01"]}),
        ("/image/upscale", {"image": [b"png"], "stray": ["x"]}),
        ("/image/background-remove", {"image": [b"png"]}),
        (
            "/image/multi-edit",
            {"prompt": ["x"], "images": [b"a"], "transparent_background": ["true"]},
        ),
    ],
)
def test_accepts_a_good_form(judge: ModuleType, path: str, form: dict[str, Any]) -> None:
    judge.validate_form(path, form)


@pytest.mark.parametrize(
    ("path", "form", "named"),
    [
        ("/image/edit", {"image": [b"png"]}, "prompt"),
        ("/image/edit", {"prompt": ["x"], "image": [b"png"], "safe_mode": ["yes"]}, "safe_mode"),
        ("/image/edit", {"prompt": ["x", "y"], "image": [b"png"]}, "prompt"),
        ("/image/multi-edit", {"prompt": ["x"], "images": [b"a"], "image": [b"b"]}, "image"),
        ("/image/upscale", {"image": [b"png"], "scale": ["8"]}, "scale"),
        ("/image/upscale", {"image": [b"png"], "scale": ["x"]}, "scale"),
        ("/image/background-remove", {"image": [b"png"], "model": ["x"]}, "model"),
        ("/image/generate", {"prompt": ["x"]}, "no multipart"),
    ],
)
def test_refuses_a_form_and_names_the_field(
    judge: ModuleType, path: str, form: dict[str, Any], named: str
) -> None:
    with pytest.raises(judge.RequestRefused, match=named):
        judge.validate_form(path, form)


def test_knows_what_was_added_since(judge: ModuleType) -> None:
    judge.validate_request("/image/generate", {**GOOD, "transparent_background": True})
    with pytest.raises(judge.RequestRefused, match="transparent_background"):
        judge.validate_request("/image/background-remove", {"transparent_background": True})
    judge.validate_request("/image/upscale", {"image": "x", "stray": 1})


def test_says_what_to_set_without_a_document() -> None:
    assert "set VENICE_OPENAPI to the path" in openapi.missing_reason()
