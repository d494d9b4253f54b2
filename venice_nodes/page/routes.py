"""The routes under /venice. None returns the key, a base URL or a path; none starts anything paid.

Routes that change something take POST with JSON and the header X-Venice, which a foreign page can't
send. aiohttp comes with ComfyUI, and is imported with the first request.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from ...venice_client import SettingsError, VeniceError
from ...venice_client.for_nodes import PriceEstimator, shared_client
from ..imaging.daemon_pool import DaemonPool
from ..run import comfyui
from . import account, models
from .origin import listens_locally, why_refused
from .preview import Preview
from .result_index import Query
from .results import NoResultError, Results

log = logging.getLogger(__name__)

T = TypeVar("T")
Handler = Callable[[Any], Awaitable[Any]]

MAX_BODY = 65_536
MAX_GRAPH = 32 * 2**20
"""The most bytes of a request, and of one with a graph."""

MAX_IDS, MAX_WORDS = 500, 1000
"""The most results in a request, and the most characters to search for."""

WAIT_S = 8.0
"""Seconds before the page learns that a service doesn't answer."""

PREFIX = "/venice"

_pool = DaemonPool("venice-page", max_workers=4)
_asking = DaemonPool("venice-account", max_workers=2)
_previews = DaemonPool("venice-preview", max_workers=1)
"""The preview of a large graph takes long; nothing else waits for it."""


class NoAnswerError(VeniceError):
    """The service takes too long."""


