"""Venice Upscale Image: sizes, limits, batches, and what is asked again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from bench import Bench
from faulty_sandbox import Fault

NODE = "VeniceUpscaleImage"
Pictures = Callable[..., torch.Tensor]


def upscale(bench: Bench, image: torch.Tensor, scale: str = "2x", **inputs: Any) -> Any:
    return bench.run(NODE, **{"image": image, "scale": scale, "creativity": 0.01, **inputs})


@pytest.mark.parametrize(("scale", "size"), [("2x", (896, 1280)), ("4x", (1792, 2560))])
def test_makes_an_image_twice_and_four_times_as_large(
    bench: Bench, pictures: Pictures, scale: str, size: tuple[int, int], judge: Any
) -> None:
    end = upscale(bench, pictures(640, 448), scale)
    assert end.error is None
    assert end.tensor.shape == (1, *size, 3)
    assert end.tensor.dtype == torch.float32
    assert end.info["size"] == [size[1], size[0]]
    assert end.info["warnings"] == []
    assert end.info["estimated_cost_usd"] == end.charged == {"2x": 0.02, "4x": 0.08}[scale]
    (sent,) = end.sent
    assert {**sent, "image": ""} == {"image": "", "scale": int(scale[0]), "creativity": 0.01}
    judge.validate_request("/image/upscale", sent)


def test_sends_the_image_as_it_is(
    bench: Bench, pictures: Pictures, opened: Any, arrays: Any
) -> None:
    image = pictures(320, 240) * 0.9 + 0.013
    (sent,) = upscale(bench, image).sent
    picture = opened(sent["image"])
    assert (picture.format, picture.mode) == ("PNG", "RGB")
    assert torch.equal(
        torch.tensor(list(picture.tobytes())).reshape(240, 320, 3),
        (image[0] * 255).round().to(torch.int64),
    )


def test_refuses_too_few_pixels_before_sending(bench: Bench, pictures: Pictures) -> None:
    end = upscale(bench, pictures(100, 100))
    assert end.error_name == "InvalidRequestError"
    assert "65,536" in end.first_line
    assert "100 × 100" in end.first_line
    assert end.sent == ()
    assert "65,536" in end.texts[-1]


@pytest.mark.parametrize(("size", "is_taken"), [((256, 256), True), ((255, 257), False)])
def test_takes_the_smallest_image_that_the_api_takes(
    bench: Bench, pictures: Pictures, size: tuple[int, int], is_taken: bool
) -> None:
    assert (upscale(bench, pictures(*size)).error is None) is is_taken


def test_refuses_twice_what_is_over_the_output_limit(bench: Bench, pictures: Pictures) -> None:
    end = upscale(bench, pictures(2056, 2048))
    assert end.error_name == "InvalidRequestError"
    assert "16,777,216" in end.first_line
    assert "2056 × 2048" in end.first_line
    assert end.sent == ()


def test_says_that_four_times_is_reduced(bench: Bench, pictures: Pictures) -> None:
    bench.sandbox.add_fault(Fault("small", image_size=(64, 64)), path="/image/upscale")
    end = upscale(bench, pictures(1500, 1200), "4x")
    assert end.error is None
    assert any("16,777,216" in text and "3.05x" in text for text in end.info["warnings"])
    assert "16,777,216" in end.texts[-1]


@pytest.mark.parametrize(
    ("size", "is_half"), [((2048, 2048), True), ((4096, 1024), True), ((2040, 2048), False)]
)
def test_says_where_2x_gives_the_same(
    bench: Bench, pictures: Pictures, size: tuple[int, int], is_half: bool
) -> None:
    bench.sandbox.add_fault(Fault.size(64, 64), path="/image/upscale")
    end = upscale(bench, pictures(*size), "4x")
    assert end.error is None
    told = any("2x gives the same size." in text for text in end.info["warnings"])
    assert told is is_half


@pytest.mark.parametrize("scale", ["2x", "4x"])
@pytest.mark.parametrize("size", [(4096, 4096), (16384, 1024), (4200, 4000), (4095, 4096)])
def test_refuses_to_pay_where_nothing_gets_larger(
    bench: Bench, scale: str, size: tuple[int, int]
) -> None:
    width, height = size
    end = upscale(bench, torch.zeros(1, 1, 1, 3).expand(1, height, width, 3), scale)
    assert end.error_name == "InvalidRequestError"
    assert f"{width} × {height}" in end.first_line
    assert "16,777,216" in end.first_line
    if scale == "4x":
        assert "so 4x wouldn't enlarge it" in end.first_line
    assert end.sent == ()
    assert bench.sandbox.paid_requests == []


def test_the_client_refuses_to_pay_where_nothing_gets_larger(
    client: Any, bench: Bench, encoded: Any
) -> None:
    package = bench.pack.venice_client
    request = package.UpscaleRequest(encoded((4096, 4096)), scale=4)
    with pytest.raises(package.errors.InvalidRequestError, match="wouldn't enlarge it"):
        client.upscale(request)
    assert bench.sandbox.paid_requests == []


@pytest.mark.parametrize("creativity", [0.0, 0.001, 0.02])
def test_sends_creativity_over_its_whole_range(
    bench: Bench, pictures: Pictures, creativity: float
) -> None:
    (sent,) = upscale(bench, pictures(), creativity=creativity).sent
    assert sent["creativity"] == creativity


def test_sends_creativity_as_shown(bench: Bench, pictures: Pictures) -> None:
    (sent,) = upscale(bench, pictures(), creativity=0.007000000000000001).sent
    assert sent["creativity"] == 0.007


@pytest.mark.parametrize("creativity", [-0.001, 0.021, float("nan"), float("inf")])
def test_refuses_creativity_that_the_api_would_clamp(
    bench: Bench, pictures: Pictures, creativity: float
) -> None:
    end = upscale(bench, pictures(), creativity=creativity)
    assert end.error_name == "InvalidRequestError"
    assert "creativity" in end.first_line
    assert end.sent == ()


@pytest.mark.parametrize("scale", ["3x", "2X", "x", "", "4.0x", "twice"])
def test_refuses_another_scale_by_wire(bench: Bench, pictures: Pictures, scale: str) -> None:
    end = upscale(bench, pictures(), scale)
    assert end.error_name == "InvalidRequestError"
    assert "2x or 4x" in end.first_line
    assert repr(scale) in end.first_line
    assert end.sent == ()


def test_images_of_a_batch_go_side_by_side(bench: Bench, pictures: Pictures) -> None:
    bench.hold(4, "/image/upscale")
    end = upscale(bench, pictures(count=4))
    assert bench.sandbox.max_concurrent == 4
    assert end.tensor.shape == (4, 480, 640, 3)
    assert end.charged == 0.08
    assert end.info["estimated_cost_usd"] == 0.08


def test_images_of_a_batch_stay_in_order(bench: Bench, pictures: Pictures) -> None:
    bench.sandbox.latency_s = 0.2
    end = upscale(bench, pictures(count=3))
    blue = end.tensor[:, 300, 400, 2].mul(255).round().tolist()
    assert blue == [0, 37, 74]


def test_a_larger_batch_pays_only_for_what_is_new(bench: Bench, pictures: Pictures) -> None:
    upscale(bench, pictures(count=2))
    end = upscale(bench, pictures(count=3))
    assert len(end.sent) == 1
    assert end.info["from_store"] == 2
    assert end.info["estimated_cost_usd"] == end.charged == 0.02


def test_equal_images_of_a_batch_are_paid_for_once(bench: Bench, pictures: Pictures) -> None:
    end = upscale(bench, pictures().expand(3, -1, -1, -1))
    assert end.tensor.shape[0] == 3
    assert end.charged == 0.02
    assert torch.equal(end.tensor[0], end.tensor[2])


def test_another_variation_asks_again_and_the_same_does_not(
    bench: Bench, pictures: Pictures
) -> None:
    first = upscale(bench, pictures())
    same = upscale(bench, pictures())
    other = upscale(bench, pictures(), variation=1)
    again = upscale(bench, pictures(), variation=1)
    assert [len(end.sent) for end in (first, same, other, again)] == [1, 0, 1, 0]
    assert torch.equal(first.tensor, same.tensor)
    assert other.sent == first.sent  # variation is not sent


def test_what_else_changes_asks_again(bench: Bench, pictures: Pictures) -> None:
    upscale(bench, pictures())
    assert upscale(bench, pictures(), scale="4x").sent
    assert upscale(bench, pictures(), creativity=0.011).sent
    assert upscale(bench, pictures(start=1)).sent


def test_an_answer_of_another_size_is_shown_as_it_came(
    bench: Bench, pictures: Pictures, encoded: Any
) -> None:
    fault = Fault.foreign_bytes(encoded((512, 300), format="WEBP"), "image/png")
    bench.sandbox.add_fault(fault, path="/image/upscale")
    end = upscale(bench, pictures())
    assert end.tensor.shape == (1, 300, 512, 3)


def test_info_holds_no_image(bench: Bench, pictures: Pictures) -> None:
    end = upscale(bench, pictures())
    assert end.info["requests"] == [{"image": "(left out)", "scale": 2, "creativity": 0.01}]
    assert end.info["model"] == "upscaler"
    assert len(end.outputs[1]) < 1000
