"""Texts end to end: what comes back, what it cost, and what failed answers cost."""

from __future__ import annotations

import io
import json
import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

from bench import meeting
from faults import CHAT
from faulty_sandbox import Fault, Sandbox
from venice_client import (
    ApiError,
    DescribeRequest,
    NoTextError,
    ResponseLostError,
    SpendingLimitError,
    VeniceClient,
    WritePromptsRequest,
)
from venice_client.errors import UnprocessableError
from venice_client.money import ExactCost, dollars
from venice_client.result import charged_text
from venice_client.store.ledger import Ledger
from venice_client.text_result import TextResult, cached_texts

MakeClient = Callable[..., VeniceClient]
SEES, NO_SCHEMA = "google-gemma-3-27b-it", "qwen-3-7-max"


def image(color: str = "navy") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (320, 200), color).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def client(sandbox: Sandbox, make_client: MakeClient) -> VeniceClient:
    made = make_client(sandbox.base_url, store_mb=64.0)
    made.catalogue.refresh()
    sandbox.forget()
    return made


def ledger_usd(client: VeniceClient) -> float:
    return sum(charge.usd or 0.0 for charge in Ledger(client.settings.home).since(0.0))


def test_a_description_says_what_it_cost_and_is_free_the_second_time(
    client: VeniceClient, sandbox: Sandbox
) -> None:
    request = DescribeRequest(image(), model=SEES)

    first, second = client.describe(request), client.describe(request)

    assert "dark blue" in first.texts[0]
    assert first.texts == second.texts
    assert isinstance(first.cost, ExactCost)
    assert first.cost == sandbox.charged_usd > 0
    assert (second.cost, second.from_store) == (0.0, True)
    assert len(sandbox.paid_requests) == 1
    assert ledger_usd(client) == pytest.approx(first.cost, abs=1e-12)
    assert charged_text([first], is_sandbox=False).startswith("$0.0")
    assert charged_text([first, second], is_sandbox=False).startswith("$0.0")
    assert first.facts()["cost_usd"] == first.cost
    assert first.facts()["input_tokens"] > 0


def test_the_reservation_is_replaced_by_what_was_charged(
    sandbox: Sandbox, make_client: MakeClient
) -> None:
    """Else a run of a hundred descriptions would be refused after a few."""
    client = make_client(sandbox.base_url, store_mb=64.0, max_usd_per_run=0.004)
    for number in range(12):
        batch = client.start([DescribeRequest(image(), model=SEES, variation=number)], run="one")
        batch.wait()
        assert isinstance(batch.outcomes[0], TextResult)

    with pytest.raises(SpendingLimitError, match=r"would cost up to \$0\."):
        client.start([DescribeRequest(image(), model="claude-fable-5")], run="one")


def test_variation_asks_again(client: VeniceClient, sandbox: Sandbox) -> None:
    for variation in (0, 1, 1):
        client.describe(DescribeRequest(image(), model=SEES, variation=variation))

    assert len(sandbox.paid_requests) == 2
    assert sandbox.paid_requests[0].json == sandbox.paid_requests[1].json


@pytest.mark.parametrize(("model", "requests"), [(SEES, 1), (NO_SCHEMA, 4)])
def test_four_prompts_are_four_different_texts(
    model: str, requests: int, client: VeniceClient, sandbox: Sandbox
) -> None:
    result = client.write_prompts(WritePromptsRequest("a fox in snow", model, count=4))

    assert len(set(result.texts)) == 4
    assert all("a fox in snow" in text for text in result.texts)
    assert len(sandbox.paid_requests) == requests
    assert result.cost == pytest.approx(sandbox.charged_usd)
    assert result.is_cost_exact


