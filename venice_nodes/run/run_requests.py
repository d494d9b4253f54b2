"""Run requests for a node's async body in the client's threads; wait and show progress."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Any, Protocol, TypeVar

import torch

from ...venice_client import PaidRequest, RequestBatch, SettingsError, VeniceClient, load_settings
from ...venice_client.for_nodes import Catalogue, estimate_text, shared_client, total_cost
from .. import widgets
from ..imaging.daemon_pool import DaemonPool
from ..imaging.tensors import Encoder, encode_all
from . import comfyui
from .known_requests import remember
from .node_output import BatchResults, NodeOutcome
from .node_status import NodeStatus, showing
from .prompt_graph import is_repeatable, seeds_of
from .run_seeds import note_seed, seed_of_run
from .run_warnings import run_warnings
from .saved_metadata import save_facts

T = TypeVar("T")

LOOK_EVERY = 0.1
"""Seconds between two updates of interrupt, text and bar. No response waits for it."""

_helpers = DaemonPool("venice-helper", max_workers=8)


@dataclass(frozen=True)
class Item:
    """One item of a node's list: its requests, and a function for their results.

    finish: turns the results into outputs and warnings, in a helper thread; without requests, it
    gets none. An output that is a list counts as its values. warnings: those before sending;
    `finish` repeats them.
    """

    requests: Sequence[PaidRequest]
    finish: Callable[[BatchResults], tuple[tuple[Any, ...], Sequence[str]]]
    stop_if_flagged: bool = False
    warnings: Sequence[str] = ()


def request_each(
    images: torch.Tensor, request: Any, encode: Encoder, max_bytes: int
) -> tuple[list[Any], list[str]]:
    """Return a request like `request` for each image, of at most `max_bytes`, and warnings."""
    encoded, warnings = encode(images, max_bytes)
    each = enumerate(encoded, 1)
    return [replace(request, image=data, label=f"image {i}") for i, data in each], warnings


class PaidNode(Protocol):
    """A node whose runs cost money."""

    @property
    def RETURN_NAMES(self) -> tuple[str, ...]: ...

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]: ...

    @staticmethod
    def item(values: dict[str, Any], catalogue: Catalogue, encode: Encoder = encode_all) -> Item:
        """Return one item for the node's values. encode: encodes the images."""


async def in_thread(
    function: Callable[[], T], discard: Callable[[T], object] = lambda _result: None
) -> T:
    """Run something short in a thread that no run's end waits for.

    An interrupt ends the wait; then `discard` gets the result later.
    """
    job = _helpers.submit(function)
    future = asyncio.wrap_future(job)
    try:
        while not future.done():
            if comfyui.is_interrupted():
                comfyui.raise_interrupted()
            await asyncio.wait([future], timeout=LOOK_EVERY)
        return future.result()
    except BaseException:
        job.add_done_callback(lambda done: _discard(done, discard))
        raise
    finally:
        future.cancel()  # no effect if it's done; else nobody needs its result


async def refresh_lists() -> None:
    """Start a refresh of old model and style lists, without waiting for it."""
    try:
        client = await in_thread(_open_client)
    except SettingsError:
        return  # the node that needs the settings reports the error
    client.catalogue.refresh_when_old()


