"""Between a node's async body and the client's threads: waiting, showing, ending."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

from ...venice_client import (
    Batch,
    ImageResult,
    PaidRequest,
    Progress,
    ResultStore,
    SettingsError,
    VeniceClient,
    VeniceError,
    load_settings,
    shared_client,
)
from ..imaging.daemon_pool import DaemonPool
from . import comfyui
from .node_output import BatchImages, again_with_input, collect

T = TypeVar("T")

LOOK_EVERY = 0.1
"""Seconds between two looks at interrupt and progress."""

_helpers = DaemonPool("venice-helper", max_workers=8)


@contextmanager
def showing(item: str = "") -> Iterator[comfyui.NodeStatus]:
    """The status of the node that is running; an error is shown on it as well.

    item: what tells this run of the node from others of a list; the error names it.
    """
    status = comfyui.NodeStatus(item)
    try:
        yield status
    except VeniceError as error:
        is_rest_kept = status.is_one_of_many and status.are_all_kept
        error.name_item(f"{status.item} {comfyui.KEPT}" if is_rest_kept else status.item)
        status.finish(str(error).partition("\n")[0], is_lost=True)
        raise
    except BaseException as error:
        reason = f"Failed: {type(error).__name__}: {error}".partition("\n")[0]
        is_end = comfyui.is_end_of_run(error)
        status.finish(status.if_stopped if is_end else reason, is_lost=True)
        raise
    finally:
        status.close()


async def in_thread(function: Callable[[], T]) -> T:
    """Runs something short off the event loop, in a thread that no run's end waits for.

    An interrupt ends the wait for it.
    """
    future = asyncio.wrap_future(_helpers.submit(function))
    try:
        while not future.done():
            if comfyui.is_interrupted():
                comfyui.raise_interrupted()
            await asyncio.wait([future], timeout=LOOK_EVERY)
        return future.result()
    finally:
        future.cancel()  # nothing if it is done; else nobody asks for its result any more


async def open_client() -> VeniceClient:
    """The client for the settings as they are now. Raises SettingsError."""
    return await in_thread(lambda: shared_client(load_settings(comfyui.user_folder())))


async def refresh_lists() -> None:
    """Starts a refresh of models and styles if they are old, and does not wait for it."""
    try:
        client = await open_client()
    except SettingsError:
        return  # the node that needs the settings says what is wrong with them
    client.catalogue.refresh_when_old()


async def run_requests(
    client: VeniceClient,
    requests: Sequence[PaidRequest],
    status: comfyui.NodeStatus,
    *,
    again: str = "",
    stop_if_flagged: bool = False,
) -> BatchImages:
    """Plans requests, runs them side by side, and answers what was made.

    again: what the user does to get what was paid for, such as "Set seed 7 (fixed) and queue
    again"; by default, to give the node the same input. Raises the VeniceError that all share, or
    a BatchError.
    """
    again = again or again_with_input(comfyui.seed_of_run())
    if (seed := requests[0].seed) is not None:
        comfyui.note_seed(seed)
    status.keeps = await in_thread(client.results.probe)
    planned = await in_thread(partial(client.plan, requests, comfyui.run_id()))
    outcomes = await _attend(
        [partial(client.fetch, p) for p in planned],
        status,
        client.cost_text([p.estimate for p in planned]),
        partial(_stopped, again=again, results=client.results),
    )
    status.keeps = status.keeps and not any(getattr(end, "not_kept", "") for end in outcomes)
    return await in_thread(partial(collect, client, planned, outcomes, stop_if_flagged, again))


async def _attend(
    jobs: Sequence[Callable[[Progress], T]],
    status: comfyui.NodeStatus,
    cost: str,
    stopped: Callable[[Batch[T]], str],
) -> list[T | BaseException]:
    """Runs jobs side by side and answers their outcomes, exceptions among them.

    Shows what they do, and ends within a moment on an interrupt: what is not sent is dropped,
    answers on their way are left to their threads, and the node shows how to get them.
    """
    batch = Batch(jobs, run=comfyui.run_id())
    try:
        while not batch.done:
            if comfyui.is_interrupted():
                comfyui.raise_interrupted()
            status.show(f"{batch.status()} · {cost}", batch.ended / len(jobs))
            await asyncio.sleep(LOOK_EVERY)
        if comfyui.is_interrupted():
            comfyui.raise_interrupted()
    except BaseException as error:
        if comfyui.is_end_of_run(error):
            batch.cancel_run()
        raise
    finally:
        status.if_stopped = stopped(batch)
        batch.cancel()
    return [outcome for outcome in batch.outcomes if outcome is not None]


def _stopped(batch: Batch[ImageResult], again: str, results: ResultStore) -> str:
    """What a node shows that is stopped now: what was sent, and how to get it."""
    if not batch.paid:
        return comfyui.NOTHING_SENT
    sent = f"Stopped. {batch.paid} of {len(batch.outcomes)} were sent;"
    if batch.paid == batch.lost:
        return f"{sent} no answer came, and it may have been charged."
    if not results.is_on:
        return f"{sent} they may be charged, and VENICE_STORE_MB=0 keeps none of them."
    arrived = [end for end in batch.outcomes if isinstance(end, ImageResult)]
    trouble = next((end.not_kept for end in arrived if end.not_kept), results.trouble)
    if trouble:
        return (
            f"{sent} they may be charged, and not all can be kept on disk ({trouble}). {again}: "
            "what was kept is free."
        )
    return f"{sent} what arrives is kept. {again}: what was kept is free."
