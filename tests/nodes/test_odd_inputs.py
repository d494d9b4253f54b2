"""Whatever a graph can plug in: transparency, one channel, no image, gradients, other types."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from bench import Bench
from faulty_sandbox import Fault

Pictures = Callable[..., torch.Tensor]
SETTINGS: dict[str, dict[str, Any]] = {
    "VeniceUpscaleImage": {"scale": "2x", "creativity": 0.01},
    "VeniceRemoveBackground": {},
    "VeniceEditImage": {"prompt": "make it night", "model": "firered-image-edit"},
}
PAID = tuple(SETTINGS)


def run(bench: Bench, node: str, image: torch.Tensor, **more: Any) -> Any:
    return bench.run(node, image=image, **{**SETTINGS[node], **more})


@pytest.mark.parametrize("node", PAID)
def test_no_image_is_refused(bench: Bench, pictures: Pictures, node: str) -> None:
    end = run(bench, node, pictures()[:0])
    assert end.error_name == "InvalidRequestError"
    assert "no image" in end.first_line
    assert end.sent == ()


def test_no_image_is_no_style_reference(bench: Bench, pictures: Pictures) -> None:
    end = bench.run("VeniceStyleReferences", images=pictures()[:0], strength=0.5)
    assert end.error_name == "InvalidRequestError"
    assert "no image" in end.first_line


@pytest.mark.parametrize("node", PAID)
def test_what_is_no_batch_of_images_is_refused(bench: Bench, pictures: Pictures, node: str) -> None:
    for image in (pictures()[0, 0], pictures()[..., :2], torch.zeros(1, 0, 300, 3)):
        end = run(bench, node, image)
        assert end.error_name == "InvalidRequestError", tuple(image.shape)
        assert end.sent == ()


@pytest.mark.parametrize(
    ("node", "name", "value", "said"),
    [
        ("VeniceUpscaleImage", "variation", -1, "0 to 999999999"),
        ("VeniceUpscaleImage", "creativity", "0.01", "0 to 0.02"),
        ("VeniceEditImage", "if_flagged", "Stop", "stop or continue"),
        ("VeniceEditImage", "keep_size", "no", "true or false"),
        ("VeniceEditImage", "prompt", None, "text"),
        ("VeniceEditImage", "variation", 1.5, "0 to 999999999"),
    ],
)
def test_what_comes_by_wire_is_held_to_what_is_declared(
    bench: Bench, pictures: Pictures, node: str, name: str, value: object, said: str
) -> None:
    end = run(bench, node, pictures(), **{name: value})
    assert end.error_name == "InvalidRequestError", repr(end.error)
    assert name in end.first_line
    assert said in end.first_line
    assert end.sent == ()


@pytest.mark.parametrize("node", PAID)
def test_one_channel_is_grey(bench: Bench, pictures: Pictures, node: str) -> None:
    end = run(bench, node, pictures(channels=1))
    assert end.error is None
    assert end.tensor.shape[-1] == 3


def test_one_channel_under_a_mask_comes_back_as_colours(bench: Bench, pictures: Pictures) -> None:
    image, mask = pictures(channels=1), torch.zeros(1, 240, 320)
    mask[:, 100:200, 100:200] = 1
    end = run(bench, "VeniceEditImage", image, mask=mask)
    assert end.error is None
    assert end.tensor.shape == (1, 240, 320, 3)
    assert torch.equal(end.tensor[0, :100], image[0, :100].expand(-1, -1, 3))


def test_one_channel_under_an_empty_mask_comes_back_as_colours(
    bench: Bench, pictures: Pictures
) -> None:
    end = run(bench, "VeniceEditImage", pictures(channels=1), mask=torch.zeros(1, 64, 64))
    assert end.sent == ()
    assert end.tensor.shape == (1, 240, 320, 3)


@pytest.mark.parametrize("node", ["VeniceUpscaleImage", "VeniceEditImage"])
def test_transparency_that_is_lost_is_said(
    bench: Bench, pictures: Pictures, opened: Any, node: str
) -> None:
    image = pictures(channels=4)
    image[..., 3] = 0.5
    end = run(bench, node, image)
    assert end.tensor.shape[-1] == 3
    assert opened(end.sent[0]["image"]).mode == "RGB"
    assert any("transparen" in text for text in end.info["warnings"])


@pytest.mark.parametrize("node", ["VeniceUpscaleImage", "VeniceEditImage"])
def test_alpha_without_transparency_is_nothing_to_say(
    bench: Bench, pictures: Pictures, node: str
) -> None:
    end = run(bench, node, pictures(channels=4))
    assert not any("transparen" in text for text in end.info["warnings"])
    again = run(bench, node, pictures(channels=3))
    assert again.sent == ()


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (1, "image_2 has 3 images. Connect 1 image."),
        (2, "image_2 has 3 images. Connect 1 or 2 images."),
    ],
)
def test_a_wrong_number_of_further_images_says_what_to_give(
    bench: Bench, pictures: Pictures, count: int, told: str
) -> None:
    image = pictures().repeat(count, 1, 1, 1)
    end = run(bench, "VeniceEditImage", image, image_2=pictures().repeat(3, 1, 1, 1))
    assert end.first_line == told
    assert end.sent == ()


@pytest.mark.parametrize("node", PAID)
def test_gradients_end_here(bench: Bench, pictures: Pictures, node: str) -> None:
    end = run(bench, node, pictures().requires_grad_())
    assert end.error is None
    assert not any(getattr(output, "requires_grad", False) for output in end.outputs)


def test_gradients_end_at_an_empty_mask_too(bench: Bench, pictures: Pictures) -> None:
    image = pictures().requires_grad_()
    mask = torch.zeros(1, 64, 64).requires_grad_()
    end = run(bench, "VeniceEditImage", image, mask=mask)
    assert not end.tensor.requires_grad
    assert torch.equal(end.tensor, image.detach())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_number_types_are_taken(bench: Bench, pictures: Pictures, dtype: torch.dtype) -> None:
    mask = torch.zeros(1, 240, 320, dtype=dtype)
    mask[:, 50:150, 50:150] = 1
    end = run(bench, "VeniceEditImage", pictures().to(dtype), mask=mask)
    assert end.error is None
    assert end.tensor.dtype == torch.float32


def test_views_with_strides_of_their_own_are_taken(
    bench: Bench, pictures: Pictures, opened: Any
) -> None:
    flipped = pictures(channels=4).flip(2)[..., :3]
    end = run(bench, "VeniceUpscaleImage", flipped)
    assert opened(end.sent[0]["image"]).getpixel((0, 0))[0] == 255


def test_values_outside_of_the_range_are_clipped(bench: Bench, opened: Any) -> None:
    image = torch.full((1, 256, 256, 3), 0.5)
    image[0, 0, :4, 0] = torch.tensor([-0.04, 0.0, 1.0, 1.04])
    end = run(bench, "VeniceUpscaleImage", image)
    picture = opened(end.sent[0]["image"])
    assert [picture.getpixel((x, 0))[0] for x in range(4)] == [0, 0, 255, 255]


ODD = {
    "NaN or infinite": torch.tensor(math.nan),
    "infinite": torch.tensor(math.inf),
    "Divide it by 255": torch.tensor(255.0),
    "values from -1 to": torch.tensor(-1.0),
}


@pytest.mark.parametrize("node", PAID)
@pytest.mark.parametrize("said", ODD)
def test_values_that_are_no_colors_are_refused(bench: Bench, node: str, said: str) -> None:
    image = torch.full((1, 256, 256, 3), 0.5)
    image[0, 0, 0, 0] = ODD[said]
    end = run(bench, node, image)
    assert end.error_name == "InvalidRequestError", end.error
    assert "image contains" in end.first_line
    assert said in end.first_line
    assert end.sent == ()


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "NoneType"),
        ({"samples": torch.zeros(1, 4, 8, 8)}, "dict"),
        ([torch.zeros(1, 256, 256, 3)], "list"),
        (torch.zeros(1, 256, 256, 3, dtype=torch.uint8), "uint8"),
        (torch.zeros(1, 256, 256, 3, device="meta"), "without readable pixels"),
        (torch.zeros(1, 256, 256, 3).to_sparse(), "without readable pixels"),
        (torch.zeros(256, 256), "(256, 256)"),
    ],
)
def test_what_is_no_image_by_wire_is_named(bench: Bench, value: Any, said: str) -> None:
    end = bench.run("VeniceRemoveBackground", image=value)
    assert end.error_name == "InvalidRequestError", end.error
    assert end.first_line.startswith("image ")
    assert said in end.first_line
    assert end.sent == ()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_floats_and_one_image_without_a_batch_are_taken(
    bench: Bench, opened: Any, dtype: torch.dtype
) -> None:
    image = torch.full((256, 256, 3), 0.5, dtype=dtype).requires_grad_()
    end = run(bench, "VeniceUpscaleImage", image)
    assert end.error is None
    assert opened(end.sent[0]["image"]).getpixel((0, 0))[0] in (127, 128)


def test_style_references_of_something_else_are_named(bench: Bench) -> None:
    end = bench.generate(style_references=["a picture"])
    assert end.error_name == "InvalidRequestError"
    assert "must come from Venice Style References, not from list" in end.first_line


def test_the_input_is_never_written_to(bench: Bench, pictures: Pictures) -> None:
    image, mask = pictures(count=2), torch.zeros(2, 240, 320)
    mask[0, 50:150, 50:150] = 1
    kept = image.clone(), mask.clone()
    end = run(bench, "VeniceEditImage", image, mask=mask)
    end.tensor.zero_()
    assert torch.equal(image, kept[0])
    assert torch.equal(mask, kept[1])


def test_the_input_is_not_handed_on_by_an_empty_mask(bench: Bench, pictures: Pictures) -> None:
    image = pictures()
    end = run(bench, "VeniceEditImage", image, mask=torch.zeros(1, 64, 64))
    end.tensor.zero_()
    assert torch.equal(image, pictures())


@pytest.mark.long
@pytest.mark.parametrize(("node", "limit"), [(PAID[0], "16,777,216"), (PAID[2], "33,177,600")])
def test_a_huge_image_is_refused_by_its_pixels(
    bench: Bench, node: str, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[Any] = []
    monkeypatch.setattr(
        bench.pack.venice_nodes.imaging.tensors, "encode", lambda *given: encoded.append(given)
    )
    end = run(bench, node, torch.zeros(1, 1, 1, 3).expand(1, 8000, 7000, 3))
    assert end.error_name == "InvalidRequestError"
    assert "7000 × 8000" in end.first_line
    assert limit in end.first_line
    assert end.sent == ()
    assert encoded == [], "nothing is worked on that is not sent"


def test_a_single_answer_that_is_damaged_names_itself(
    bench: Bench, pictures: Pictures, encoded: Any
) -> None:
    whole = encoded((320, 240))
    broken = whole[:60] + bytes(40) + whole[100:]
    fault = Fault.foreign_bytes(broken, "image/png")
    bench.sandbox.add_fault(fault, path="/image/upscale")
    end = run(bench, "VeniceUpscaleImage", pictures())
    assert end.error_name == "BadResponseError"
    assert run(bench, "VeniceUpscaleImage", pictures()).error is None
