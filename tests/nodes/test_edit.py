"""Venice Edit Image: which endpoint, which fields, which size, and what is asked again."""

from __future__ import annotations

import io
from collections.abc import Callable
from copy import copy
from typing import Any

import pytest
import torch
from PIL import Image

from bench import Bench
from faulty_sandbox import Fault

Pictures = Callable[..., torch.Tensor]
FIRERED = "firered-image-edit"
NANO = "nano-banana-2-edit"  # tiers, 6 images
GPT = "gpt-image-2-edit"  # tiers, qualities, no auto
ALONE = "luma-uni-1-edit"  # combines no images
FIVE = "ideogram-v4-6-edit"  # maxInputImages 5
GROK = "grok-imagine-edit"  # tiers 1K and 2K
SIX = "seedream-v4-edit"  # maxInputImages 6
KEEPS = "qwen-edit-uncensored"  # singleImageAspectRatio false
EDIT, MULTI = "/image/edit", "/image/multi-edit"


def edit(bench: Bench, image: torch.Tensor, model: str = FIRERED, **inputs: Any) -> Any:
    inputs = {"prompt": "make it night", **inputs}
    return bench.run("VeniceEditImage", image=image, model=model, **inputs)


def paths(bench: Bench) -> list[str]:
    return [request.path for request in bench.sandbox.paid_requests]


def pixel(opened: Any, data: str) -> tuple[int, ...]:
    return tuple(opened(data).getpixel((0, 0)))


def test_one_image_goes_to_edit(bench: Bench, pictures: Pictures, judge: Any) -> None:
    end = edit(bench, pictures())
    assert paths(bench) == [EDIT]
    (sent,) = end.sent
    assert {**sent, "image": ""} == {
        "image": "",
        "model": FIRERED,
        "prompt": "make it night",
        "output_format": "png",
        "safe_mode": True,
    }
    judge.validate_request(EDIT, sent)


def test_two_images_go_to_multi_edit_in_one_request(
    bench: Bench, pictures: Pictures, judge: Any, opened: Any
) -> None:
    end = edit(bench, pictures(), image_2=pictures(400, 300, start=2))
    assert paths(bench) == [MULTI]
    (sent,) = end.sent
    assert {**sent, "images": []} == {
        "images": [],
        "modelId": FIRERED,
        "prompt": "make it night",
        "output_format": "png",
        "safe_mode": True,
    }
    assert [opened(image).size for image in sent["images"]] == [(320, 240), (400, 300)]
    judge.validate_request(MULTI, sent)
    request = bench.sandbox.paid_requests[0]
    assert request.headers["content-type"].startswith("multipart/form-data")
    assert [type(image) for image in request.form["images"]] == [bytes] * 2


def test_the_judge_of_the_sandbox_looks_at_edits(
    bench: Bench, pictures: Pictures, judge: Any
) -> None:
    edit(bench, pictures())
    edit(bench, pictures(), image_2=pictures(start=1))
    bench.run("VeniceUpscaleImage", image=pictures(), scale="2x", creativity=0.01)
    bench.run("VeniceRemoveBackground", image=pictures())
    requests = bench.sandbox.paid_requests
    judge.judge_accepted(requests)
    wrong: dict[str, dict[str, Any]] = {
        EDIT: {"quality": "high"},
        MULTI: {"model": FIRERED},
        "/image/upscale": {"scale": 5},
        "/image/background-remove": {"model": FIRERED},
    }
    assert {request.path for request in requests} == set(wrong)
    for request in requests:
        change = wrong[request.path]
        changed = copy(request)
        changed.note(
            form={**request.form, **{name: [str(value)] for name, value in change.items()}}
        )
        with pytest.raises(judge.RequestRefused, match=next(iter(change))):
            judge.judge_accepted([changed])


def test_images_keep_their_order_whatever_is_left_out(
    bench: Bench, pictures: Pictures, opened: Any
) -> None:
    layers = {f"image_{i}": pictures(start=i) for i in (6, 3, 5)}
    (sent,) = edit(bench, pictures(), SIX, **layers).sent
    blue = [pixel(opened, image)[2] for image in sent["images"]]
    assert blue == [0, 3 * 37, 5 * 37, 6 * 37]


