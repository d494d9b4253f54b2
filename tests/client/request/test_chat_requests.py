"""What a text model gets: the image, the task, the idea, and what is refused before sending."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from PIL import Image

from venice_client import DescribeRequest, InvalidRequestError, WritePromptsRequest, plan_prompts
from venice_client.catalogue.catalogue import Catalogue
from venice_client.money import UpperBound
from venice_client.planned_request import PlannedRequest, plan_request
from venice_client.request.system_prompts import TASKS

SEES, BLIND = "google-gemma-3-27b-it", "zai-org-glm-5-2"
NO_SCHEMA = "qwen-3-7-max"


@pytest.fixture
def catalogue(home: Path) -> Catalogue:
    return Catalogue(home, "sandbox", lambda _type: (), lambda: ())


def png(width: int = 320, height: int = 240, mode: str = "RGB", alpha: int = 255) -> bytes:
    image = Image.linear_gradient("L").resize((width, height)).convert(mode)
    if mode == "RGBA":
        image.putalpha(alpha)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def planned(request: Any, catalogue: Catalogue) -> PlannedRequest:
    return plan_request(request, catalogue, "sandbox", lambda _key: False)


def sent(request: Any, catalogue: Catalogue) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(b"".join(planned(request, catalogue).body.packed()))
    return body


def image_in(body: dict[str, Any]) -> tuple[str, Image.Image]:
    url = body["messages"][1]["content"][1]["image_url"]["url"]
    head, _, data = url.partition(",")
    return head, Image.open(io.BytesIO(base64.b64decode(data)))


@pytest.mark.parametrize("task", TASKS)
def test_a_description_is_a_request_that_the_document_allows(
    task: str, catalogue: Catalogue, chat_judge: ModuleType
) -> None:
    body = sent(DescribeRequest(png(), task, instructions="Is it a fox?"), catalogue)

    chat_judge.validate_request("/chat/completions", body)
    assert body["max_completion_tokens"] == 500
    assert body["venice_parameters"] == {
        "include_venice_system_prompt": False,
        "disable_thinking": True,
    }
    assert "stream" not in body
    assert "variation" not in body
    assert "Is it a fox?" in body["messages"][1]["content"][0]["text"]


@pytest.mark.parametrize(("count", "image"), [(1, None), (4, None), (1, png()), (16, png())])
def test_prompts_are_a_request_that_the_document_allows(
    count: int, image: bytes | None, catalogue: Catalogue, chat_judge: ModuleType
) -> None:
    request = WritePromptsRequest("a fox", SEES, count, image, "in the style of ukiyo-e")

    body = sent(request, catalogue)

    chat_judge.validate_request("/chat/completions", body)
    assert body["max_completion_tokens"] == 800 * count
    text = body["messages"][1]["content"][0]["text"]
    assert "a fox" in text
    assert "ukiyo-e" in text
    assert ("response_format" in body) == (count > 1)
    if count > 1:
        form = body["response_format"]["json_schema"]
        assert form["strict"] is True
        assert form["schema"]["additionalProperties"] is False
        assert str(count) in body["messages"][0]["content"]


@pytest.mark.parametrize(
    ("mode", "alpha", "kind"), [("RGB", 255, "jpeg"), ("RGBA", 255, "jpeg"), ("RGBA", 90, "png")]
)
def test_an_image_is_sent_as_jpeg_or_as_png_if_it_is_transparent(
    mode: str, alpha: int, kind: str, catalogue: Catalogue
) -> None:
    head, image = image_in(sent(DescribeRequest(png(320, 240, mode, alpha)), catalogue))

    assert head == f"data:image/{kind};base64"
    assert image.size == (320, 240)


@pytest.mark.parametrize(
    ("size", "new"), [((4096, 2731), (2048, 1366)), ((2048, 64), None), ((100, 2049), (100, 2048))]
)
def test_a_large_image_is_scaled_and_a_warning_says_so(
    size: tuple[int, int], new: tuple[int, int] | None, catalogue: Catalogue
) -> None:
    plan = planned(DescribeRequest(png(*size)), catalogue)

    body = json.loads(b"".join(plan.body.packed()))
    assert image_in(body)[1].size == (new or size)
    if new is None:
        assert plan.payload.warnings == ()
    else:
        told = f"The image is {size[0]} × {size[1]} and is sent as {new[0]} × {new[1]}."
        assert plan.payload.warnings == (told,)


@pytest.mark.parametrize("size", [(63, 200), (4096, 100), (1, 1)])
def test_an_image_that_would_be_too_small_is_refused(
    size: tuple[int, int], catalogue: Catalogue
) -> None:
    with pytest.raises(InvalidRequestError, match=r"at least 64 per side"):
        planned(DescribeRequest(png(*size)), catalogue)


def test_metadata_of_an_image_file_is_not_sent(catalogue: Catalogue) -> None:
    image, out = Image.new("RGB", (80, 80)), io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = "my secret prompt"
    image.save(out, "JPEG", exif=exif)

    packed = b"".join(planned(DescribeRequest(out.getvalue()), catalogue).body.packed())

    data = json.loads(packed)["messages"][1]["content"][1]["image_url"]["url"].partition(",")[2]
    assert b"secret" not in base64.b64decode(data)


def test_what_is_shown_holds_no_image(catalogue: Catalogue) -> None:
    shown = planned(DescribeRequest(png()), catalogue).payload.shown

    assert shown["messages"][1]["content"][1] == {
        "type": "image_url",
        "image_url": {"url": "(left out)"},
    }


def test_traits_become_the_models_that_they_mean(catalogue: Catalogue) -> None:
    assert sent(DescribeRequest(png()), catalogue)["model"] == "qwen-3-8-27b"
    assert sent(WritePromptsRequest("a fox"), catalogue)["model"] == "zai-org-glm-5-2"


def test_the_default_sees_if_there_is_an_image(catalogue: Catalogue) -> None:
    request = WritePromptsRequest("a fox", count=2, image=png())

    assert sent(request, catalogue)["model"] == "qwen-3-8-27b"
    assert plan_prompts(request, catalogue) == [request]


def test_an_unknown_model_is_sent_as_it_is(catalogue: Catalogue) -> None:
    plan = planned(DescribeRequest(png(), model="of-tomorrow"), catalogue)

    assert plan.payload.fields["model"] == "of-tomorrow"
    assert plan.price is None
    dearest = planned(DescribeRequest(png(), model="claude-fable-5"), catalogue)
    assert plan.max_price is not None
    assert plan.max_price >= (dearest.max_price or 0)


@pytest.mark.parametrize(
    "request_", [DescribeRequest(png(), model=BLIND), WritePromptsRequest("a", BLIND, image=png())]
)
def test_a_model_that_cannot_see_is_refused_with_one_that_can(
    request_: Any, catalogue: Catalogue
) -> None:
    with pytest.raises(InvalidRequestError, match=r"doesn't accept images.*such as qwen-3-8-27b"):
        planned(request_, catalogue)


def test_an_image_model_is_refused(catalogue: Catalogue) -> None:
    with pytest.raises(InvalidRequestError, match=r"can't write text. Choose a text model"):
        planned(WritePromptsRequest("a fox", "z-image-turbo"), catalogue)


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        (DescribeRequest(png(), "haiku"), "task must be"),
        (DescribeRequest(png(), "question"), "Enter a question"),
        (DescribeRequest(png(), max_tokens=15), "max_tokens must be"),
        (DescribeRequest(png(), max_tokens=4097), "max_tokens must be"),
        (DescribeRequest(png(), variation=-1), "variation must be"),
        (DescribeRequest(png(), instructions="a\0b"), "NUL"),
        (DescribeRequest(png(), instructions="\ud800"), "an unpaired surrogate"),
        (DescribeRequest(b"no image"), "must be a complete PNG"),
        (WritePromptsRequest(" \n"), "Enter an idea"),
        (WritePromptsRequest("a" * 40_000), "Shorten the idea"),
        (WritePromptsRequest("a", count=0), "count must be"),
        (WritePromptsRequest("a", count=17), "count must be"),
        (WritePromptsRequest("a", NO_SCHEMA, count=2), "can't write several"),
    ],
)
def test_known_mistakes_are_refused(request_: Any, says: str, catalogue: Catalogue) -> None:
    with pytest.raises(InvalidRequestError, match=says):
        planned(request_, catalogue)


def test_variation_and_pixels_are_a_part_of_the_key(catalogue: Catalogue) -> None:
    keys = [
        planned(request, catalogue).key
        for request in (
            DescribeRequest(png()),
            DescribeRequest(png(), variation=1),
            DescribeRequest(png(321)),
            DescribeRequest(png(), "caption"),
            DescribeRequest(png(), model=SEES),
        )
    ]

    assert len(set(keys)) == 5
    assert planned(DescribeRequest(png(), label="another"), catalogue).key == keys[0]
    assert planned(DescribeRequest(png(), model="qwen-3-8-27b"), catalogue).key == keys[0]


def test_several_prompts_are_one_request_where_the_model_takes_a_schema(
    catalogue: Catalogue,
) -> None:
    several = WritePromptsRequest("a fox", SEES, count=4)
    assert plan_prompts(several, catalogue) == [several]

    for model in (NO_SCHEMA, "of-tomorrow"):
        parts = plan_prompts(WritePromptsRequest("a fox", model, count=4), catalogue)
        plans = [planned(part, catalogue) for part in parts]
        assert len({plan.key for plan in plans}) == 4
        assert all("response_format" not in plan.payload.fields for plan in plans)
        assert "2 of 4" in plans[1].payload.fields["messages"][1]["content"][0]["text"]


def test_the_price_is_an_upper_bound_of_input_image_and_answer(catalogue: Catalogue) -> None:
    plan = planned(DescribeRequest(png(1024, 1024), model=SEES), catalogue)

    assert isinstance(plan.price, UpperBound)
    assert plan.price == plan.max_price
    assert 500 * 0.20 / 1e6 < plan.price < 0.002
    longer = planned(DescribeRequest(png(1024, 1024), model=SEES, max_tokens=4096), catalogue)
    assert longer.price is not None
    assert longer.price - plan.price == pytest.approx(3596 * 0.20 / 1e6)


def test_the_text_models_are_listed_cheapest_first(catalogue: Catalogue) -> None:
    seeing = catalogue.text_models(sees=True)

    assert len(catalogue.text_models()) > len(seeing) > 50
    assert all(model.sees for model in seeing)
    prices = [
        model.pricing["input"]["usd"] * 4 + model.pricing["output"]["usd"] for model in seeing
    ]
    assert prices == sorted(prices)
    assert catalogue.models() == [m for m in catalogue.models() if m.type != "text"]
