"""The threads of the nodes: they share work, and the end of the process waits for none of them."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]

# Decodes and helps for ten minutes each, and ends at once.
BUSY_AT_THE_END = """
import asyncio, sys, threading, time
sys.path.insert(0, sys.argv[1] + "/scripts")
from demo import load_pack
pack = load_pack()
begun = threading.Barrier(3)

def busy(*_):
    begun.wait()
    time.sleep(600)

for start in (
    lambda: asyncio.run(pack.venice_nodes.run.run_requests.in_thread(busy)),
    lambda: pack.venice_nodes.imaging.tensors._pool.map(busy, [1]),
):
    threading.Thread(target=start, daemon=True).start()
begun.wait()
print(sorted(t.name.rpartition("-")[0] for t in threading.enumerate() if "venice" in t.name))
"""


@pytest.fixture
def workers(pack: ModuleType) -> Any:
    return pack.venice_nodes.imaging.daemon_pool.DaemonPool("test", max_workers=3)


@pytest.mark.long
def test_the_end_of_the_process_waits_for_no_image_and_no_helper() -> None:
    done = subprocess.run(
        [sys.executable, "-c", BUSY_AT_THE_END, str(ROOT)],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.stdout == "['venice-decode', 'venice-helper']\n", done.stderr
    assert done.returncode == 0, done.stderr


def test_answers_come_in_order_from_few_threads(workers: Any) -> None:
    names: set[str] = set()
    together = threading.Barrier(3)

    def work(number: int) -> int:
        names.add(threading.current_thread().name)
        if number < 3:
            together.wait(60)
        time.sleep(0.05 if number % 3 == 0 else 0.001)
        return number * 2

    assert workers.map(work, range(30)) == [number * 2 for number in range(30)]
    assert workers.map(work, range(30)) == [number * 2 for number in range(30)]
    assert names == {"test-0", "test-1", "test-2"}


def test_an_exception_is_that_of_the_first_item(workers: Any) -> None:
    def work(number: int) -> None:
        raise KeyError(number)

    with pytest.raises(KeyError, match="4"):
        workers.map(work, [4, 5, 6])
    assert workers.map(str, [7]) == ["7"]


def test_what_is_cancelled_in_time_does_not_begin(workers: Any) -> None:
    go, began = threading.Event(), list[int]()
    busy = [workers.submit(go.wait) for _ in range(3)]
    late = workers.submit(lambda: began.append(1))
    assert late.cancel()
    go.set()
    assert all(future.result(60) for future in busy)
    assert workers.map(str, [1]) == ["1"]
    assert began == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_a_forked_process_starts_threads_of_its_own(workers: Any) -> None:
    """Those of its parent are not in it, and one of them may be about to take a task."""
    go = threading.Event()
    busy = [workers.submit(go.wait) for _ in range(4)]
    context: Any = multiprocessing.get_context("fork")
    end, pipe = context.Pipe(duplex=False)
    child = context.Process(target=lambda: pipe.send(workers.map(str, range(5))), daemon=True)
    child.start()
    assert end.poll(60)
    assert end.recv() == ["0", "1", "2", "3", "4"]
    child.join(60)
    assert child.exitcode == 0
    go.set()
    assert all(future.result(60) for future in busy)


ENDS_AT_WORK = """
import sys, threading, time
sys.path.insert(0, sys.argv[1] + "/scripts")
from demo import load_pack
pack = load_pack()
module = pack.venice_nodes.imaging.daemon_pool
inner, outer = module.DaemonPool("inner", 1), module.DaemonPool("outer", 1)
begun = threading.Event()

def first(_):
    begun.set()
    while not module._work._is_ending:
        time.sleep(0.01)
    print("first is done", flush=True)

def second(_):
    print("second has begun", flush=True)

def nested():
    inner.map(first, [1])
    print("nested goes on", flush=True)

outer.submit(nested)
begun.wait()
inner.submit(lambda: second(2))
print("the end", flush=True)
"""


@pytest.mark.long
def test_what_is_under_way_at_the_end_is_waited_for_and_nothing_else_begins() -> None:
    """A thread that is inside torch while Python shuts down would abort the process."""
    done = subprocess.run(
        [sys.executable, "-c", ENDS_AT_WORK, str(ROOT)],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.stdout.splitlines() == ["the end", "first is done"], done.stderr
    assert done.returncode == 0, done.stderr


def test_a_batch_that_begins_while_the_process_ends_sends_nothing() -> None:
    code = (
        "import atexit, sys\n"
        "sys.path[:0] = sys.argv[1:]\n"
        "def late():\n"
        "    batch = batch_of([lambda progress: progress.check()])\n"
        "    batch.begin()\n"
        "    print(batch.wait(60), repr(batch.outcomes[0]))\n"
        "atexit.register(late)  # which is called after what is registered later\n"
        "from jobs import batch_of\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(ROOT), str(ROOT / "tests" / "support")],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.stdout.startswith('True RequestCancelledError("The program is ending.'), done.stderr
