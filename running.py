"""Between a node's async body and the client's threads: waiting, showing, ending."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from . import host
from .venice_client import VeniceClient, load_settings
from .venice_client.batch import Batch
from .venice_client.client import shared_client
from .venice_client.progress import Progress

T = TypeVar("T")

LOOK_EVERY = 0.1
"""Seconds between two looks at interrupt and progress."""

_helpers = ThreadPoolExecutor(max_workers=8, thread_name_prefix="venice-helper")


def open_client() -> VeniceClient:
    """The client for the settings as they are now. Raises SettingsError."""
    return shared_client(load_settings(host.user_folder()))


async def in_thread(function: Callable[[], T]) -> T:
    """Runs something short off the event loop, in a thread that no run's end waits for."""
    return await asyncio.wrap_future(_helpers.submit(function))


async def attend(
    jobs: Sequence[Callable[[Progress], T]], status: host.NodeStatus, cost: str, again: str
) -> list[T | BaseException]:
    """Runs jobs side by side and answers their outcomes, exceptions among them.

    Shows what they do and the estimated `cost`, and ends within a moment on an interrupt: what is
    not sent is dropped, answers on their way are left to their threads, and the node shows
    `again`, which says how to get what was paid for.
    """
    batch = Batch(jobs)
    try:
        while not batch.done:
            if host.is_interrupted():
                host.raise_interrupted()
            status.show(f"{batch.status()} · {cost}", batch.ended / len(jobs))
            await asyncio.sleep(LOOK_EVERY)
    except BaseException:
        status.finish(_stopped(batch, again))
        raise
    finally:
        batch.drop()
    return [outcome for outcome in batch.outcomes if outcome is not None]


def _stopped(batch: Batch[T], again: str) -> str:
    paid = batch.paid
    if not paid:
        return "Stopped. Nothing was sent, nothing is charged."
    return f"Stopped. {paid} of {len(batch.outcomes)} were sent; what arrives is kept. {again}"
