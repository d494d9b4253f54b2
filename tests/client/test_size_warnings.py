"""A result says when its images have another size or ratio than expected."""

from __future__ import annotations

import pytest

from fault_table import picture
from faulty_sandbox import Fault, Sandbox
from venice_client import EditRequest, UpscaleRequest, VeniceClient


def test_another_size_is_a_warning_of_the_result(
    client: VeniceClient, sandbox: Sandbox, request_for: object
) -> None:
    sandbox.add_fault(Fault.size(96, 64), path="/image/upscale")

    result = client.upscale(UpscaleRequest(picture(320, 256)))

    assert result.size_warnings == ("upscaler returned 96 × 64 instead of 640 × 512.",)
    assert client.upscale(UpscaleRequest(picture(320, 320))).size_warnings == ()


@pytest.mark.parametrize(
    ("size", "ratio", "warning"),
    [
        ((256, 256), "auto", ""),
        ((480, 270), "16:9", ""),
        (
            (480, 270),
            "auto",
            "firered-image-edit returned 1024 × 1024, a different aspect ratio from "
            "image 1 (480 × 270). "
            "Aspect ratio 16:9 matches it.",
        ),
    ],
)
def test_another_ratio_is_a_warning_of_an_edit(
    client: VeniceClient, size: tuple[int, int], ratio: str, warning: str
) -> None:
    request = EditRequest((picture(*size),), "add snow", aspect_ratio=ratio, label="image 1")

    result = client.edit(request)

    assert result.size_warnings == ((warning,) if warning else ())
