"""A node's warnings before it sends anything: settings, interrupted requests, disk space."""

from __future__ import annotations

import re
import threading
from collections import deque

from ...venice_client import RequestBatch, VeniceClient
from ...venice_client.for_nodes import PlannedRequest

MAX_BYTES_PER_PIXEL = 2
"""For a PNG of a photo; most take less."""

PIXELS = 1024**2
"""For an image of unknown size."""

BYTES_OF_TEXT = 20_000
"""Of an answer with one text, generously."""

_told: deque[str] = deque(maxlen=16)
"""The last runs with warnings about settings."""

_lock = threading.Lock()


def run_warnings(client: VeniceClient, batch: RequestBatch, run: str) -> list[str]:
    """Return the warnings before `batch` begins; those about settings only once per run."""
    with _lock:
        is_new = not run or run not in _told
        if is_new and run:
            _told.append(run)
    settings = client.settings.warnings if is_new else ()
    return list(filter(None, (*settings, client.take_orphaned(), _room_warning(client, batch))))


def _room_warning(client: VeniceClient, batch: RequestBatch) -> str:
    """Return a warning if the store is too small for the responses, or ""."""
    size = sum(_bytes(planned) for planned in batch.planned if not planned.is_cached)
    if not client.results.is_on or client.results.room_for(size):
        return ""
    return (
        f"These images may take {size / 1e6:,.0f} MB, more than can be saved. If the run stops "
        "early, retrying may charge you again for some of them. Reduce the batch, free "
        "disk space, or raise the storage for results in Settings → Venice."
    )


def _bytes(planned: PlannedRequest) -> int:
    """Return the bytes that a response may take in the store."""
    if planned.request.kind == "text":
        return BYTES_OF_TEXT * planned.request.variants
    tier = re.fullmatch(r"(\d+(?:\.\d+)?)K", str(planned.payload.fields.get("resolution")))
    if planned.payload.expected:
        pixels = planned.payload.expected[0] * planned.payload.expected[1]
    else:
        pixels = round(PIXELS * float(tier[1]) ** 2) if tier else PIXELS
    return pixels * MAX_BYTES_PER_PIXEL * planned.request.variants
