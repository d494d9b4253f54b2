"""Workers that fork after the parent has used the client: each gets all of its own images.

multiprocessing and gunicorn fork by default. A child has its parent's connections, locks and notes
of what is under way, but none of its threads.
"""

from __future__ import annotations

import multiprocessing
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

import posting
import process_state
from faulty_sandbox import Fault, Sandbox
from scripted_server import ScriptedServer
from venice_client import GenerateRequest, Settings, VeniceClient
from venice_client.errors import ResponseLostError
from venice_client.for_nodes import shared_client
from venice_client.settings.api_key import ApiKey
from venice_client.transport import connections, gate
from waiting import wait_for

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork"),
    # Python's own warning that a process with threads forks: it is what is tested here.
    pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning"),
]

KEY = "test-key"
WORKERS, EACH = 6, 4
Run = Callable[[Sequence[Callable[[], Any]]], list[Any]]


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    process_state.reset(monkeypatch)


@pytest.fixture
def settings(sandbox: Sandbox, home: Path) -> Settings:
    return Settings(
        base_url=sandbox.base_url, key=ApiKey(KEY), home=home, timeout=30.0, max_in_flight=4
    )


@pytest.fixture
def in_forked() -> Iterator[Run]:
    """Runs each function in a worker of its own, all at once; returns what each returns."""
    context: Any = multiprocessing.get_context("fork") if hasattr(os, "fork") else None
    started: list[Any] = []

    def run(functions: Sequence[Callable[[], Any]]) -> list[Any]:
        together = context.Barrier(len(functions))

        def work(function: Callable[[], Any], pipe: Any) -> None:
            together.wait(60)
            pipe.send(function())

        ends = []
        for function in functions:
            end, pipe = context.Pipe(duplex=False)
            worker = context.Process(target=work, args=(function, pipe), daemon=True)
            worker.start()
            pipe.close()
            started.append(worker)
            ends.append(end)
        answers = [end.recv() if end.poll(60) else "nothing after 60 s" for end in ends]
        for worker in started:
            worker.join(60)
        assert [worker.exitcode for worker in started] == [0] * len(started)
        return answers

    yield run
    for worker in started:
        worker.kill()


def request_for(seed: int, prompt: str = "a fox") -> GenerateRequest:
    return GenerateRequest("z-image-turbo", prompt, width=64, height=64, seed=seed)


def image(client: VeniceClient, seed: int) -> bytes:
    return client.generate_images(request_for(seed)).images[0].data


@pytest.fixture
def wanted(settings: Settings, tmp_path: Path) -> dict[int, bytes]:
    """What each seed shows, as a client of its own home got it."""
    client = VeniceClient(replace(settings, home=tmp_path / "other home"))
    return {seed: image(client, seed) for seed in range(1, 1 + WORKERS * EACH)}


@pytest.mark.parametrize("get_client", [VeniceClient, shared_client])
def test_each_worker_gets_and_keeps_its_own_images(
    get_client: Callable[[Settings], VeniceClient],
    settings: Settings,
    sandbox: Sandbox,
    wanted: dict[int, bytes],
    in_forked: Run,
) -> None:
    client = get_client(settings)
    batch = client.start([request_for(seed) for seed in range(101, 105)])
    assert batch.wait(60)  # so that four connections are open

    def work(first: int) -> Callable[[], dict[int, bytes]]:
        def get() -> dict[int, bytes]:
            own = client if get_client is VeniceClient else shared_client(settings)
            batch = own.start([request_for(first + i) for i in range(EACH)])
            assert batch.wait(60)
            return {first + i: batch.outcomes[i].images[0].data for i in range(EACH)}

        return get

    sandbox.forget()
    shown = in_forked([work(1 + worker * EACH) for worker in range(WORKERS)])

    assert {seed: data for each in shown for seed, data in each.items()} == wanted
    assert len(sandbox.paid_requests) == len(wanted)
    assert {seed: image(client, seed) for seed in wanted} == wanted, "as they were saved"
    assert len(sandbox.paid_requests) == len(wanted), "from the saved ones"


