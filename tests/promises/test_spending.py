"""What a run may cost: estimated, reserved and refused before anything is sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bench import Bench, held_until
from clock import set_to_noon
from faulty_sandbox import Fault
from waiting import wait_for

Counted = Callable[[], float]

CASES = [
    ({}, 0.01),
    ({"batch_size": 4}, 0.04),
    ({"batch_size": 4, "batch_mode": "variants"}, 0.04),
    ({"batch_size": 6, "batch_mode": "variants"}, 0.06),
    ({"enhance_prompt": True}, 0.05),
    ({"enhance_prompt": True, "batch_size": 2}, 0.1),
    ({"enhance_prompt": True, "batch_size": 4, "batch_mode": "variants"}, 0.08),
    ({"model": "nano-banana-2", "width": 2048, "height": 2048}, None),
    ({"model": "gpt-image-2", "quality": "high", "width": 1024, "height": 1024}, None),
    ({"model": "gpt-image-2", "quality": "low", "width": 2048, "height": 2048}, None),
]


@pytest.mark.long
@pytest.mark.parametrize(("inputs", "usd"), CASES)
def test_the_estimate_is_what_is_charged(
    bench: Bench, inputs: dict[str, object], usd: float | None
) -> None:
    end = bench.generate(**inputs)
    assert end.error is None, end.error
    assert end.charged == pytest.approx(end.charged if usd is None else usd)
    assert end.info["estimated_cost_usd"] == pytest.approx(end.charged)
    assert f"about ${end.charged:.2f}" in end.texts[0]
    assert f"about ${end.charged:.2f}" in end.texts[-1]


def test_what_a_run_may_cost_is_5_usd_at_first(bench: Bench, counted: Counted) -> None:
    pricey = {"model": "gpt-image-2", "quality": "high", "width": 3840, "height": 3840}
    end = bench.generate(**pricey, batch_size=16)
    assert end.error_name == "SpendingLimitError", end.error
    assert end.sent == ()
    assert "Not sent" in end.first_line
    assert "your limit is $5.00 per run" in end.first_line
    assert str(end.error).endswith("\nVENICE_MAX_USD_PER_RUN sets this limit.")
    assert counted() == 0.0


def test_the_request_that_would_pass_the_limit_is_not_sent(
    bench: Bench, one_run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENICE_MAX_USD_PER_RUN", "0.05")
    assert bench.generate(batch_size=4).pictures == 4
    end = bench.generate(seed=500, batch_size=2)
    assert end.error_name == "SpendingLimitError"
    assert end.sent == ()
    spent = "the $0.04 this run already spent"
    for words in ("about $0.02", spent, "$0.05 per run", "in Settings → Venice."):
        assert words in end.first_line
    assert bench.generate(seed=500).pictures == 1


def test_of_several_nodes_the_refused_one_says_what_others_sent(
    bench: Bench, one_run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENICE_MAX_USD_PER_RUN", "0.025")
    assert bench.generate(batch_size=2).pictures == 2
    end = bench.generate(seed=500, batch_size=2)
    assert end.sent == ()
    assert "your limit is $0.025 per run" in end.first_line
    assert str(end.error).splitlines()[2] == (
        "2 requests of this run were already sent. You keep the results; running again is free."
    )
    assert bench.generate(batch_size=2).sent == ()


def test_the_limit_of_a_day_counts_all_runs(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    set_to_noon(monkeypatch)
    monkeypatch.setenv("VENICE_MAX_USD_PER_DAY", "0.025")
    assert bench.generate(batch_size=2).pictures == 2
    end = bench.generate(seed=500)
    assert end.error_name == "SpendingLimitError", end.error
    assert end.sent == ()
    for words in (
        "about $0.01 on top of the $0.02 already spent today",
        "your daily limit is $0.025",
        "Wait until midnight, or raise the limit in Settings → Venice.",
    ):
        assert words in end.first_line
    assert str(end.error).endswith("\nVENICE_MAX_USD_PER_DAY sets this limit.")
    assert bench.generate(batch_size=2).sent == (), "what is kept is free"
    monkeypatch.setenv("VENICE_MAX_USD_PER_DAY", "0.03")
    assert bench.generate(seed=500).pictures == 1


def test_a_violation_gives_back_what_the_day_allows(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_to_noon(monkeypatch)
    monkeypatch.setenv("VENICE_MAX_USD_PER_DAY", "0.01")
    bench.sandbox.add_fault(Fault.violation())
    assert bench.generate().error_name == "ContentViolationError"
    assert bench.generate().pictures == 1


def test_another_run_has_its_own_limit(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VENICE_MAX_USD_PER_RUN", "0.04")
    for run in ("first", "second"):
        monkeypatch.setattr(
            bench.pack.venice_nodes.run.comfyui, "run_id", lambda run=run: f"{run}-{id(bench)}"
        )
        assert bench.generate(seed=len(run) * 100, batch_size=4).pictures == 4


def test_none_is_no_limit(bench: Bench, one_run: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client = bench.pack.venice_client
    monkeypatch.setenv("VENICE_MAX_USD_PER_RUN", "none")
    many = [client.GenerateRequest("gpt-image-2", "a fox", seed=seed) for seed in range(1, 501)]
    batch = client.VeniceClient().prepare(many, one_run)
    assert sum(planned.reservation.usd for planned in batch.planned) > 100
    assert bench.generate().pictures == 1
    monkeypatch.setenv("VENICE_MAX_USD_PER_RUN", "100")
    assert bench.generate(seed=500).error_name == "SpendingLimitError"


def test_a_limit_of_0_lets_only_free_things_through(
    bench: Bench, one_run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.generate()
    monkeypatch.setenv("VENICE_MAX_USD_PER_RUN", "0")
    assert bench.generate().pictures == 1
    assert bench.generate(seed=101).error_name == "SpendingLimitError"


def test_an_unknown_price_counts_as_the_highest_price(
    bench: Bench, one_run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    unknown = {"model": "a-model-of-tomorrow"}
    monkeypatch.setenv("VENICE_MAX_USD_PER_RUN", "0.1")
    end = bench.generate(**unknown)
    assert end.error_name == "SpendingLimitError"
    assert "No price is published, so the highest possible price counts." in str(end.error)
    assert end.sent == ()
    monkeypatch.setenv("VENICE_MAX_USD_PER_RUN", "5")
    transport = bench.pack.venice_client.transport.transport.Transport
    post = transport.post

    def post_when_shown(*args: Any) -> Any:
        wait_for(lambda: any("price unknown" in text for text in bench.texts))
        return post(*args)

    monkeypatch.setattr(transport, "post", post_when_shown)
    end = bench.generate(**unknown)
    assert end.error_name == "NotFoundError"
    assert "price unknown" in end.texts[0]


def test_without_any_known_price_only_no_limit_lets_it_through(
    bench: Bench, one_run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service of one's own may list models and no prices."""
    models = {"data": [{"id": "home-made", "type": "image"}, {"id": "changer", "type": "inpaint"}]}
    bench.sandbox.add_fault(Fault.status(200, json=models), path="/models", times=None)
    bench.pack.venice_client.VeniceClient().catalogue.refresh()

    for limit in ("0", "5", "1000000"):
        monkeypatch.setenv("VENICE_MAX_USD_PER_RUN", limit)
        end = bench.generate(model="home-made", batch_size=2)
        assert end.error_name == "SpendingLimitError", repr(end.error)
        assert end.sent == ()
        assert "The price is unknown" in end.first_line
        assert str(end.error).endswith("\nVENICE_MAX_USD_PER_RUN=none removes it.")
        assert "inf" not in end.first_line
    monkeypatch.setenv("VENICE_MAX_USD_PER_RUN", "none")
    end = bench.generate(model="home-made", batch_size=2)
    assert end.error_name == "NotFoundError", repr(end.error)
    assert "price unknown" in end.texts[0]
    assert end.charged == 0