def test_a_batch_runs_side_by_side(client: VeniceClient, sandbox: Sandbox) -> None:
    sandbox.add_fault(meeting(3), CHAT, times=3)
    batch = client.start(
        [DescribeRequest(image(color), model=SEES) for color in ("red", "green", "blue", "blue")]
    )
    batch.wait()

    assert [r.texts[0] for r in batch.outcomes][2] == batch.outcomes[3].texts[0]  # type: ignore
    assert len(sandbox.paid_requests) == 3
    assert sandbox.max_concurrent == 3
    assert (
        batch.summary.advice("Queue again")
        == "4 of 4 texts are saved. Queue again to get them for free."
    )


@pytest.mark.parametrize(
    ("changes", "says", "can_pass"),
    [
        ({"finish_reason": "content_filter"}, r"refused to answer \(content filter\)", False),
        ({"content": ""}, "returned an empty text", True),
        ({"content": " \n"}, "returned an empty text", True),
        ({"content": None}, "returned an empty text", True),
        ({"content": "", "finish_reason": "length"}, "Raise max_tokens", True),
        ({"choices": []}, "contains no text", True),
        ({"choices": None}, "contains no text", True),
    ],
)
def test_an_answer_without_a_text_is_an_error_that_says_what_it_cost(
    changes: dict[str, Any], says: str, can_pass: bool, client: VeniceClient, sandbox: Sandbox
) -> None:
    sandbox.add_fault(Fault.answer(**changes), CHAT)
    request = DescribeRequest(image(), model=SEES)

    with pytest.raises(NoTextError, match=says) as caught:
        client.describe(request)

    error = caught.value
    assert f"You were charged {dollars(sandbox.charged_usd)}." in str(error)
    assert error.cost == pytest.approx(sandbox.charged_usd)
    assert error.can_pass is can_pass
    assert "The raw response is saved in" in str(error)
    assert ledger_usd(client) == pytest.approx(sandbox.charged_usd)
    assert client.describe(request).texts  # it isn't reused
    assert len(sandbox.paid_requests) == 2
    assert ledger_usd(client) == pytest.approx(sandbox.charged_usd)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("Here you are: 1. a fox", 'isn\'t the JSON that was requested.*"Here you are: 1. a fox"'),
        ('{"prompts": "a fox"}', "isn't the JSON"),
        ('{"prompts": [1, 2]}', "isn't the JSON"),
        ('{"prompts": []}', "empty text"),
        ("[" * 100_000, "isn't the JSON"),
    ],
)
def test_prompts_in_another_form_are_an_error_and_set_aside(
    content: str, says: str, client: VeniceClient, sandbox: Sandbox
) -> None:
    sandbox.add_fault(Fault.answer(content=content), CHAT)

    with pytest.raises(NoTextError, match=says):
        client.write_prompts(WritePromptsRequest("a fox", SEES, count=2))

    (file,) = client.results.unreadable.iterdir()
    assert file.suffix == ".json"
    assert ledger_usd(client) == pytest.approx(sandbox.charged_usd) != 0


def test_a_cut_list_of_prompts_says_to_raise_max_tokens(client: VeniceClient) -> None:
    with pytest.raises(NoTextError, match=r"cut off.*Raise max_tokens"):
        client.write_prompts(WritePromptsRequest("a fox", SEES, count=2, max_tokens=16))


def test_a_cut_text_is_a_warning(client: VeniceClient) -> None:
    result = client.describe(DescribeRequest(image(), model=SEES, max_tokens=16))

    assert result.finish_reason == "length"
    assert any("cut off" in warning for warning in result.warnings)


