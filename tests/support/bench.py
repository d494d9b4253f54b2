"""Run the pack's node classes against a sandbox, and report the end and the cost of each run."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import node_calls
import process_state
from faulty_sandbox import Fault, Sandbox
from form_fields import fields_of
from waiting import wait_for

KEY = "test-key"
PROMPT = "a fox in snow"
GENERATE: Mapping[str, Any] = {
    "model": "z-image-turbo",
    "prompt": PROMPT,
    "width": 64,
    "height": 64,
    "seed": 100,
    "batch_size": 1,
}


@dataclass(frozen=True)
class End:
    """The end of one run of a node.

    outputs: the node's, or (). texts: the status texts on the way. sent: the bodies of
    the paid requests of this run. charged: USD by the sandbox's own books.
    """

    outputs: tuple[Any, ...]
    error: BaseException | None
    texts: tuple[str, ...]
    sent: tuple[Any, ...]
    charged: float
    seconds: float

    @property
    def pictures(self) -> int:
        """The number of images."""
        return len(self.outputs[0]) if self.outputs else 0

    @property
    def shown(self) -> tuple[Any, ...]:
        """The outputs. Raises the error of a failed run."""
        if self.error is not None:
            raise self.error
        return self.outputs

    @property
    def tensor(self) -> Any:
        return self.shown[0]

    @property
    def info(self) -> dict[str, Any]:
        """The `info` output, which must be strict JSON."""
        (text,) = (output for output in self.shown if isinstance(output, str))
        told: dict[str, Any] = json.loads(text, parse_constant=_refuse)
        return told

    @property
    def seeds(self) -> list[int]:
        """The sent seeds, sorted: in parallel they arrive in any order."""
        return sorted(sent["seed"] for sent in self.sent)

    @property
    def error_name(self) -> str:
        return type(self.error).__name__ if self.error is not None else ""

    @property
    def first_line(self) -> str:
        """The first line of the error, which is what ComfyUI shows."""
        return str(self.error).partition("\n")[0] if self.error is not None else ""


@dataclass
class Bench:
    """The pack under test, the sandbox it pays, and its home folder."""

    pack: ModuleType
    sandbox: Sandbox
    home: Path
    texts: list[str] = field(default_factory=list)

    def call(self, node: str, **inputs: Any) -> Coroutine[Any, Any, tuple[Any, ...]]:
        """Return one run of a node, for an event loop with several."""
        return node_calls.call_async(self.pack.NODE_CLASS_MAPPINGS[node](), **inputs)

    def run(self, node: str, **inputs: Any) -> End:
        """Run one node to its end in its own event loop, as ComfyUI does."""
        before, charged = len(self.sandbox.paid_requests), self.sandbox.charged_usd
        texts = len(self.texts)
        began = time.monotonic()
        outputs: tuple[Any, ...] = ()
        error: BaseException | None = None
        try:
            outputs = asyncio.run(self.call(node, **inputs))
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as raised:  # ComfyUI's interrupt may be one
            error = raised
        return End(
            outputs,
            error,
            tuple(self.texts[texts:]),
            tuple(fields_of(request) for request in self.sandbox.paid_requests[before:]),
            round(self.sandbox.charged_usd - charged, 6),
            time.monotonic() - began,
        )

    def generate(self, **inputs: Any) -> End:
        """Run Venice Generate Image with small images; `inputs` override the defaults."""
        return self.run("VeniceGenerateImage", **{**GENERATE, **inputs})

    def side_by_side(self, *runs: Callable[[], End]) -> list[End]:
        """Do several runs at once, each in its own thread."""
        ends: list[End | None] = [None] * len(runs)

        def one(index: int) -> None:
            ends[index] = runs[index]()

        threads = [threading.Thread(target=one, args=(i,), daemon=True) for i in range(len(runs))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(200)
        done = [end for end in ends if end is not None]
        assert len(done) == len(runs), "a run hangs"
        return done

    def hold(self, count: int, path: str, together: int = 0) -> None:
        """Make the next `count` responses of `path` wait for each other, `together` (all) at a
        time.

        So they arrive only if that many requests are in flight together.
        """
        self.sandbox.add_fault(meeting(together or count), path=path, times=count)

    @property
    def entries(self) -> list[Path]:
        """The files of the saved results."""
        return sorted((self.home / "results").glob("*.result"))

    @property
    def cached_seeds(self) -> list[int]:
        """The seeds of the saved results, sorted."""
        return sorted(entry.facts["seed"] for entry in self.store().entries())

    def store(self) -> Any:
        """The store of this home, newly opened."""
        return self.pack.venice_client.store.result_cache.ResultCache(self.home, 1024)


def make_bench(
    pack: ModuleType, sandbox: Sandbox, home: Path, monkeypatch: pytest.MonkeyPatch, **waits: float
) -> Bench:
    """Return a bench with the sandbox as service, and short waits.

    waits: see process_state.reset.
    """
    process_state.reset(monkeypatch, pack, **waits)
    monkeypatch.setenv("VENICE_API_KEY", KEY)
    monkeypatch.setenv("VENICE_API_BASE", sandbox.base_url)
    bench = Bench(pack, sandbox, home)
    monkeypatch.setattr(pack.venice_nodes.run.comfyui, "status_listener", bench.texts.append)
    return bench


def meeting(count: int) -> Fault:
    """A good response that leaves once that many wait for it."""
    barrier = threading.Barrier(count)

    def wait(answer: Any, _request: Any) -> Any:
        barrier.wait(60)
        return answer

    return Fault("meeting", alter=wait)


def held_until(seen: Callable[[], Any], fault: Fault | None = None) -> Fault:
    """`fault`, or a good response, that leaves only once `seen` returns something true."""
    held = fault or Fault("held")

    def wait(answer: Any, request: Any) -> Any:
        wait_for(seen)
        return held.alter(answer, request) if held.alter else answer

    return replace(held, alter=wait)


def first_lines(errors: Sequence[BaseException]) -> list[str]:
    """The first line of each error."""
    return [str(error).partition("\n")[0] for error in errors]


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
