"""kill -9 at any line of our code: every charge is in the ledger once, and its image is saved or
the user is told."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import KEY
from faulty_sandbox import Fault, Sandbox
from venice_client.store.journal import Journal
from venice_client.store.result_cache import ResultCache

ROOT = Path(__file__).resolve().parents[2]
LINES = 500
"""About how many lines of the watched files a request runs through from where it reserves, and some
more."""

# Forks a process for each `seed:line` that it reads, which asks for an image with this seed. From
# its turn to reserve on it counts the lines that it runs through, and dies at that one. It doesn't
# count those that read the ledger, which grows.
FORKER = """
import os, signal, sys, threading
sys.path.insert(0, sys.argv[1])
from venice_client import GenerateRequest, VeniceClient
from venice_client import batch, client, files, store

folder = os.path.dirname(store.__file__)
watched = {module.__file__ for module in (batch, client, files)}
growing = {"_read", "_look", "read_charge", "day_of", "_last_lines"}
left, has_begun = 0, False

def watch(frame, event, _argument):
    global left, has_begun
    name = frame.f_code.co_filename
    if name not in watched and not name.startswith(folder) or name.endswith("cache_evictor.py"):
        return None
    if frame.f_code.co_name in growing or frame.f_code.co_name.startswith("<"):
        return None
    has_begun = has_begun or frame.f_code.co_name == "alone"
    if not has_begun:
        return watch
    left -= event == "line"
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    return watch

def generate(seed):
    request = GenerateRequest("z-image-turbo", "a fox", width=64, height=64, seed=seed)
    threading.settrace(watch)
    sys.settrace(watch)
    VeniceClient().start([request], run=str(seed)).wait()
    os._exit(0)

for line in sys.stdin:
    children = []
    for word in line.split():
        seed, left = map(int, word.split(":"))
        child = os.fork()
        if not child:
            generate(seed)
        children.append(child)
    print(*(os.waitpid(child, 0)[1] for child in children), flush=True)
"""


@pytest.fixture
def forker(free_sandbox: Sandbox, home: Path) -> Iterator[subprocess.Popen[str]]:
    """Forks processes that send to the sandbox. Their log is in the home folder."""
    settings = {
        "VENICE_API_KEY": KEY,
        "VENICE_API_BASE": free_sandbox.base_url,
        "VENICE_MAX_USD_PER_DAY": "1000",
    }
    command = [sys.executable, "-W", "ignore", "-c", FORKER, str(ROOT)]
    with (home / "log").open("w") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**os.environ, **settings},
        )
    yield process
    process.communicate(timeout=60)


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_wherever_a_process_is_killed_each_charge_counts_once(
    free_sandbox: Sandbox, home: Path, forker: subprocess.Popen[str], is_long: bool
) -> None:
    faults = (Fault.status(500), Fault.reset(charge=True), Fault.status(502, charge=True))
    for number, fault in enumerate(faults):
        free_sandbox.add_fault(
            fault, when=lambda sent, number=number: sent["seed"] % 9 == number, times=None
        )
    assert forker.stdout is not None
    chance, killed, seed = random.Random(11), set[int](), 0
    while len(killed) < (200 if is_long else 15):
        seeds = range(seed + 1, seed + 1 + chance.choice((1, 1, 2, 3)))
        seed = seeds[-1]
        words = [f"{each}:{chance.randrange(chance.choice((1, 200)), LINES)}" for each in seeds]
        print(*words, file=forker.stdin, flush=True)
        ends = map(int, forker.stdout.readline().split())
        killed |= {each for each, end in zip(seeds, ends, strict=True) if end}
    journal = Journal(home)
    with journal.alone(10.0):
        journal.open_charges()

    charged = {r.json["seed"] for r in free_sandbox.paid_requests if r.charged_usd}
    lines = Counter(int(charge.run) for charge in journal.ledger.since(0))
    saved = {entry.facts["seed"] for entry in ResultCache(home, 1024).entries()}
    said = (home / "log").read_text() + journal.take_news()
    told = sum(map(int, re.findall(r"(\d+) requests? w\w+ in flight", said)))
    print(f"{len(killed)} of {seed} processes were killed, {len(charged)} images were charged,")
    print(f"{len(lines)} are in the ledger, {len(saved)} saved, {told} told")
    assert max(lines.values()) == 1
    assert charged <= set(lines)
    assert set(lines) - charged <= killed, "in flight when they were killed"
    untold = {each for each in charged - saved if each % 9 >= len(faults)}  # others ended as errors
    assert len(untold) <= told
    assert not [path for path in (home / "journal").glob("*.jsonl") if path.stat().st_size]
