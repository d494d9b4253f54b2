"""The page of every ComfyUI on this computer: three frontends, two renderers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from comfy_fixtures import REQUIRED, installed, start
from comfy_running import CANARY, ENVIRON, Running
from comfyui_process import Installation, make_base
from faulty_sandbox import Sandbox
from page_setups import SETUPS

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from comfy_page import ComfyPage

TIMEOUT_S = 900
NEEDS = (
    "needs Playwright and a Chromium: make test-page installs the first; CHROMIUM names the second"
)
SCREENSHOTS = Path(__file__).resolve().parents[2] / "output" / "page"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tests of the page, and gives them time to start a ComfyUI.

    Items are those of the whole run, and other tests have a `page`, too.
    """
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and "page" in getattr(item, "fixturenames", ()):
            item.add_marker("page")
            item.add_marker(pytest.mark.timeout(TIMEOUT_S))


def skip_or_fail(reason: str) -> None:
    """Fail if the tests of the page are required, else skip by name."""
    if REQUIRED:
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Running]]:
    """The running ComfyUIs, by frontend."""
    made: dict[str, Running] = {}
    yield made
    for running in made.values():
        running.stop()
        running.sandbox.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium for the tests of one module, since it holds the thread's event loop."""
    try:
        from playwright.sync_api import sync_playwright

        from chromium import ALONE, browser_path, launch
    except ImportError:
        skip_or_fail(NEEDS)
    if browser_path() is None:
        skip_or_fail(NEEDS)
    with sync_playwright() as playwright:
        chromium = launch(playwright, ALONE)
        yield chromium
        chromium.close()


@pytest.fixture(params=SETUPS, ids="-".join)
def page(
    request: pytest.FixtureRequest,
    browser: Browser,
    servers: dict[str, Running],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[ComfyPage]:
    """The page in one frontend and renderer; without an error at the end, and without the key."""
    from comfy_page import ComfyPage

    frontend, renderer = request.param
    if frontend not in servers:
        base = make_base(tmp_path_factory.mktemp(f"page-{frontend}"))
        sandbox = Sandbox(keys=(CANARY,), max_failures=10**6).start()
        servers[frontend] = Running(installation(frontend), base, sandbox)
        start(servers[frontend])
    running = servers[frontend]
    if not hasattr(running, "client"):
        skip_or_fail("ComfyUI did not start: see the first test of this frontend")
    running.use_key(CANARY)
    running.sandbox.clear_faults()
    running.sandbox.forget()
    context: Any = browser.new_context(viewport={"width": 1500, "height": 950})
    made = ComfyPage(running, context.new_page(), in_vue=renderer == "vue")
    made.open()
    yield made
    made.picture(SCREENSHOTS / f"{request.node.name}.png")
    made.check_clean()
    context.close()


@pytest.fixture
def is_old(request: pytest.FixtureRequest) -> bool:
    """Whether this is the frontend without search words, apps, blueprints and promoted seeds."""
    setup: tuple[str, str] = request.node.callspec.params["page"]
    return setup[0] == "old"


def installation(frontend: str) -> Installation:
    """The ComfyUI of a frontend; "new" is the current one with a newer page."""
    if frontend != "new":
        return installed(frontend)
    default = Path(ENVIRON.get("HOME", "")) / "comfy" / "new-frontend"
    folder = os.environ.get("COMFYUI_NEW_FRONTEND") or (str(default) if default.is_dir() else "")
    if not folder:
        pytest.skip("no newer frontend: COMFYUI_NEW_FRONTEND names its folder of packages")
    return replace(installed("current"), python_path=folder)
