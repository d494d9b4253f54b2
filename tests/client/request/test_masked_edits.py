"""An edit with a mask changes what the mask covers, and nothing else by a single bit."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from faulty_sandbox import Fault, Sandbox
from form_fields import fields_of
from venice_client import (
    EditRequest,
    ImageResult,
    InvalidRequestError,
    MaybeChargedError,
    VeniceClient,
)

MULTI = "/image/multi-edit"
ALONE = "luma-uni-1-edit"
SIZE = (320, 240)
COLOR = (10, 20, 30)

MakeClient = Callable[..., VeniceClient]


def packed(array: np.ndarray, format: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, format)
    return file.getvalue()


def noise(channels: int = 3) -> np.ndarray:
    width, height = SIZE
    return np.random.default_rng(7).integers(0, 256, (height, width, channels), np.uint8)


def box() -> np.ndarray:
    mask = np.zeros(SIZE[::-1], np.uint8)
    mask[60:120, 80:160] = 255
    return mask


def pixels(result: ImageResult, mode: str = "RGB") -> np.ndarray:
    (image,) = result.images
    assert image.format == "png"
    return np.asarray(Image.open(io.BytesIO(image.data)).convert(mode))


def edit(base: bytes, mask: bytes, **changes: object) -> EditRequest:
    return EditRequest((base,), "make it night", mask=mask, **changes)  # type: ignore[arg-type]


@pytest.fixture
def one_color(sandbox: Sandbox) -> None:
    answer = packed(np.full((1024, 1024, 3), COLOR, np.uint8))
    sandbox.add_fault(Fault.body(answer), path="/image/multi-edit", times=None)


def test_only_masked_pixels_change(client: VeniceClient, one_color: None) -> None:
    base, mask = noise(), box()

    changed = pixels(client.edit(edit(packed(base), packed(mask), feather=0)))

    assert np.array_equal(changed[mask == 0], base[mask == 0])
    assert np.unique(changed[mask > 0], axis=0).tolist() == [list(COLOR)]


def test_transparent_pixels_outside_stay_as_they_are(client: VeniceClient, one_color: None) -> None:
    base, mask = noise(4), box()

    changed = pixels(client.edit(edit(packed(base), packed(mask), feather=0)), "RGBA")

    assert np.array_equal(changed[mask == 0], base[mask == 0])
    assert np.unique(changed[mask > 0], axis=0).tolist() == [[*COLOR, 255]]


def test_the_image_is_framed_and_the_mask_is_the_last_image(
    client: VeniceClient, sandbox: Sandbox, judge: object
) -> None:
    client.multi_edit(EditRequest((packed(noise()), packed(noise())), "night", mask=packed(box())))

    (request,) = sandbox.paid_requests
    assert request.path == MULTI
    sent = [opened(each) for each in fields_of(request)["images"]]
    assert [image.size for image in sent] == [(320, 320), SIZE, (320, 320)]
    assert sent[-1].convert("L").getbbox() == (80, 100, 160, 160)
    assert np.array_equal(np.asarray(sent[0])[40:280], noise())


def test_a_turned_image_is_sent_upright(client: VeniceClient, sandbox: Sandbox) -> None:
    """As large as the model's own answer, it would need no frame."""
    array = np.zeros((320, 320, 3), np.uint8)
    array[:160] = 255
    exif = Image.Exif()
    exif[0x0112] = 3
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG", exif=exif)

    client.edit(edit(file.getvalue(), packed(box())))

    sent = opened(fields_of(sandbox.paid_requests[0])["images"][0])
    assert not sent.getexif()
    assert np.array_equal(np.asarray(sent), array[::-1])


def opened(field: str) -> Image.Image:
    import base64

    return Image.open(io.BytesIO(base64.b64decode(field)))


def test_a_model_without_room_for_a_mask_edits_the_whole_image(
    client: VeniceClient, sandbox: Sandbox
) -> None:
    base, mask = noise(), box()

    result = client.edit(edit(packed(base), packed(mask), model=ALONE))

    assert "images" not in fields_of(sandbox.paid_requests[0])
    assert "doesn't accept a mask" in result.warnings[0]
    changed = pixels(result)
    assert np.array_equal(changed[mask == 0], base[mask == 0])
    assert not np.array_equal(changed, base)


@pytest.mark.parametrize("grow", [0, -40])
def test_an_empty_mask_sends_nothing(client: VeniceClient, sandbox: Sandbox, grow: int) -> None:
    base = noise()
    mask = box() if grow else np.zeros_like(box())

    result = client.edit(edit(packed(base), packed(mask), grow_mask=grow))

    assert sandbox.requests == []
    assert np.array_equal(pixels(result), base)
    assert result.cost == 0
    assert "empty" in result.warnings[0]


