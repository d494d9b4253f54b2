"""Measures the price of a graph where much was generated and spent before."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from loaded import pack
from page_server import PageClient, serve
from performance_page import Part, Row
from rounds import median, ratio, rounds, timed
from venice_client.store.cache_evictor import ENDING
from venice_client.store.entry_file import write_entry
from venice_client.store.result_cache import FOLDER
from venice_client.transport.response import Response

NODES, CHARGES, RESULTS = 20, 20_000, 8_000
SERVICE = "https://api.venice.ai/api/v1"


def measure(quick: bool) -> Part:
    graph = {"prompt": {str(i): _node(i) for i in range(NODES)}}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        empty, full = Path(folder) / "empty", Path(folder) / "full"
        _fill(full, CHARGES, RESULTS)
        pages = {home: stack.enter_context(_page(home)) for home in (empty, full)}
        ways = {home.name: lambda home=home: _ask(pages[home], home, graph) for home in pages}
        taken = rounds(ways, 10 if quick else 60)
    milliseconds = {name: 1000 * median(taken, name) for name in taken}
    detail = f"{milliseconds['full']:.1f} / {milliseconds['empty']:.1f} ms"
    what = f"price of {NODES} nodes, {CHARGES:,} charges today and {RESULTS:,} results"
    return Part([Row(what, "an empty home", ratio(taken, "full", "empty"), "×", 1.5, detail)])


def _node(number: int) -> dict[str, Any]:
    inputs = {"model": "z-image-turbo", "prompt": "a fox", "seed": number + 1, "batch_size": 4}
    return {"class_type": "VeniceGenerateImage", "inputs": inputs}


def _fill(home: Path, charges: int, results: int) -> None:
    """A home in which so much was spent today, and so many images are saved."""
    (home / FOLDER).mkdir(parents=True)
    facts = {"model": "z-image-turbo", "kind": "image", "usd": 0.01, "is_known": True}
    line = json.dumps({"time": time.time(), **facts, "service": SERVICE, "run": ""})
    (home / "ledger.jsonl").write_text(f"{line}\n" * charges)
    for number in range(results):
        head = {"model": "bench", "time": time.time(), "headers": {}}
        write_entry(home / FOLDER / f"{number:064x}{ENDING}", head, Response({}, b"x", 0.0))


@contextmanager
def _page(home: Path) -> Iterator[PageClient]:
    with serve(pack().venice_nodes.page.routes.Page(pack().NODE_CLASS_MAPPINGS).routes()) as client:
        yield client


def _ask(page: PageClient, home: Path, graph: dict[str, Any]) -> float:
    environ = {"VENICE_HOME": str(home), "VENICE_MAX_USD_PER_DAY": "100000"}
    with patch.dict(os.environ, environ):
        return timed(lambda: page.post("/venice/preview", graph).json()["total"]["usd"])
