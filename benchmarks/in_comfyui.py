"""Times nodes in a real ComfyUI: ours, its own partner node, LoadImage, and the naive way.

Each time is the one between ComfyUI's own messages that a run has begun and ended.
"""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from comfy_client import ComfyClient, Events, Prompt
from comfyui_process import ComfyUIProcess, find, make_base
from performance_page import Part, Row
from rounds import Seconds, median, ratio, rounds
from stand_in import StandIn, picture

LATENCY = 2.0
MOST_FILES = 1200
PARTNER, PARTNER_2 = "OpenAIDalle2", "OpenAIDalle3"
"""ComfyUI's nodes of OpenAI: the first gets its image in the response, the second by a URL."""

DISK, NAIVE = "LoadImage", "a minimal node"
"""The second only downloads and decodes: requests, Pillow, torch.stack."""

BOUND = (
    "For one node, a minimal node takes as long. What remains is mostly Pillow's time for the PNG, "
    "about 23 ms of one core, which the partner node spends too."
)
"""Why it is not faster yet."""


class ComfyBench:
    """A running ComfyUI, and the prompts that are timed in it."""

    def __init__(self, client: ComfyClient, events: Events, api: StandIn) -> None:
        self.client, self.api = client, api
        self._events = events
        self._used = 1

    def run(self, prompt: Prompt) -> float:
        """Runs a prompt; returns its seconds. Raises RuntimeError where it fails."""
        self._events.messages.clear()
        self.client.queue(prompt, self._events.client_id)
        while not (times := self._times()).keys() & {"execution_success"}:
            time.sleep(0.01)
        return (times["execution_success"] - times["execution_start"]) / 1000

    def _times(self) -> dict[str, float]:
        messages = list(self._events.messages)
        for message in messages:
            if message["type"] in ("execution_error", "execution_interrupted"):
                raise RuntimeError(message["data"]["exception_message"])
        return {
            m["type"]: m["data"]["timestamp"] for m in messages if "timestamp" in m.get("data", ())
        }

    def ours(self, nodes: int = 1, batch_size: int = 1, seed: int | None = None) -> float:
        """Generate, with seeds of their own, or from `seed` on."""
        first = self._next(nodes * batch_size) if seed is None else seed
        return self._each(
            "VeniceGenerateImage",
            [
                {
                    **{"model": "z-image-turbo", "prompt": "a fox in snow"},
                    **{"width": 1024, "height": 1024, "seed": first + i * batch_size},
                    "batch_size": batch_size,
                }
                for i in range(nodes)
            ],
        )

    def partner(self, nodes: int = 1) -> float:
        first = self._next(nodes)
        fixed = {"prompt": "a fox in snow", "size": "1024x1024", "n": 1}
        return self._each(PARTNER, [{**fixed, "seed": first + i} for i in range(nodes)])

    def partner_by_address(self, nodes: int = 1) -> float:
        first = self._next(nodes)
        fixed = {"prompt": "a fox in snow", "size": "1024x1024"}
        fixed |= {"quality": "standard", "style": "natural"}
        return self._each(PARTNER_2, [{**fixed, "seed": first + i} for i in range(nodes)])

    def naive(self, nodes: int = 1, batch_size: int = 1) -> float:
        first = self._next(nodes * batch_size)
        fixed = {"url": self.api.url, "batch_size": batch_size}
        seeds = range(first, first + nodes * batch_size, batch_size)
        return self._each("NaiveGenerate", [{**fixed, "seed": seed} for seed in seeds])

    def disk(self, nodes: int = 1) -> float:
        first = self._next(nodes)
        names = [f"bench-{(first + i) % MOST_FILES}.png" for i in range(nodes)]
        return self._each("LoadImage", [{"image": name} for name in names])

    def _each(self, node: str, all_inputs: list[dict[str, Any]]) -> float:
        prompt: Prompt = {}
        for i, inputs in enumerate(all_inputs):
            prompt[f"{i}"] = {"class_type": node, "inputs": inputs}
            prompt[f"end {i}"] = {"class_type": "BenchEnd", "inputs": {"images": [f"{i}", 0]}}
        return self.run(prompt)

    def _next(self, count: int) -> int:
        """The first of so many numbers that were not used yet."""
        self._used += count
        return self._used - count


def measure(quick: bool) -> Part:
    """All rows. Without a ComfyUI there are none, and it says so."""
    installation = find(os.environ)
    if installation is None:
        return Part(text="Skipped: there is no ComfyUI here; COMFYUI_PATH names one.")
    with tempfile.TemporaryDirectory() as folder, StandIn() as api:
        base = make_base(Path(folder))
        _add_files(base)
        environ = {**os.environ, **api.environ, "VENICE_HOME": str(base / "home")}
        environ |= {"VENICE_MAX_USD_PER_RUN": "none"}
        arguments = ["--cpu", "--comfy-api-base", api.url]
        with ComfyUIProcess(installation, base, environ, arguments) as process:
            process.wait_until_ready()
            client = ComfyClient(process.url)
            with client.listen() as events:
                bench = ComfyBench(client, events, api)
                rows = list(_rows(bench, 3 if quick else 15))
            version = client.get("/system_stats").json()["system"]["comfyui_version"]
    return Part(rows, f"ComfyUI {version}, on the CPU.")


