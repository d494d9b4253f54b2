"""A home folder named from the working folder stays where it is when that changes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from faulty_sandbox import Sandbox
from venice_client import SettingsError, VeniceClient, load_settings


def test_an_image_is_paid_for_once_wherever_the_program_stands(
    sandbox: Sandbox,
    request_for: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VENICE_HOME", f"home of {tmp_path.name}")
    monkeypatch.setenv("VENICE_API_KEY", "test-key")
    monkeypatch.setenv("VENICE_API_BASE", sandbox.base_url)
    for name in ("first", "second", "first"):
        (tmp_path / name).mkdir(exist_ok=True)
        monkeypatch.chdir(tmp_path / name)
        VeniceClient().generate_images(request_for())
    assert len(sandbox.paid_requests) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps a folder that is in use")
def test_a_working_folder_that_is_gone_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    monkeypatch.setenv("VENICE_HOME", f"home of {tmp_path.name}, gone")
    with pytest.raises(SettingsError, match="no longer exists"):
        load_settings()
    monkeypatch.chdir(tmp_path)
