"""A headless Chromium for Playwright, which is on this machine already and reaches nothing else."""

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
"""An argument with which its pages find no host but this machine."""


def browser_path() -> str | None:
    """The Chromium that CHROMIUM names, else one on the path."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


def launch(playwright: Playwright, *more: str) -> Browser:
    """Starts it, with more arguments than the usual ones."""
    return playwright.chromium.launch(executable_path=browser_path(), args=[*ARGUMENTS, *more])