def test_an_edit_comes_back_in_the_size_of_the_input(bench: Bench, pictures: Pictures) -> None:
    end = edit(bench, pictures(640, 448))
    assert end.tensor.shape == (1, 448, 640, 3)
    assert end.info["size"] == [640, 448]
    assert any("1024 × 1024" in text and "640 × 448" in text for text in end.info["warnings"])


def test_keep_size_fills_without_stretching(bench: Bench, pictures: Pictures) -> None:
    answer = Image.new("RGB", (400, 200), (0, 0, 0))
    answer.paste((255, 255, 255), (100, 0, 300, 200))
    out = io.BytesIO()
    answer.save(out, "PNG")
    bench.sandbox.add_fault(Fault.body(out.getvalue()), path=EDIT)
    end = edit(bench, pictures(256, 256))
    assert end.tensor.shape == (1, 256, 256, 3)
    assert bool((end.tensor[:, :, 4:-4] > 0.99).all())  # nothing of the black sides


def test_without_keep_size_it_comes_as_it_is(bench: Bench, pictures: Pictures) -> None:
    end = edit(bench, pictures(640, 448), keep_size=False)
    assert end.tensor.shape == (1, 1024, 1024, 3)
    assert end.info["warnings"] == []


def test_a_jpeg_where_png_was_asked_for_is_taken(
    bench: Bench, pictures: Pictures, encoded: Any
) -> None:
    fault = Fault.body(encoded((512, 512), format="JPEG"), "image/png")
    bench.sandbox.add_fault(fault, path=EDIT)
    assert edit(bench, pictures()).tensor.shape == (1, 240, 320, 3)


def test_a_quality_goes_to_multi_edit(bench: Bench, pictures: Pictures, judge: Any) -> None:
    end = edit(bench, pictures(), GPT, quality="low")
    assert paths(bench) == [MULTI]
    (sent,) = end.sent
    assert sent["quality"] == "low"
    assert sent["modelId"] == GPT
    assert len(sent["images"]) == 1
    assert end.info["estimated_cost_usd"] == end.charged == 0.03


def test_a_quality_that_the_model_has_not_is_left_out_and_said(
    bench: Bench, pictures: Pictures
) -> None:
    end = edit(bench, pictures(), quality="high")
    assert "quality" not in end.sent[0]
    assert any("no quality setting" in text for text in end.info["warnings"])


def test_a_quality_that_the_model_does_not_offer_is_refused(
    bench: Bench, pictures: Pictures
) -> None:
    end = edit(bench, pictures(), "grok-imagine-image-2-0-edit", quality="high")
    assert end.error_name == "InvalidRequestError"
    assert "medium" in end.first_line
    assert end.sent == ()


def test_a_tier_is_sent_where_the_model_has_tiers(bench: Bench, pictures: Pictures) -> None:
    bench.sandbox.add_fault(Fault.size(64, 64), path=EDIT)
    end = edit(bench, pictures(), NANO, resolution="2K")
    assert end.sent[0]["resolution"] == "2K"
    assert end.info["estimated_cost_usd"] == end.charged == 0.14
    end = edit(bench, pictures(), FIRERED, resolution="2K")
    assert "resolution" not in end.sent[0]
    assert any("no resolution setting" in text for text in end.info["warnings"])


def test_a_tier_that_the_model_does_not_offer_is_refused(bench: Bench, pictures: Pictures) -> None:
    end = edit(bench, pictures(), GROK, resolution="4K")
    assert end.error_name == "InvalidRequestError"
    assert "2K" in end.first_line
    assert end.sent == ()


@pytest.mark.parametrize("ratio", ["1:1", "3:2", "16:9", "21:9", "9:16", "2:3", "3:4", "4:5"])
def test_every_ratio_of_the_schema_is_taken(bench: Bench, pictures: Pictures, ratio: str) -> None:
    end = edit(bench, pictures(), aspect_ratio=ratio, keep_size=False)
    assert end.sent[0]["aspect_ratio"] == ratio
    width, height = map(int, ratio.split(":"))
    assert end.tensor.shape[2] / end.tensor.shape[1] == pytest.approx(width / height, rel=0.02)