@pytest.mark.parametrize(
    ("fault", "left"),
    [
        (Fault.status(400), 0.0),
        (Fault.status(422), 0.0),
        (Fault.status(502), 0.01),
        (Fault.status(504), 0.01),
        (Fault.reset(), 0.01),
        (Fault.cut(), 0.01),
        (Fault.body(b"nothing"), 0.01),
        (Fault.violation(), 0.0),
    ],
)
def test_what_is_not_charged_is_given_back(
    bench: Bench, counted: Counted, fault: Fault, left: float
) -> None:
    bench.sandbox.add_fault(fault)
    assert bench.generate().error is not None
    assert counted() == left


def test_a_hit_is_given_back(bench: Bench, counted: Counted) -> None:
    bench.generate(batch_size=3)
    assert counted() == 0.03
    bench.generate(batch_size=4)
    assert counted() == 0.04


def test_retries_count_once(bench: Bench, counted: Counted) -> None:
    bench.sandbox.add_fault(Fault.status(500), times=3)
    assert bench.generate().pictures == 1
    assert len(bench.sandbox.paid_requests) == 4
    assert counted() == 0.01


@pytest.mark.parametrize(
    "fault",
    [None, Fault.status(400), Fault.reset(charge=True)],
)
def test_two_equal_nodes_of_a_run_count_once(
    bench: Bench, counted: Counted, followers: Callable[[], int], fault: Fault | None
) -> None:
    """Whether the request they share ends with an image, is lost, or is refused."""
    bench.sandbox.add_fault(held_until(followers, fault))
    bench.side_by_side(bench.generate, bench.generate)
    assert len(bench.sandbox.paid_requests) == 1
    assert counted() == bench.sandbox.charged_usd


def test_a_damaged_entry_does_not_pass_the_limit(
    bench: Bench, one_run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looked free when the run was planned; what it costs to ask again still counts."""
    bench.generate(batch_size=4)
    for path in bench.entries:
        path.write_bytes(b"damaged")
    monkeypatch.setenv("VENICE_MAX_USD_PER_RUN", "0.05")
    end = bench.generate(batch_size=4)
    assert end.error_name in ("SpendingLimitError", "BatchError"), end.error
    assert bench.sandbox.charged_usd <= 0.05 + 1e-9


def test_an_unsent_batch_holds_no_money(bench: Bench, counted: Counted) -> None:
    bench.sandbox.add_fault(Fault.status(401), times=None)
    assert bench.generate(batch_size=16).error is not None
    assert counted() == 0.0
