"""A real ComfyUI with the pack, started once per version: for tests with `comfyui`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NoReturn

import pytest

import openapi
from comfy_running import CANARY, ENVIRON, Running
from comfyui_process import Installation, StartFailed, find, find_old, make_base
from faulty_sandbox import Sandbox
from graphs import Graph

REQUIRED = bool(ENVIRON.get("REQUIRE_COMFYUI"))
TIMEOUT_S = 900
"""Of a test, the start of ComfyUI included."""

# One group per version, so that parallel workers don't start the same ComfyUI twice.
VERSIONS = [
    pytest.param(version, marks=pytest.mark.xdist_group(f"comfyui-{version}"))
    for version in ("current", "old")
]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Mark the tests in a real ComfyUI."""
    for item in items:
        if "running" in getattr(item, "fixturenames", ()):
            item.add_marker("comfyui")
            item.add_marker(pytest.mark.timeout(TIMEOUT_S))


@pytest.fixture(scope="session", params=VERSIONS)
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """ComfyUI, started once a session; use `comfyui` instead."""
    installation = installed(request.param)
    base = make_base(tmp_path_factory.mktemp(f"comfyui-{request.param}"))
    with Sandbox(keys=(CANARY,), max_failures=10**6) as sandbox:
        made = Running(installation, base, sandbox)
        try:
            start(made)
            yield made
        finally:
            made.stop()


def start(made: Running) -> None:
    """Start ComfyUI and run a first prompt, which also loads the lists."""
    try:
        made.start()
    except StartFailed as error:
        missing(str(error))
    if not made.client.get("/object_info/VeniceGenerateImage").json():
        pytest.fail(f"ComfyUI could not load the pack:\n{made.log}")
    warm_up = Graph()
    warm_up.preview(warm_up.generate(prompt="warming up"))
    assert made.client.run(warm_up.prompt).succeeded


@pytest.fixture
def comfyui(running: Running) -> Iterator[Running]:
    """A ComfyUI whose requests count from here on; the end checks them."""
    running.sandbox.latency_s = 0.0
    running.sandbox.clear_faults()
    running.sandbox.forget()
    yield running
    openapi.judge_accepted(running.sandbox.paid_requests)


@pytest.fixture
def words(request: pytest.FixtureRequest) -> str:
    """A prompt for this test alone, so that it gets no other test's results."""
    return f"a fox in snow, for {request.node.name}"


def installed(version: str) -> Installation:
    """The ComfyUI of that version; without one skip the test, or fail it if required."""
    if version == "old":
        return find_old(ENVIRON) or pytest.skip("no older ComfyUI: COMFYUI_OLD_PATH names one")
    return find(ENVIRON) or missing("no ComfyUI: COMFYUI_PATH names one")


def missing(reason: str) -> NoReturn:
    """End the test: fail if a ComfyUI is required, else skip by name."""
    if REQUIRED:
        pytest.fail(reason, pytrace=False)
    lines = reason.splitlines()
    pytest.skip(" ".join(lines[:1] + lines[1:][-1:]))