@pytest.mark.parametrize(
    ("cost", "is_exact"),
    [
        (None, False),
        ({"usd": -1}, False),
        ({"usd": "1"}, False),
        ({"usd": 0.5, "diem": 0.25}, True),
    ],
)
def test_without_a_cost_the_tokens_count_and_it_says_so(
    cost: Any, is_exact: bool, client: VeniceClient, sandbox: Sandbox
) -> None:
    sandbox.add_fault(Fault.answer(cost=cost), CHAT)

    result = client.describe(DescribeRequest(image(), model=SEES))

    assert result.is_cost_exact is is_exact
    expected = 0.75 if is_exact else sandbox.charged_usd
    assert result.cost == pytest.approx(expected, abs=1e-8)
    assert ledger_usd(client) == pytest.approx(expected, abs=1e-8)
    assert charged_text([result], is_sandbox=False).startswith("$" if is_exact else "about $")
    assert ("estimated_cost_usd" in result.facts()) is not is_exact
    assert any("didn't report the charge" in text for text in result.warnings) is not is_exact


def test_without_cost_and_usage_the_upper_bound_counts(
    client: VeniceClient, sandbox: Sandbox
) -> None:
    sandbox.add_fault(Fault.answer(cost=None, usage=None), CHAT)
    request = DescribeRequest(image(), model=SEES)
    batch = client.prepare([request])
    batch.cancel()

    result = client.describe(request)

    assert result.cost == batch.planned[0].max_price
    assert charged_text([result], is_sandbox=False).startswith("up to $")


def test_what_is_charged_at_most_without_a_published_price_stays_so_in_the_ledger(
    client: VeniceClient, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.add_fault(Fault.answer(cost=None, usage=None), CHAT, times=2)
    client.describe(DescribeRequest(image(), model=SEES))
    listed = client.catalogue.model
    monkeypatch.setattr(
        client.catalogue, "model", lambda *which: replace(listed(*which), pricing={})
    )
    client.describe(DescribeRequest(image("green"), model=SEES))

    charges = Ledger(client.settings.home).since(0.0)
    assert [charge.is_known for charge in charges] == [True, False]


@pytest.mark.parametrize("fault", [Fault.reset(True), Fault.cut(), Fault.close(True)])
def test_a_lost_answer_is_not_sent_again_and_counts_as_the_upper_bound(
    fault: Fault, client: VeniceClient, sandbox: Sandbox
) -> None:
    sandbox.add_fault(fault, CHAT)

    with pytest.raises(ResponseLostError, match="may have been charged"):
        client.describe(DescribeRequest(image(), model=SEES))

    assert len(sandbox.paid_requests) == 1
    assert ledger_usd(client) > sandbox.charged_usd


def test_a_refusal_costs_nothing(client: VeniceClient, sandbox: Sandbox) -> None:
    sandbox.add_fault(Fault.status(422, {"error": "policy"}), CHAT)

    with pytest.raises(UnprocessableError) as caught:
        client.describe(DescribeRequest(image(), model=SEES))

    assert not caught.value.may_have_been_charged
    assert ledger_usd(client) == 0


def test_a_busy_model_holds_only_itself(client: VeniceClient, sandbox: Sandbox) -> None:
    sandbox.add_fault(Fault.overloaded(1), CHAT, when=lambda payload: payload["model"] == SEES)
    order: list[int] = []
    batch = client.start(
        [
            DescribeRequest(image(), model=SEES),
            DescribeRequest(image(), model="qwen3-5-9b"),
        ],
        on_result=lambda index, _result: order.append(index),
    )
    batch.wait()

    assert order == [1, 0]
    assert ledger_usd(client) == pytest.approx(sandbox.charged_usd)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ('"a fox in snow"', "a fox in snow"),
        ("Prompt: a fox", "a fox"),
        ("**Prompt:** a fox", "a fox"),
        ("```\na fox\n```", "a fox"),
        ("<think>hm</think>\na fox", "a fox"),
        ('a "fox" and an "owl"', 'a "fox" and an "owl"'),
        ('"fox" and "owl"', '"fox" and "owl"'),
        ("a fox\ud800\0", "a fox"),
        ("“a fox”", "a fox"),
    ],
)
def test_what_models_put_around_a_text_is_taken_off(
    content: str, text: str, client: VeniceClient, sandbox: Sandbox
) -> None:
    sandbox.add_fault(Fault.answer(content=content), CHAT)

    assert client.describe(DescribeRequest(image(), model=SEES)).texts == (text,)


