"""How a run ends that does not end well, and that the next one is none the worse for it."""

from __future__ import annotations

import json
import re
import time

from bench import held_until
from comfy_running import CANARY, HELD_S, Running
from faulty_sandbox import Fault
from graphs import Graph
from waiting import wait_for

GENERATE = "/image/generate"


def one_picture(prompt: str) -> Graph:
    graph = Graph()
    graph.preview(graph.generate(prompt=prompt))
    return graph


def test_an_interrupt_ends_it_and_the_next_run_works(comfyui: Running, words: str) -> None:
    with comfyui.held():
        prompt = comfyui.client.queue(one_picture(words).prompt)
        wait_for(lambda: comfyui.sent)
        comfyui.client.interrupt()
        run = comfyui.client.wait(prompt, HELD_S)

    assert run.interrupted, run.messages
    assert comfyui.client.run(one_picture(f"{words}, again").prompt).succeeded


def test_an_interrupt_ends_all_nodes_of_the_run(comfyui: Running, words: str) -> None:
    graph = Graph()
    for seed in range(1, 5):
        graph.preview(graph.generate(prompt=words, seed=seed))
    with comfyui.held():
        prompt = comfyui.client.queue(graph.prompt)
        wait_for(lambda: len(comfyui.sent) == 4)
        comfyui.client.interrupt()
        run = comfyui.client.wait(prompt, HELD_S)

    assert run.interrupted, run.messages


def test_an_interrupt_ends_all_items_of_a_sweep(comfyui: Running, words: str) -> None:
    """Twelve items look for it at the same time; whoever sees it first, all of them end."""
    styles = ["Anime", "Cinematic", "Watercolor", "Film Noir", "Origami", "Gothic"]
    styles += ["Collage", "Disco", "Grunge", "Horror", "Space", "Tribal"]
    graph = Graph()
    sweep = graph.add("VeniceStyleSweep", styles="\n".join(styles))
    graph.preview(graph.generate(prompt=words, style=sweep))
    with comfyui.held():
        prompt = comfyui.client.queue(graph.prompt)
        wait_for(lambda: len(comfyui.sent) == 8)
        comfyui.client.interrupt()
        run = comfyui.client.wait(prompt, HELD_S)

    assert run.interrupted, run.messages
    time.sleep(0.5)
    assert len(comfyui.sent) == 8, "what was waiting for a place is not sent"


def test_an_error_says_cause_and_remedy_first(comfyui: Running, words: str) -> None:
    refusal = {"error": "Insufficient USD or Diem balance", "code": "INSUFFICIENT_BALANCE"}
    comfyui.sandbox.add_fault(Fault.status(402, refusal), path=GENERATE, times=1)

    run = comfyui.client.run(one_picture(words).prompt)

    assert run.status == "error"
    assert run.error["node_type"] == "VeniceGenerateImage"
    first_line = run.error["exception_message"].splitlines()[0]
    assert re.search("balance|credit", first_line, re.IGNORECASE)
    assert re.search("add ", first_line, re.IGNORECASE)
    assert CANARY not in json.dumps(run.messages)


def test_a_refused_key_is_asked_no_more_than_once_a_place(comfyui: Running, words: str) -> None:
    """It holds for all items of a sweep: what has no place yet is not sent."""
    refusal = {"error": "Authentication failed", "code": "AUTHENTICATION_FAILED"}
    comfyui.sandbox.add_fault(Fault.status(401, refusal), path=GENERATE, times=None)
    comfyui.sandbox.latency_s = 2.0
    graph = Graph()
    graph.preview(graph.generate(prompt=words, style=graph.add("VeniceStyleSweep", styles="*")))

    run = comfyui.client.run(graph.prompt)

    assert run.status == "error"
    assert "key" in run.error["exception_message"].splitlines()[0]
    assert len(comfyui.sent) <= 8


def test_a_run_after_an_error_works(comfyui: Running, words: str) -> None:
    comfyui.sandbox.add_fault(Fault.status(422), path=GENERATE, times=1)
    graph = one_picture(words)
    assert comfyui.client.run(graph.prompt).status == "error"
    assert comfyui.client.run(graph.prompt).succeeded
    assert len(comfyui.sent) == 2


def test_an_error_of_one_node_ends_its_neighbours_at_once(comfyui: Running, words: str) -> None:
    refused = held_until(lambda: len(comfyui.sent) == 3, Fault.status(401))
    comfyui.sandbox.add_fault(refused, when=lambda sent: sent["seed"] == 2)
    graph = Graph()
    for seed in (1, 2, 3):
        graph.preview(graph.generate(prompt=words, seed=seed))

    with comfyui.held():
        run = comfyui.client.wait(comfyui.client.queue(graph.prompt), HELD_S)

    assert run.status == "error"
