"""Generate, Style and Seed on the sandbox: what is sent, what comes out, what goes wrong."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from faulty_sandbox import Fault, Sandbox

RunNode = Callable[..., Any]
Part = Callable[[str], ModuleType]

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


def seeds(sandbox: Sandbox) -> list[int]:
    return sorted(request.json["seed"] for request in sandbox.paid_requests)


def picture(width: int, height: int, **colours: Any) -> bytes:
    noise = np.random.default_rng(width).integers(0, 256, (height, width, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "PNG", **colours)
    return file.getvalue()


def test_one_picture(service: Sandbox, generate: RunNode) -> None:
    images, info = generate(width=96, height=64)

    assert images.shape == (1, 64, 96, 3)
    assert images.dtype == torch.float32
    assert images.device.type == "cpu"
    assert images.is_contiguous()
    assert 0.0 <= float(images.min()) < float(images.max()) <= 1.0
    told = json.loads(info)
    assert set(told) >= INFO_KEYS
    assert told["model"] == "z-image-turbo"
    assert told["seeds"] == [7]
    assert told["size"] == [96, 64]
    assert told["requests"] == [service.paid_requests[0].json]
    assert told["warnings"] == []
    assert told["from_store"] == 0
    assert told["enhanced_prompt"] is None


def test_pixels_are_exactly_those_of_the_file(service: Sandbox, generate: RunNode) -> None:
    data = picture(64, 64)
    service.add_fault(Fault.body(data))
    images, _ = generate()
    wanted = np.array(Image.open(io.BytesIO(data)))
    assert np.array_equal(images[0].numpy(), wanted.astype(np.float32) / np.float32(255))
    assert np.array_equal((images[0].numpy() * 255).round().astype(np.uint8), wanted)


@pytest.mark.parametrize("format", ["png", "webp", "jpeg"])
def test_every_format_becomes_a_picture(service: Sandbox, generate: RunNode, format: str) -> None:
    images, _ = generate(format=format)
    assert images.shape == (1, 64, 64, 3)


def test_a_batch_of_five_from_seed_100_sends_100_to_104(
    service: Sandbox, generate: RunNode
) -> None:
    images, info = generate(seed=100, batch_size=5)
    assert seeds(service) == [100, 101, 102, 103, 104]
    assert len(images) == 5
    assert json.loads(info)["seeds"] == [100, 101, 102, 103, 104]


def test_pictures_of_a_batch_come_in_the_order_of_their_seeds(
    service: Sandbox, generate: RunNode
) -> None:
    service.add_fault(Fault.latency(0.5), when=lambda payload: payload["seed"] == 100)
    batch, _ = generate(seed=100, batch_size=3)
    service.clear_faults()
    for i in range(3):
        alone, info = generate(seed=100 + i)
        assert torch.equal(alone[0], batch[i])
        assert json.loads(info)["from_store"] == 1
    assert len(service.paid_requests) == 3


def test_variants_are_one_request_for_four_and_one_for_one(
    service: Sandbox, generate: RunNode
) -> None:
    images, info = generate(seed=100, batch_size=5, batch_mode="variants")
    sent = sorted((r.json["seed"], r.json.get("variants", 1)) for r in service.paid_requests)
    assert sent == [(100, 4), (104, 1)]
    assert len(images) == 5
    assert len(json.loads(info)["request_ids"]) == 2


@pytest.mark.parametrize(
    ("seed", "sent"), [(0, 999_999_999), (10**9, 1), (2**64 - 1, (2**64 - 2) % 999_999_999 + 1)]
)
def test_any_64_bit_seed_is_folded_and_said(
    service: Sandbox, generate: RunNode, seed: int, sent: int
) -> None:
    _, info = generate(seed=seed)
    assert seeds(service) == [sent]
    assert json.loads(info)["seeds"] == [sent]
    (warning,) = (w for w in json.loads(info)["warnings"] if "folded" in w)
    assert str(seed) in warning
    assert str(sent) in warning


def test_pictures_of_a_batch_are_made_side_by_side(service: Sandbox, generate: RunNode) -> None:
    service.latency_s = 2
    generate(batch_size=8)
    assert service.max_concurrent == 8


def test_no_more_at_once_than_is_set(
    service: Sandbox, generate: RunNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENICE_MAX_IN_FLIGHT", "3")
    service.latency_s = 0.5
    generate(batch_size=8)
    assert service.max_concurrent == 3


def test_only_what_was_set_is_sent(service: Sandbox, generate: RunNode) -> None:
    generate(
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
    (request,) = service.paid_requests
    assert request.json == {
        "model": "z-image-turbo",
        "prompt": "a fox",
        "negative_prompt": "rain",
        "width": 64,
        "height": 64,
        "seed": 7,
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


def test_what_was_left_alone_is_not_sent(service: Sandbox, generate: RunNode) -> None:
    generate(style="")
    (request,) = service.paid_requests
    assert set(request.json) == {
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


def test_the_prompt_that_was_used_is_told(service: Sandbox, generate: RunNode) -> None:
    _, info = generate(enhance_prompt=True)
    assert json.loads(info)["enhanced_prompt"].startswith("a fox, ")


@pytest.mark.parametrize(
    ("model", "size"), [("z-image-turbo", (1344, 768)), ("seedream-v4", (1024, 640))]
)
def test_what_changes_the_size_is_a_warning(
    service: Sandbox, generate: RunNode, model: str, size: tuple[int, int]
) -> None:
    _, info = generate(model=model, width=size[0], height=size[1])
    assert any(f"{size[0]}×{size[1]}" in w for w in json.loads(info)["warnings"])


def test_another_size_than_asked_is_shown_as_it_is_and_said(
    service: Sandbox, generate: RunNode
) -> None:
    service.add_fault(Fault.size(80, 48))
    images, info = generate()
    assert images.shape == (1, 48, 80, 3)
    assert "64×64 was asked for; z-image-turbo made 80×48." in json.loads(info)["warnings"]


def test_other_sizes_within_a_batch_are_fitted_to_the_first(
    service: Sandbox, generate: RunNode
) -> None:
    service.add_fault(Fault.size(80, 48), when=lambda payload: payload["seed"] == 101)
    images, info = generate(seed=100, batch_size=3)
    assert images.shape == (3, 64, 64, 3)
    assert any("80×48" in w and "64×64" in w for w in json.loads(info)["warnings"])


def test_a_deprecated_model_warns_with_replacement_and_date(
    service: Sandbox, generate: RunNode
) -> None:
    _, info = generate(model="lustify-sdxl")
    (warning,) = (w for w in json.loads(info)["warnings"] if "deprecated" in w)
    assert "`lustify-v8`" in warning
    assert "2027-01-31" in warning


@pytest.mark.parametrize("fault", [Fault.flags(), Fault.flags(False, True)])
def test_a_flagged_picture_stops_the_run_and_is_kept(
    service: Sandbox, generate: RunNode, pack: ModuleType, fault: Fault, part: Part
) -> None:
    service.add_fault(fault)
    with pytest.raises(part("venice_client.errors").FlaggedImageError) as caught:
        generate()
    assert "if_flagged" in str(caught.value).partition("\n")[0]

    images, info = generate(if_flagged="continue")

    assert len(images) == 1
    assert json.loads(info)["from_store"] == 1
    assert any("seed 7" in warning for warning in json.loads(info)["warnings"])
    assert len(service.paid_requests) == 1


def test_continue_shows_a_flagged_picture_with_a_warning(
    service: Sandbox, generate: RunNode
) -> None:
    service.add_fault(Fault.flags(True, True))
    images, info = generate(if_flagged="continue")
    assert len(images) == 1
    told = " ".join(json.loads(info)["warnings"])
    assert "blurred" in told
    assert "terms" in told


@pytest.mark.parametrize(
    ("status", "name"),
    [(401, "AuthenticationError"), (402, "PaymentRequiredError"), (403, "PermissionDeniedError")],
)
def test_what_holds_for_all_drops_what_is_not_sent(
    service: Sandbox,
    generate: RunNode,
    part: Part,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    name: str,
) -> None:
    monkeypatch.setenv("VENICE_MAX_IN_FLIGHT", "1")
    service.add_fault(Fault.status(status), times=None)
    with pytest.raises(getattr(part("venice_client.errors"), name)):
        generate(batch_size=8)
    assert len(service.paid_requests) == 1


def test_one_refused_picture_leaves_the_others_and_only_it_is_paid_for_again(
    service: Sandbox, generate: RunNode, part: Part
) -> None:
    service.add_fault(Fault.status(422), when=lambda payload: payload["seed"] == 102)
    with pytest.raises(part("venice_client.errors").BatchError) as caught:
        generate(seed=100, batch_size=4)
    first = str(caught.value).partition("\n")[0]
    assert "3 of 4" in first
    assert "100" in str(caught.value)
    assert len(service.paid_requests) == 4

    images, info = generate(seed=100, batch_size=4)

    assert len(images) == 4
    assert len(service.paid_requests) == 5
    assert json.loads(info)["from_store"] == 3


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
def test_what_is_no_picture_is_an_error_and_never_a_blank_one(
    service: Sandbox, generate: RunNode, part: Part, fault: Fault
) -> None:
    service.add_fault(fault)
    with pytest.raises(
        part("venice_client.errors").BadResponseError, match="may have been charged"
    ):
        generate()
    images, _ = generate()
    assert len(images) == 1
    assert len(service.paid_requests) == 2


def test_without_a_key_nothing_is_sent(
    service: Sandbox, generate: RunNode, part: Part, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VENICE_API_KEY")
    with pytest.raises(part("venice_client.errors").SettingsError) as caught:
        generate()
    assert str(caught.value).startswith("No Venice key: set VENICE_API_KEY")
    assert "`sandbox`" in str(caught.value)
    assert service.requests == []


def test_the_key_sandbox_means_the_built_in_one_whatever_the_base_url(
    service: Sandbox, generate: RunNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENICE_API_KEY", "sandbox")
    images, _ = generate()
    assert len(images) == 1
    assert service.requests == []


def test_the_status_tells_how_it_went(
    service: Sandbox, generate: RunNode, part: Part, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts: list[str] = []
    monkeypatch.setattr(part("venice_nodes.run.comfyui"), "status_listener", texts.append)
    service.latency_s = 1
    generate(batch_size=3)
    assert any("of 3 done" in text for text in texts)
    assert "3 pictures" in texts[-1]
    service.add_fault(Fault.status(402))
    with pytest.raises(part("venice_client.errors").PaymentRequiredError):
        generate(seed=50)
    assert "top up" in texts[-1]


def test_style_and_seed_feed_generate(service: Sandbox, generate: RunNode, run: RunNode) -> None:
    (style,) = run("VeniceStylePreset", preset="Anime")
    (seed,) = run("VeniceSeed", seed=42, mode="fixed")
    generate(style=style, seed=seed)
    (request,) = service.paid_requests
    assert request.json["style_preset"] == "Anime"
    assert request.json["seed"] == 42


def test_the_style_none_is_no_style_and_an_unknown_one_passes(run: RunNode) -> None:
    assert run("VeniceStylePreset", preset="None") == ("",)
    assert run("VeniceStylePreset", preset="Style of Tomorrow") == ("Style of Tomorrow",)


@pytest.mark.parametrize(("seed", "drawn"), [(1, 1), (0, 999_999_999), (2**64 - 1, None)])
def test_a_fixed_seed_is_folded(run: RunNode, seed: int, drawn: int | None) -> None:
    (came,) = run("VeniceSeed", seed=seed, mode="fixed")
    assert 1 <= came <= 999_999_999
    assert drawn in (None, came)


def test_a_random_seed_is_drawn_anew_and_shown(
    run: RunNode, part: Part, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts: list[str] = []
    monkeypatch.setattr(part("venice_nodes.run.comfyui"), "status_listener", texts.append)
    drawn = {run("VeniceSeed", seed=1, mode="random every run")[0] for _ in range(8)}
    assert len(drawn) == 8
    assert all(1 <= seed <= 999_999_999 for seed in drawn)
    assert all(any(str(seed) in text for text in texts) for seed in drawn)