class Refused(Exception):
    """A refused request: its HTTP status, and the reason in a line."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def other_copy(here: Path) -> Path | None:
    """Return the folder of another active copy of the pack in this ComfyUI, and log it.

    With two, the page would talk to the routes of one and the nodes of the other.
    """
    file = comfyui.answered_by(f"{PREFIX}/account")
    other = file.parents[2] if file and len(file.parents) > 2 else None
    if other is None or other.resolve() == here.resolve():
        return None
    log.error(
        "Two copies of the Venice nodes are installed. ComfyUI uses %s and ignores %s. Remove one "
        "of them and restart ComfyUI.",
        other,
        here,
    )
    return other


class Page:
    """Answers the page. nodes: the classes of the pack by name."""

    def __init__(self, nodes: Mapping[str, Any]) -> None:
        self._preview = Preview(nodes)
        self._balance = account.Balance()

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Return (method, path, handler) of every route."""
        own = {
            "/results/{id}/thumbnail": self.thumbnail,
            "/results/{id}/image/{n}": self.image,
        }
        gets = {
            "/account": self.account,
            "/models": self.models,
            "/results": self.results,
            "/results/{id}/workflow": self.workflow,
            "/ends": self.ends,
        }
        posts: dict[str, Callable[[Any, Any], Awaitable[Any]]] = {
            "/key": self.key,
            "/key/forget": self.forget,
            "/limits": self.limits,
            "/results/search": self.search,
            "/results/save": partial(self.copy, "output"),
            "/results/input": partial(self.copy, "input"),
            "/results/seen": self.mark_seen,
            "/results/remove": self.remove,
            "/lists/refresh": self.refresh_lists,
        }
        return [
            *(("GET", PREFIX + path, _answering(action)) for path, action in own.items()),
            *(("GET", PREFIX + path, _answering(_as_json(a))) for path, a in gets.items()),
            *(
                ("POST", PREFIX + path, _answering(_as_json(partial(_with_body, a))))
                for path, a in posts.items()
            ),
            ("POST", f"{PREFIX}/preview", _answering(self.preview)),
        ]

    async def account(self, request: Any) -> Any:
        failure = {}
        if request.query.get("refresh") == "1":
            try:
                self._balance = await _asked(account.ask_balance)
            except VeniceError as error:
                failure = {"error": account.first_line(error)}
        return {**await _in_thread(partial(account.account, self._balance)), **failure}

    async def key(self, _request: Any, body: dict[str, Any]) -> Any:
        until = time.monotonic() + WAIT_S
        try:
            return await _asked(partial(account.try_key, body.get("key"), until))
        except NoAnswerError as error:
            return {"works": False, "error": str(error)}

    async def forget(self, _request: Any, _body: dict[str, Any]) -> Any:
        return await _in_thread(account.forget)

    async def limits(self, _request: Any, body: dict[str, Any]) -> Any:
        return await _in_thread(partial(account.set_limits, body))

    async def ends(self, request: Any) -> Any:
        return {"ends": comfyui.ends_of(request.query.get("prompt_id", ""))}

    async def models(self, _request: Any) -> Any:
        _asking.submit(_refresh_when_old)  # before the first run, for the right prices
        _pool.submit(_read_results)  # so that the sidebar opens at once
        return await _in_thread(
            lambda: models.models_for_page(PriceEstimator(account.settings_of_page()))
        )

    async def preview(self, request: Any) -> Any:
        data = await _sent(request, MAX_GRAPH)
        return _json(await _in_thread(partial(self._previewed, request, data), _previews))

    def _previewed(self, request: Any, data: bytes) -> str:
        """Answer for a graph, all in one thread, since parsing a large one takes long too.

        A page that no longer waits gets nothing: its graph has changed.
        """
        if request.transport is None or request.transport.is_closing():
            return "{}"
        body = _json_object(data)
        return _dumped(self._preview.of(body.get("prompt"), body.get("runs"), body.get("named")))

    async def results(self, request: Any) -> Any:
        offset, limit = (
            _number(request.query.get(name, usual))
            for name, usual in (("offset", "0"), ("limit", "50"))
        )
        return await _in_thread(lambda: Results().listed(offset, limit))

    async def thumbnail(self, request: Any) -> Any:
        data = await _in_thread(lambda: Results().thumbnail(request.match_info["id"]))
        return _image(data, "webp")

    async def image(self, request: Any) -> Any:
        key, index = request.match_info["id"], _number(request.match_info["n"])
        image = await _in_thread(lambda: Results().image(key, index))
        return _image(bytes(image.data), image.format)

    async def workflow(self, request: Any) -> Any:
        key = request.match_info["id"]
        return {"workflow": await _in_thread(lambda: Results().workflow(key))}

    async def search(self, _request: Any, body: dict[str, Any]) -> Any:
        """List by words and filters. A POST, so that no log of addresses contains the words."""
        words, model, day = (_text(body, name) for name in ("search", "model", "day"))
        offset, limit = _number(str(body.get("offset", 0))), _number(str(body.get("limit", 50)))
        query = Query(words, model, day, body.get("unseen") is True)
        return await _in_thread(lambda: Results().listed(offset, limit, query))

    async def copy(self, kind: str, _request: Any, body: dict[str, Any]) -> Any:
        keys = _keys(body)
        return {"names": await _in_thread(lambda: Results().copy(keys, kind))}

    async def mark_seen(self, _request: Any, body: dict[str, Any]) -> Any:
        keys = _keys(body)
        await _in_thread(lambda: Results().mark_seen(keys))
        return {}

    async def remove(self, _request: Any, body: dict[str, Any]) -> Any:
        keys = _keys(body)
        return {"removed": await _in_thread(lambda: Results().remove(keys))}

    async def refresh_lists(self, _request: Any, _body: dict[str, Any]) -> Any:
        await _asked(_refresh_lists)
        return {}


def _refresh_when_old() -> None:
    """Refresh lists older than a day, without starting the sandbox for it."""
    with contextlib.suppress(VeniceError):
        settings = account.settings_of_page()
        if settings.key is not None and not settings.key.is_sandbox:
            shared_client(settings).catalogue.refresh_when_old()


def _read_results() -> None:
    with contextlib.suppress(VeniceError):
        Results().listed(0, 1)


def _refresh_lists() -> None:
    settings = account.settings_of_page()
    if settings.key is None:
        raise Refused(409, "No Venice key is set.")
    shared_client(settings).catalogue.refresh()


async def _in_thread(function: Callable[[], T], pool: DaemonPool = _pool) -> T:
    return await asyncio.wrap_future(pool.submit(function))


