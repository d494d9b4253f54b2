"""Generate, Style and Seed on the sandbox: what is sent, what comes out, what goes wrong."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from bench import PROMPT, Bench, held_until
from faulty_sandbox import Fault

INFO_KEYS = {
    "model",
    "seeds",
    "size",
    "requests",
    "request_ids",
    "timing",
    "warnings",
    "estimated_cost_usd",
    "from_store",
    "enhanced_prompt",
}


def picture(width: int, height: int, **colours: Any) -> bytes:
    noise = np.random.default_rng(width).integers(0, 256, (height, width, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "PNG", **colours)
    return file.getvalue()


def test_one_image(bench: Bench) -> None:
    end = bench.generate(width=96, height=64)

    assert end.tensor.shape == (1, 64, 96, 3)
    assert end.tensor.dtype == torch.float32
    assert end.tensor.device.type == "cpu"
    assert end.tensor.is_contiguous()
    assert 0.0 <= float(end.tensor.min()) < float(end.tensor.max()) <= 1.0
    told = end.info
    assert set(told) >= INFO_KEYS
    assert told["model"] == "z-image-turbo"
    assert told["seeds"] == [100]
    assert told["size"] == [96, 64]
    assert told["requests"] == [bench.sandbox.paid_requests[0].json]
    assert told["warnings"] == []
    assert told["from_store"] == 0
    assert told["enhanced_prompt"] is None


def test_pixels_are_exactly_those_of_the_file(bench: Bench) -> None:
    data = picture(64, 64)
    bench.sandbox.add_fault(Fault.body(data))
    end = bench.generate()
    wanted = np.array(Image.open(io.BytesIO(data)))
    assert np.array_equal(end.tensor[0].numpy(), wanted.astype(np.float32) / np.float32(255))
    assert np.array_equal((end.tensor[0].numpy() * 255).round().astype(np.uint8), wanted)


@pytest.mark.parametrize("format", ["png", "webp", "jpeg"])
def test_every_format_becomes_an_image(bench: Bench, format: str) -> None:
    end = bench.generate(format=format)
    assert end.tensor.shape == (1, 64, 64, 3)


def test_a_batch_of_five_from_seed_100_sends_100_to_104(bench: Bench) -> None:
    end = bench.generate(seed=100, batch_size=5)
    assert end.seeds == [100, 101, 102, 103, 104]
    assert end.pictures == 5
    assert end.info["seeds"] == [100, 101, 102, 103, 104]


def test_images_of_a_batch_come_in_the_order_of_their_seeds(bench: Bench) -> None:
    bench.sandbox.add_fault(Fault.latency(0.5), when=lambda payload: payload["seed"] == 100)
    batch = bench.generate(seed=100, batch_size=3).tensor
    bench.sandbox.clear_faults()
    for i in range(3):
        end = bench.generate(seed=100 + i)
        assert torch.equal(end.tensor[0], batch[i])
        assert end.info["from_store"] == 1
    assert len(bench.sandbox.paid_requests) == 3


def test_variants_are_one_request_for_four_and_one_for_one(bench: Bench) -> None:
    end = bench.generate(seed=100, batch_size=5, batch_mode="variants")
    sent = sorted((r.json["seed"], r.json.get("variants", 1)) for r in bench.sandbox.paid_requests)
    assert sent == [(100, 4), (104, 1)]
    assert end.pictures == 5
    assert len(end.info["request_ids"]) == 2


@pytest.mark.parametrize(
    ("seed", "sent"), [(0, 999_999_999), (10**9, 1), (2**64 - 1, (2**64 - 2) % 999_999_999 + 1)]
)
def test_any_64_bit_seed_is_folded_and_said(bench: Bench, seed: int, sent: int) -> None:
    end = bench.generate(seed=seed)
    assert end.seeds == [sent]
    assert end.info["seeds"] == [sent]
    (warning,) = (w for w in end.info["warnings"] if "out of range" in w)
    assert str(seed) in warning
    assert str(sent) in warning


def test_images_of_a_batch_are_made_side_by_side(bench: Bench) -> None:
    bench.hold(8, "/image/generate")
    assert bench.generate(batch_size=8).pictures == 8
    assert bench.sandbox.max_concurrent == 8


def test_no_more_at_once_than_is_set(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VENICE_MAX_IN_FLIGHT", "3")
    bench.hold(6, "/image/generate", together=3)
    assert bench.generate(batch_size=8).pictures == 8
    assert bench.sandbox.max_concurrent == 3


def test_only_what_was_set_is_sent(bench: Bench) -> None:
    end = bench.generate(
        style=" Anime ",
        negative_prompt="rain",
        steps=4,
        cfg_scale=7.300000000000001,
        lora_strength=0,
        safe_mode=False,
        hide_watermark=False,
        enhance_prompt=True,
        skip_prompt_thinking=True,
    )
    assert end.sent[0] == {
        "model": "z-image-turbo",
        "prompt": PROMPT,
        "negative_prompt": "rain",
        "width": 64,
        "height": 64,
        "seed": 100,
        "style_preset": "Anime",
        "steps": 4,
        "cfg_scale": 7.3,
        "lora_strength": 0,
        "format": "png",
        "return_binary": True,
        "safe_mode": False,
        "hide_watermark": False,
        "enhance_prompt": True,
        "disable_prompt_optimization_thinking": True,
    }


def test_what_was_left_alone_is_not_sent(bench: Bench) -> None:
    (sent,) = bench.generate(style="").sent
    assert set(sent) == {
        "model",
        "prompt",
        "width",
        "height",
        "seed",
        "format",
        "return_binary",
        "safe_mode",
        "hide_watermark",
    }


def test_the_prompt_that_was_used_is_told(bench: Bench) -> None:
    end = bench.generate(enhance_prompt=True)
    assert end.info["enhanced_prompt"].startswith(f"{PROMPT}, ")


@pytest.mark.parametrize(
    ("model", "size"), [("z-image-turbo", (1344, 768)), ("seedream-v4", (1024, 640))]
)
def test_what_changes_the_size_is_a_warning(
    bench: Bench, model: str, size: tuple[int, int]
) -> None:
    end = bench.generate(model=model, width=size[0], height=size[1])
    assert any(f"{size[0]} × {size[1]}" in w for w in end.info["warnings"])


def test_another_size_than_asked_is_shown_as_it_is_and_said(bench: Bench) -> None:
    bench.sandbox.add_fault(Fault.size(80, 48))
    end = bench.generate()
    assert end.tensor.shape == (1, 48, 80, 3)
    assert "z-image-turbo returned 80 × 48 instead of 64 × 64." in end.info["warnings"]


def test_other_sizes_within_a_batch_are_fitted_to_the_first(bench: Bench) -> None:
    bench.sandbox.add_fault(Fault.size(80, 48), when=lambda payload: payload["seed"] == 101)
    end = bench.generate(seed=100, batch_size=3)
    assert end.tensor.shape == (3, 64, 64, 3)
    assert any("80 × 48" in w and "64 × 64" in w for w in end.info["warnings"])


def test_a_deprecated_model_warns_with_replacement_and_date(bench: Bench) -> None:
    end = bench.generate(model="lustify-sdxl")
    (warning,) = (w for w in end.info["warnings"] if "deprecated" in w)
    assert "`lustify-v8`" in warning
    assert "2027-01-31" in warning


def test_a_flagged_image_stops_the_run_and_is_kept(bench: Bench) -> None:
    bench.sandbox.add_fault(Fault.flags())
    end = bench.generate()
    assert end.error_name == "FlaggedImageError"
    assert "if_flagged" in end.first_line

    end = bench.generate(if_flagged="continue")

    assert end.pictures == 1
    assert end.info["from_store"] == 1
    assert any("seed 100" in warning for warning in end.info["warnings"])
    assert len(bench.sandbox.paid_requests) == 1


def test_continue_shows_a_flagged_image_with_a_warning(bench: Bench) -> None:
    bench.sandbox.add_fault(Fault.flags())
    end = bench.generate(if_flagged="continue")
    assert end.pictures == 1
    assert "blurred" in " ".join(end.info["warnings"])


def test_a_violation_stops_the_run_and_says_that_nothing_was_charged(bench: Bench) -> None:
    bench.sandbox.add_fault(Fault.violation())
    end = bench.generate()
    assert end.error_name == "ContentViolationError"
    assert end.first_line == (
        "Venice blocked this image (seed 100): it violates the content policy. "
        "You weren't charged. Change the prompt."
    )
    assert "may have been charged" not in str(end.error)
    assert bench.entries == []
    assert bench.generate().charged == 0.01


@pytest.mark.parametrize(
    ("status", "name"),
    [(401, "AuthenticationError"), (402, "PaymentRequiredError"), (403, "PermissionDeniedError")],
)
def test_what_holds_for_all_drops_what_is_not_sent(
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    name: str,
) -> None:
    monkeypatch.setenv("VENICE_MAX_IN_FLIGHT", "1")
    bench.sandbox.add_fault(Fault.status(status), times=None)
    assert bench.generate(batch_size=8).error_name == name
    assert len(bench.sandbox.paid_requests) == 1


def test_a_wrong_key_leads_to_the_settings_of_the_page(bench: Bench) -> None:
    bench.sandbox.add_fault(Fault.status(401), times=None)
    end = bench.generate()
    assert end.first_line.startswith("Venice didn't accept your API key. Check that")
    assert "\nEnter it in Settings → Venice, or set VENICE_API_KEY on the server." in str(end.error)


def test_one_refused_image_leaves_the_others_and_only_it_is_paid_for_again(bench: Bench) -> None:
    bench.sandbox.add_fault(Fault.status(422), when=lambda payload: payload["seed"] == 102)
    end = bench.generate(seed=100, batch_size=4)
    assert end.error_name == "BatchError"
    assert "3 of 4" in str(end.error)
    assert "100" in str(end.error)
    assert len(bench.sandbox.paid_requests) == 4

    end = bench.generate(seed=100, batch_size=4)

    assert end.pictures == 4
    assert len(bench.sandbox.paid_requests) == 5
    assert end.info["from_store"] == 3


@pytest.mark.parametrize(
    "fault",
    [
        Fault.foreign_bytes(b"<html>", "text/html"),
        Fault.foreign_bytes(b""),
        Fault.body(picture(64, 64)[:-100]),
        Fault.body(b'{"error": "no"}', "application/json"),
    ],
    ids=["page", "empty", "cut", "json"],
)
def test_what_is_no_image_is_an_error_and_never_a_blank_one(bench: Bench, fault: Fault) -> None:
    bench.sandbox.add_fault(fault)
    end = bench.generate()
    assert end.error_name == "BadResponseError"
    assert "may have been charged" in str(end.error)
    end = bench.generate()
    assert end.pictures == 1
    assert len(bench.sandbox.paid_requests) == 2


def test_without_a_key_nothing_is_sent(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VENICE_API_KEY")
    end = bench.generate()
    assert end.error_name == "SettingsError"
    assert end.first_line.startswith("No Venice API key. Enter one in Settings")
    assert "`sandbox`" in str(end.error)
    assert bench.sandbox.requests == []


def test_the_key_sandbox_means_the_built_in_one_whatever_the_base_url(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENICE_API_KEY", "sandbox")
    end = bench.generate()
    assert end.pictures == 1
    assert bench.sandbox.requests == []


def test_the_status_tells_how_it_went(bench: Bench) -> None:
    def is_told() -> bool:
        return any("of 3 done" in text for text in bench.texts)

    bench.sandbox.add_fault(held_until(is_told))
    end = bench.generate(batch_size=3)
    assert is_told()
    assert "3 images" in end.texts[-1]
    bench.sandbox.add_fault(Fault.status(402))
    end = bench.generate(seed=50)
    assert end.error_name == "PaymentRequiredError"
    assert "Add credit" in end.texts[-1]


def test_style_and_seed_feed_generate(bench: Bench) -> None:
    (style,) = bench.run("VeniceStylePreset", preset="Anime").shown
    (seed,) = bench.run("VeniceSeed", seed=42, mode="fixed").shown
    (sent,) = bench.generate(style=style, seed=seed).sent
    assert sent["style_preset"] == "Anime"
    assert sent["seed"] == 42


def test_the_style_none_is_no_style_and_an_unknown_one_passes(bench: Bench) -> None:
    assert bench.run("VeniceStylePreset", preset="None").shown == ("",)
    style = "Style of Tomorrow"
    assert bench.run("VeniceStylePreset", preset=style).shown == (style,)


@pytest.mark.parametrize(("seed", "drawn"), [(1, 1), (0, 999_999_999), (2**64 - 1, None)])
def test_a_fixed_seed_is_folded(bench: Bench, seed: int, drawn: int | None) -> None:
    (came,) = bench.run("VeniceSeed", seed=seed, mode="fixed").shown
    assert 1 <= came <= 999_999_999
    assert drawn in (None, came)


def test_a_random_seed_is_drawn_anew_and_shown(bench: Bench) -> None:
    ends = [bench.run("VeniceSeed", seed=1, mode="random every run") for _ in range(8)]
    drawn = {end.shown[0] for end in ends}
    assert len(drawn) == 8
    assert all(1 <= seed <= 999_999_999 for seed in drawn)
    assert all(any(str(seed) in text for text in bench.texts) for seed in drawn)
