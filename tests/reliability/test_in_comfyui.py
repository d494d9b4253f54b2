"""Interrupts, neighbours and restarts in a real ComfyUI: nothing is paid for twice."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from comfy_client import Events, Run
from graphs import Graph, second
from stage import CANARY, Stage
from venice_client.sandbox import Fault
from waiting import wait_for

pytestmark = [pytest.mark.comfyui, pytest.mark.timeout(300)]


def pictures(words: str, *seeds: int, **inputs: Any) -> Graph:
    """A node a seed, each with a preview."""
    graph = Graph()
    for seed in seeds:
        graph.preview(graph.generate(prompt=words, seed=seed, **inputs))
    return graph


def info_of(stage: Stage, words: str, seed: int) -> dict[str, Any]:
    """Runs one picture and answers its `info`."""
    graph = Graph()
    images = graph.generate(prompt=words, seed=seed)
    graph.preview(images)
    info = graph.show(second(images))
    stage.client.free()
    run = stage.client.run(graph.prompt)
    assert run.succeeded, run.messages
    told: dict[str, Any] = json.loads(run.text(info))
    return told


def interrupt(stage: Stage, prompt_id: str) -> Run:
    """Interrupts a run, which must end in under a second."""
    began = time.monotonic()
    stage.client.interrupt()
    run = stage.client.wait(prompt_id)
    assert time.monotonic() - began < 1.0
    assert run.interrupted, run.messages
    return run


def texts(events: Events) -> str:
    return "\n".join(text for _, text in events.texts)


def test_an_interrupted_picture_is_there_in_the_next_run(
    stage: Stage, words: str, is_long: bool
) -> None:
    stage.sandbox.latency_s = 8.0 if is_long else 4.0
    graph = pictures(words, 1)
    prompt = stage.client.queue(graph.prompt)
    wait_for(lambda: stage.seeds)
    time.sleep(1.5)
    with stage.client.listen() as events:
        began = time.monotonic()
        interrupt(stage, prompt)
        print(f"ended {time.monotonic() - began:.2f} s after the interrupt")
        # It waits for the answer that is on its way, and shows that.
        run = stage.client.run(graph.prompt, client_id=events.client_id)
        assert run.succeeded, run.messages
    assert "waiting for the same request" in texts(events)
    stage.client.free()
    assert stage.client.run(graph.prompt).succeeded
    assert stage.seeds == [1]
    assert len(stage.sandbox.charges) == 1


def test_an_interrupted_batch_sends_no_more_than_what_was_on_its_way(
    stage: Stage, words: str
) -> None:
    stage.sandbox.latency_s = 1.5
    graph = pictures(words, 100, batch_size=16)
    prompt = stage.client.queue(graph.prompt)
    wait_for(lambda: len(stage.seeds) >= 8)
    interrupt(stage, prompt)
    time.sleep(1.8)
    assert len(stage.seeds) == 8
    stage.sandbox.latency_s = 0.0
    assert stage.client.run(graph.prompt).succeeded
    assert stage.seeds == list(range(100, 116))


def test_an_interrupt_while_waiting_for_the_rate_limit(stage: Stage, words: str) -> None:
    stage.sandbox.add_fault(Fault.status(429, headers={"Retry-After": "3"}))
    graph = pictures(words, 1)
    with stage.client.listen() as events:
        prompt = stage.client.queue(graph.prompt, client_id=events.client_id)
        wait_for(lambda: "waiting for the rate limit" in texts(events))
        interrupt(stage, prompt)
    assert "s left" in texts(events)
    assert stage.sandbox.charges == []
    assert stage.client.run(graph.prompt).succeeded
    assert len(stage.seeds) == 2


def test_a_neighbour_that_fails_costs_nothing_that_is_paid(stage: Stage, words: str) -> None:
    stage.sandbox.add_fault(Fault.status(400), when=lambda sent: sent["seed"] == 2)
    stage.sandbox.add_fault(Fault.latency(2.0), times=2)
    graph = pictures(words, 1, 2, 3)
    prompt = stage.client.queue(graph.prompt)
    run = stage.client.wait(prompt)
    assert run.status == "error"
    assert not run.interrupted
    assert stage.client.run(graph.prompt).succeeded
    assert stage.seeds == [1, 2, 2, 3]
    assert len(stage.sandbox.charges) == 3


def test_hung_requests_of_an_earlier_run_hold_nobody_up(stage: Stage, words: str) -> None:
    stage.sandbox.add_fault(Fault.hang(15), times=8)
    prompt = stage.client.queue(pictures(words, 100, batch_size=8).prompt)
    wait_for(lambda: len(stage.seeds) == 8)
    interrupt(stage, prompt)
    began = time.monotonic()
    assert stage.client.run(pictures(words, 500, batch_size=8).prompt).succeeded
    assert time.monotonic() - began < 2.0


def test_two_equal_nodes_ask_once(stage: Stage, words: str) -> None:
    stage.sandbox.latency_s = 0.5
    run = stage.client.run(pictures(words, 7, 7).prompt)
    assert run.succeeded, run.messages
    assert len(run.outputs) == 2
    assert stage.seeds == [7]


def test_equal_prompts_of_one_queue_ask_once(stage: Stage, words: str) -> None:
    stage.sandbox.latency_s = 0.5
    prompts = [stage.client.queue(pictures(words, seed).prompt) for seed in (7, 8, 7, 8)]
    assert all(stage.client.wait(prompt).succeeded for prompt in prompts)
    assert stage.seeds == [7, 8]


def test_a_random_batch_that_failed_in_part_is_had_by_the_seed_it_names(
    stage: Stage, words: str
) -> None:
    first: list[int] = []

    def is_third(sent: Any) -> bool:
        first.append(sent["seed"])
        return len(first) == 3

    stage.sandbox.add_fault(Fault.status(400), when=is_third)
    graph = Graph()
    seed = graph.seed(5, "random every run")
    graph.preview(graph.generate(prompt=words, seed=seed, batch_size=4))
    run = stage.client.run(graph.prompt)
    assert run.status == "error"
    message = run.error["exception_message"]
    assert "3 of 4" in message.splitlines()[0]
    named = int(message.lower().partition("set seed ")[2].split()[0])

    graph.prompt[seed[0]]["inputs"].update(seed=named, mode="fixed")
    assert stage.client.run(graph.prompt).succeeded
    assert len(stage.seeds) == 5
    assert len(stage.sandbox.charges) == 4


def test_what_was_made_or_was_on_its_way_is_there_after_a_restart(stage: Stage, words: str) -> None:
    """A, B, A asks twice; and Ctrl-C waits for an answer that comes in 2 s."""
    for seed in (1, 2, 1):
        assert stage.client.run(pictures(words, seed).prompt).succeeded
    assert stage.seeds == [1, 2]
    stage.sandbox.latency_s = 2.0
    stage.client.queue(pictures(words, 3).prompt)
    wait_for(lambda: 3 in stage.seeds)

    began = time.monotonic()
    stage.stop()
    print(f"stopped in {time.monotonic() - began:.1f} s")
    assert len(stage.sandbox.charges) == 3
    stage.start()

    assert [info_of(stage, words, seed)["from_store"] for seed in (1, 2, 3)] == [1, 1, 1]
    assert stage.seeds == [1, 2, 3]


def test_the_limit_holds_for_all_nodes_of_a_prompt(stage: Stage, words: str) -> None:
    """Five nodes, each far below it; what was made before it was passed is free in the next run."""
    stage.sandbox.latency_s = 0.5
    graph = pictures(words, 1, 2, 3, 4, 5)
    stage.use_limit("0.03")
    try:
        run = stage.client.run(graph.prompt)
    finally:
        stage.use_limit("5")
    assert run.status == "error"
    first_line = run.error["exception_message"].splitlines()[0]
    assert "Not sent" in first_line
    assert "0.03 USD" in first_line
    assert "VENICE_MAX_USD_PER_RUN" in first_line
    time.sleep(0.7)
    assert len(stage.seeds) <= 3
    assert stage.client.run(graph.prompt).succeeded
    assert stage.seeds == [1, 2, 3, 4, 5]
    assert stage.sandbox.charged_usd == pytest.approx(0.05)


def test_a_sandbox_picture_is_never_shown_for_a_real_key(stage: Stage, words: str) -> None:
    stage.use_key("sandbox")
    try:
        assert [info_of(stage, words, 3)["from_store"] for _ in range(2)] == [0, 1]
        assert stage.seeds == []
    finally:
        stage.use_key(CANARY)
    assert info_of(stage, words, 3)["from_store"] == 0
    assert stage.seeds == [3]
