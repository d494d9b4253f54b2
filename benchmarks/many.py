"""Measures 304 requests: 76 seeds, 4 images each, in one node, and in two nodes of one run.

Also the CPU time of nodes that wait, and how fast one process is against a key's rate limit.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from faulty_sandbox import Sandbox
from loaded import pack
from performance_page import Part, Row
from stand_in import StandIn
from venice_client import GenerateRequest, VeniceClient

SEEDS, BATCH, IN_FLIGHT = 76, 4, 8
SIDE = 256
LATENCY = 1.0
WAITING = 6.0
"""Seconds of one response while the CPU time of waiting is measured."""


def measure(quick: bool) -> Part:
    latency = LATENCY / 5 if quick else LATENCY
    with tempfile.TemporaryDirectory() as home, StandIn() as api:
        environ = {**api.environ, "VENICE_HOME": home, "VENICE_MAX_USD_PER_RUN": "none"}
        with patch.dict(os.environ, environ):
            api.answer(latency, (SIDE, SIDE))
            rows = [*_one_node(api, latency), *_two_nodes(api, latency)]
            rows += asyncio.run(_idle(api))
            return Part([*rows, *_one_process(api, quick), *_at_a_limit(quick)])


def _one_node(api: StandIn, latency: float) -> list[Row]:
    asyncio.run(_generate("warming up", 1))
    api.answer(latency, (SIDE, SIDE))
    with _most_threads() as threads:
        began = time.monotonic()
        asyncio.run(_generate("a fox", SEEDS))
        seconds = time.monotonic() - began
    ideal = SEEDS * BATCH * latency / IN_FLIGHT
    turns = [each["seed"] for each in api.asked()[0]]
    places = {turn: place for place, turn in enumerate(sorted(turns))}
    away = max(abs(place - places[turn]) for place, turn in enumerate(turns))
    what = f"{SEEDS * BATCH} requests at {latency:g} s, {IN_FLIGHT} in flight"
    detail = f"{seconds:.2f} / {ideal:.2f} s"
    return [
        Row(what, "the minimum", seconds / ideal, "×", 1.03, detail),
        Row("threads for these requests", "", threads[0], "", 40),
        Row("furthest that a request is sent out of order", "", away, "", IN_FLIGHT),
    ]


def _one_process(api: StandIn, quick: bool) -> list[Row]:
    """How many requests a process can send if nothing limits it."""
    count = 50 if quick else 400
    api.answer(0.0, (1024, 1024))
    requests = [
        GenerateRequest("z-image-turbo", "as fast as it can", seed=seed) for seed in range(count)
    ]
    with VeniceClient() as client:
        began = time.monotonic()
        client.start(requests[1:]).wait()
        rate = (count - 1) / (time.monotonic() - began)
    detail = f"1024 × 1024, {IN_FLIGHT} in flight, saved"
    return [Row("requests per second of one process", "", rate, "", detail=detail)]


def _at_a_limit(quick: bool) -> list[Row]:
    """How much of a key's rate limit one process uses."""
    window = 4.0 if quick else 60.0
    requests = [GenerateRequest("z-image-turbo", "at a limit", seed=n) for n in range(1, 61)]
    with (
        Sandbox(keys=("limited",), rate_limit=20, window_s=window) as sandbox,
        VeniceClient(key="limited", base_url=sandbox.base_url) as client,
    ):
        began = time.monotonic()
        client.start(requests).wait()
        seconds = time.monotonic() - began
    detail = f"{seconds:.1f} / {2 * window:.0f} s"
    what = f"60 images at a limit of 20 per {window:g} s"
    return [Row(what, "the minimum", seconds / (2 * window), "×", 1.1, detail)]


def _two_nodes(api: StandIn, latency: float) -> list[Row]:
    """How evenly two nodes of one run are served while requests of both wait.

    Requests sent before the other node has begun don't count.
    """

    async def both() -> None:
        await asyncio.gather(_generate("one", SEEDS // 4), _generate("another", SEEDS // 4))

    api.answer(latency, (SIDE, SIDE))
    asyncio.run(both())
    prompts = [each["prompt"] for each in api.asked()[0]]
    begin = max(prompts.index("one"), prompts.index("another"))
    half = prompts[begin : begin + len(prompts) // 2]
    counts = [half.count(prompt) for prompt in ("one", "another")]
    what = "requests of one node per request of another"
    detail = f"{max(counts)} and {min(counts)} of {len(half)}"
    return [Row(what, "an equal share", max(counts) / max(1, min(counts)), "×", 1.2, detail)]


async def _idle(api: StandIn) -> list[Row]:
    """The share of a core that the process takes while its nodes wait for answers."""
    rows = []
    for nodes, seeds, goal in ((8, 1, 1.0), (1, 250, 5.0)):
        api.answer(WAITING, (SIDE, SIDE))
        runs = [asyncio.ensure_future(_generate(f"{nodes} wait, {i}", seeds)) for i in range(nodes)]
        await asyncio.sleep(WAITING / 3)
        began = time.process_time()
        await asyncio.sleep(WAITING / 3)
        share = 100 * (time.process_time() - began) / (WAITING / 3)
        api.answer(0.0, (SIDE, SIDE))  # what is still to be sent is answered at once
        await asyncio.gather(*runs)
        word = "node waits" if nodes == 1 else "nodes wait"
        what = f"one core while {nodes} {word} for {nodes * seeds * BATCH:,} requests"
        rows.append(Row(what, "", share, "%", goal))
    return rows


async def _generate(prompt: str, seeds: int) -> Any:
    node = pack().NODE_CLASS_MAPPINGS["VeniceGenerateImage"]()
    return await node.generate(
        model=["z-image-turbo"],
        prompt=[prompt],
        width=[SIDE],
        height=[SIDE],
        seed=[1 + BATCH * i for i in range(seeds)],
        batch_size=[BATCH],
    )


@contextmanager
def _most_threads() -> Iterator[list[int]]:
    """How many more threads than at its beginning there are at once while the block runs."""
    most, before, is_over = [0], threading.active_count(), threading.Event()

    def look() -> None:
        while not is_over.wait(0.02):
            most[0] = max(most[0], threading.active_count() - before - 1)

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    yield most
    is_over.set()
    watcher.join()
