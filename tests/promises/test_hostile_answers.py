"""Answers made to hurt: they end in bounded time and memory, with an error that says why."""

from __future__ import annotations

import gzip
import json
import re
import socket
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import pytest

import process_state
from bench import KEY, Bench, End
from fault_table import bomb, in_json, picture
from faulty_sandbox import Fault
from scripted_server import Script, ScriptedServer
from venice_client import GenerateRequest, VeniceClient
from venice_client.errors import ResponseLostError

ROOT = Path(__file__).resolve().parents[2]
HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: image/png\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
Play = Callable[[Script], End]


@pytest.fixture
def play(
    bench: Bench, pack: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[Script], End]]:
    """Runs Generate against a server that says what the script says, with a time limit of 60 s."""
    process_state.change(monkeypatch, pack, MAX_REFRESH_WAIT=0.05, MAX_ANSWER_BYTES=16 * 2**20)
    monkeypatch.setenv("VENICE_TIMEOUT", "60")
    servers = []

    def run(script: Script) -> End:
        server = ScriptedServer(script).__enter__()
        servers.append(server)
        monkeypatch.setenv("VENICE_API_BASE", server.base_url)
        return bench.generate()

    yield run
    for server in servers:
        server.__exit__(None, None, None)


def drip(before: bytes, every: bytes, seconds: float = 0.05) -> Script:
    """Says `before`, then `every` again and again."""

    def script(connection: socket.socket) -> None:
        connection.sendall(before)
        for _ in range(2000):
            connection.sendall(every)
            time.sleep(seconds)

    return script


def say(*parts: bytes) -> Script:
    def script(connection: socket.socket) -> None:
        for part in parts:
            connection.sendall(part)

    return script


DRIPS = {
    "status line": (b"HTTP/1.1 200 ", b"O"),
    "headers": (HEAD, b"x"),
    "one header after another": (HEAD, b"x-y: z\r\n"),
    "100 Continue without end": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "body": (HEAD + b"Content-Length: 100000\r\n\r\n", b"x"),
    "body without a length": (HEAD + b"\r\n", b"x"),
    "the size of a chunk": (CHUNKED, b"0"),
    "a chunk's extension": (CHUNKED + b"5;", b"x"),
    "chunks of a byte": (CHUNKED, b"1\r\nx\r\n"),
    "trailers": (CHUNKED + b"1\r\nx\r\n0\r\n", b"a: b\r\n"),
}


@pytest.mark.long
def test_the_time_limit_holds_for_every_part_of_an_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Side by side, each against a server of its own, so that they wait for it together."""
    process_state.change(monkeypatch, MAX_REFRESH_WAIT=0.05)
    monkeypatch.setenv("VENICE_TIMEOUT", "1")
    request = GenerateRequest("z-image-turbo", "a fox", width=64, height=64, seed=7)

    def end_of(part: str) -> str:
        with ScriptedServer(drip(*DRIPS[part])) as server:
            client = VeniceClient(key=KEY, base_url=server.base_url)
            began = time.monotonic()
            with pytest.raises(ResponseLostError) as raised:
                client.generate_images(request)
            assert time.monotonic() - began < 30, part
        return str(raised.value).partition("\n")[0]

    with ThreadPoolExecutor(len(DRIPS)) as threads:
        ends = dict(zip(DRIPS, threads.map(end_of, DRIPS), strict=True))
    for part, first_line in ends.items():
        assert re.search(r"didn't answer within \d+ s", first_line), part
        assert "may have been charged" in first_line, part


@pytest.mark.long
def test_an_image_that_the_time_limit_cut_is_not_taken_for_whole(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a length, the end of the connection is the end of the body."""
    monkeypatch.setenv("VENICE_TIMEOUT", "1")
    end = play(drip(HEAD + b"\r\n" + picture()[:-1], b""))
    assert end.error_name == "ResponseLostError", end.error


