"""Mutated answers: never a crash, a hang or a blank image; an error of ours or a true image."""

from __future__ import annotations

import contextlib
import random
import socket
import time
from collections import Counter
from collections.abc import Callable
from types import ModuleType

import pytest
import torch

import process_state
from bench import Bench
from fault_table import in_json, picture
from scripted_server import ScriptedServer

SEED = 20260822
HEAD = (
    b"HTTP/1.1 200 OK\r\nDate: Sat, 22 Aug 2026 10:00:00 GMT\r\nContent-Type: %s\r\n"
    b"x-ratelimit-reset-requests: 1787000000\r\nx-venice-is-blurred: false\r\n"
    b"x-venice-model-deprecation-date: 2026-12-31\r\nx-request-id: abc\r\n"
)
ODD = (
    b"\0",
    b"\xff",
    b"\r\n",
    b"\r\n\r\n",
    b'"',
    b"{",
    b"[" * 50,
    b"NaN",
    b"1e999",
    b"-1",
    b"\\ud800",
    b"Content-Length: 0\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"IEND",
    b"IDAT",
    b"Content-Encoding: gzip\r\n",
    b"true",
    b"null",
    b"9" * 30,
)

Random = random.Random


def answers() -> dict[str, bytes]:
    """Whole answers as they come over the wire, by what they are."""
    made = {}
    for kind in ("PNG", "JPEG", "WEBP"):
        body = picture(64, 64, kind)
        made[kind] = _framed(body, b"image/" + kind.lower().encode())
    made["chunked"] = (
        HEAD % b"image/png"
        + b"Transfer-Encoding: chunked\r\n\r\n"
        + b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in _parts(picture(), 100))
        + b"0\r\n\r\n"
    )
    made["JSON"] = _framed(in_json(picture(), timing={"total": 5.5}), b"application/json")
    error = b'{"error": "No", "code": "INVALID_REQUEST", "details": {"seed": {"_errors": ["x"]}}}'
    made["error"] = _framed(error, b"application/json").replace(b"200 OK", b"400 Bad Request")
    return made


def _framed(body: bytes, kind: bytes) -> bytes:
    return HEAD % kind + b"Content-Length: %d\r\n\r\n" % len(body) + body


def _parts(data: bytes, size: int) -> list[bytes]:
    return [data[i : i + size] for i in range(0, len(data), size)]


def flip(data: bytes, other: bytes, chance: Random) -> bytes:
    out = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 3, 20))):
        out[chance.randrange(len(out))] ^= 1 << chance.randrange(8)
    return bytes(out)


def cut(data: bytes, other: bytes, chance: Random) -> bytes:
    return data[: chance.randrange(len(data))]


def leave_out(data: bytes, other: bytes, chance: Random) -> bytes:
    start = chance.randrange(len(data))
    return data[:start] + data[start + chance.randrange(1, 200) :]


def repeat(data: bytes, other: bytes, chance: Random) -> bytes:
    start = chance.randrange(len(data))
    end = start + chance.randrange(1, 200)
    return data[:end] + data[start:]


def insert(data: bytes, other: bytes, chance: Random) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + chance.choice(ODD) + data[at:]


def splice(data: bytes, other: bytes, chance: Random) -> bytes:
    return data[: chance.randrange(len(data))] + other[chance.randrange(len(other)) :]


def swap_bodies(data: bytes, other: bytes, chance: Random) -> bytes:
    head, body = data.split(b"\r\n\r\n", 1)[0], other.split(b"\r\n\r\n", 1)[-1]
    return head + b"\r\n\r\n" + body


def blank(data: bytes, other: bytes, chance: Random) -> bytes:
    at, length = chance.randrange(len(data)), chance.randrange(1, 100)
    return data[:at] + bytes(min(length, len(data) - at)) + data[at + length :]


MUTATIONS: tuple[Callable[[bytes, bytes, Random], bytes], ...] = (
    flip,
    cut,
    leave_out,
    repeat,
    insert,
    splice,
    swap_bodies,
    blank,
)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_mutated_answers(
    bench: Bench, pack: ModuleType, is_long: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 10_000 if is_long else 400
    process_state.change(
        monkeypatch,
        pack,
        MAX_REFRESH_WAIT=0.01,
        MAX_WAIT=0.01,
        DEFAULT_RATE_WAIT=0.01,
        FAILURE_WINDOW=0.0,
        GIVE_UP_AFTER=0.5,
    )
    monkeypatch.setenv("VENICE_TIMEOUT", "2")
    monkeypatch.setenv("VENICE_STORE_MB", "0")
    monkeypatch.setenv("VENICE_MAX_USD_PER_RUN", "none")
    chance = random.Random(SEED)
    whole = answers()
    true_pictures = _true_pictures(pack)
    said = b""

    def script(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            connection.sendall(said)

    ended: Counter[str] = Counter()
    odd: list[str] = []
    slowest = 0.0
    began = time.monotonic()
    with ScriptedServer(script) as server:
        monkeypatch.setenv("VENICE_API_BASE", server.base_url)
        for number in range(count):
            kind = chance.choice(list(whole))
            mutate = chance.choice(MUTATIONS)
            said = mutate(whole[kind], whole[chance.choice(list(whole))], chance)
            many = {"batch_size": 4, "batch_mode": "variants"} if kind == "JSON" else {}
            end = bench.generate(seed=1 + number, **many)
            slowest = max(slowest, end.seconds)
            case = f"{number}: {mutate.__name__} of {kind}: {end.error!r:.200}"
            ended[end.error_name or "pictures"] += 1
            if end.seconds > 20:
                odd.append(f"slow, {end.seconds:.1f} s, {case}")
            if end.error is not None:
                ours = isinstance(end.error, pack.venice_client.VeniceError)
                end.first_line.encode()
                if not ours or not end.first_line or len(end.first_line) > 600:
                    odd.append(case)
            elif float(end.tensor.std()) == 0:
                odd.append(f"blank, {case}")
            elif end.tensor.shape[1:3] == (64, 64) and not _is_true(end.tensor, true_pictures):
                ended["another picture than was sent"] += 1
                if kind in ("PNG", "chunked") and b"\x89PNG" in said:
                    odd.append(f"a damaged PNG was shown, {case}")
    print(
        f"{count} mutated answers in {time.monotonic() - began:.0f} s, the slowest {slowest:.1f} s:"
        f" {dict(ended.most_common())}"
    )
    assert not odd, "\n".join(odd[:20])


def _true_pictures(pack: ModuleType) -> list[torch.Tensor]:
    encoded = [picture(64, 64, kind) for kind in ("PNG", "JPEG", "WEBP")]
    read = pack.venice_client.EncodedImage.read
    decode_batch = pack.venice_nodes.imaging.tensors.decode_batch
    return [decode_batch([read(data)])[0][0] for data in encoded]


def _is_true(tensor: torch.Tensor, true_pictures: list[torch.Tensor]) -> bool:
    return all(any(bool((one == true).all()) for true in true_pictures) for one in tensor)
