"""Interrupts, neighbours and restarts in a real ComfyUI: nothing is paid for twice."""

from __future__ import annotations

import json
import signal
import sys
import time
import uuid
from typing import Any

import pytest

from comfy_client import Events, Run
from comfy_running import CANARY, HELD_S, Running
from comfyui_process import CTRL_C
from faulty_sandbox import Fault
from graphs import Graph, second
from waiting import wait_for

NOT_ON_WINDOWS = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")


def pictures(words: str, *seeds: int, **inputs: Any) -> Graph:
    """A node a seed, each with a preview."""
    graph = Graph()
    for seed in seeds:
        graph.preview(graph.generate(prompt=words, seed=seed, **inputs))
    return graph


def info_of(comfyui: Running, words: str, seed: int) -> dict[str, Any]:
    """Runs one image and answers its `info`."""
    graph = Graph()
    images = graph.generate(prompt=words, seed=seed)
    graph.preview(images)
    info = graph.show(second(images))
    comfyui.client.free()
    run = comfyui.client.run(graph.prompt)
    assert run.succeeded, run.messages
    told: dict[str, Any] = json.loads(run.text(info))
    return told


def interrupt(comfyui: Running, prompt_id: str) -> Run:
    """Interrupts a run, which must end though its answers are held."""
    comfyui.client.interrupt()
    run = comfyui.client.wait(prompt_id, HELD_S)
    assert run.interrupted, run.messages
    return run


def texts(events: Events) -> str:
    return "\n".join(text for _, text in events.texts)


def test_an_interrupted_image_is_there_in_the_next_run(comfyui: Running, words: str) -> None:
    graph = pictures(words, 1)
    with comfyui.client.listen() as events:
        with comfyui.held():
            prompt = comfyui.client.queue(graph.prompt)
            wait_for(lambda: comfyui.seeds)
            began = time.monotonic()
            interrupt(comfyui, prompt)
            print(f"ended {time.monotonic() - began:.2f} s after the interrupt")
            # It waits for the answer that is on its way, and shows that.
            again = comfyui.client.queue(graph.prompt, client_id=events.client_id)
            wait_for(lambda: "waiting for an identical request" in texts(events))
        run = comfyui.client.wait(again)
        assert run.succeeded, run.messages
    comfyui.client.free()
    assert comfyui.client.run(graph.prompt).succeeded
    assert comfyui.seeds == [1]
    assert len(comfyui.sandbox.charges) == 1


def test_an_interrupted_batch_sends_no_more_than_what_was_on_its_way(
    comfyui: Running, words: str
) -> None:
    graph = pictures(words, 100, batch_size=16)
    with comfyui.held():
        prompt = comfyui.client.queue(graph.prompt)
        wait_for(lambda: len(comfyui.seeds) >= 8)
        interrupt(comfyui, prompt)
    wait_for(lambda: len(comfyui.sandbox.charges) == 8)
    time.sleep(0.5)
    assert len(comfyui.seeds) == 8
    assert comfyui.client.run(graph.prompt).succeeded
    assert comfyui.seeds == list(range(100, 116))


def test_an_interrupt_while_waiting_for_the_rate_limit(comfyui: Running, words: str) -> None:
    comfyui.sandbox.add_fault(Fault.status(429, headers={"Retry-After": "8"}))
    graph = pictures(words, 1)
    with comfyui.client.listen() as events:
        prompt = comfyui.client.queue(graph.prompt, client_id=events.client_id)
        wait_for(lambda: "waiting (rate limit)" in texts(events))
        interrupt(comfyui, prompt)
    assert "s left" in texts(events)
    assert comfyui.sandbox.charges == []
    assert comfyui.client.run(graph.prompt).succeeded
    assert len(comfyui.seeds) == 2


def test_a_neighbour_that_fails_costs_nothing_that_is_paid(comfyui: Running, words: str) -> None:
    comfyui.sandbox.add_fault(Fault.status(400), when=lambda sent: sent["seed"] == 2)
    comfyui.sandbox.add_fault(Fault.latency(2.0), times=2)
    graph = pictures(words, 1, 2, 3)
    prompt = comfyui.client.queue(graph.prompt)
    run = comfyui.client.wait(prompt)
    assert run.status == "error"
    assert not run.interrupted
    assert comfyui.client.run(graph.prompt).succeeded
    assert comfyui.seeds == [1, 2, 2, 3]
    assert len(comfyui.sandbox.charges) == 3


def test_hung_requests_of_an_earlier_run_hold_nobody_up(comfyui: Running, words: str) -> None:
    with comfyui.held(times=8):
        prompt = comfyui.client.queue(pictures(words, 100, batch_size=8).prompt)
        wait_for(lambda: len(comfyui.seeds) == 8)
        interrupt(comfyui, prompt)
        assert comfyui.client.run(pictures(words, 500, batch_size=8).prompt, HELD_S).succeeded


def test_a_prompt_id_that_comes_again_is_another_run(comfyui: Running, words: str) -> None:
    """Neither the interrupt of the first one nor what it spent is that of the next ones."""
    name = str(uuid.uuid4())

    def queue(seed: int) -> None:
        graph = pictures(words, seed, batch_size=2)
        told = comfyui.client.post("/prompt", {"prompt": graph.prompt, "prompt_id": name})
        assert told.status_code == 200, told.text
        assert told.json()["prompt_id"] == name

    comfyui.use_limit("0.02")
    try:
        with comfyui.held():
            queue(100)
            wait_for(lambda: len(comfyui.seeds) == 2)
            interrupt(comfyui, name)
        for seed in (200, 300):
            queue(seed)
            wait_for(lambda seed=seed: seed + 1 in comfyui.seeds)
            wait_for(lambda: comfyui.client.wait(name).succeeded)
    finally:
        comfyui.use_limit("5")


