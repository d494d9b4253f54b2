"""A real ComfyUI with the pack in it, started once a version, and a sandbox behind it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import NoReturn

import pytest

import openapi
from comfy_client import ComfyClient
from comfy_running import KEY, Running
from comfyui_process import ComfyUIProcess, Installation, StartFailed, find, find_old, make_base
from venice_client.sandbox import Sandbox

# As the person's shell has it, before the fixtures of single tests change it.
ENVIRON = {name: value for name, value in os.environ.items() if not name.startswith("VENICE_")}
REQUIRED = bool(ENVIRON.get("REQUIRE_COMFYUI"))

# One group a version, so that parallel workers do not start the same ComfyUI twice.
VERSIONS = [
    pytest.param(version, marks=pytest.mark.xdist_group(f"comfyui-{version}"))
    for version in ("current", "old")
]


@pytest.fixture(scope="session", params=VERSIONS)
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """ComfyUI, started once a session; use `comfyui` instead."""
    installation = installed(request.param)
    base = make_base(tmp_path_factory.mktemp(f"comfyui-{request.param}"))
    with Sandbox(keys=(KEY,)) as sandbox:
        settings = {
            "VENICE_API_KEY": KEY,
            "VENICE_API_BASE": sandbox.base_url,
            "VENICE_HOME": str(base / "venice-home"),
        }

        def start() -> ComfyUIProcess:
            return ComfyUIProcess(installation, base, {**ENVIRON, **settings}, ["--cpu"])

        with start() as process:
            yield Running(ready(process), sandbox, process, start)


def ready(process: ComfyUIProcess) -> ComfyClient:
    """A client of a ComfyUI that has just been started, once it answers and has the pack."""
    try:
        process.wait_until_ready()
    except StartFailed as error:
        missing(str(error))
    client = ComfyClient(process.url)
    if not client.get("/object_info/VeniceGenerateImage").json():
        pytest.fail(f"ComfyUI could not load the pack:\n{process.log_tail(80)}")
    return client


@pytest.fixture
def restarted(comfyui: Running) -> Iterator[Running]:
    """The same ComfyUI once more, as after a restart: its memory is empty, its disk is not."""
    with comfyui.start() as process:
        yield replace(comfyui, client=ready(process), process=process)


@pytest.fixture
def comfyui(running: Running) -> Iterator[Running]:
    """A ComfyUI whose requests count from here on; what it sends is judged at the end."""
    running.sandbox.latency_s = 0.0
    running.sandbox.clear_faults()
    running.sandbox.forget()
    yield running
    openapi.judge_accepted(running.sandbox.paid_requests)


@pytest.fixture
def words(request: pytest.FixtureRequest) -> str:
    """A prompt of this test's own, so that no other test's results come up."""
    return f"a fox in snow, for {request.node.name}"


def installed(version: str) -> Installation:
    """The ComfyUI of that version; without one the test is skipped, or fails if it is required."""
    if version == "old":
        return find_old(ENVIRON) or pytest.skip("no older ComfyUI: COMFYUI_OLD_PATH names one")
    return find(ENVIRON) or missing("no ComfyUI: COMFYUI_PATH names one")


def missing(reason: str) -> NoReturn:
    """End the test: failed where a ComfyUI was asked for, else skipped by name."""
    if REQUIRED:
        pytest.fail(reason, pytrace=False)
    lines = reason.splitlines()
    pytest.skip(" ".join(lines[:1] + lines[1:][-1:]))
