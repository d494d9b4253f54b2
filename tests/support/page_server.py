"""The routes of the page on a separate server, without ComfyUI: aiohttp on loopback."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import requests
from aiohttp import web

OURS: Mapping[str, str] = {"X-Venice": "1"}


class PageClient:
    """A client of the routes at `url`, like ComfyUI's own page."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = requests.Session()
        self._session.trust_env = False

    def get(self, path: str, **headers: str) -> requests.Response:
        return self._session.get(self.url + path, headers=headers, timeout=60)

    def post(self, path: str, body: Any = None, **headers: str) -> requests.Response:
        """POST JSON with the page's headers; `headers` override them."""
        sent = {**OURS, "Origin": self.url.partition("/api")[0], **headers}
        return self._session.post(self.url + path, json=body or {}, headers=sent, timeout=60)

    def raw(self, path: str, data: Any, headers: Mapping[str, str]) -> requests.Response:
        """POST any bytes."""
        return self._session.post(self.url + path, data=data, headers=headers, timeout=60)


@contextmanager
def serve(routes: list[tuple[str, str, Any]]) -> Iterator[PageClient]:
    """Serve (method, path, handler) until the end of the context."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def start() -> tuple[web.AppRunner, int]:
        app = web.Application(client_max_size=100 * 2**20)
        for method, path, handler in routes:
            app.router.add_route(method, path, handler)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return runner, runner.addresses[0][1]

    runner, port = asyncio.run_coroutine_threadsafe(start(), loop).result(30)
    try:
        yield PageClient(f"http://127.0.0.1:{port}")
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()
