"""A clock at noon of today, so that no test crosses midnight."""

from __future__ import annotations

import time
from datetime import datetime

import pytest


def set_to_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set `time.time` to noon, local time; it runs on from there."""
    real = time.time
    now = datetime.fromtimestamp(real())
    ahead = now.replace(hour=12, minute=0, second=0, microsecond=0).timestamp() - real()
    monkeypatch.setattr(time, "time", lambda: real() + ahead)