def test_a_connection_of_the_parent_is_its_own(settings: Settings, in_forked: Run) -> None:
    """Also one that a caller's own adapter keeps."""
    body = b'{"data": ["Anime"]}'
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
    stays = threading.Event()

    def answer(connection: Any) -> None:
        connection.sendall(head + body)
        stays.wait(60)

    session = requests.Session()
    session.mount("http://", connections.NoRetryAdapter())
    with ScriptedServer(answer) as server:
        client = VeniceClient(replace(settings, base_url=server.base_url), session=session)
        client.list_styles()
        assert in_forked([client.list_styles] * 3) == [["Anime"]] * 3
        assert server.connections == 4
        stays.set()


def test_what_is_under_way_in_the_parent_holds_no_worker(
    settings: Settings, sandbox: Sandbox, in_forked: Run
) -> None:
    """Its requests have all slots of the gate, and one of them is that of the worker too."""
    sandbox.add_fault(Fault.hang(60), times=4)
    client = shared_client(settings)
    batch = client.start([request_for(seed) for seed in range(1, 5)])
    wait_for(lambda: sum(progress.sent for progress in batch.progress) == 4)
    wait_for(lambda: len(sandbox.paid_requests) == 4)

    (shown,) = in_forked([lambda: image(shared_client(settings), 1)])

    assert shown.startswith(b"\x89PNG")
    assert not batch.done
    batch.cancel()


@pytest.mark.long
def test_a_worker_has_a_deadline_of_its_own(settings: Settings, in_forked: Run) -> None:
    """One thread closes what takes too long, and a worker has not got that of its parent."""
    silent = threading.Event()

    def drip(connection: socket.socket) -> None:
        while not silent.wait(0.05):
            connection.sendall(b"H")

    with ScriptedServer(drip) as server:
        there = replace(settings, base_url=server.base_url, timeout=2.0)
        threads = [threading.Thread(target=ask_silence, args=(there, n)) for n in range(2)]
        threads[0].start()
        wait_for(lambda: server.requests)
        (error,) = in_forked([lambda: ask_silence(there, 1)])
        silent.set()
        threads[0].join(60)
    assert error == ResponseLostError.__name__


def ask_silence(settings: Settings, seed: int) -> str:
    """What ends a paid call to a server that says nothing."""
    try:
        posting.post(shared_client(settings), {"prompt": f"{seed}"})
    except Exception as error:
        return type(error).__name__
    return "an answer"


# Forks while a request is under way, and while other threads hold every lock that there is.
BUSY = """
import _thread, os, signal, sys, time
sys.path.insert(0, sys.argv[1])
from venice_client import GenerateRequest, VeniceClient
client = VeniceClient(key="test-key", base_url=sys.argv[2])
asked = GenerateRequest("z-image-turbo", "a fox", width=64, height=64, seed=7)
batch = client.start([asked])
while not batch.progress[0].sent:
    time.sleep(0.01)
modules = [m for name, m in sorted(sys.modules.items()) if name.startswith("venice_client")]
holders = [(vars(m), m.__name__) for m in modules] + [(vars(client), "client")]
kinds = (_thread.LockType, _thread.RLock)
held = {f"{name}.{key}": lock for of, name in holders
        for key, lock in of.items() if isinstance(lock, kinds)}
for lock in held.values():
    _thread.start_new_thread(lock.acquire, ())
while not all(lock.locked() for lock in held.values()):
    time.sleep(0.01)
child = os.fork()
if not child:
    signal.alarm(40)  # it must not outlive the test
    VeniceClient(key="sandbox")
    print(len(client.generate_images(asked).images), "image", flush=True)
    sys.exit()  # with all that is done at the exit of Python
_, status = os.waitpid(child, 0)
print("ended with", status, len(held) > 3, batch.done, flush=True)
os._exit(0)
"""


def test_a_worker_neither_waits_for_its_parents_threads_nor_at_its_end(sandbox: Sandbox) -> None:
    sandbox.add_fault(Fault.hang(60))
    root = str(Path(__file__).resolve().parents[2])
    command = [sys.executable, "-W", "ignore", "-c", BUSY, root, sandbox.base_url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
    assert done.stdout == "1 image\nended with 0 True False\n", done.stderr
    assert done.stderr == ""


def test_workers_draw_numbers_of_their_own(in_forked: Run) -> None:
    """All of them would try again, and knock after a rate limit, at the same moment."""
    assert len(set(in_forked([gate.draw] * 3))) == 3