def test_empty_masks_cost_nothing_in_a_batch(client: VeniceClient, sandbox: Sandbox) -> None:
    empty, full = packed(np.zeros_like(box())), packed(box())
    bases = [packed(noise()), packed(noise()[::-1].copy()), packed(noise())]
    requests = [edit(b, m) for b, m in zip(bases, (empty, empty, full), strict=True)]

    batch = client.start(requests)

    assert batch.estimates[:2] == [0, 0]
    assert batch.wait(30)
    first, second, third = batch.outcomes
    assert isinstance(first, ImageResult)
    assert isinstance(second, ImageResult)
    assert isinstance(third, ImageResult)
    assert np.array_equal(pixels(first), noise())
    assert np.array_equal(pixels(second), noise()[::-1])
    assert len(sandbox.paid_requests) == 1
    assert batch.summary.generated == 3


def test_a_smaller_mask_is_scaled_and_can_be_a_file(
    client: VeniceClient, tmp_path: Path, one_color: None
) -> None:
    path = tmp_path / "mask.webp"
    Image.fromarray(box()).resize((160, 120), 0).save(path, lossless=True)
    base = noise()

    changed = pixels(
        client.edit(EditRequest((packed(base),), "night", mask=path, grow_mask=4, feather=0))
    )

    assert np.array_equal(changed[:50], base[:50])
    assert np.unique(changed[70:110, 90:150].reshape(-1, 3), axis=0).tolist() == [list(COLOR)]


def test_transparent_parts_of_a_mask_count_as_black(client: VeniceClient, sandbox: Sandbox) -> None:
    mask = np.full((*SIZE[::-1], 4), 255, np.uint8)
    mask[..., 3] = 0

    client.edit(edit(packed(noise()), packed(mask)))

    assert sandbox.requests == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"output_format": "webp"}, "PNG"),
        ({"transparent_background": True, "model": "gpt-image-1-5-edit"}, "transparent"),
        ({"grow_mask": 257}, "grow_mask"),
        ({"feather": -2}, "feather"),
        ({"mask": b"no image"}, "complete PNG, JPEG or WebP"),
    ],
)
def test_what_cannot_work_is_refused_before_it_is_paid(
    client: VeniceClient, sandbox: Sandbox, changes: dict[str, object], words: str
) -> None:
    given = {"mask": packed(box()), **changes}

    with pytest.raises(InvalidRequestError, match=words):
        client.edit(EditRequest((packed(noise()),), "night", **given))  # type: ignore[arg-type]

    assert sandbox.paid_requests == []


def test_a_damaged_image_is_refused_before_it_is_paid(
    client: VeniceClient, sandbox: Sandbox
) -> None:
    whole = packed(noise())
    middle = len(whole) // 2
    damaged = whole[:middle] + bytes(4) + whole[middle + 4 :]

    with pytest.raises(InvalidRequestError):
        client.edit(edit(damaged, packed(box())))

    assert sandbox.paid_requests == []


def test_the_second_time_is_free_with_another_feather_too(
    sandbox: Sandbox, make_client: MakeClient
) -> None:
    client = make_client(sandbox.base_url, store_mb=64.0)
    request = edit(packed(noise()), packed(box()))

    first = client.edit(request)
    again = client.edit(edit(packed(noise()), packed(box()), feather=20))

    assert first.cost
    assert again.cost == 0
    assert not np.array_equal(pixels(first), pixels(again))
    assert len(sandbox.paid_requests) == 1


def test_an_answer_in_another_ratio_is_a_warning(client: VeniceClient, sandbox: Sandbox) -> None:
    sandbox.add_fault(Fault.size(1024, 512), path=MULTI)

    result = client.edit(edit(packed(noise()), packed(box())))

    (warning,) = result.size_warnings
    assert warning.startswith("Image 1: stretched from 1024 × 512 to 320 × 320")


def test_an_image_that_changes_meanwhile_is_told(sandbox: Sandbox, client: VeniceClient) -> None:
    from venice_client.imaging.input_image import InputImage

    data = packed(noise())

    def pack() -> bytes:
        if sandbox.paid_requests:
            raise InvalidRequestError("Not sent. fox.png changed meanwhile.", "image")
        return data

    source = InputImage("fox", *SIZE, pack)

    with pytest.raises(MaybeChargedError, match="edit is saved"):
        client.edit(EditRequest((source,), "night", mask=packed(box())))