@pytest.mark.parametrize(
    ("ratio", "near"),
    [("4:3", "3:2"), ("5:4", "3:2"), ("7:3", "21:9"), ("1:2", "9:16"), ("2:1", "16:9")],
)
@pytest.mark.parametrize("model", [FIRERED, NANO])
def test_another_ratio_is_refused_and_the_nearest_named(
    bench: Bench, pictures: Pictures, model: str, ratio: str, near: str
) -> None:
    end = edit(bench, pictures(), model, aspect_ratio=ratio)
    assert end.error_name == "InvalidRequestError"
    assert ratio in end.first_line
    assert f"closest is {near}" in end.first_line
    assert end.sent == ()


@pytest.mark.parametrize("ratio", ["wide", "", "16:0", "16×9"])
def test_what_is_no_ratio_is_refused(bench: Bench, pictures: Pictures, ratio: str) -> None:
    end = edit(bench, pictures(), aspect_ratio=ratio)
    assert end.error_name == "InvalidRequestError"
    assert "16:9" in end.first_line
    assert end.sent == ()


def test_a_model_that_keeps_the_size_of_one_image_gets_no_ratio(
    bench: Bench, pictures: Pictures
) -> None:
    end = edit(bench, pictures(400, 300), KEEPS, aspect_ratio="16:9", keep_size=False)
    assert "aspect_ratio" not in end.sent[0]
    assert any("16:9 isn't sent" in text for text in end.info["warnings"])
    assert end.tensor.shape == (1, 300, 400, 3)
    two = edit(bench, pictures(), KEEPS, aspect_ratio="16:9", image_2=pictures(start=1))
    assert two.sent[0]["aspect_ratio"] == "16:9"


@pytest.mark.parametrize(
    ("model", "most"), [(ALONE, 1), (FIRERED, 3), (FIVE, 5), (SIX, 6)], ids=str
)
def test_never_more_images_than_the_model_takes(
    bench: Bench, pictures: Pictures, model: str, most: int
) -> None:
    layers = {f"image_{i}": pictures(start=i) for i in range(2, most + 2) if i < 7}
    if len(layers) >= most:
        over = edit(bench, pictures(), model, **layers)
        assert over.error_name == "InvalidRequestError"
        assert f"at most {most} image{'s' if most > 1 else ''}," in over.first_line
        assert over.sent == ()
    fewer = dict(list(layers.items())[: most - 1])
    end = edit(bench, pictures(), model, **fewer)
    assert end.error is None
    assert len(end.sent[0].get("images", [None])) == most


def test_images_of_a_batch_go_side_by_side(bench: Bench, pictures: Pictures) -> None:
    bench.hold(3, EDIT)
    end = edit(bench, pictures(count=3))
    assert bench.sandbox.max_concurrent == 3
    assert end.tensor.shape == (3, 240, 320, 3)
    assert end.charged == end.info["estimated_cost_usd"] == 0.12


def test_one_layer_goes_with_all_and_several_go_in_pairs(
    bench: Bench, pictures: Pictures, opened: Any
) -> None:
    end = edit(
        bench, pictures(count=2), image_2=pictures(start=5), image_3=pictures(count=2, start=3)
    )
    assert end.tensor.shape[0] == 2
    blue = sorted([pixel(opened, image)[2] for image in sent["images"]] for sent in end.sent)
    assert blue == [[0, 185, 111], [37, 185, 148]]


@pytest.mark.parametrize(("base", "layer"), [(2, 3), (1, 2), (3, 2)])
def test_other_numbers_of_layers_are_refused(
    bench: Bench, pictures: Pictures, base: int, layer: int
) -> None:
    end = edit(bench, pictures(count=base), image_3=pictures(count=layer, start=5))
    assert end.error_name == "InvalidRequestError"
    assert "image_3" in end.first_line
    said = f"has {layer} images. Connect 1 "
    assert said in end.first_line
    assert end.sent == ()


def test_a_small_layer_is_named(bench: Bench, pictures: Pictures) -> None:
    end = edit(bench, pictures(), image_4=pictures(100, 100))
    assert end.error_name == "InvalidRequestError"
    assert "image_4" in end.first_line
    assert "65,536" in end.first_line
    assert end.sent == ()


def test_a_small_image_is_refused(bench: Bench, pictures: Pictures) -> None:
    end = edit(bench, pictures(100, 100))
    assert "65,536" in end.first_line
    assert end.sent == ()


