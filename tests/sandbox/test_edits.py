"""Edit, multi-edit, upscale and background removal."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from PIL import Image

EDIT, MULTI_EDIT = "/image/edit", "/image/multi-edit"
UPSCALE, CUTOUT = "/image/upscale", "/image/background-remove"
SAME_SIZE = {"model": "qwen-edit-uncensored"}
FIRERED, TIERED = {"model": "firered-image-edit"}, {"model": "nano-banana-2-edit"}
LUMA = {"model": "luma-uni-1-edit"}
COMBINING, GPT = {"modelId": "nano-banana-2-edit"}, {"modelId": "gpt-image-2-edit"}

# path, field the refusal names, fields that are taken, fields that are not
RULES = [
    (EDIT, "prompt", {}, {"prompt": ""}),
    (EDIT, "prompt", {}, {"prompt": ...}),
    (EDIT, "prompt", {}, {"prompt": "  "}),
    (EDIT, "prompt", {"prompt": "x" * 1500}, {"prompt": "x" * 1501}),
    (EDIT, "prompt", {}, {"prompt": "x" * 32_769}),
    (EDIT, "image", {}, {"image": ...}),
    (EDIT, "image", {}, {"image": 7}),
    (EDIT, "aspect_ratio", {"aspect_ratio": "auto"}, {"aspect_ratio": "4:3"}),
    (EDIT, "aspect_ratio", {**LUMA, "aspect_ratio": "4:3"}, {**LUMA, "aspect_ratio": "8:6"}),
    (EDIT, "aspect_ratio", {**TIERED, "aspect_ratio": "4:5"}, {**TIERED, "aspect_ratio": "5:4"}),
    (MULTI_EDIT, "aspect_ratio", {**GPT, "aspect_ratio": "1:1"}, {**GPT, "aspect_ratio": "auto"}),
    (EDIT, "resolution", {**TIERED, "resolution": "2K"}, {**FIRERED, "resolution": "2K"}),
    (EDIT, "resolution", {**TIERED, "resolution": "1K"}, {**TIERED, "resolution": "8K"}),
    (EDIT, "output_format", {"output_format": "webp"}, {"output_format": "jpg"}),
    (EDIT, "safe_mode", {"safe_mode": False}, {"safe_mode": 0}),
    (EDIT, "enhance_prompt", {"enhance_prompt": True}, {"enhance_prompt": "true"}),
    (MULTI_EDIT, "images", {}, {"images": []}),
    (MULTI_EDIT, "images", {}, {"images": ...}),
    (MULTI_EDIT, "images", {}, {"images": "x"}),
    (MULTI_EDIT, "quality", {**GPT, "quality": "low"}, {**GPT, "quality": "best"}),
    (MULTI_EDIT, "quality", {**GPT, "quality": "low"}, {**COMBINING, "quality": "low"}),
    (MULTI_EDIT, "modelId", COMBINING, {"modelId": ""}),
    (UPSCALE, "scale", {"scale": 2}, {"scale": 3}),
    (UPSCALE, "scale", {"scale": 4.0}, {"scale": 8}),
    (UPSCALE, "scale", {}, {"scale": "2"}),
    (UPSCALE, "creativity", {"creativity": 5}, {"creativity": "0.01"}),
    (UPSCALE, "creativity", {"creativity": None}, {"creativity": True}),
]
STRAY = [
    (EDIT, "quality"),
    (EDIT, "seed"),
    (EDIT, "images"),
    (MULTI_EDIT, "model"),
    (MULTI_EDIT, "image"),
    (MULTI_EDIT, "seed"),
    (CUTOUT, "model"),
]


@pytest.fixture
def send(api, encoded_picture):
    """Sends a request that holds, but for the fields given; ... leaves one out."""
    image = encoded_picture()
    bodies = {
        EDIT: {**SAME_SIZE, "image": image, "prompt": "add snow"},
        MULTI_EDIT: {"modelId": "firered-image-edit", "images": [image], "prompt": "add snow"},
        UPSCALE: {"image": image},
        CUTOUT: {"image": image},
    }

    def post(path, **fields):
        payload = {**bodies[path], **fields}
        return api.post(path, {k: v for k, v in payload.items() if v is not ...})

    return post


@pytest.mark.parametrize(("path", "name", "taken", "refused"), RULES)
def test_a_rule_takes_one_value_and_refuses_another(send, path, name, taken, refused):
    assert send(path, **taken).status_code == 200

    answer = send(path, **refused)

    assert answer.status_code == 400
    assert answer.json()["details"][name]["_errors"]


@pytest.mark.parametrize(("path", "name"), STRAY)
@pytest.mark.parametrize("in_form", [False, True])
def test_a_stray_field_is_refused_by_name(api, send, picture, path, name, in_form):
    if in_form and name != "images":
        files = {"images" if path == MULTI_EDIT else "image": picture()}
        answer = api.post(path, data={"prompt": "x", name: "x"}, files=files)
    else:
        answer = send(path, **{name: "x"})

    assert answer.status_code == 400
    assert repr(name) in answer.json()["details"]["_errors"][0]


@pytest.mark.parametrize(
    ("path", "field"),
    [(EDIT, "image"), (MULTI_EDIT, "images"), (UPSCALE, "image")],
)
@pytest.mark.parametrize(
    ("size", "status", "code"),
    [
        ((256, 256), 200, None),
        ((256, 255), 400, "IMAGE_TOO_SMALL"),
        ((1100, 64), 200, None),
        ((1100, 63), 400, "IMAGE_TOO_SMALL"),
        ((33_177_601, 1), 422, "IMAGE_TOO_LARGE"),
    ],
)
def test_images_have_a_least_and_a_greatest_size(
    send, encoded_picture, path, field, size, status, code
):
    image = encoded_picture(*size)

    answer = send(path, **{field: [image] if field == "images" else image})

    assert answer.status_code == status
    if code is not None:
        assert answer.json()["code"] == code


@pytest.mark.parametrize("size", [(1, 1), (256, 255)])
def test_a_cutout_is_made_of_however_few_pixels(send, opened, encoded_picture, size):
    answer = send(CUTOUT, image=encoded_picture(*size))

    assert answer.status_code == 200
    assert opened(answer.content).size == size


def test_upscale_ignores_what_it_does_not_know(send):
    assert send(UPSCALE, enhance=True, model="x").status_code == 200


@pytest.mark.parametrize("path", [EDIT, UPSCALE, CUTOUT])
def test_an_image_must_decode(send, picture, path):
    cut = base64.b64encode(picture()[:200]).decode()

    for image in (cut, "bm8gcGljdHVyZQ==", "no base64!", "é", "data:image/png;base64,é"):
        answer = send(path, image=image)
        assert (answer.status_code, answer.json()["code"]) == (400, "CORRUPTED_IMAGE")


def test_an_image_of_25_mb_is_too_large(send, picture):
    padded = base64.b64encode(picture() + bytes(25_000_000)).decode()

    answer = send(CUTOUT, image=padded)

    assert (answer.status_code, answer.json()["code"]) == (422, "IMAGE_TOO_LARGE")


def test_files_may_be_large_together_but_not_one_alone(api, picture):
    padded = picture() + bytes(14_000_000)
    fields = {"modelId": "firered-image-edit", "prompt": "add snow"}

    together = api.post(MULTI_EDIT, data=fields, files=[("images", padded)] * 3)
    alone = api.post(CUTOUT, files={"image": picture() + bytes(25_000_000)})

    assert together.status_code == 200
    assert (alone.status_code, alone.json()["code"]) == (422, "IMAGE_TOO_LARGE")


@pytest.mark.parametrize("path", [EDIT, UPSCALE, CUTOUT])
def test_a_data_uri_and_an_upload_do_as_well_as_base64(api, send, picture, encoded_picture, path):
    fields = {**SAME_SIZE, "prompt": "add snow", "safe_mode": "true"} if path == EDIT else {}
    plain = send(path)

    uri = send(path, image=f"data:image/png;base64,{encoded_picture()}")
    upload = api.post(path, data=fields, files={"image": ("a.png", picture(), "image/png")})

    # Upscale takes raw base64 only.
    assert (plain.status_code, upload.status_code) == (200, 200)
    assert uri.status_code == (400 if path == UPSCALE else 200)
    assert plain.content == upload.content
    assert path == UPSCALE or uri.content == plain.content


def test_multi_edit_takes_several_uploads(api, send, picture, encoded_picture):
    files = [("images", (f"{n}.png", picture(), "image/png")) for n in range(2)]
    fields = {"modelId": "firered-image-edit", "prompt": "add snow"}

    upload = api.post(MULTI_EDIT, data=fields, files=files)

    assert upload.status_code == 200
    assert upload.content == send(MULTI_EDIT, images=[encoded_picture()] * 2).content
    form = api.sandbox.requests[0].form
    assert form["prompt"] == ["add snow"]
    assert form["images"] == [picture()] * 2


def test_uploads_are_as_strict_as_json(api, picture):
    files = {"image": ("a.png", picture(), "image/png")}

    scale = api.post(UPSCALE, data={"scale": "3"}, files=files)
    fine = api.post(UPSCALE, data={"scale": "4", "creativity": "0.01"}, files=files)
    text = api.post(MULTI_EDIT, files={"prompt": (None, "x"), "images": (None, "x")})
    twice = api.post(UPSCALE, files=[*files.items(), *files.items()])
    latin = api.post(EDIT, data={"prompt": b"\xe9"}, files=files)
    prompt = api.post(EDIT, files={**files, "prompt": ("a.txt", b"x", "text/plain")})
    broken = api.post(
        UPSCALE, data=b"--x\r\n", headers={"Content-Type": "multipart/form-data; boundary=x"}
    )

    assert fine.status_code == 200
    refused = (scale, text, twice, latin, prompt, broken)
    assert [answer.status_code for answer in refused] == [400] * 6


@pytest.mark.parametrize(
    ("model", "most"),
    [
        ("firered-image-edit", 3),
        ("luma-uni-1-edit", 1),
        ("seedream-v4-edit", 6),
    ],
)
def test_no_more_images_than_the_model_takes(send, encoded_picture, model, most):
    def sent(count):
        return send(MULTI_EDIT, modelId=model, images=[encoded_picture()] * count).status_code

    assert [sent(most), sent(most + 1)] == [200, 400]


@pytest.mark.parametrize(
    ("model", "status", "code"),
    [("nobody-edit", 404, "MODEL_NOT_FOUND"), ("chroma", 400, "INVALID_MODEL")],
)
def test_an_edit_needs_an_edit_model(send, model, status, code):
    for answer in (send(EDIT, model=model), send(MULTI_EDIT, modelId=model)):
        assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize(
    ("fields", "size", "format_name"),
    [
        (FIRERED, (1024, 1024), "PNG"),
        ({**FIRERED, "aspect_ratio": "16:9"}, (1360, 768), "PNG"),
        ({**FIRERED, "output_format": "webp"}, (1024, 1024), "WEBP"),
        (TIERED, (1248, 832), "PNG"),
        ({**TIERED, "resolution": "2K", "aspect_ratio": "1:1"}, (2048, 2048), "JPEG"),
        ({**TIERED, "resolution": "2K", "output_format": "png"}, (2512, 1680), "PNG"),
        ({"model": "qwen-edit-uncensored", "aspect_ratio": "1:1"}, (320, 240), "PNG"),
    ],
)
def test_the_edit_has_the_size_and_format_of_its_tier(send, opened, fields, size, format_name):
    answer = send(EDIT, **fields)

    image = opened(answer.content)
    assert (image.size, image.format) == (size, format_name)
    assert answer.headers["Content-Type"] == f"image/{format_name.lower()}"
    assert answer.headers["x-venice-model-id"] == fields["model"]


@pytest.mark.parametrize("path", [EDIT, MULTI_EDIT])
def test_a_transparent_background_is_made_where_model_and_format_can(send, opened, path):
    name = "modelId" if path == MULTI_EDIT else "model"
    asked = {name: "gpt-image-2-5-flare-edit", "transparent_background": True}

    fine = send(path, **asked)
    jpeg = send(path, **asked, output_format="jpeg")
    large = send(path, **asked, resolution="2K")
    other = send(path, transparent_background=True)

    assert opened(fine.content).mode == "RGBA"
    for answer in (jpeg, large, other):
        assert answer.status_code == 400
        assert answer.json()["details"]["transparent_background"]["_errors"]


def test_edits_show_prompt_and_number_of_images(send, encoded_picture):
    one = send(MULTI_EDIT)
    other_prompt = send(MULTI_EDIT, prompt="remove the tree")
    two = send(MULTI_EDIT, images=[encoded_picture()] * 2)

    assert len({one.content, other_prompt.content, two.content}) == 3
    assert send(MULTI_EDIT).content == one.content


@pytest.mark.parametrize(
    ("size", "scale", "result"),
    [
        ((640, 448), 2, (1280, 896)),
        ((640, 448), 4, (2560, 1792)),
        ((640, 448), ..., (1280, 896)),
        ((2048, 1024), 4, (5792, 2896)),
        ((2048, 2048), 2, (4096, 4096)),
    ],
)
def test_upscale_enlarges_and_reduces_a_4x_that_is_too_large(
    send, opened, encoded_picture, size, scale, result
):
    image = opened(send(UPSCALE, image=encoded_picture(*size), scale=scale).content)

    assert (image.size, image.format) == (result, "PNG")
    assert image.width * image.height <= 16_777_216


def test_a_2x_that_is_too_large_is_refused(send, encoded_picture):
    answer = send(UPSCALE, image=encoded_picture(2049, 2048))

    assert (answer.status_code, answer.json()["code"]) == (422, "IMAGE_TOO_LARGE")


def test_the_cutout_is_clear_in_its_corners_and_solid_in_the_middle(send, opened):
    image = opened(send(CUTOUT).content)

    assert (image.mode, image.size, image.format) == ("RGBA", (320, 240), "PNG")
    alpha = np.asarray(image)[..., 3]
    assert {alpha[0, 0], alpha[0, -1], alpha[-1, 0], alpha[-1, -1]} == {0}
    assert alpha[120, 160] == 255
    assert image.getpixel((160, 120))[:3] == (200, 90, 40)


def test_background_removal_takes_one_image_in_one_way(send):
    assert send(CUTOUT, image=...).status_code == 400
    assert send(CUTOUT, image_url="https://example.com/a.png").status_code == 400
    assert send(CUTOUT, image=..., image_url="https://example.com/a.png").status_code == 400


def test_transparent_images_can_be_sent(api, tmp_path):
    path = tmp_path / "clear.png"
    Image.new("RGBA", (300, 300), (0, 0, 0, 0)).save(path)
    image = base64.b64encode(path.read_bytes()).decode()

    assert api.post(UPSCALE, {"image": image}).status_code == 200
