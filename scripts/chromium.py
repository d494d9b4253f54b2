"""A headless Chromium for Playwright: an installed one, which reaches only this computer."""

from __future__ import annotations

import os
import shutil

from playwright.sync_api import Browser, Playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
ALONE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
"""An argument that hides all hosts but this computer from its pages."""


def browser_path() -> str | None:
    """Return the Chromium in CHROMIUM, else one on the path."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


def launch(playwright: Playwright, *more: str) -> Browser:
    """Start it with extra arguments."""
    return playwright.chromium.launch(executable_path=browser_path(), args=[*ARGUMENTS, *more])