@pytest.mark.parametrize("prompt", ["", "  \n "])
def test_an_empty_prompt_is_refused(bench: Bench, pictures: Pictures, prompt: str) -> None:
    end = edit(bench, pictures(), prompt=prompt)
    assert end.error_name == "InvalidRequestError"
    assert end.first_line == "Enter a prompt."
    assert end.sent == ()


def test_a_prompt_that_is_too_long_is_refused_by_the_models_own_limit(
    bench: Bench, pictures: Pictures
) -> None:
    end = edit(bench, pictures(), prompt="x" * 1501)
    assert "1,500" in end.first_line
    assert end.sent == ()
    assert edit(bench, pictures(), prompt="é" * 1500).error is None


def test_an_unknown_model_is_sent_as_typed_and_the_nearest_named(
    bench: Bench, pictures: Pictures
) -> None:
    end = edit(bench, pictures(), "firered-image-edits")
    assert end.sent[0]["model"] == "firered-image-edits"
    assert "is firered-image-edit" in str(end.error)
    assert end.charged == 0


def test_another_variation_asks_again_and_the_same_does_not(
    bench: Bench, pictures: Pictures
) -> None:
    ends = [edit(bench, pictures(), variation=v) for v in (0, 0, 1, 1, 0)]
    assert [len(end.sent) for end in ends] == [1, 0, 1, 0, 0]
    assert ends[0].sent == ends[2].sent
    assert torch.equal(ends[0].tensor, ends[4].tensor)
    assert ends[1].info["estimated_cost_usd"] == 0
    assert ends[1].info["from_store"] == 1


def test_keep_size_and_if_flagged_ask_for_nothing_new(bench: Bench, pictures: Pictures) -> None:
    edit(bench, pictures(640, 448))
    assert edit(bench, pictures(640, 448), keep_size=False).sent == ()
    assert edit(bench, pictures(640, 448), if_flagged="continue").sent == ()


def test_enhancement_is_sent_and_estimated(bench: Bench, pictures: Pictures) -> None:
    end = edit(bench, pictures(), enhance_prompt=True)
    assert end.sent[0]["enhance_prompt"] is True
    assert end.info["enhanced_prompt"].startswith("make it night, ")
    assert end.info["estimated_cost_usd"] == end.charged == 0.08


def test_a_flagged_image_stops_and_is_kept(bench: Bench, pictures: Pictures) -> None:
    bench.sandbox.add_fault(Fault.flags(), path=EDIT)
    end = edit(bench, pictures())
    assert end.error_name == "FlaggedImageError"
    assert "The image is saved" in end.first_line
    shown = edit(bench, pictures(), if_flagged="continue")
    assert shown.sent == ()
    assert shown.tensor.shape == (1, 240, 320, 3)
    assert len([text for text in shown.info["warnings"] if "(image 1)" in text]) == 1


def test_one_flagged_image_of_a_batch_names_itself(bench: Bench, pictures: Pictures) -> None:
    image = pictures(count=2)
    edit(bench, image[:1])
    bench.sandbox.add_fault(Fault.flags(), path=EDIT)
    end = edit(bench, image)
    assert end.error_name == "BatchError"
    assert "(image 2)" in str(end.error)
    assert "(image 1)" not in str(end.error)


def test_info_holds_no_image(bench: Bench, pictures: Pictures) -> None:
    end = edit(bench, pictures(), image_2=pictures(start=1))
    (request,) = end.info["requests"]
    assert request["images"] == ["(left out)"] * 2
    assert request["modelId"] == end.info["model"] == FIRERED
    assert len(end.outputs[1]) < 1000


def test_the_client_refuses_several_images_for_edit(
    client: Any, bench: Bench, encoded: Any
) -> None:
    request = bench.pack.venice_client.request.edit.EditRequest((encoded((320, 240)),) * 2, "night")
    refused = bench.pack.venice_client.errors.InvalidRequestError
    with pytest.raises(refused, match="multi_edit"):
        client.edit(request)
    assert len(client.multi_edit(request).images) == 1


def test_multi_edit_is_the_endpoint_for_one_image_too(
    client: Any, bench: Bench, encoded: Any
) -> None:
    request = bench.pack.venice_client.request.edit.EditRequest((encoded((320, 240)),), "night")
    client.multi_edit(request)
    client.edit(request)
    paths = [sent.path for sent in bench.sandbox.paid_requests]
    assert paths == ["/image/multi-edit", "/image/edit"]