async def _asked(ask: Callable[[], T]) -> T:
    """Return the result of a free call. Raises NoAnswerError if it takes too long."""
    future = asyncio.wrap_future(_asking.submit(ask))
    done, _ = await asyncio.wait([future], timeout=WAIT_S)
    if not done:
        future.add_done_callback(lambda late: late.cancelled() or late.exception())
        raise NoAnswerError("The service didn't answer in time. Try again later.")
    return future.result()


def _as_json(action: Handler) -> Handler:
    async def answer(request: Any) -> Any:
        return _json(_dumped(await action(request)))

    return answer


async def _with_body(action: Callable[[Any, Any], Awaitable[Any]], request: Any) -> Any:
    """Call `action` with the JSON object in the request. Raises Refused."""
    return await action(request, _json_object(await _sent(request, MAX_BODY)))


async def _sent(request: Any, maximum: int) -> bytes:
    """Return the body of a request that changes something, or is large. Raises Refused."""
    if request.headers.get("X-Venice") != "1":
        raise Refused(403, "The header X-Venice is missing.")
    if request.content_type != "application/json":
        raise Refused(415, "The content type must be application/json.")
    if (request.content_length or 0) > maximum:
        raise Refused(413, "The request is too large.")
    data = bytearray()
    async for part in request.content.iter_any():
        data += part
        if len(data) > maximum:
            raise Refused(413, "The request is too large.")
    return bytes(data)


def _json_object(data: bytes) -> dict[str, Any]:
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        raise Refused(400, "The request isn't valid JSON.") from None
    if not isinstance(body, dict):
        raise Refused(400, "The request isn't a JSON object.")
    return body


def _answering(action: Handler) -> Handler:
    """Wrap `action`: only our own page may call it, and errors become answers."""

    async def answer(request: Any) -> Any:
        try:
            _check_origin(request)
            return await action(request)
        except Refused as error:
            return _json(_dumped({"error": str(error)}), error.status)
        except account.LockedError as error:
            return _failed(error, 409)
        except NoResultError as error:
            return _failed(error, 404)
        except SettingsError as error:
            return _failed(error, 400)
        except VeniceError as error:
            return _failed(error, 422)

    return answer


def _check_origin(request: Any) -> None:
    """Raise Refused for a request from another page, or from an unnamed one."""
    here = request.transport.get_extra_info("sockname") if request.transport else None
    is_local = listens_locally(comfyui.listens_on(), str(here[0]) if here else "")
    if why := why_refused(request.headers, is_local, account.allowed_hosts):
        raise Refused(403, why)


def _failed(error: VeniceError, status: int) -> Any:
    return _json(_dumped({"error": account.first_line(error)}), status)


def _dumped(value: Any) -> str:
    return json.dumps(value, allow_nan=False)


def _json(text: str, status: int = 200) -> Any:
    from aiohttp import web

    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return web.Response(text=text, status=status, content_type="application/json", headers=headers)


def _image(data: bytes, format: str) -> Any:
    from aiohttp import web

    headers = {
        "Cache-Control": "private, max-age=31536000, immutable",
        "X-Content-Type-Options": "nosniff",
    }
    return web.Response(body=data, content_type=f"image/{format}", headers=headers)


def _keys(body: Mapping[str, Any]) -> list[str]:
    """Return the ids of the results in a request."""
    keys = body.get("ids")
    if not isinstance(keys, list) or len(keys) > MAX_IDS:
        raise Refused(400, f"ids must be a list of at most {MAX_IDS}.")
    if not all(isinstance(key, str) for key in keys):
        raise Refused(400, "ids must be strings.")
    return keys


def _text(body: Mapping[str, Any], name: str) -> str:
    text = body.get(name, "")
    if not isinstance(text, str) or len(text) > MAX_WORDS:
        raise Refused(400, f"{name} must be a string of at most {MAX_WORDS} characters.")
    return text


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > 9:
        raise Refused(400, "That isn't a number.")
    return int(text)
