"""The fixtures of every test: its own home, only this computer, the pack and the sandbox."""

from __future__ import annotations

import marshal
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

import openapi
import venice_client.catalogue.lists
from demo import load_pack
from network import LoopbackOnly

if TYPE_CHECKING:
    from faulty_sandbox import Sandbox

pytest_plugins = ["comfy_fixtures"]

ROOT = Path(__file__).resolve().parent.parent

# ComfyUI names a module by its path, so it's no identifier.
PACK_NAME = "/ComfyUI/custom_nodes/venice-nodes"

# For the tests, not for the code under test.
OUR_OWN = ("VENICE_OPENAPI", "VENICE_SOAK")
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")

# `make test-all` tries the same examples every time, so that it fails only after a change. `make
# test` tries fewer, `make soak` looks for new ones.
PATIENT = settings(
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.register_profile("steady", PATIENT, derandomize=True)
settings.register_profile("quick", PATIENT, derandomize=True, max_examples=20)
settings.register_profile("search", PATIENT, max_examples=2000)
settings.load_profile("steady")

# A shell makes what runs in the background ignore Ctrl-C, and nohup the end of the terminal.
for name, usual in (
    ("SIGINT", signal.default_int_handler),
    ("SIGQUIT", signal.SIG_DFL),
    ("SIGHUP", signal.SIG_DFL),
):
    number = getattr(signal, name, None)
    if number and signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, usual)


def read_each_entry_once(lists: ModuleType) -> None:
    """Remember what an entry of a model list means: reading them took half of the tests' time."""
    read, known = lists.parse_model, dict[bytes, Any]()

    def parse_model(entry: Any) -> Any:
        text = marshal.dumps(entry, 2)
        if text not in known:
            known[text] = read(entry)
        return known[text]

    lists.parse_model = parse_model


read_each_entry_once(venice_client.catalogue.lists)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests that take minutes: at the end, one core would wait for them."""
    items.sort(key=lambda item: item.path.name != "test_windows.py")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty VENICE_HOME, without the user's settings, proxy or netrc."""
    for name in os.environ:
        ours = name.startswith("VENICE_") and name not in OUR_OWN
        if ours or name.lower() in PROXIES or name == "NETRC":
            monkeypatch.delenv(name)
    folder = tmp_path / "venice-home"
    folder.mkdir()
    monkeypatch.setenv("VENICE_HOME", str(folder))
    for name in ("HOME", "USERPROFILE", "XDG_DATA_HOME", "APPDATA", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(folder))
    return folder


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackOnly]:
    """Fail a test that tries to reach another computer, even from another thread."""
    guard = LoopbackOnly(monkeypatch)
    yield guard
    assert not guard.refused, f"tried to reach {guard.refused}"


@pytest.fixture(scope="session")
def pack() -> ModuleType:
    """The pack, loaded the way ComfyUI loads a folder of custom_nodes."""
    module = load_pack(PACK_NAME)
    read_each_entry_once(module.venice_client.catalogue.lists)
    return module


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A running sandbox that takes the key `test-key`.

    After the test, the published document, if available, must allow every request that the sandbox
    accepted.
    """
    from faulty_sandbox import Sandbox

    with Sandbox(keys=("test-key",)) as running:
        yield running
        openapi.judge_accepted(running.paid_requests)


@pytest.fixture
def chat_judge(judge: ModuleType) -> ModuleType:
    """The same, if it has chats."""
    if not judge.describes("/chat/completions"):
        pytest.skip("the published API document at hand has no chats")
    return judge


@pytest.fixture
def judge() -> ModuleType:
    """The published OpenAPI document (see support/openapi.py); skips the test without it."""
    if not openapi.available():
        pytest.skip(openapi.missing_reason())
    return openapi
