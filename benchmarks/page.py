"""Measures how long the page waits where much was generated and spent before."""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping
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
from venice_client.store.prompt_file import Prompt, prompt_path, write_prompt
from venice_client.store.result_cache import FOLDER
from venice_client.transport.response import Response

NODES, CHARGES, RESULTS, LISTED = 20, 20_000, 20_000, 100
SERVICE = "https://api.venice.ai/api/v1"


def measure(quick: bool) -> Part:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        empty, full = Path(folder) / "empty", Path(folder) / "full"
        _fill(full, CHARGES, RESULTS)
        pages = {home: stack.enter_context(_page()) for home in (empty, full)}
        return Part([_price(pages, quick), *_gallery(pages[full], full, quick)])


def _price(pages: Mapping[Path, PageClient], quick: bool) -> Row:
    graph = {"prompt": {str(i): _node(i) for i in range(NODES)}}

    def ask(home: Path) -> float:
        with _settings(home):
            return timed(lambda: pages[home].post("/venice/preview", graph).json()["total"]["usd"])

    ways = {home.name: lambda home=home: ask(home) for home in pages}
    taken = rounds(ways, 10 if quick else 60)
    milliseconds = {name: 1000 * median(taken, name) for name in taken}
    detail = f"{milliseconds['full']:.1f} / {milliseconds['empty']:.1f} ms"
    what = f"price of {NODES} nodes, {CHARGES:,} charges today and {RESULTS:,} results"
    return Row(what, "an empty home", ratio(taken, "full", "empty"), "×", 1.5, detail)


def _gallery(page: PageClient, home: Path, quick: bool) -> list[Row]:
    """How long one page of the gallery takes. The first one after a start reads all results."""
    queries = {
        "the newest": {},
        "of one model": {"model": "model-1"},
        "found by two words": {"search": "fox 1234"},
    }
    rows = list[Row]()
    with _settings(home):
        first = timed(lambda: _page_of_results(page, {}))
        for name, query in queries.items():
            times = [
                timed(lambda: _page_of_results(page, query)) * 1000  # noqa: B023
                for _ in range(10 if quick else 100)
            ]
            detail = f"slowest {max(times):.0f} ms"
            detail += "" if query else f", first after a start {first:.1f} s"
            what = f"{LISTED} of {RESULTS:,} saved results, {name}"
            rows.append(Row(what, "", statistics.median(times), "ms", 30, detail))
    return rows


def _page_of_results(page: PageClient, query: dict[str, str]) -> int:
    answer = page.post("/venice/results/search", {"offset": 0, "limit": LISTED, **query})
    return len(answer.json()["results"])


def _node(number: int) -> dict[str, Any]:
    inputs = {"model": "z-image-turbo", "prompt": "a fox", "seed": number + 1, "batch_size": 4}
    return {"class_type": "VeniceGenerateImage", "inputs": inputs}


def _fill(home: Path, charges: int, results: int) -> None:
    """Make a home in which so much was spent today, and so many images are saved."""
    (home / FOLDER).mkdir(parents=True)
    facts = {"model": "z-image-turbo", "kind": "image", "usd": 0.01, "is_known": True}
    line = json.dumps({"time": time.time(), **facts, "service": SERVICE, "run": ""})
    (home / "ledger.jsonl").write_text(f"{line}\n" * charges)
    for number in range(results):
        path = home / FOLDER / f"{number:064x}{ENDING}"
        head = {"model": f"model-{number % 3}", "time": time.time() - number, "headers": {}}
        write_entry(path, head, Response({}, b"x", 0.0))
        write_prompt(prompt_path(path), Prompt(f"a fox in the snow, number {number}"))


@contextmanager
def _page() -> Iterator[PageClient]:
    with serve(pack().venice_nodes.page.routes.Page(pack().NODE_CLASS_MAPPINGS).routes()) as client:
        yield client


def _settings(home: Path) -> Any:
    environ = {"VENICE_HOME": str(home), "VENICE_MAX_USD_PER_DAY": "100000"}
    return patch.dict(os.environ, environ)
