"""The requests that a sandbox received."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from venice_client.sandbox.form import Form, json_value, read_form
from venice_client.sandbox.response import Refusal
from venice_client.sandbox.service import MULTIPART_TYPE, Request


@dataclass(frozen=True, eq=False)
class RecordedRequest(Request):
    """One request. status: None while it runs, and if it was dropped without one."""

    generation: int = 0
    status: int | None = None
    charged_usd: float = 0.0

    def note(self, **changes: Any) -> None:
        """Change the record, such as `status`."""
        self.__dict__.update(changes)

    @cached_property
    def json(self) -> Any:
        """The body of a JSON request, or None."""
        if self.media_type == MULTIPART_TYPE:
            return None
        try:
            return json_value(self.body)
        except Refusal:
            return None

    @cached_property
    def form(self) -> Form | None:
        """The texts and files of a form by name, or None."""
        if self.media_type != MULTIPART_TYPE:
            return None
        try:
            return read_form(self.content_type, self.body)
        except Refusal:
            return None


class Recorder:
    """Keeps requests, and counts those that run at the same time. Thread-safe."""

    def __init__(self) -> None:
        self.requests: list[RecordedRequest] = []
        self.max_concurrent = 0
        self.generation = 0
        self._running = 0
        self._lock = threading.Lock()

    def forget(self) -> None:
        """Forget all requests, and the end of running ones."""
        with self._lock:
            self.requests = []
            self.generation += 1
            self.max_concurrent = self._running

    @contextmanager
    def record(self, request: Request) -> Iterator[RecordedRequest]:
        """Record a request while it runs, and afterwards."""
        with self._lock:
            record = RecordedRequest(
                request.method,
                request.path,
                request.query,
                request.headers,
                request.body,
                self.generation,
            )
            self.requests.append(record)
            self._running += record.is_paid
            self.max_concurrent = max(self.max_concurrent, self._running)
        try:
            yield record
        finally:
            with self._lock:
                self._running -= record.is_paid