async def run_node(node: PaidNode, given: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """Run the requests of all items of a node in parallel; return the node's answer.

    given: a list for each input; each output is a list. Reserves the price of all items before it
    sends the first. Raises the VeniceError that all share, or a BatchError.
    """
    with showing() as status:
        where = comfyui.run_id(), comfyui.executing_node()[1]
        client, items, batch, warnings = await in_thread(
            partial(_prepare, node, given, *where), discard=lambda made: made[2].cancel()
        )
        firsts = [item.requests[0].seed for item in items if item.requests]
        seeds = [seed for seed in firsts if seed is not None]
        again = _again(seeds)
        status.if_stopped = lambda: batch.summary.advice_when_stopped("Queue again", again)
        status.to_finish = lambda: _to_finish(client, batch, status, given, where[1])
        status.seed = seeds[0] if len(set(seeds)) == 1 else None
        outcome = NodeOutcome(client, batch, again, warnings)
        status.facts = outcome.facts
        status.warnings = [*warnings, *(text for item in items for text in item.warnings)]
        cost = estimate_text(batch.estimates, batch.planned, client.service.is_sandbox)
        await _attend(batch, status, " · ".join([cost, *warnings]))
        outputs, status.warnings = await in_thread(partial(_finish, items, outcome))
        save_facts(given, outputs[node.RETURN_NAMES.index("info")])
        status.finish(outcome.summary(status.warnings))
        return status.with_outputs(outputs)


def _again(seeds: Sequence[int]) -> str:
    """Say what to keep the same to get the same again. seeds: the first of each item, if any.

    A node without seeds changes images that may depend on an earlier seed.
    """
    for seed in seeds:
        note_seed(seed)
    if seeds:
        which = f"seed {seeds[0]}" if len(set(seeds)) == 1 else "the same seeds"
        return f"with {which} (fixed)"
    before = seed_of_run()
    number = "the value its node shows" if before is None else before
    return f"with the same input and any earlier seed fixed at {number}"


def _to_finish(
    client: VeniceClient,
    batch: RequestBatch,
    status: NodeStatus,
    given: Mapping[str, Sequence[Any]],
    node: str,
) -> dict[str, Any] | None:
    """Return the number of missing images, their cost and seeds.

    None if none arrived, or if another run may send something else.
    """
    summary, prompt = batch.summary, _prompt(given)
    if not (summary.generated or summary.arriving) or not is_repeatable(prompt, node):
        return None
    usd = total_cost(summary.unpaid_prices)
    return {
        "seed": status.seed,
        "seeds": seeds_of(prompt, node),
        "count": summary.unpaid,
        "usd": None if usd is None else float(usd),
        "price": estimate_text(summary.unpaid_prices, batch.planned, client.service.is_sandbox),
    }


def _prompt(given: Mapping[str, Sequence[Any]]) -> object:
    """Return the running graph with its drawn seeds; None outside ComfyUI."""
    return next(iter(given.get(widgets.PROMPT, ())), None)


def _open_client() -> VeniceClient:
    return shared_client(load_settings(comfyui.user_folder()))


def _prepare(
    node: PaidNode, given: Mapping[str, Sequence[Any]], run: str, name: str
) -> tuple[VeniceClient, Sequence[Item], RequestBatch, list[str]]:
    client = _open_client()
    lists = client.catalogue.content
    values = widgets.read_items(node.INPUT_TYPES(), given)
    items = [node.item(each, client.catalogue) for each in values]
    requests = [request for item in items for request in item.requests]
    _check_names(client.catalogue, requests)
    (extra, *_) = given.get(widgets.EXTRA_PNGINFO) or [None]
    workflow = extra.get("workflow") if isinstance(extra, dict) else None
    batch = client.prepare(requests, run, workflow=workflow)
    try:
        if lists == client.catalogue.content:  # else nobody knows by which each was planned
            planned = iter(batch.planned)
            each = [tuple(islice(planned, len(item.requests))) for item in items]
            remember(_prompt(given), name, each, client.service.name, lists)
        return client, items, batch, run_warnings(client, batch, run)
    except BaseException:
        batch.cancel()
        raise


def _check_names(catalogue: Catalogue, requests: Sequence[PaidRequest]) -> None:
    """Raise InvalidRequestError for a wrong name in a sweep or a grid, since you'd pay for the
    others.

    A name that all share goes out as typed: if it's wrong, you pay nothing.
    """
    models = {(request.model, request.kind) for request in requests}
    styles = {getattr(request, "style_preset", "") for request in requests}
    named = [style for style in sorted(styles) if style.strip().lower() not in ("", "none")]
    catalogue.check_listed(
        sorted(models) if len(models) > 1 else (), named if len(styles) > 1 else ()
    )


async def _attend(batch: RequestBatch, status: NodeStatus, cost: str) -> None:
    """Run a batch to its end and show its progress.

    On an interrupt, end at once: cancel unsent requests, and leave those in flight to their
    threads.
    """
    loop = asyncio.get_running_loop()
    ended = loop.create_future()
    batch.on_end(partial(_wake, loop, ended))
    try:
        batch.begin()
        while not batch.done:
            if comfyui.is_interrupted():
                comfyui.raise_interrupted()
            status.show(f"{batch.status()} · {cost}", batch.ended / len(batch.planned))
            await asyncio.wait([ended], timeout=LOOK_EVERY)
        if comfyui.is_interrupted():
            comfyui.raise_interrupted()
    except BaseException as error:
        if comfyui.is_end_of_run(error):
            batch.cancel_run()
        raise
    finally:
        batch.cancel()


def _finish(
    items: Sequence[Item], outcome: NodeOutcome
) -> tuple[tuple[list[Any], ...], Sequence[str]]:
    """Return the outputs of all items, and the warnings to show."""
    parts = outcome.split([len(item.requests) for item in items])
    outcome.check([flag for item in items for flag in [item.stop_if_flagged] * len(item.requests)])
    outputs, warnings = [], list[str]()
    for item, images in zip(items, parts, strict=True):
        own, more = item.finish(images)
        outputs.append(own)
        warnings += more
    columns = tuple(map(_column, zip(*outputs, strict=True)))
    return columns, [*outcome.warnings, *warnings]


def _column(values: Sequence[Any]) -> list[Any]:
    """One output: a value for each item, or all values of those that have a list of them."""
    return [one for value in values for one in (value if isinstance(value, list) else [value])]


def _wake(loop: asyncio.AbstractEventLoop, ended: asyncio.Future[None]) -> None:
    """End the wait for `ended` from another thread, unless its run is over."""

    def set_result() -> None:
        if not ended.done():
            ended.set_result(None)

    with contextlib.suppress(RuntimeError):  # the loop is closed: its run is over
        loop.call_soon_threadsafe(set_result)


def _discard(done: Future[T], discard: Callable[[T], object]) -> None:
    if not done.cancelled() and done.exception() is None:
        discard(done.result())
