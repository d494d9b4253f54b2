"""Batches: each image is kept as it comes, and the error says how to get the rest."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from bench import Bench, End, held_until
from fault_columns import pictures
from fault_table import in_json, picture
from faulty_sandbox import Fault


def refuse(bench: Bench, seed: int) -> None:
    bench.sandbox.add_fault(Fault.status(400), when=lambda sent: sent["seed"] == seed)


def seed_to_set(end: End) -> int:
    """The seed that the error tells the user to set."""
    found = re.search(r"with seed (\d+) \(fixed\)", str(end.error))
    assert found, end.error
    return int(found[1])


@pytest.mark.parametrize("refused", [100, 101, 103])
def test_one_of_four_refused_asks_four_then_one(bench: Bench, refused: int) -> None:
    refuse(bench, refused)
    end = bench.generate(batch_size=4)
    assert end.error_name == "BatchError"
    assert end.seeds == [100, 101, 102, 103]
    assert end.first_line.startswith("Venice rejected the request")
    assert (
        "\n3 of 4 images are saved. Saved images stay free if you run again with seed 100 (fixed)."
        in str(end.error)
    )
    assert "ueue again" not in str(end.error)
    assert f"seed {refused}: " in str(end.error)
    assert bench.cached_seeds == [seed for seed in (100, 101, 102, 103) if seed != refused]

    again = bench.generate(batch_size=4, seed=seed_to_set(end))

    assert again.seeds == [refused]
    assert again.pictures == 4
    assert again.info["from_store"] == 3
    assert again.info["seeds"] == [100, 101, 102, 103]


CHANGES = [
    ("VeniceEditImage", "/image/edit", {"prompt": "snow", "model": "firered-image-edit"}, 0.04),
    ("VeniceUpscaleImage", "/image/upscale", {"scale": "2x", "creativity": 0.01}, 0.02),
    ("VeniceRemoveBackground", "/image/background-remove", {}, 0.03),
]


@pytest.mark.parametrize(("node", "path", "inputs", "usd"), CHANGES)
def test_one_of_three_changed_images_refused_asks_three_then_one(
    bench: Bench, node: str, path: str, inputs: dict[str, Any], usd: float
) -> None:
    three = pictures(3)
    bench.sandbox.add_fault(Fault.status(400), path=path)
    end = bench.run(node, image=three, **inputs)
    assert end.error_name == "BatchError"
    assert len(end.sent) == 3
    assert end.charged == pytest.approx(2 * usd)
    assert len(bench.entries) == 2
    assert end.first_line.startswith("Venice rejected the request")
    saved = "\n2 of 3 images are saved. Saved images stay free if you run again with the same input"
    assert saved in str(end.error)

    again = bench.run(node, image=three, **inputs)

    assert again.error is None, again.error
    assert again.pictures == 3
    assert len(again.sent) == 1
    assert again.charged == pytest.approx(usd)
    assert again.info["from_store"] == 2


def test_a_random_seed_can_be_had_again(bench: Bench) -> None:
    (drawn,) = bench.run("VeniceSeed", seed=5, mode="random every run").shown
    assert bench.texts == [f"seed {drawn}"]
    refuse(bench, drawn + 2)
    end = bench.generate(batch_size=4, seed=drawn)
    assert len(end.sent) == 4

    (fixed,) = bench.run("VeniceSeed", seed=seed_to_set(end), mode="fixed").shown
    again = bench.generate(batch_size=4, seed=fixed)

    assert again.seeds == [drawn + 2]
    assert again.pictures == 4


def draw_generate_upscale(bench: Bench, mode: str, seed: int = 5) -> End:
    """Venice Seed → Generate, 4 images → Upscale, in one run."""
    (drawn,) = bench.run("VeniceSeed", seed=seed, mode=mode).shown
    made = bench.generate(batch_size=4, seed=drawn, width=256, height=256)
    return bench.run("VeniceUpscaleImage", image=made.tensor, scale="2x", creativity=0.01)


@pytest.mark.parametrize("is_named", [False, True])
def test_an_image_behind_a_random_seed_can_be_had_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, is_named: bool
) -> None:
    """The error of the upscale says what to do: as it stands, every run has another input."""
    if is_named:  # outside of ComfyUI there are no runs, and the message names no seed
        monkeypatch.setattr(
            bench.pack.venice_nodes.run.comfyui, "run_id", lambda: f"run-{id(monkeypatch)}"
        )
    bench.sandbox.add_fault(Fault.status(400), path="/image/upscale")
    end = draw_generate_upscale(bench, "random every run")
    drawn = int(bench.texts[0].removeprefix("seed "))
    named = drawn if is_named else "the value its node shows"
    told = (
        "3 of 4 images are saved. Saved images stay free if you run again with the same input and "
        f"any earlier seed fixed at {named}."
    )
    assert told in str(end.error)

    again = draw_generate_upscale(bench, "fixed", drawn)

    assert again.error is None, again.error
    assert len(again.sent) == 1
    assert again.charged == pytest.approx(0.02)
    assert bench.sandbox.charged_usd == pytest.approx(4 * 0.01 + 4 * 0.02)


def test_of_several_seeds_none_is_named(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which of them leads to the image, a node does not know."""
    monkeypatch.setattr(
        bench.pack.venice_nodes.run.comfyui, "run_id", lambda: f"run-{id(monkeypatch)}"
    )
    bench.generate(seed=1)
    bench.sandbox.add_fault(Fault.status(400), path="/image/upscale")
    end = draw_generate_upscale(bench, "fixed")
    assert "any earlier seed fixed at the value its node shows" in str(end.error)


