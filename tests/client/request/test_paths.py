"""Images of a request by their paths."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from faulty_sandbox import Sandbox
from venice_client import (
    EditRequest,
    GenerateRequest,
    InvalidRequestError,
    RemoveBackgroundRequest,
    StyleReference,
    UpscaleRequest,
    VeniceClient,
)


@pytest.mark.parametrize("kind", [str, Path])
def test_a_path_is_sent_as_its_bytes_and_is_the_same_request(
    client: VeniceClient, sandbox: Sandbox, edit_image: bytes, tmp_path: Path, kind: Any
) -> None:
    (tmp_path / "fox.png").write_bytes(edit_image)
    path = kind(tmp_path / "fox.png")
    for by_path, by_bytes in [
        (EditRequest((path, path), "snow"), EditRequest((edit_image, edit_image), "snow")),
        (UpscaleRequest(path), UpscaleRequest(edit_image)),
        (RemoveBackgroundRequest(path), RemoveBackgroundRequest(edit_image)),
    ]:
        batch = client.prepare([by_path, by_bytes])
        assert batch.planned[0].key == batch.planned[1].key
        batch.cancel()
    client.upscale(UpscaleRequest(path))
    assert edit_image in sandbox.paid_requests[-1].body


def test_a_file_is_read_once_before_anything_is_sent(
    client: VeniceClient, sandbox: Sandbox, edit_image: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "fox.png"
    path.write_bytes(edit_image)
    batch = client.prepare([UpscaleRequest(path)])
    path.unlink()
    batch.begin()
    assert batch.wait(60)
    assert edit_image in sandbox.paid_requests[-1].body


def test_a_style_reference_may_be_a_path(edit_image: bytes, tmp_path: Path) -> None:
    path = tmp_path / "look.png"
    path.write_bytes(edit_image)
    model = VeniceClient(key="sandbox").catalogue.model("krea-v2-large")
    by_path, by_bytes = (
        GenerateRequest(model.id, "a fox", style_references=(StyleReference(image),)).build(model)
        for image in (path, edit_image)
    )
    assert by_path.fields == by_bytes.fields


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("missing.png", r"missing.png can't be read \(No such file or directory\)"),
        ("a\0b", "can't be read"),
        (5, "must be bytes or a path, not int"),
    ],
)
def test_what_is_no_file_is_refused(client: VeniceClient, source: Any, said: str) -> None:
    with pytest.raises(InvalidRequestError, match=said):
        client.upscale(UpscaleRequest(source))
