"""What comes back from /image/generate."""

from __future__ import annotations

import base64
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest

from venice_client.sandbox.drawing import Scene, draw_scene, encoded

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("format_name", ["png", "jpeg", "webp"])
def test_binary_answers_come_in_the_format_asked(api, opened, format_name):
    answer = api.generate(format=format_name, width=96)

    assert answer.headers["Content-Type"] == f"image/{format_name}"
    image = opened(answer.content)
    assert (image.format, image.size) == (format_name.upper(), (96, 64))


def test_webp_is_the_default(api):
    assert api.generate(format=...).headers["Content-Type"] == "image/webp"


def test_json_answers_carry_id_timing_and_request(api, opened):
    answer = api.generate(return_binary=...)

    told = answer.json()
    assert told["id"]
    assert set(told["timing"]) == {
        "inferenceDuration",
        "inferencePreprocessingTime",
        "inferenceQueueTime",
        "total",
    }
    assert told["request"]["seed"] == 7
    assert opened(base64.b64decode(told["images"][0])).size == (64, 64)


def test_only_the_first_variant_has_the_seed(api):
    first, again = (
        api.generate(return_binary=False, variants=4).json()["images"] for _ in range(2)
    )

    assert len({*first, *again}) == 7
    assert base64.b64decode(first[0]) == base64.b64decode(again[0]) == api.generate().content


@pytest.mark.parametrize("format_name", ["png", "webp"])
def test_a_transparent_background_leaves_opaque_parts_not_quite_opaque(api, opened, format_name):
    fields = {"model": "gpt-image-2-5-flare", "transparent_background": True}

    answer = api.generate(width=..., height=..., format=format_name, **fields)

    image = opened(answer.content)
    alpha = np.asarray(image)[..., 3]
    assert (image.mode, image.size) == ("RGBA", (1024, 1024))
    assert {alpha[0, 0], alpha[0, -1], alpha[-1, 0], alpha[-1, -1]} == {0}
    assert set(np.unique(alpha[400:600, 300:700])) <= {252, 253, 254}


def test_a_model_without_a_1k_tier_makes_its_own_default(api, opened):
    fields = {"model": "kling-v4-text-to-image", "width": ..., "height": ..., "format": "jpeg"}

    assert opened(api.generate(**fields).content).size == (2048, 2048)


def test_the_same_request_gives_the_same_image(api):
    assert api.generate().content == api.generate().content


def test_another_seed_gives_clearly_another_image(api, opened):
    first, second = (
        np.asarray(opened(api.generate(seed=seed, width=256, height=256).content), dtype=float)
        for seed in (100, 101)
    )

    assert np.abs(first - second).mean() > 10


@pytest.mark.parametrize("seed", [0, ...])
def test_no_seed_or_seed_0_is_random(api, seed):
    assert api.generate(seed=seed).content != api.generate(seed=seed).content


@pytest.mark.parametrize("change", [{"prompt": "a cat"}, {"style_preset": "Anime"}, {"steps": 3}])
def test_whatever_is_asked_changes_the_image(api, change):
    assert api.generate().content != api.generate(**change).content


def test_images_do_not_depend_on_the_process():
    script = (
        "import hashlib; from venice_client.sandbox.drawing import Scene, draw_scene;"
        "s = Scene('a fox', 'chroma', None, 7, (320, 200), bytes(range(32)));"
        "print(hashlib.sha256(draw_scene(s).tobytes()).hexdigest())"
    )

    def run(hash_seed):
        environment = {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", script]
        return subprocess.run(command, env=environment, capture_output=True, check=True).stdout

    assert run("1") == run("2")


@pytest.mark.parametrize(
    ("fields", "size"),
    [
        ({"model": "flux-2-pro", "aspect_ratio": "1:1"}, (1024, 1024)),
        ({"model": "flux-2-pro"}, (1024, 1024)),
        ({"model": "flux-2-pro", "aspect_ratio": "16:9"}, (1360, 768)),
        ({"model": "nano-banana-2", "aspect_ratio": "21:9", "resolution": "1K"}, (1568, 672)),
        ({"model": "nano-banana-2", "aspect_ratio": "3:4", "resolution": "2K"}, (1776, 2368)),
    ],
)
def test_ratio_and_tier_give_the_size(api, opened, fields, size):
    answer = api.generate(width=..., height=..., format="jpeg", **fields)

    assert opened(answer.content).size == size


@pytest.mark.parametrize(
    "size", [(8, 8), (16, 16), (8, 1280), (1280, 8), (64, 4096), (4096, 64), (100, 75), (300, 100)]
)
def test_every_size_can_be_drawn(size):
    scene = Scene("a long story " * 200, "chroma", "Anime", -7, size, bytes(32))

    image = draw_scene(scene)

    assert (image.size, image.mode) == (size, "RGB")


def test_any_text_can_be_drawn():
    prompt = "x" * 7000 + "\n\n\t雪の中の狐 🦊 é\x00"

    assert draw_scene(Scene(prompt, "chroma", None, 1, (256, 256), bytes(32)))


def test_the_mark_is_there():
    image = draw_scene(Scene("a fox", "chroma", None, 1, (512, 512), bytes(32)))

    colours = np.asarray(image).reshape(-1, 3)
    assert (colours == (255, 196, 0)).all(axis=1).sum() > 1000


def test_a_megapixel_is_drawn_quickly():
    def timed(digest):
        began = time.process_time()
        encoded(draw_scene(Scene("a fox", "chroma", None, 1, (1024, 1024), digest)), "png")
        return time.process_time() - began

    # Processor time, the best of several: the machine may be busy.
    assert min(timed(bytes([n]) * 32) for n in range(5)) < 0.5


def test_enhancement_tells_the_prompt_it_used(api):
    answer = api.generate(enhance_prompt=True, prompt="a fox & a crow")

    used = unquote(answer.headers["x-venice-enhanced-prompt"])
    assert used.startswith("a fox & a crow, ")
    assert "x-venice-enhanced-prompt" not in api.generate().headers


def test_a_detailed_prompt_is_not_rewritten_and_not_charged_for(api):
    answer = api.generate(enhance_prompt=True, prompt="detail " * 200)

    assert "x-venice-enhanced-prompt" not in answer.headers
    assert api.sandbox.charged_usd == 0.01


def test_a_model_that_goes_away_says_so(api):
    headers = api.generate(model="lustify-sdxl").headers

    assert headers["x-venice-deprecated"] == "true"
    assert headers["x-venice-deprecated-replacement"] == "lustify-v8"
    assert "lustify-v8" in headers["x-venice-model-deprecation-warning"]
    assert headers["x-venice-model-deprecation-date"].startswith("2027-01-31T")
    assert "x-venice-deprecated" not in api.generate().headers


def test_metadata_is_embedded_on_request(api, opened):
    image = opened(api.generate(embed_exif_metadata=True).content)

    assert "a fox" in image.getexif()[0x010E]