def test_a_folded_seed_is_named_as_it_was_sent(bench: Bench) -> None:
    refuse(bench, 2)
    end = bench.generate(batch_size=4, seed=999_999_999 + 1)
    assert end.seeds == [1, 2, 3, 4]
    assert seed_to_set(end) == 1
    assert bench.generate(batch_size=4, seed=1).seeds == [2]


def test_a_batch_over_the_last_seed(bench: Bench) -> None:
    refuse(bench, 1)
    end = bench.generate(batch_size=3, seed=999_999_998)
    assert end.seeds == [1, 999_999_998, 999_999_999]
    assert bench.generate(batch_size=3, seed=seed_to_set(end)).seeds == [1]


def test_a_larger_batch_pays_for_what_is_new(bench: Bench) -> None:
    assert bench.generate(batch_size=4).pictures == 4
    more = bench.generate(batch_size=6)
    assert more.seeds == [104, 105]
    assert more.pictures == 6
    assert more.charged == pytest.approx(0.02)
    assert more.info["estimated_cost_usd"] == pytest.approx(0.02)


def test_a_smaller_batch_and_its_single_images_are_free(bench: Bench) -> None:
    four = bench.generate(batch_size=4)
    assert bench.generate(batch_size=2).sent == ()
    single = bench.generate(seed=103)
    assert single.sent == ()
    assert bool((single.tensor[0] == four.tensor[3]).all())


def test_variants_that_fail_in_part_keep_the_rest(bench: Bench) -> None:
    refuse(bench, 104)
    end = bench.generate(batch_size=8, batch_mode="variants")
    assert end.seeds == [100, 104]
    assert "4 of 8 images are saved" in str(end.error)
    again = bench.generate(batch_size=8, batch_mode="variants", seed=seed_to_set(end))
    assert again.seeds == [104]
    assert again.pictures == 8


def test_images_that_never_came_are_not_said_to_be_kept(bench: Bench) -> None:
    """Three of four come for the first request, whose answer is kept and not asked for again."""
    bench.sandbox.add_fault(Fault.count(3), when=lambda sent: sent["seed"] == 100)
    refuse(bench, 104)
    end = bench.generate(batch_size=8, batch_mode="variants")
    assert "\n3 of 8 images are saved. Saved images stay free if you run again with" in str(
        end.error
    )
    before = end.charged
    again = bench.generate(batch_size=8, batch_mode="variants", seed=seed_to_set(end))
    assert again.pictures == 7
    assert again.charged == pytest.approx(0.04)
    assert before == pytest.approx(0.04)


def test_flagged_variants_are_counted_as_they_came(bench: Bench) -> None:
    images = in_json(picture(), picture(200, 200), picture(100, 100))
    headers = {"x-venice-is-blurred": "true"}
    bench.sandbox.add_fault(Fault.status(200, body=images, headers=headers))
    end = bench.generate(batch_size=8, batch_mode="variants")
    assert end.first_line.startswith("Flagged images: 3 of 8. "), end.error
    assert "7 of 8 images are saved. Saved images stay free if you run again with" in str(end.error)


