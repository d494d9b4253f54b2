"""Which services are free: the built-in sandbox, and the one that the command line runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from venice_client import Settings
from venice_client.for_nodes import SANDBOX_NAME, ApiKey, service_name
from venice_client.settings.api_key import LOCAL_SANDBOX_KEY


@pytest.mark.parametrize(
    ("key", "base_url", "is_free"),
    [
        ("sandbox", "https://api.venice.ai/api/v1", True),
        (LOCAL_SANDBOX_KEY, "http://127.0.0.1:8484/api/v1", True),
        (LOCAL_SANDBOX_KEY, "http://localhost:8484/api/v1", True),
        (LOCAL_SANDBOX_KEY, "https://api.venice.ai/api/v1", False),
        (LOCAL_SANDBOX_KEY, "https://proxy.example/api/v1", False),
        ("a-real-key", "http://127.0.0.1:8484/api/v1", False),
        (f"{LOCAL_SANDBOX_KEY}x", "http://127.0.0.1:8484/api/v1", False),
    ],
)
def test_only_a_sandbox_on_this_machine_is_free(
    tmp_path: Path, key: str, base_url: str, is_free: bool
) -> None:
    settings = Settings(home=tmp_path, key=ApiKey(key), base_url=base_url)

    assert (service_name(settings) == SANDBOX_NAME) is is_free
