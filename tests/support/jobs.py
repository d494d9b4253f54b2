"""A batch whose requests run a test's functions instead of being sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from venice_client.batch import RequestBatch
from venice_client.planned_request import PlannedRequest
from venice_client.request.generate import GenerateRequest
from venice_client.request.payload import Payload
from venice_client.store.result_cache import ResultCache
from venice_client.transport.progress import Progress
from venice_client.transport.request_body import request_body

Job = Callable[[Progress], Any]


def batch_of(jobs: Sequence[Job], run: str = "", model: str = "chroma") -> RequestBatch:
    """A batch of different requests to one model, one for each job."""

    def fetch(equal: Sequence[PlannedRequest], progress: Progress) -> Sequence[Any]:
        return [jobs[int(equal[0].key)](progress)]

    planned = [_planned(str(index), model) for index in range(len(jobs))]
    return RequestBatch(planned, fetch, ResultCache(Path(), 0), run)


def _planned(key: str, model: str) -> PlannedRequest:
    request, payload = GenerateRequest(model, "a fox"), Payload("/image/generate", {})
    return PlannedRequest(request, payload, request_body({}), key, 0.01, 0.01, is_cached=False)