FRAMINGS = {
    "a length in foreign digits": b"Content-Length: \xb2\xb3\r\n\r\n",
    "a length of 5,000 digits": b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n",
    "a negative length": b"Content-Length: -5\r\n\r\n",
    "two lengths": b"Content-Length: 5, 6\r\n\r\n",
    "a length that is a word": b"Content-Length: many\r\n\r\n",
    "a chunk size that is none": b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "a negative chunk": b"Transfer-Encoding: chunked\r\n\r\n-5\r\nabc",
    "an unknown encoding": b"Content-Encoding: br\r\nContent-Length: 3\r\n\r\nabc",
    "gzip that is none": b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
    "gzip cut short": b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(picture())[:-20],
    "1,000 headers": b"".join(b"x-%d: y\r\n" % i for i in range(1000)) + b"\r\n",
    "a header of 100,000 bytes": b"x: " + b"y" * 100_000 + b"\r\n\r\n",
    "a header without a colon": b"nonsense\r\nContent-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("framing", FRAMINGS)
def test_odd_framing_is_an_error_that_says_it_may_have_been_charged(
    play: Play, framing: str
) -> None:
    end = play(say(HEAD + FRAMINGS[framing]))
    assert end.error_name in ("ResponseLostError", "BadResponseError"), repr(end.error)
    assert end.error is not None
    assert getattr(end.error, "may_have_been_charged", False)
    assert "may have been charged" in end.first_line
    assert end.seconds < 30


@pytest.mark.parametrize("words", [b"", b"\0" * 500, b"HTTP/9.9 what\r\n\r\n", b"<html>"])
def test_what_is_no_http_is_an_answer_lost(play: Play, words: bytes) -> None:
    assert play(say(words)).error_name == "ResponseLostError"


def test_gzip_in_several_members_is_read_to_its_end(play: Play) -> None:
    whole = picture()
    body = gzip.compress(whole[:100]) + gzip.compress(b"") + gzip.compress(whole[100:])
    head = HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    end = play(say(head + body))
    assert end.error is None, end.error
    assert end.pictures == 1


@pytest.mark.parametrize("status", [400, 502])
def test_a_large_error_page_is_read_in_part_only(play: Play, status: int) -> None:
    """Whoever wants all of it waits for the time limit."""

    def pour(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 %d x\r\nContent-Type: text/html\r\n\r\n<html>" % status)
        connection.sendall(b"x" * 10_000_000)
        time.sleep(90)

    end = play(pour)

    assert end.error_name in ("BadRequestError", "GatewayError"), repr(end.error)
    assert len(str(end.error)) < 2000
    assert end.seconds < 30


@pytest.mark.parametrize("said", ["\ud800", "a\0b\x1b[31m", "x" * 100_000, {"a": [1]}, None, 5])
def test_odd_words_of_an_error_can_be_shown(bench: Bench, said: object) -> None:
    bench.sandbox.add_fault(Fault.status(400, {"error": said, "details": {"prompt": said}}))
    end = bench.generate()
    assert end.error_name == "BadRequestError", repr(end.error)
    assert len(str(end.error)) < 4000
    str(end.error).encode()
    assert "\x1b" not in str(end.error)


ODD_JSON = {
    "infinite timing": in_json(picture()).replace(b'"timing": {}', b'"timing": {"total": 1e999}'),
    "a long id": in_json(picture(), id="x" * 1_000_000),
    "an id that is no text": in_json(picture(), id=[1, {"a": 2}]),
    "half a letter as id": in_json(picture(), id="\ud800"),
    "much timing": in_json(picture(), timing={str(i): i for i in range(100_000)}),
    "timing that is none": in_json(picture(), timing=[1]),
}


@pytest.mark.parametrize("what", ODD_JSON)
def test_odd_json_beside_a_good_image_shows_the_image(bench: Bench, what: str) -> None:
    bench.sandbox.add_fault(Fault.body(ODD_JSON[what], "application/json"))
    end = bench.generate(batch_size=4, batch_mode="variants")
    assert end.error is None, end.error
    assert end.pictures == 1
    assert len(json.dumps(end.info)) < 20_000
    end.outputs[1].encode()


def test_one_damaged_image_of_four_variants_loses_no_other(bench: Bench) -> None:
    """Three of four are good, and were paid for."""
    good, bad = picture(), bytearray(picture(200, 200))
    bad[200:260] = bytes(60)
    bench.sandbox.add_fault(Fault.body(in_json(good, bytes(bad), good, good), "application/json"))
    end = bench.generate(batch_size=4, batch_mode="variants")
    assert end.error is None, end.error
    assert end.pictures == 3
    assert any("left out" in note for note in end.info["warnings"])
    again = bench.generate(batch_size=4, batch_mode="variants")
    assert again.sent == ()
    assert again.pictures == 3


def test_images_of_other_sizes_are_fitted_to_the_first(bench: Bench) -> None:
    bench.sandbox.add_fault(Fault.size(96, 48), when=lambda sent: sent["seed"] == 102)
    end = bench.generate(batch_size=4)
    assert end.error is None, end.error
    assert tuple(end.tensor.shape) == (4, 64, 64, 3)
    told = "Seed 102: fitted from 96 × 48 to 64 × 64."
    assert told in end.info["warnings"]


def test_no_more_images_are_shown_than_were_asked_for(bench: Bench) -> None:
    answer = in_json(*[picture()] * 101)
    bench.sandbox.add_fault(Fault.body(answer, "application/json"))
    end = bench.generate(batch_size=2, batch_mode="variants")
    assert end.error is None, end.error
    assert end.pictures == 2
    warning = "Venice returned 101 images instead of 2; the extra ones are left out."
    assert warning in end.info["warnings"]
    assert warning in end.texts[-1]


@pytest.mark.long
def test_images_of_a_batch_have_20_million_pixels_at_most(bench: Bench) -> None:
    """A few bytes may claim 49 million, which all the others would be fitted to."""
    answer = in_json(bomb(7000, 3500), picture(), picture(64, 32))
    bench.sandbox.add_fault(Fault.body(answer, "application/json"))
    end = bench.generate(batch_size=3, batch_mode="variants")
    assert end.error is None, end.error
    _, height, width, _ = end.tensor.shape
    assert 19_990_000 < width * height <= 20_000_000
    assert width / height == pytest.approx(2, rel=1e-3)
    said = "\n".join(end.info["warnings"])
    for came in ("7000 × 3500", "64 × 64", "64 × 32"):
        assert f"fitted from {came} to {width} × {height}" in said


@pytest.mark.parametrize("store_mb", ["1024", "0"])
def test_too_little_memory_is_said_and_loses_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, store_mb: str
) -> None:
    monkeypatch.setenv("VENICE_STORE_MB", store_mb)

    def no_room(*_: object, **__: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    with monkeypatch.context() as patch:
        patch.setattr("torch.empty", no_room)
        end = bench.generate(batch_size=2)
    assert end.error_name == "VeniceError", repr(end.error)
    assert end.first_line.startswith("There isn't enough memory for 2 images at once. ")
    assert end.texts[-1] == end.first_line
    again = bench.generate(batch_size=2)
    assert again.pictures == 2
    if store_mb == "0":
        assert "0 are saved (saving is off). Queue again" in end.first_line
    else:
        told = "2 of 2 images are saved. Queue again with seed 100 (fixed) to get them for free."
        assert told in end.first_line
        assert again.sent == ()


# Loads the pack once, and runs each line it is told in a process forked off: with memory, and a
# peak of it, of its own.
MEASURING = """
import asyncio, json, os, resource, sys, time
sys.path.insert(0, sys.argv[1] + "/scripts")
from demo import load_pack
pack = load_pack()
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

def measure():
    node = pack.NODE_CLASS_MAPPINGS["VeniceGenerateImage"]()
    before, began = peak(), time.monotonic()
    try:
        given = dict(model="z-image-turbo", prompt="x", width=64, height=64, seed=1, batch_size=1)
        asyncio.run(node.generate(**{name: [value] for name, value in given.items()}))
        said = "pictures"
    except pack.venice_client.VeniceError as error:
        said = type(error).__name__ + ": " + str(error).partition("\\n")[0]
    print(peak() - before, round(time.monotonic() - began, 2), said, sep="|", flush=True)

for line in sys.stdin:
    child = os.fork()
    if not child:
        os.environ.update(json.loads(line))
        measure()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if status:
        print(0, 0, f"ended with {status}", sep="|", flush=True)
"""


@pytest.fixture(scope="module")
def measuring() -> Iterator[subprocess.Popen[str]]:
    """A process that has loaded the pack, for `bombs` to be measured in its children."""
    with subprocess.Popen(
        [sys.executable, "-c", MEASURING, str(ROOT)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


EMPTY_CHUNK = struct.pack(">I4sI", 0, b"teSt", zlib.crc32(b"teSt"))

# The fault, by how many MiB the peak of memory may grow, and how it ends.
BOMBS = {
    "PNG of 30,000×30,000": (
        lambda: Fault.body(bomb()),
        200,
        "BadResponseError.*30000 × 30000 pixels",
    ),
    "PNG of 7,000×7,000": (lambda: Fault.body(bomb(7000, 7000)), 1200, "pictures"),
    "gzip of a gigabyte": (Fault.gzip_bomb, 400, "BadResponseError.*exceeds 268 MB"),
    "endless": (Fault.endless, 400, "BadResponseError.*exceeds 268 MB"),
    "error page of 10 MB": (
        lambda: Fault.status(502, body=b"x" * 10_000_000),
        100,
        "GatewayError.*gateway",
    ),
    "100 MB of empty chunks": (
        lambda: Fault.body(picture()[:33] + EMPTY_CHUNK * 8_000_000 + picture()[33:]),
        700,
        "BadResponseError.*chunks",
    ),
}


@pytest.mark.long
@pytest.mark.xdist_group("bombs")
@pytest.mark.parametrize("name", BOMBS)
def test_bombs_take_bounded_memory_and_time(
    bench: Bench, home: Path, measuring: subprocess.Popen[str], name: str
) -> None:
    make, max_mib, says = BOMBS[name]
    bench.sandbox.add_fault(make())
    environ = {
        "VENICE_API_KEY": KEY,
        "VENICE_API_BASE": bench.sandbox.base_url,
        "VENICE_HOME": str(home),
    }
    assert measuring.stdin is not None
    assert measuring.stdout is not None
    measuring.stdin.write(json.dumps(environ) + "\n")
    measuring.stdin.flush()
    grown, seconds, said = measuring.stdout.readline().strip().split("|", 2)
    print(f"{name}: {grown} MiB more, {seconds} s, {said}")
    assert re.match(says, said)
    assert int(grown) < max_mib
    assert float(seconds) < 60
