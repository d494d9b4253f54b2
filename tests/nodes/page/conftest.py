"""A preview of the pack under test, with the lists of its sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from bench import KEY, Bench
from page_server import PageClient, serve


@pytest.fixture
def preview(bench: Bench) -> Any:
    """Works out graphs by the lists that the sandbox of the bench has."""
    bench.pack.venice_client.VeniceClient().catalogue.refresh()
    bench.sandbox.forget()
    return bench.pack.venice_nodes.page.preview.Preview(bench.pack.NODE_CLASS_MAPPINGS)


@pytest.fixture
def page(bench: Bench) -> Iterator[PageClient]:
    """The routes of the pack on a server, with the settings of the bench."""
    routes = bench.pack.venice_nodes.page.routes.Page(bench.pack.NODE_CLASS_MAPPINGS).routes()
    with serve(routes) as client:
        yield client


@pytest.fixture
def saved_key(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> str:
    """The key in the settings file, as after a login, and not in the environment."""
    monkeypatch.delenv("VENICE_API_KEY")
    (bench.home / "venice.json").write_text(f'{{"VENICE_API_KEY": "{KEY}"}}')
    (bench.home / "venice.json").chmod(0o600)
    return KEY