@pytest.mark.parametrize("status", [401, 402, 403])
def test_what_holds_for_all_drops_what_is_not_sent(
    bench: Bench, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENICE_MAX_IN_FLIGHT", "4")
    bench.sandbox.latency_s = 0.5
    bench.sandbox.add_fault(Fault.status(status), times=None)
    end = bench.generate(batch_size=16)
    assert end.error is not None
    assert len(end.sent) <= 4
    assert end.charged == 0


def test_other_errors_leave_the_others_alone(bench: Bench) -> None:
    for seed in (101, 105, 110):
        refuse(bench, seed)
    end = bench.generate(batch_size=16)
    assert len(end.sent) == 16
    assert len(bench.entries) == 13
    assert "\n13 of 16 images are saved." in str(end.error)


def test_a_flagged_image_of_a_batch_is_kept_and_free_afterwards(bench: Bench) -> None:
    bench.sandbox.add_fault(Fault.flags(), when=lambda sent: sent["seed"] == 102)
    end = bench.generate(batch_size=4)
    assert end.error is not None
    assert len(bench.entries) == 4
    assert "\n4 of 4 images are saved. Saved images stay free if you run again with" in str(
        end.error
    )

    # What the message says, to the letter: the seed it names, and the batch as it was.
    again = bench.generate(batch_size=4, if_flagged="continue", seed=seed_to_set(end))

    assert again.error is None, again.error
    assert again.sent == ()
    assert again.pictures == 4
    assert any("seed 102" in warning for warning in again.info["warnings"])
    assert bench.generate(batch_size=4).error is not None, "the flag was forgotten in the store"


def test_a_violation_of_a_batch_is_neither_paid_nor_kept(
    bench: Bench, counted: Callable[[], float]
) -> None:
    bench.sandbox.add_fault(Fault.violation(), when=lambda sent: sent["seed"] == 102)
    end = bench.generate(batch_size=4)
    assert end.error_name == "BatchError"
    assert not getattr(end.error, "may_have_been_charged", True)
    assert end.first_line.startswith("Flagged images: 1 of 4. ")
    told = (
        "\n3 of 4 images are saved. Saved images stay free if you run again with seed 100 (fixed)."
    )
    assert told in str(end.error)
    assert bench.cached_seeds == [100, 101, 103]
    assert end.charged == pytest.approx(counted()) == pytest.approx(0.03)

    shown = bench.generate(batch_size=4, if_flagged="continue")

    assert shown.seeds == [102], "asked again"
    assert shown.info["estimated_cost_usd"] == shown.charged == 0.01
    assert bench.generate(batch_size=4).sent == ()


def test_a_violation_that_two_ask_for_at_once_costs_neither(
    bench: Bench, counted: Callable[[], float], followers: Callable[[], int]
) -> None:
    bench.sandbox.add_fault(held_until(followers, Fault.violation()))
    show = partial(bench.generate, if_flagged="continue")
    for end in bench.side_by_side(show, show):
        assert end.error is None
        assert float(end.tensor.max()) == 0
        assert end.info["estimated_cost_usd"] == end.info["from_store"] == 0
        assert "nothing charged" in end.texts[-1]
    assert len(bench.sandbox.paid_requests) == 1
    assert counted() == 0


def test_a_violation_of_a_batch_that_is_shown_costs_nothing(bench: Bench) -> None:
    bench.sandbox.add_fault(Fault.violation(), when=lambda sent: sent["seed"] == 101)
    end = bench.generate(batch_size=2, if_flagged="continue")
    assert [float(image.max()) > 0 for image in end.tensor] == [True, False]
    (told,) = end.info["warnings"]
    assert "(seed 101): it violates the content policy. You weren't charged" in told
    assert end.info["estimated_cost_usd"] == end.charged == 0.01
    assert end.info["from_store"] == 0
    spending = bench.pack.venice_client.VeniceClient().spending
    assert [line.usd for line in spending.ledger.since(0)] == [0.01]
    assert bench.generate(batch_size=2).seeds == [101]


def test_a_lost_image_says_that_it_may_have_been_charged(bench: Bench) -> None:
    bench.sandbox.add_fault(Fault.reset(charge=True), when=lambda sent: sent["seed"] == 101)
    end = bench.generate(batch_size=4)
    assert "may have been charged" in end.first_line
    assert "3 of 4 images are saved" in str(end.error)
    again = bench.generate(batch_size=4, seed=seed_to_set(end))
    assert again.seeds == [101]


def test_a_deprecated_model_warns_with_replacement_and_date(bench: Bench) -> None:
    told = {
        "x-venice-deprecated": "true",
        "x-venice-deprecated-replacement": "venice-sd35",
        "x-venice-model-deprecation-date": "2026-12-31T00:00:00Z",
    }
    bench.sandbox.add_fault(Fault.headers(told), times=2)
    end = bench.generate(batch_size=2)
    (warning,) = [w for w in end.info["warnings"] if "deprecated" in w]
    assert "2026-12-31" in warning
    assert "`venice-sd35`" in warning
    assert warning in end.texts[-1]
    assert bench.generate(batch_size=2).info["warnings"] == end.info["warnings"]


def test_the_node_says_that_it_was_free(bench: Bench) -> None:
    bench.generate(batch_size=2)
    assert "2 of 3 free" in bench.generate(batch_size=3).texts[-1]
    assert "free (saved result)" in bench.generate(batch_size=3).texts[-1]


def test_a_variant_that_is_damaged_does_not_cost_the_others(bench: Bench) -> None:
    good = picture(200, 200)
    bad = bytearray(picture(200, 200, "WEBP"))
    bad[40:] = bytes(len(bad) - 40)
    answer = in_json(good, bytes(bad), good, good)
    bench.sandbox.add_fault(Fault.body(answer, "application/json"))
    end = bench.generate(batch_size=4, batch_mode="variants")
    assert end.error is None, end.error
    assert end.pictures == 3
    assert any("left out" in warning for warning in end.info["warnings"])
    assert len(bench.entries) == 1


def test_flagged_images_are_said_to_be_kept(bench: Bench) -> None:
    bench.sandbox.add_fault(Fault.flags(), times=4)
    end = bench.generate(batch_size=4)
    first, second, *_ = str(end.error).splitlines()
    assert first.startswith("Flagged images: 4 of 4.")
    assert "then Set" not in first
    assert "4 of 4 images are saved." in "".join([second, *_])


def test_an_error_that_nobody_foresaw_loses_no_other_image(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as a system that gives no more memory, here for the deadline of one request."""
    clock = bench.pack.venice_client.transport.connections._clock
    watched: list[object] = []
    add = clock.add

    def refuse(deadline: object, seconds: float) -> None:
        watched.append(deadline)
        if len(watched) == 3:
            raise MemoryError("no more memory")
        add(deadline, seconds)

    bench.generate(seed=1)
    monkeypatch.setattr(clock, "add", refuse)
    end = bench.generate(batch_size=4)

    assert end.error_name == "BatchError", repr(end.error)
    advice = (
        "3 of 4 images are saved; 1 was lost and may have been charged. Queue again with seed 100 "
        "(fixed) to pay only for the missing 1."
    )
    assert end.texts[-1] == f"{end.first_line} {advice}"
    assert "no more memory" in end.first_line
    assert str(end.error).splitlines()[1] == advice
    assert end.charged == pytest.approx(0.03)
    again = bench.generate(batch_size=4, seed=seed_to_set(end))
    assert len(again.sent) == 1
    assert again.pictures == 4


def test_a_request_that_nobody_could_time_is_sent_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It hadn't left, so it isn't charged."""
    bench.generate(seed=1)
    start, refused = threading.Thread.start, list[str]()

    def refuse(thread: threading.Thread) -> None:
        if thread.name == "venice-deadline" and not refused:
            refused.append(thread.name)
            raise RuntimeError("can't start new thread")
        start(thread)

    connections = bench.pack.venice_client.transport.connections
    monkeypatch.setattr(connections, "_clock", connections._Clock())
    monkeypatch.setattr(threading.Thread, "start", refuse)
    end = bench.generate(seed=2)

    assert refused
    assert end.error is None
    assert len(end.sent) == 1
    assert end.charged == pytest.approx(0.01)


def test_a_batch_whose_threads_cannot_be_started_holds_no_money(
    bench: Bench, counted: Callable[[], float], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.generate(seed=1)
    bench.sandbox.latency_s = 0.3
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if re.fullmatch(r"venice-\d+", thread.name):
            raise RuntimeError("can't start new thread")
        start(thread)

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        end = bench.generate(batch_size=4)

    assert end.error_name in ("RequestCancelledError", "BatchError"), repr(end.error)
    assert "can't start more threads (can't start new thread)" in end.first_line
    assert end.texts[-1] == end.first_line
    assert end.seconds < 60
    assert counted() == pytest.approx(bench.sandbox.charged_usd)
    again = bench.generate(batch_size=4)
    assert again.pictures == 4
    assert bench.sandbox.charged_usd == pytest.approx(0.05)


def test_any_other_error_is_shown_on_the_node_as_well(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise TypeError("of another pack\nmore")

    with monkeypatch.context() as patch:
        patch.setattr(bench.pack.venice_client.imaging.images, "bands", fail)
        end = bench.run("VeniceUpscaleImage", image=pictures(1), scale="2x", creativity=0.01)
    assert end.texts[-1] == "Failed: TypeError: of another pack"


def test_a_violation_that_an_earlier_version_kept_is_asked_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.sandbox.add_fault(Fault.violation())
    with monkeypatch.context() as patch:
        patch.setattr(bench.pack.venice_client.client, "is_violation", lambda *_: False)
        bench.generate()
    assert len(bench.entries) == 1
    again = bench.generate()
    assert again.error is None, again.error
    assert len(again.sent) == 1
    assert again.charged == 0.01
    assert bench.generate().sent == ()