def test_content_in_parts_is_one_text(client: VeniceClient, sandbox: Sandbox) -> None:
    parts = [{"type": "text", "text": "a fox "}, {"type": "text", "text": "in snow"}]
    sandbox.add_fault(Fault.answer(content=parts), CHAT)

    assert client.describe(DescribeRequest(image(), model=SEES)).texts == ("a fox in snow",)


def test_a_prompt_fits_every_image_model(client: VeniceClient, sandbox: Sandbox) -> None:
    long = ", ".join(f"detail number {n} of the scene" for n in range(100))
    sandbox.add_fault(Fault.answer(content=long), CHAT, times=2)

    prompt = client.describe(DescribeRequest(image(), model=SEES))
    caption = client.describe(DescribeRequest(image(), "caption", model=SEES))

    assert len(prompt.texts[0]) < 1500
    assert prompt.texts[0].endswith("of the scene")
    assert any("was cut to" in warning for warning in prompt.warnings)
    assert caption.texts == (long,)


def test_a_number_of_prompts_other_than_asked_is_a_warning(
    client: VeniceClient, sandbox: Sandbox
) -> None:
    for came in (1, 3):
        content = json.dumps({"prompts": [f"a fox {n}" for n in range(came)]})
        sandbox.add_fault(Fault.answer(content=content), CHAT)
        result = client.write_prompts(WritePromptsRequest("a fox", SEES, count=2, variation=came))
        assert len(result.texts) == min(came, 2)
        assert any("instead of 2" in warning for warning in result.warnings)


def test_saved_texts_can_be_listed(client: VeniceClient) -> None:
    one = client.describe(DescribeRequest(image(), model=SEES))
    two = client.write_prompts(WritePromptsRequest("a fox", SEES, count=2))

    entries = {entry.key: entry.facts for entry in client.results.entries()}
    assert set(entries) == {one.key, two.key}
    assert (entries[two.key]["path"], entries[two.key]["model"]) == (CHAT, SEES)
    assert entries[two.key]["cost_usd"] == two.cost
    found = [client.results.peek(result.key) for result in (one, two)]
    assert [cached_texts(response) for response in found if response] == [one.texts, two.texts]


def test_no_text_and_no_key_is_logged_or_kept_in_the_ledger(
    client: VeniceClient, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    sandbox.add_fault(Fault.answer(content="the key is test-key"), CHAT)

    result = client.write_prompts(
        WritePromptsRequest("secret-idea", SEES, instructions="secret-wish")
    )

    kept = (client.settings.home / "ledger.jsonl").read_text()
    assert "secret" not in caplog.text + kept
    assert "test-key" not in result.texts[0]
    assert "test-key" not in caplog.text


def test_a_request_that_is_cancelled_in_time_costs_nothing(
    client: VeniceClient, sandbox: Sandbox
) -> None:
    batch = client.prepare([DescribeRequest(image(), model=SEES)])
    batch.cancel()
    batch.begin()
    batch.wait()

    assert sandbox.paid_requests == []
    assert ledger_usd(client) == 0


def test_equal_requests_at_once_are_sent_once(client: VeniceClient, sandbox: Sandbox) -> None:
    sandbox.latency_s = 0.2
    results: list[Any] = []
    request = DescribeRequest(image(), model=SEES)
    threads = [
        threading.Thread(target=lambda: results.append(client.describe(request))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(results) == 4
    assert len(sandbox.paid_requests) == 1
    assert sum(result.cost for result in results) == pytest.approx(sandbox.charged_usd)


def test_an_unknown_model_is_the_services_to_judge(client: VeniceClient) -> None:
    with pytest.raises(ApiError, match="of-tomorrow"):
        client.describe(DescribeRequest(image(), model="of-tomorrow"))