def test_two_equal_nodes_ask_once(comfyui: Running, words: str) -> None:
    comfyui.sandbox.latency_s = 0.5
    run = comfyui.client.run(pictures(words, 7, 7).prompt)
    assert run.succeeded, run.messages
    assert len([output for output in run.outputs.values() if "images" in output]) == 2
    assert comfyui.seeds == [7]


def test_equal_prompts_of_one_queue_ask_once(comfyui: Running, words: str) -> None:
    comfyui.sandbox.latency_s = 0.5
    prompts = [comfyui.client.queue(pictures(words, seed).prompt) for seed in (7, 8, 7, 8)]
    assert all(comfyui.client.wait(prompt).succeeded for prompt in prompts)
    assert comfyui.seeds == [7, 8]


def test_a_random_batch_that_failed_in_part_is_had_by_the_seed_it_names(
    comfyui: Running, words: str
) -> None:
    first: list[int] = []

    def is_third(sent: Any) -> bool:
        first.append(sent["seed"])
        return len(first) == 3

    comfyui.sandbox.add_fault(Fault.status(400), when=is_third)
    graph = Graph()
    seed = graph.seed(5, "random every run")
    graph.preview(graph.generate(prompt=words, seed=seed, batch_size=4))
    run = comfyui.client.run(graph.prompt)
    assert run.status == "error"
    message = run.error["exception_message"]
    assert "3 of 4 images are saved." in message.splitlines()[1]
    named = int(message.lower().partition("with seed ")[2].split()[0])

    graph.prompt[seed[0]]["inputs"].update(seed=named, mode="fixed")
    assert comfyui.client.run(graph.prompt).succeeded
    assert len(comfyui.seeds) == 5
    assert len(comfyui.sandbox.charges) == 4


def test_an_image_made_of_a_random_one_is_had_by_the_seed_that_the_error_names(
    comfyui: Running, words: str
) -> None:
    comfyui.sandbox.add_fault(Fault.status(400), path="/image/upscale")
    graph = Graph()
    seed = graph.seed(5, "random every run")
    images = graph.generate(prompt=words, seed=seed, batch_size=4, width=256, height=256)
    graph.preview(graph.add("VeniceUpscaleImage", image=images, scale="2x", creativity=0.01))
    run = comfyui.client.run(graph.prompt)
    assert run.status == "error"
    message = run.error["exception_message"]
    assert "3 of 4 images are saved. Saved images stay free if you run again with" in message
    named = int(message.partition("any earlier seed fixed at ")[2].partition(".")[0])
    before = comfyui.sandbox.charged_usd

    graph.prompt[seed[0]]["inputs"].update(seed=named, mode="fixed")
    assert comfyui.client.run(graph.prompt).succeeded

    assert comfyui.sandbox.charged_usd - before == pytest.approx(0.02)
    assert len(comfyui.sandbox.charges) == 8


@pytest.mark.parametrize(
    "end",
    [
        "Ctrl-C",
        pytest.param("SIGTERM", marks=NOT_ON_WINDOWS),
        pytest.param("SIGHUP", marks=NOT_ON_WINDOWS),
    ],
)
def test_what_was_made_or_was_on_its_way_is_there_after_a_restart(
    comfyui: Running, words: str, end: str
) -> None:
    """A, B, A asks twice; and the end waits for an answer that comes in 2 s."""
    for seed in (1, 2, 1):
        assert comfyui.client.run(pictures(words, seed).prompt).succeeded
    assert comfyui.seeds == [1, 2]
    comfyui.sandbox.latency_s = 2.0
    comfyui.client.queue(pictures(words, 3).prompt)
    wait_for(lambda: 3 in comfyui.seeds)

    began = time.monotonic()
    comfyui.stop(getattr(signal, end, CTRL_C))
    print(f"{end}: stopped in {time.monotonic() - began:.1f} s")
    assert len(comfyui.sandbox.charges) == 3
    comfyui.start()

    assert [info_of(comfyui, words, seed)["from_store"] for seed in (1, 2, 3)] == [1, 1, 1]
    assert comfyui.seeds == [1, 2, 3]


def test_the_limit_holds_for_all_nodes_of_a_prompt(comfyui: Running, words: str) -> None:
    """Five nodes, each far below it; what was made before it was passed is free in the next run."""
    comfyui.sandbox.latency_s = 0.5
    graph = pictures(words, 1, 2, 3, 4, 5)
    comfyui.use_limit("0.03")
    try:
        run = comfyui.client.run(graph.prompt)
    finally:
        comfyui.use_limit("5")
    assert run.status == "error"
    first_line = run.error["exception_message"].splitlines()[0]
    assert "Not sent" in first_line
    assert "$0.03" in first_line
    assert "raise the limit in Settings → Venice" in first_line
    time.sleep(0.7)
    assert len(comfyui.seeds) <= 3
    assert comfyui.client.run(graph.prompt).succeeded
    assert comfyui.seeds == [1, 2, 3, 4, 5]
    assert comfyui.sandbox.charged_usd == pytest.approx(0.05)


def test_a_sandbox_image_is_never_shown_for_a_real_key(comfyui: Running, words: str) -> None:
    comfyui.use_key("sandbox")
    try:
        assert [info_of(comfyui, words, 3)["from_store"] for _ in range(2)] == [0, 1]
        assert comfyui.seeds == []
    finally:
        comfyui.use_key(CANARY)
    assert info_of(comfyui, words, 3)["from_store"] == 0
    assert comfyui.seeds == [3]