def _add_files(base: Path) -> None:
    """The naive node, and one image under many names, so that LoadImage reads it each time."""
    node = base / "custom_nodes" / "naive" / "__init__.py"
    node.parent.mkdir()
    shutil.copy(Path(__file__).with_name("naive_node.py"), node)
    original = base / "input" / "bench-0.png"
    original.write_bytes(picture(1024, 1024))
    for i in range(1, MOST_FILES):
        os.link(original, original.with_name(f"bench-{i}.png"))


def _rows(bench: ComfyBench, count: int) -> Iterator[Row]:
    yield from _without_latency(bench, count)
    yield from _with_latency(bench, max(2, count // 3))
    yield from _from_store(bench, count)


def _without_latency(bench: ComfyBench, count: int) -> Iterator[Row]:
    ways: dict[str, Callable[..., float]] = {
        **{"ours": bench.ours, "partner": bench.partner, "by address": bench.partner_by_address},
        **{"disk": bench.disk, "naive": bench.naive},
    }
    one = rounds(ways, 2 * count)
    what = "one node"
    yield _row(what, PARTNER, one, "partner", 0.8, why=BOUND)
    yield _row(what, PARTNER_2, one, "by address", 0.8, why=BOUND)
    yield _row(what, DISK, one, "disk", 1.1, why=BOUND)
    yield _row(what, NAIVE, one, "naive")
    eight = rounds({name: _times(8, way) for name, way in ways.items()}, count)
    what = "eight nodes"
    yield _row(what, PARTNER, eight, "partner", 0.7, why=BOUND)
    yield _row(what, PARTNER_2, eight, "by address", 0.7, why=BOUND)
    yield _row(what, DISK, eight, "disk", 1.0)
    yield _row(what, NAIVE, eight, "naive")
    for size in (4, 16):
        batch = rounds(
            {
                "ours": lambda: bench.ours(batch_size=size),  # noqa: B023 (used at once)
                "disk": lambda: bench.disk(size),  # noqa: B023
                "naive": lambda: bench.naive(batch_size=size),  # noqa: B023
            },
            max(2, count // (1 if size == 4 else 3)),
        )
        yield _row(f"batch of {size}", DISK, batch, "disk")
        yield _row(f"batch of {size}", NAIVE, batch, "naive")


def _with_latency(bench: ComfyBench, count: int) -> Iterator[Row]:
    with _latency(bench):
        one = rounds({"ours": bench.ours, "partner": bench.partner}, count)
        yield _row(f"one node at {LATENCY:g} s", PARTNER, one, "partner")
        with _latency(bench, 0.0):
            disk = rounds({"disk": lambda: bench.disk(8)}, count)
        eight = rounds({"ours": lambda: bench.ours(8), "partner": lambda: bench.partner(8)}, count)
        what = f"eight nodes at {LATENCY:g} s"
        yield _row(what, PARTNER, eight, "partner", 0.95)
        yield _row(what, f"{DISK}, and {LATENCY:g} s", eight | disk, "disk", 1.05, LATENCY)
        batches = rounds({"4": lambda: bench.ours(batch_size=4)}, count)
        yield Row(f"batch of 4 at {LATENCY:g} s", "", median(batches, "4"), "s", 2.3)
        naive = rounds({"naive": lambda: bench.naive(batch_size=4)}, 1)
        value = median(batches, "4") / median(naive, "naive")
        yield Row(f"batch of 4 at {LATENCY:g} s", NAIVE, value)
        batches = rounds({"16": lambda: bench.ours(batch_size=16)}, max(2, count // 2))
        yield Row(
            f"batch of 16 at {LATENCY:g} s, 8 in flight",
            f"{2 * LATENCY:g} s, the minimum",
            median(batches, "16") / (2 * LATENCY),
            detail=f"{median(batches, '16'):.2f} s",
        )


def _from_store(bench: ComfyBench, count: int) -> Iterator[Row]:
    first = 500_000_000
    bench.ours(batch_size=16, seed=first)
    bench.ours(batch_size=16, seed=first + 16)
    for size, seeds in ((1, range(first, first + 32)), (16, (first, first + 16))):
        # One that is cached in memory is none from the store: each is asked for in turn.
        left = itertools.cycle(seeds)

        def ours(size: int = size, left: Iterator[int] = left) -> float:
            seed = next(left)
            if size > 1 or seed == first:
                bench.client.free()
            return bench.ours(batch_size=size, seed=seed)

        def disk(size: int = size) -> float:
            return bench.disk(size)

        taken = rounds({"ours": ours, "disk": disk}, 2 * count if size == 1 else max(2, count // 3))
        what = "one image" if size == 1 else f"batch of {size}"
        yield _row(f"{what}, saved", DISK, taken, "disk", 1.1)


def _times(nodes: int, way: Callable[[int], float]) -> Callable[[], float]:
    return lambda: way(nodes)


@contextmanager
def _latency(bench: ComfyBench, seconds: float = LATENCY) -> Iterator[None]:
    bench.api.answer(latency=seconds)
    yield
    bench.api.answer(latency=0.0 if seconds else LATENCY)


def _row(
    what: str,
    against: str,
    taken: Seconds,
    other: str,
    goal: float | None = None,
    more: float = 0.0,
    why: str = "",
) -> Row:
    own, theirs = median(taken, "ours"), median(taken, other) + more
    detail = f"{own:.3f} / {theirs:.3f} s"
    return Row(what, against, ratio(taken, "ours", other, more), "×", goal, detail, why)
