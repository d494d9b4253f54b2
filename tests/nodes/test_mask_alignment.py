"""An edit comes back under the mask where it was, whatever the service does with the ratio."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from PIL import Image, ImageOps

from bench import Bench
from faulty_sandbox import Fault
from form_fields import fields_of
from pairs import crossed

Pictures = Callable[..., torch.Tensor]
FIRERED = "firered-image-edit"  # 1024×1024 whatever it gets
NANO = "nano-banana-2-edit"  # tiers: the nearest ratio that it offers
KEEPS = "qwen-edit-uncensored"  # keeps the size of a single image
ALONE = "luma-uni-1-edit"  # takes no mask along
MULTI = "/image/multi-edit"
SHAPES = {"4:3": (512, 384), "3:2": (480, 320), "9:16": (288, 512), "odd": (401, 299)}
Size = tuple[int, int]


def edit(bench: Bench, image: torch.Tensor, mask: torch.Tensor, **inputs: Any) -> Any:
    inputs = {"prompt": "night", "model": FIRERED, **inputs}
    return bench.run("VeniceEditImage", image=image, mask=mask, **inputs)


def marked(size: Size, at: tuple[float, float] = (0.8, 0.25)) -> tuple[torch.Tensor, torch.Tensor]:
    """A grey image with a magenta square, and a mask around the square."""
    width, height = size
    x, y = int(at[0] * width), int(at[1] * height)
    image, mask = torch.full((1, height, width, 3), 0.3), torch.zeros(1, height, width)
    image[0, y - 8 : y + 8, x - 8 : x + 8] = torch.tensor([1.0, 0.0, 1.0])
    mask[0, max(0, y - 40) : y + 40, max(0, x - 40) : x + 40] = 1
    return image, mask


def centre(image: torch.Tensor) -> torch.Tensor:
    """Where the magenta is, (y, x)."""
    weight = (image[0, ..., 0] - image[0, ..., 1] - 0.3).clamp(min=0)
    weight[weight < weight.max() / 2] = 0
    return torch.nonzero(weight).to(torch.float32).mean(dim=0)


def squashed(base: Image.Image, size: Size) -> Image.Image:
    return base.resize(size, Image.Resampling.BICUBIC)


def padded(base: Image.Image, size: Size) -> Image.Image:
    return ImageOps.pad(base, size, Image.Resampling.BICUBIC)


def cropped(base: Image.Image, size: Size) -> Image.Image:
    return ImageOps.fit(base, size, Image.Resampling.BICUBIC)


WAYS = (squashed, padded, cropped)


def png(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


EDITS: list[dict[str, str]] = [
    *({}, {"aspect_ratio": "3:2"}, {"aspect_ratio": "9:16"}, {"model": NANO}),
    *({"model": NANO, "aspect_ratio": "2:3"}, {"model": ALONE}, {"model": KEEPS}),
]


@pytest.mark.parametrize(
    ("shape", "inputs"),
    crossed([*SHAPES], EDITS),
    ids=lambda value: value if isinstance(value, str) else " ".join(value.values()) or "default",
)
def test_what_is_under_the_mask_stays_in_its_place(
    bench: Bench, shape: str, inputs: dict[str, str]
) -> None:
    image, mask = marked(SHAPES[shape])
    end = edit(bench, image, mask, **inputs)
    assert end.error is None
    assert end.tensor.shape == image.shape
    assert (centre(end.tensor) - centre(image)).abs().max() < 1
    assert not any("ratio" in text or "came as" in text for text in end.info["warnings"])


@pytest.mark.parametrize(
    ("shape", "change_of"),
    crossed([*SHAPES], [*((FIRERED, (1024, 1024), way) for way in WAYS), (NANO, None, squashed)]),
    ids=lambda value: value if isinstance(value, str) else f"{value[0]} {value[2].__name__}",
)
def test_it_does_not_matter_how_the_service_changes_the_ratio(
    bench: Bench, opened: Any, shape: str, change_of: tuple[str, Size | None, Any]
) -> None:
    """Without a size the answer has the ratio of what came, where all ways are one."""
    model, size, way = change_of

    def change(answer: Any, _request: Any) -> Any:
        base = opened(fields_of(bench.sandbox.paid_requests[-1])["images"][0])
        changed = way(base, size or (base.width * 2, base.height * 2))
        return replace(answer, body=png(changed), content_type="image/png")

    image, mask = marked(SHAPES[shape])
    bench.sandbox.add_fault(Fault("changed", alter=change), path=MULTI)
    end = edit(bench, image, mask, model=model)
    assert (centre(end.tensor) - centre(image)).abs().max() < 1


def test_the_base_goes_with_its_edges_repeated_and_the_mask_with_black(
    bench: Bench, pictures: Pictures, opened: Any, arrays: Any
) -> None:
    image, mask = pictures(401, 299), torch.ones(1, 299, 401)
    (sent,) = edit(bench, image, mask, image_2=pictures(300, 400, start=2)).sent
    base, other, layer = map(opened, sent["images"])
    assert base.size == layer.size == (401, 401)
    assert other.size == (300, 400)
    array = torch.tensor(list(base.tobytes()), dtype=torch.uint8).reshape(401, 401, 3)
    whole = (image[0] * 255).round().to(torch.uint8)
    assert torch.equal(array[51:350], whole)
    assert torch.equal(array[:51], whole[:1].expand(51, -1, -1))
    assert torch.equal(array[350:], whole[-1:].expand(51, -1, -1))
    assert layer.crop((0, 51, 401, 350)).getextrema() == ((255, 255),) * 3
    assert layer.crop((0, 0, 401, 51)).getextrema() == ((0, 0),) * 3
    assert layer.crop((0, 350, 401, 401)).getextrema() == ((0, 0),) * 3


@pytest.mark.parametrize(
    ("inputs", "size"),
    [
        ({}, (512, 512)),
        ({"aspect_ratio": "16:9"}, (683, 384)),
        ({"aspect_ratio": "2:3"}, (512, 768)),
        ({"model": NANO}, (576, 384)),
        ({"model": NANO, "resolution": "2K"}, (576, 384)),
        ({"model": "of-next-year"}, (512, 512)),
        ({"model": KEEPS}, (512, 512)),
    ],
)
def test_the_base_goes_in_the_ratio_that_the_answer_will_have(
    bench: Bench, pictures: Pictures, opened: Any, inputs: dict[str, str], size: Size
) -> None:
    (sent,) = edit(bench, pictures(512, 384), torch.ones(1, 384, 512), **inputs).sent
    image = sent["images"][0] if "images" in sent else sent["image"]
    assert opened(image).size == size


def test_a_model_that_keeps_the_size_of_one_image_gets_it_as_it_is(
    bench: Bench, pictures: Pictures, opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENICE_MAX_USD_PER_RUN", "none")  # nothing in this list has a price
    entry = {
        "id": "keeps-and-combines-nothing",
        "type": "inpaint",
        "model_spec": {"constraints": {"singleImageAspectRatio": False, "combineImages": False}},
    }
    listed = Fault.status(200, json={"data": [entry], "object": "list"})
    bench.sandbox.add_fault(listed, path="/models", times=None)
    end = edit(bench, pictures(512, 384), torch.ones(1, 384, 512), model=entry["id"])
    assert opened(end.sent[0]["image"]).size == (512, 384)


def test_an_edit_without_a_mask_goes_as_it_is(
    bench: Bench, pictures: Pictures, opened: Any
) -> None:
    for inputs in ({}, {"aspect_ratio": "16:9"}, {"model": NANO}):
        settings = {"prompt": "night", "model": FIRERED, **inputs}
        end = bench.run("VeniceEditImage", image=pictures(512, 384), **settings)
        assert opened(end.sent[0]["image"]).size == (512, 384)


def test_an_answer_of_another_ratio_warns_of_a_shift(
    bench: Bench, pictures: Pictures, encoded: Any
) -> None:
    image, mask = pictures(512, 384, count=3), torch.ones(3, 384, 512)
    mask[0] = 0
    bench.sandbox.add_fault(Fault.body(encoded((1024, 768))), path=MULTI, times=2)
    end = edit(bench, image, mask)
    (warning,) = (text for text in end.info["warnings"] if "ratio" in text)
    assert warning.startswith("Images 2–3: stretched from 1024 × 768")
    assert "used another ratio" in warning
    assert "may be shifted under the mask" in warning


def test_a_ratio_that_is_off_by_a_few_pixels_is_nothing_to_say(
    bench: Bench, pictures: Pictures, encoded: Any
) -> None:
    bench.sandbox.add_fault(Fault.body(encoded((1040, 1024))), path=MULTI)
    end = edit(bench, pictures(512, 384), torch.ones(1, 384, 512))
    assert end.info["warnings"] == []


def test_what_would_be_too_large_with_its_edges_is_not_sent(bench: Bench) -> None:
    image = torch.zeros(1, 1, 1, 3).expand(1, 3000, 6000, 3)
    end = edit(bench, image, torch.ones(1, 3000, 6000))
    assert end.error_name == "InvalidRequestError"
    assert "6000 × 6000 = 36,000,000" in end.first_line
    assert "33,177,600" in end.first_line
    assert bench.sandbox.paid_requests == []


def test_a_wrong_ratio_is_refused_under_a_mask_too(bench: Bench, pictures: Pictures) -> None:
    for ratio in ("wide", "4:3"):
        end = edit(bench, pictures(), torch.ones(1, 240, 320), aspect_ratio=ratio)
        assert end.error_name == "InvalidRequestError"
        assert "aspect_ratio" in end.first_line
        assert end.sent == ()
