"""A preview of the pack under test, with the lists of its sandbox."""

from __future__ import annotations

from typing import Any

import pytest

from bench import Bench


@pytest.fixture
def preview(bench: Bench) -> Any:
    """Works out graphs by the lists that the sandbox of the bench has."""
    bench.pack.venice_client.VeniceClient().catalogue.refresh()
    bench.sandbox.forget()
    return bench.pack.venice_nodes.page.preview.Preview(bench.pack.NODE_CLASS_MAPPINGS)
