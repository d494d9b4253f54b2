"""What may have been charged when a process was killed counts for the day, whoever asks next."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clock import set_to_noon
from faulty_sandbox import Sandbox
from venice_client import VeniceClient
from venice_client.errors import SpendingLimitError
from venice_client.store.journal import FOLDER
from venice_client.store.ledger import Charge


@pytest.mark.parametrize("ask", [VeniceClient.generate_images, lambda c, r: c.start([r])])
def test_what_was_on_its_way_counts_for_the_day(
    sandbox: Sandbox,
    make_client: Any,
    request_for: Callable[[], Any],
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    ask: Callable[[VeniceClient, Any], Any],
) -> None:
    set_to_noon(monkeypatch)
    (home / FOLDER).mkdir()
    charge = Charge("chroma", "image", 0.04, True, sandbox.base_url, "", time.time(), "0123")
    (home / FOLDER / "killed.jsonl").write_bytes(b"reserved " + charge.line() + b"sent 0123\n")
    client = make_client(sandbox.base_url, max_usd_per_day=0.045)

    with pytest.raises(SpendingLimitError, match=r"the \$0\.04 already spent today"):
        ask(client, request_for())
    assert sandbox.paid_requests == []
    assert "chroma" in client.take_orphaned()
