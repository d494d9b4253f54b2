"""Measures the store of results once 20,000 are in it."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from performance_page import Part, Row
from rounds import timed
from stand_in import picture
from venice_client.settings.settings import Settings
from venice_client.store.cache_evictor import ENDING
from venice_client.store.entry_file import write_entry
from venice_client.store.ledger import Charge
from venice_client.store.result_cache import FOLDER, ResultCache
from venice_client.store.spending_limit import SpendingLimit
from venice_client.transport.response import Response

ENTRIES = 20_000
SMALL = b"a small result"
PUTS = 20
CHARGES = 5_000
GOAL_MS = 5
_scans: list[str] = []


def measure(quick: bool) -> Part:
    entries = ENTRIES // 20 if quick else ENTRIES
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / FOLDER).mkdir()
        head = {"model": "bench", "time": time.time(), "headers": {}}
        for number in range(entries):
            path = home / FOLDER / f"{number:064x}{ENDING}"
            write_entry(path, head, Response({}, SMALL, 0.0))
        opening = _opening(home)
        body = picture(1024, 1024)
        quiet, sweeping = list[float](), list[float]()
        number = entries
        for _ in range(3 if quick else 40):
            store = ResultCache(home, 4096)  # whose first put starts a sweep
            for times in (sweeping, quiet):
                for _ in range(PUTS // 2):
                    number += 1
                    response = Response({"content-type": "image/png"}, body, 0.0)
                    key, facts = f"{number:064x}", {"model": "bench"}
                    times.append(timed(lambda: store.put(key, response, facts)) * 1000)  # noqa: B023
                store.finish_sweep()
        sweep = timed(lambda: ResultCache(home, 4096).shrink(4096))
    what = f"saving a {len(body) / 1e6:.1f} MB image beside {entries:,} others"
    return Part(
        [
            _row(what, quiet),
            _row(f"{what}, during a sweep", sweeping),
            *opening,
            _reserving(quick),
        ],
        f"A sweep over all of them takes {sweep:.2f} s, in a separate thread.",
    )


def _row(what: str, times: list[float]) -> Row:
    p99 = sorted(times)[int(len(times) * 0.99)]
    detail = f"median of {len(times)}; 99th percentile {p99:.1f} ms"
    return Row(what, "", statistics.median(times), "ms", GOAL_MS, detail)


def _opening(home: Path) -> list[Row]:
    """What opening a store, and looking for a result, costs before anything is put."""
    sys.addaudithook(_note)
    _scans.clear()
    seconds = timed(lambda: ResultCache(home, 1024).get("0" * 64))
    scans = sum(path.startswith(str(home)) for path in _scans)
    return [
        Row("folder scans before the first save", "", scans, "", 0),
        Row("opening the store and reading an image", "", seconds * 1000, "ms"),
    ]


def _reserving(quick: bool) -> Row:
    """What it costs to reserve an image late on a busy day."""
    times: dict[int, float] = {}
    for charges in (0, CHARGES):
        with tempfile.TemporaryDirectory() as folder:
            limit = SpendingLimit(Settings(Path(folder), max_usd_per_day=1e6), "bench")
            charge = Charge("bench", "image", 0.01, True, "bench", "", time.time())
            limit.ledger.path.write_bytes(charge.line() * charges)
            limit.rooms()
            rounds = list[float]()
            for _ in range(20 if quick else 200):
                rounds.append(timed(lambda: limit.reserve("", [charge])[0].release()) * 1000)  # noqa: B023
            times[charges] = statistics.median(rounds)
    detail = f"{times[CHARGES]:.2f} / {times[0]:.2f} ms"
    what = f"reserving an image under a daily limit, at {CHARGES:,} charges today"
    return Row(what, "the same without any charge", times[CHARGES] / times[0], "×", 1.5, detail)


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("os.scandir", "os.listdir"):
        _scans.append(str(arguments[0]))
